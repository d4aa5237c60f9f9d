#include "base/proc.h"

#include <fcntl.h>
#include <sys/prctl.h>

#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/files.h"

namespace chrun {

std::string text_of(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  try {
    return read_all(file.get(), path, 16 << 20);
  } catch (const Error&) {
    return {};
  }
}

Fd open_own_file(const char* path) {
  Fd file(open(path, O_WRONLY | O_CLOEXEC));
  if (file || errno != EACCES || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return file;
  return Fd(open(path, O_WRONLY | O_CLOEXEC));
}

namespace {

/// In this table blanks and backslashes are a backslash and three octal digits.
std::string unescape(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); i++) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size();
    plain += escaped ? static_cast<char>(strtol(text.substr(i + 1, 3).c_str(), nullptr, 8)) : text[i];
    if (escaped) i += 3;
  }
  return plain;
}

}  // namespace

std::vector<MountEntry> mount_table() {
  constexpr int kPlace = 4;  // fields before it: numbers of mount, parent and device, root
  const std::string text = text_of("/proc/self/mountinfo");
  std::vector<MountEntry> table;
  for (size_t line = 0, end; (end = text.find('\n', line)) != std::string::npos; line = end + 1) {
    size_t start = line;
    for (int field = 0; field < kPlace; field++) start = text.find(' ', start) + 1;
    table.push_back(
        {text.substr(line, text.find(' ', line) - line), unescape(text.substr(start, text.find(' ', start) - start))});
  }
  return table;
}

std::string mount_of(int file) {
  constexpr std::string_view kField = "mnt_id:\t";  // proc_pid_fdinfo(5)
  const std::string text = text_of("/proc/self/fdinfo/" + std::to_string(file));
  const size_t at = text.find(kField);
  if (at == std::string::npos) return {};
  const size_t begin = at + kField.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace chrun
