// The memory of the engine, in one piece: it is given back at once when the engine has decided, so that nothing of it
// stays with a container that waits for its start.
#pragma once
#ifdef CH_RUN_QUICKJS
#include <cstddef>

namespace chrun {

class Arena {
 public:
  /// Address space only; the kernel gives memory as it is used. Without any, a limit forbids it.
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  explicit operator bool() const { return begin_ != nullptr; }
  /// nullptr if there is no more.
  void* take(size_t size);
  void give_back(void* block);
  /// The same block, or another with its content; nullptr if there is no more, and the old one stays.
  void* resize(void* block, size_t size);
  static size_t size_of(const void* block);

 private:
  struct Free {
    Free* next;
  };
  static constexpr size_t kClasses = 160;  // up to blocks of a GiB

  char *begin_ = nullptr, *next_ = nullptr, *end_ = nullptr;
  Free* free_[kClasses]{};
};

}  // namespace chrun
#endif
