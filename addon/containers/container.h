// A container's directory, ROOT/ID: what is saved of it, and what can be told of it at this moment.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/process_id.h"
#include "containers/groups.h"
#include "containers/json.h"

namespace chrun {

enum class Status { creating, created, running, paused, stopped };

/// In the words of the OCI runtime specification.
const char* status_word(Status status);

/// Throws Error where it is not an id: letters, digits and _ + - . only, at most 255, and not a name that has a meaning
/// as a path.
void check_id(std::string_view id);

/// The names of all directories in `root`, in order; empty where that does not exist. Throws SysError.
std::vector<std::string> list_ids(const std::string& root);

class Container {
 public:
  /// Makes the directory, locked. Throws Error where it exists.
  static Container make(const std::string& root, const std::string& id);
  /// Opens it. Throws Error where it does not exist.
  static Container open(const std::string& root, const std::string& id);
  static std::optional<Container> open_if_any(const std::string& root, const std::string& id);

  const std::string& id() const { return id_; }
  std::string path() const { return root_ + "/" + id_; }

  /// One process at a time changes a container. Waits for that; throws Error where it has been deleted meanwhile.
  void lock();
  /// The same; false where it has been deleted.
  bool lock_if_there();
  void unlock();

  /// What is saved, read again. Throws Error where it is damaged; empty where nothing is saved yet.
  Json state() const;
  /// Saves `text` in one step. Throws SysError.
  void save(const char* name, const std::string& text) const;

  /// Its control groups; they are saved before they are made, so that nothing of them can be left behind.
  Groups groups() const;
  void save_groups(const Groups& groups) const;

  /// Found out from the kernel, never stored. Throws Error where the state is damaged.
  Status status(const Json& state) const;
  /// The first process; its pid is 0 if it has ended.
  static ProcessId process(const Json& state);

  /// The socket at which the first process waits for `start`.
  Fd make_gate() const;
  /// A connection to it; empty if nobody waits there.
  Fd knock() const;

  /// A directory that the container sees, for the socket of sd_notify(3); empty if none was made. Throws SysError.
  void make_notices() const;
  Fd notices() const;

  /// Throws SysError.
  void remove();

 private:
  Container(std::string root, std::string id) : root_(std::move(root)), id_(std::move(id)) {}
  bool is_locked_by_another() const;

  std::string root_, id_;
  Fd directory_;
};

/// A signal's number, by name with or without SIG, or number. Throws Error.
int parse_signal(const std::string& word);

/// The id of this boot of the machine: process numbers and start times start over with it.
std::string boot_id();

}  // namespace chrun
