// The door of a join group: a small POSIX shared memory object under a name that all peers derive alike. It says which
// process keeps the group, and no more, because programs in every container of this user can write to it: it is copied
// once, and what it says is proved by what the kernel tells of that process. docs/join.md has the picture.
//
// Another user can take a name first: the peers then go on to the next one in the same row.
#pragma once
#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "launcher/process/process_id.h"

namespace chrun {

class JoinDoor {
 public:
  /// What it says: a copy.
  struct Text {
    char magic[8];
    uint32_t version;        // of this layout and of the state's
    int32_t keeper;          // 0: not yet there
    uint64_t pid_namespace;  // PIDs mean something in it only
    ProcessId creator;
  };

  /// The door of the group called `tag`; where there is none, a new one that `self`, this process, makes; empty if
  /// somebody else was faster. Throws Error if that is not possible, or if what has the name is this user's, but no
  /// door.
  static std::optional<JoinDoor> find_or_make(const std::string& tag, const ProcessId& self);
  /// The one with this name; empty if there is none, or it is another user's.
  static std::optional<JoinDoor> open(const std::string& name);

  bool is_new() const { return new_; }
  const std::string& name() const { return name_; }
  std::string path() const;
  dev_t device() const { return device_; }
  ino_t inode() const { return inode_; }
  int file() const { return file_.get(); }

  /// Reads it. Throws Error if it is no door of this version.
  Text read() const;
  /// Throws Error if it was made in another PID namespace, so that what is missing here may live there.
  void require_pid_namespace(const Text& text) const;
  /// Waits until that says who the keeper is, at most so long.
  void await_keeper(std::chrono::milliseconds limit) const;
  /// For the keeper: says that it is there.
  void announce_keeper(pid_t keeper) const;
  /// Whether it still has its name.
  bool is_named() const;
  /// Takes its name away, if it still has it: nobody else can come.
  void remove() const;
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  enum class Found { nothing, door, of_another_user };
  static std::pair<Found, std::optional<JoinDoor>> look(const std::string& name);
  JoinDoor(std::string name, Fd file, const struct stat& status, bool is_new);
  static std::optional<JoinDoor> make(const std::string& name, const ProcessId& self);

  std::string name_;
  Fd file_;
  dev_t device_ = 0;  // with the inode: whether the name still is this object's
  ino_t inode_ = 0;
  bool new_;
};

/// Makes a nameless object in shared memory, for this user only. Throws Error where there is no place for it.
Fd make_shared_memory();

/// The names of all of this user's doors that there are.
std::vector<std::string> list_door_names();

}  // namespace chrun
