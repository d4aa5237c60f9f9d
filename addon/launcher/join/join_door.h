// The door of a join group: a small POSIX shared memory object under a name that all peers derive in the same way. It
// only says which process keeps the group, because programs in every container of this user can write to it: it is
// copied once, and verified against what the kernel reports about that process. docs/join.md has a figure.
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
#include "base/process_id.h"

namespace chrun {

class JoinDoor {
 public:
  /// What it says: a copy.
  struct Text {
    char magic[8];
    uint32_t version;        // of this layout and of the state's
    int32_t keeper;          // 0: not yet there
    uint64_t pid_namespace;  // in which the PIDs are valid
    ProcessId creator;
  };

  /// The door of the group called `tag`; if there is none, a new one that `self`, this process, creates; empty if
  /// another process was faster. Throws Error if that is not possible, or if the object with this name is this user's,
  /// but not a door.
  static std::optional<JoinDoor> find_or_make(const std::string& tag, const ProcessId& self);
  /// The one with this name; empty if there is none, or it is another user's.
  static std::optional<JoinDoor> open(const std::string& name);

  bool is_new() const { return new_; }
  const std::string& name() const { return name_; }
  std::string path() const;
  dev_t device() const { return device_; }
  ino_t inode() const { return inode_; }
  int file() const { return file_.get(); }

  /// Reads it. Throws Error if it is not a door of this version.
  Text read() const;
  /// Throws Error if it was created in another PID namespace: a process that is missing here may be alive there.
  void require_pid_namespace(const Text& text) const;
  /// Waits until the door names the keeper, at most this long.
  void await_keeper(std::chrono::milliseconds limit) const;
  /// For the keeper: announces itself.
  void announce_keeper(pid_t keeper) const;
  /// Whether it still has its name.
  bool is_named() const;
  /// Removes its name, if it still has it: no other process can join.
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

/// Creates an unnamed object in shared memory, for this user only. Throws Error if there is no space for it.
Fd make_shared_memory();

/// The names of all existing doors of this user.
std::vector<std::string> list_door_names();

}  // namespace chrun
