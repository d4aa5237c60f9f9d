#include "oci/ps.h"

#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "base/child.h"
#include "base/error.h"
#include "base/expect_child.h"
#include "base/fd.h"
#include "base/files.h"

namespace chrun::oci {
namespace {

constexpr size_t kMostOutput = 1 << 26;  // bytes

/// What the host's ps(1) prints with these options. Throws SysError where there is none, and Error where it fails.
std::string run_ps(std::vector<std::string> options) {
  options.insert(options.begin(), "ps");
  const Fd output = above_standard(memory_file("ps", "", false));
  const ExpectChild expect;
  Child child("ps", options, environ, {-1, output.get(), STDERR_FILENO});
  if (child.wait() != 0) throw Error("ps failed");
  lseek(output.get(), 0, SEEK_SET);
  return read_all(output.get(), "what ps prints", kMostOutput);
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

}  // namespace

std::string list_by_ps(const std::vector<std::string>& options, const std::vector<pid_t>& processes) {
  std::istringstream lines(run_ps(options));
  std::string heading, text;
  std::getline(lines, heading);
  const auto columns = words_of(heading);
  const auto column = std::ranges::find(columns, "PID");
  if (column == columns.end()) throw Error("ps with these options prints no column PID");
  const auto at = static_cast<size_t>(column - columns.begin());
  for (std::string line; std::getline(lines, line);) {
    const auto words = words_of(line);
    if (at < words.size() && std::ranges::count(processes, static_cast<pid_t>(atoi(words[at].c_str()))) > 0)
      text += line + "\n";
  }
  return heading + "\n" + text;
}

}  // namespace chrun::oci
