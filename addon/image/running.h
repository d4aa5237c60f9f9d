// What containers run on this machine, and room on its file systems: questions for `list` and `df`.
#pragma once
#include "host/questions.h"

namespace chrun {

/// → for each running container that the caller can examine, the paths that its image may have here: a SquashFS file's
/// or a directory's; an empty word after each.
Words running_images(const Words& arguments);
/// PATH → bytes of its file system that the caller may still write, and all.
Words free_room(const Words& arguments);

}  // namespace chrun
