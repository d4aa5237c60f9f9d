#include "launcher/process/user_ns.h"

#include <fcntl.h>

#include <string>

#include "base/error.h"
#include "base/proc.h"
#include "refusals/restrictions.h"

namespace chrun {
namespace {

void write_setting(const char* path, const std::string& text, const char* call) {
  const Fd file = open_own_file(path);
  if (!file) throw Refused("open").cannot(std::string("open ") + path).about("/proc/self/");
  if (write(file.get(), text.data(), text.size()) < 0) {
    throw Refused(call).cannot("write '" + text + "' to " + path);
  }
}

std::string map_line(IdMap map) { return std::to_string(map.inside) + " " + std::to_string(map.outside) + " 1"; }

}  // namespace

void make_namespaces(NamespaceSet set, IdMap uid, IdMap gid) {
  const char* call = restrictions::id_map_call(uid.outside);
  if (unshare(set) != 0) throw Refused("unshare").cannot("create user and mount namespaces");
  // without privilege over the outer groups, setgroups(2) must be given up before a gid map is accepted
  write_setting("/proc/self/setgroups", "deny", call);
  write_setting("/proc/self/uid_map", map_line(uid), call);
  write_setting("/proc/self/gid_map", map_line(gid), call);
}

}  // namespace chrun
