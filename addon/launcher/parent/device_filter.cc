#include "launcher/parent/device_filter.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

namespace chrun {
namespace {

std::string to_bytes(std::string_view hexadecimal) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hexadecimal.substr(i, 2)), nullptr, 16));
  return bytes;
}

__u64 address_of(const void* data) { return reinterpret_cast<__u64>(data); }

}  // namespace

void filter_devices(const std::string& directory, std::string_view program) {
  const std::string action = "limit the devices of the control group " + directory, bytes = to_bytes(program);
  const Fd group(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!group) throw Refused("open").cannot(action);
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insn_cnt = static_cast<__u32>(bytes.size() / sizeof(bpf_insn));
  load.insns = address_of(bytes.data());
  load.license = address_of("Apache-2.0");
  const Fd loaded(static_cast<int>(syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)));
  if (!loaded) throw Refused("bpf").cannot(action);
  bpf_attr attach{};
  attach.target_fd = static_cast<__u32>(group.get());
  attach.attach_bpf_fd = static_cast<__u32>(loaded.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  // what the groups above forbid stays forbidden
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) != 0) throw Refused("bpf").cannot(action);
}

}  // namespace chrun
