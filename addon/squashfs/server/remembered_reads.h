// Reads remembered of a command: a record of the last time is read ahead, and a new one made, unless it would be the
// same.
#pragma once
#include <mutex>
#include <optional>
#include <string>

#include "squashfs/server/reads_ahead.h"
#include "squashfs/server/reads_recorder.h"
#include "squashfs/server/reads_store.h"

namespace chrun::squashfs {

class RememberedReads {
 public:
  /// Outside of the sandbox, before anything is read: loads the record, and starts threads where there is one.
  /// `channel`: to the process that saves (Mounter::channel()).
  RememberedReads(const FileSystem& files, const Pressure& pressure, ReadsStore store, uint64_t command, int channel);
  /// In the sandbox: begins to record and to read ahead. What is to be said about it, or nothing where there is no
  /// store.
  std::optional<std::string> begin();
  /// Ends both, and has the record saved. Called by any thread, more than once.
  void finish();

 private:
  /// Whether something follows the image in its file, which may be records.
  bool has_shipped() const;

  const FileSystem& files_;
  const ReadsKey key_;
  ReadsStore store_;
  const int channel_;
  std::string record_;
  std::mutex finish_mutex_;
  ReadsRecorder recorder_;
  std::optional<ReadsAhead> ahead_;
};

}  // namespace chrun::squashfs
