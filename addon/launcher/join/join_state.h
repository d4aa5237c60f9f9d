// What the peers of a join group share: memory of their own, and in it a POSIX semaphore for those who wait. It has no
// name: only who is in the user namespace of the group's keeper can open it, there, and so no program in a container.
// The group's name belongs to its door (join_door.h). docs/join.md has the picture.
//
// It is made to survive SIGKILL of any peer at any point:
// * The door gets its name when it is complete (a nameless file, then link(2)): nobody sees half of one.
// * The lock is a robust mutex: the kernel passes it on when its holder dies. Every change under it is the store
//   of one word, so what a dead holder leaves behind is consistent.
// * The name is removed as soon as the last peer has come. From then on nothing is left that could leak: the
//   kernel frees memory without a name with its last user.
#pragma once
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "base/process_id.h"
#include "launcher/join/join_door.h"
#include "launcher/join/join_starter.h"
#include "launcher/process/namespaces.h"

namespace chrun {

constexpr uint32_t kJoinVersion = 4;  // of door and state

using Clock = std::chrono::steady_clock;

/// What one peer asks for.
struct JoinRequest {
  int count;                         // peers in the group
  std::string tag;                   // what the group is called
  int timeout;                       // seconds to wait for others
  std::function<Starter()> starter;  // finds out who starts them
  std::string content;  // the steps that create the container, each followed by NUL: what peers must agree on
};

enum class JoinPhase : uint32_t {
  creating,  // the winner is at work
  ready,     // the container can be entered
  broken,    // it will never be: `failure` tells why
};

struct JoinSeat {
  ProcessId process;
  uint32_t entered;  // 1: is in the container
  uint32_t left;     // 1: gave up
};

/// The shared memory. Behind it lie the seats, then the request's content.
struct JoinState {
  char magic[8];
  uint32_t version;   // of this layout
  uint32_t count;     // peers that the winner expects
  uint64_t size;      // of the object, in bytes
  char name[256];     // of the door
  dev_t door_device;  // which object that is
  ino_t door_inode;
  uint32_t seats;  // how many are kept; of a huge group only the first ones are
  uint32_t content_size;

  pthread_mutex_t lock;  // for what follows
  sem_t wake_peers;      // peers wait on it for the end of `creating`
  sem_t wake_keeper;     // the keeper waits on it for any change
  std::atomic<JoinPhase> phase;
  std::atomic<uint32_t> closed;  // 1: the name is gone, nobody else can come
  uint32_t taken;                // seats, by those who came
  uint32_t waiting;              // how many of them may be waiting on wake_peers
  uint32_t settled;              // how many of them are in the container, or gave up
  // by the kind of namespace, where the container has one of its own; else 0
  std::array<ino_t, kNamespaceKinds.size()> inodes;      // once it is ready
  std::array<int, kNamespaceKinds.size()> keeper_files;  // descriptors in the keeper, once it has them
  std::atomic<uint32_t> kept;                            // 1: it has
  std::atomic<int64_t> last_arrival;                     // Clock, in nanoseconds
  uint32_t failure_size;                                 // once it is broken: of the record of base/error_record in
  char failure[2048];

  JoinSeat* seat(uint32_t index) { return reinterpret_cast<JoinSeat*>(this + 1) + index; }
  char* content() { return reinterpret_cast<char*>(seat(seats)); }
  std::string_view content_view() { return {content(), content_size}; }
};

/// A mapping of the state, and the door that leads to it.
class JoinMemory {
 public:
  /// Maps the state in `file`, which the keeper of the group behind `door` has. Throws Error if it is not a state, or
  /// that of another group.
  static JoinMemory map(const Fd& file, JoinDoor door);
  /// Makes the state of the group behind a new door, with its first seat taken by `self`, this process.
  static JoinMemory create(JoinDoor door, const JoinRequest& request, const ProcessId& self);

  JoinState* operator->() const { return state_.get(); }
  JoinState& operator*() const { return *state_; }
  const JoinDoor& door() const { return door_; }
  /// The object itself, until it is handed over to the keeper.
  Fd& file() { return file_; }

  /// Runs `body` under the lock. Throws Error if that is held for longer than a stopped peer explains.
  void locked(const std::function<void()>& body) const;

  // All of the following are for use under the lock.

  /// Removes the name, if it still is this group's.
  void close() const;
  /// Ends the group: whoever waits stops with `why` in these words; hint, call and errno stay.
  void break_up(const Error& why, const std::string& message) const;
  /// Throws why the group ended.
  [[noreturn]] void throw_failure() const;
  bool is_full() const { return state_->taken >= state_->count; }
  /// Takes a seat; returns its number. The last one removes the name.
  uint32_t take_seat(const ProcessId& process) const;

 private:
  struct Unmap {
    size_t size;
    void operator()(JoinState* state) const;
  };
  using Mapping = std::unique_ptr<JoinState, Unmap>;

  JoinMemory(JoinDoor door, Fd file, Mapping state);
  static Mapping map_file(int file, size_t size);

  JoinDoor door_;
  Fd file_;
  Mapping state_;
};

/// Waits for `semaphore`, at most `limit`. Returns whether it was posted.
bool wait_for(sem_t& semaphore, std::chrono::milliseconds limit);

/// "3 of 8 peers".
std::string peers_seen(const JoinState& state);

}  // namespace chrun
