#include "launcher/process/exec.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "base/proc.h"

/// The linker's name for the beginning of this program: its ELF header.
extern "C" __attribute__((visibility("hidden"))) const char __ehdr_start[sizeof(Elf64_Ehdr)];

namespace chrun {
namespace {

#if defined(__x86_64__)
constexpr unsigned kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kMachine = EM_AARCH64;
#elif defined(__powerpc64__)
constexpr unsigned kMachine = EM_PPC64;
#elif defined(__riscv)
constexpr unsigned kMachine = EM_RISCV;
#else
constexpr unsigned kMachine = EM_NONE;
#endif

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_386:
      return "32-bit x86";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "32-bit ARM";
    case EM_AARCH64:
      return "64-bit ARM (aarch64)";
    case EM_PPC64:
      return "64-bit PowerPC";
    case EM_RISCV:
      return "RISC-V";
    default:
      return "machine type " + std::to_string(machine);
  }
}

/// The beginning of a file; shorter where the file is.
std::string file_head(const std::string& path, size_t size) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string head(size, '\0');
  const ssize_t got = file ? read(file.get(), head.data(), size) : 0;
  head.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return head;
}

bool is_elf(std::string_view head) { return head.starts_with(ELFMAG); }

constexpr size_t kScriptHead = 256;

/// Text, by the beginning of a file.
bool is_script(std::string_view head) { return !is_elf(head) && head.find('\0') == std::string_view::npos; }

/// The interpreter in a script's first line, or the dynamic loader that a 64-bit ELF program asks for, by the beginning
/// of the file.
std::string interpreter_in(const std::string& head) {
  if (head.starts_with("#!")) {
    const size_t start = std::min(head.find_first_not_of(" \t", 2), head.size());
    return head.substr(start, std::min(head.find_first_of(" \t\n", start), head.size()) - start);
  }
  if (!is_elf(head) || head.size() < sizeof(Elf64_Ehdr) || head[EI_CLASS] != ELFCLASS64) return {};
  Elf64_Ehdr elf;
  memcpy(&elf, head.data(), sizeof elf);
  for (unsigned i = 0; i < elf.e_phnum; i++) {
    Elf64_Phdr part;
    const size_t at = elf.e_phoff + i * sizeof part;
    if (at + sizeof part > head.size()) break;
    memcpy(&part, head.data() + at, sizeof part);
    if (part.p_type != PT_INTERP || part.p_offset >= head.size()) continue;
    return head.substr(part.p_offset, strnlen(head.data() + part.p_offset, head.size() - part.p_offset));
  }
  return {};
}

constexpr size_t kHead = 4096;  // enough to find the interpreter

std::string interpreter_of(const std::string& path) { return interpreter_in(file_head(path, kHead)); }

/// A launch within a container may well start our program file, by a bind of its own. Only by way of a link of /proc
/// does one get at the mount that lies outside.
bool is_on_our_mount(const std::string& path) {
  const Fd file(open(path.c_str(), O_PATH | O_CLOEXEC)), own(open("/proc/self/exe", O_PATH | O_CLOEXEC));
  if (!file || !own) return true;
  const auto mount = mount_of(file.get());
  return mount == 0 || mount == mount_of(own.get());
}

/// Whether it is the file of this very program. Only one that begins as ours does is looked at further: nearly every
/// launch does without the second look-up.
bool is_own_program(const struct stat& file, std::string_view head) {
  const std::string_view ours(__ehdr_start, sizeof __ehdr_start);
  if (!head.empty() && !head.starts_with(ours)) return false;
  struct stat own;
  return stat("/proc/self/exe", &own) != 0 || (own.st_dev == file.st_dev && own.st_ino == file.st_ino);
}

/// Our own program, started by the container, would be a process of its that it can look into: it could open the file
/// that lies outside, and write into it when the process has ended. So it is neither command nor interpreter.
void refuse_own_program(const std::string& path, const std::string& command, int depth = 0) {
  constexpr int kDeepest = 6;  // more interpreters of interpreters than the kernel follows
  struct stat status;
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  const std::string head = file_head(path, kHead);
  if (is_own_program(status, head) && is_on_our_mount(path)) {
    throw Error("can't start " + command + ": " + (depth == 0 ? "it" : "its interpreter " + path) +
                    " is the launcher's own program file, outside of the container",
                {}, Exit::command);
  }
  const std::string interpreter = depth < kDeepest ? interpreter_in(head) : "";
  if (!interpreter.empty()) refuse_own_program(interpreter, command, depth + 1);
}

/// Why the kernel refused to execute a file that is there.
std::string refusal_hint(const std::string& path, int code) {
  const std::string head = file_head(path, kScriptHead);
  if (code == ENOENT || code == ELIBBAD) {
    const std::string interpreter = interpreter_of(path);
    if (interpreter.ends_with('\r'))
      return "its first line ends in a carriage return, as Windows has it: dos2unix helps";
    if (!interpreter.empty()) return "its interpreter " + interpreter + " is not in the image";
  }
  if (code == ENOEXEC && is_script(head) && access("/bin/sh", F_OK) != 0)
    return "it is a script without a #! line, which /bin/sh would run, and the image has no /bin/sh";
  if (code == ENOEXEC && is_elf(head) && head.size() >= 20) {
    const unsigned machine = static_cast<unsigned char>(head[18]) | static_cast<unsigned char>(head[19]) << 8;
    if (machine != kMachine) {
      return "it is built for " + machine_name(machine) + ", this machine is " + machine_name(kMachine);
    }
    return "the program is damaged";
  }
  struct stat status;
  if (code == EACCES && stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return "it is a directory";
    struct statvfs system;
    // asked first: on such a file system access(2) denies execution whatever the mode bits are
    if (statvfs(path.c_str(), &system) == 0 && (system.f_flag & ST_NOEXEC)) return "its file system is mounted noexec";
    if (access(path.c_str(), X_OK) != 0) return "it is not marked as executable (chmod +x)";
    return "its interpreter may not be executed";
  }
  return {};
}

[[noreturn]] void refuse(const char* command, const std::string& path, int code) {
  throw Refused("execve", code).cannot(std::string("start ") + command, Exit::command).hinted(refusal_hint(path, code));
}

/// Text without a `#!` line is a script for the shell, as execvp(3) has it; binary data is not.
void run_by_shell(const std::string& path, const std::vector<char*>& command, char* const* environment) {
  if (!is_script(file_head(path, kScriptHead))) return;
  refuse_own_program("/bin/sh", path, 1);
  std::vector<char*> words{const_cast<char*>("sh"), const_cast<char*>(path.c_str())};
  words.insert(words.end(), command.begin() + 1, command.end());
  execve("/bin/sh", words.data(), environment);
  errno = ENOEXEC;
}

/// Tries one file; returns the errno of the refusal.
int try_file(const std::string& path, const std::vector<char*>& command, char* const* environment) {
  refuse_own_program(path, path);
  execve(path.c_str(), command.data(), environment);
  if (errno == ENOEXEC) run_by_shell(path, command, environment);
  return errno;
}

[[noreturn]] void refuse_missing(const std::string& name, std::string_view search) {
  throw Error("can't start " + name + ": command not found",
              "no directory of the container's PATH has it (" + std::string(search) + ")", Exit::command);
}

}  // namespace

[[noreturn]] void become_command(const std::vector<char*>& command, const std::vector<char*>& environment,
                                 std::string_view search) {
  const char* name = command[0];
  if (strchr(name, '/') != nullptr) refuse(name, name, try_file(name, command, environment.data()));
  if (*name == '\0') throw Error("can't start '': the command is empty", {}, Exit::command);
  std::string refused;
  int code = ENOENT;
  for (size_t start = 0; start <= search.size();) {
    const size_t end = std::min(search.find(':', start), search.size());
    std::string path(search.substr(start, end - start));
    start = end + 1;
    if (!path.empty()) path += '/';
    path += name;
    const int refusal = try_file(path, command, environment.data());
    if (refusal == ENOTDIR || (refusal == ENOENT && access(path.c_str(), F_OK) != 0)) continue;
    // a file without permission: another may come, as in the shell
    if (refused.empty()) refused = path, code = refusal;
    if (refusal != EACCES) break;
  }
  if (!refused.empty()) refuse(refused.c_str(), refused, code);
  refuse_missing(name, search);
}

void require_program(const std::string& name, std::string_view search) {
  if (name.find('/') != std::string::npos) {
    // the working directory is not the command's yet
    if (name.starts_with('/') && access(name.c_str(), F_OK) != 0) refuse(name.c_str(), name, errno);
    return;
  }
  for (size_t start = 0; start <= search.size();) {
    const size_t end = std::min(search.find(':', start), search.size());
    const std::string path = std::string(search.substr(start, end - start)) + "/" + name;
    start = end + 1;
    // what can't be seen now is reported when it is started
    if (access(path.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)) return;
  }
  refuse_missing(name, search);
}

}  // namespace chrun
