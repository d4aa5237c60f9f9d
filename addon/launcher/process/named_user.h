// Users and groups by name, as the files of the container have them: which may be anything.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace chrun {

struct NamedUser {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
};

/// Looks a user up in /etc/passwd, with the supplementary groups of /etc/group, and a group if that is not empty.
/// Either may be a number. Throws Error where there is none of that name.
NamedUser find_user(const std::string& user, const std::string& group);

/// The home of a user in /etc/passwd; empty if there is none.
std::string home_of(uid_t uid);

}  // namespace chrun
