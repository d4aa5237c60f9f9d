// Files in storage: each is there whole, or not at all.
#pragma once
#include <sys/types.h>

#include "base/fd.h"
#include "host/questions.h"

namespace chrun {

/// A new file, which is removed unless keep() is called. Throws SysError if there is one already.
class NewFile {
 public:
  explicit NewFile(const std::string& path, mode_t mode = 0644);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  int get() const { return file_.get(); }
  const std::string& path() const { return path_; }
  /// Writes it to the disk; from now on it stays.
  void keep();

 private:
  std::string path_;
  Fd file_;
  bool kept_ = false;
};

inline const std::string& words_of(const NewFile& file) { return file.path(); }

/// Open for reading and writing; it is gone when it is closed.
Fd nameless_file(const std::string& directory);

/// PATH: makes a directory, and those above it, with mode 755.
Words make_directories(const Words& arguments);
Words make_directories(const Words& arguments, mode_t mode);
/// ROOT PATH: makes a directory of an image that is unpacked at ROOT, and those above it, wherever links in it lead.
Words make_in_image(const Words& arguments);
/// PATH TEXT: writes a file in one step.
Words save_text(const Words& arguments);
Words save_text(const Words& arguments, mode_t mode);
/// PATH OTHER: a second name for a file.
Words link_file(const Words& arguments);
/// PATH → how many names the file has; 0 if it is not there.
Words count_names(const Words& arguments);
/// FROM TO: in one step; what is at TO is replaced.
Words rename_path(const Words& arguments);
/// PATH: removes a file, or a directory with all that is in it.
Words remove_tree(const Words& arguments);

}  // namespace chrun
