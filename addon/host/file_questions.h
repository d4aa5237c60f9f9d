// Queries about files. Paths are absolute, times in nanoseconds since 1970, numbers decimal except for modes.
#pragma once
#include "host/questions.h"

namespace chrun {

/// PATH, `follow` or `no-follow` → kind, owner, group, mode in octal, device, inode, size in bytes, time of the last
/// change of content, of status, and `MAJOR:MINOR` of a device. Kinds: directory, file, link, c, b, p, other.
Words status_of(const Words& arguments);
/// PATH → all bytes of a file, its path as the kernel has it, and its status as above.
Words file_content(const Words& arguments);
/// ROOT, PATH → the same of a regular file in the tree below ROOT, in which symbolic links stay; nothing if there is
/// none.
Words guest_file(const Words& arguments);
/// PATH, offset, size → these bytes; fewer where the file ends.
Words file_part(const Words& arguments);
/// PATH → names in the directory, in no order.
Words directory_entries(const Words& arguments);
/// PATTERN → the paths that it matches.
Words glob_matches(const Words& arguments);
/// PATH, bytes: a new file with these. EEXIST where there is one.
Words create_file(const Words& arguments);
/// → the working directory. ENOENT where it was removed.
Words working_directory(const Words& arguments);
/// PATH → f_type of statfs(2).
Words file_system_type(const Words& arguments);

}  // namespace chrun
