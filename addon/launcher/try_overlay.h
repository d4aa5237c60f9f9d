// The trials of --doctor that mount overlays.
#pragma once

namespace chrun {

/// Both are given what makes an empty tmpfs, in namespaces of its own, the working directory. They throw Error.
void try_overlay(void (*enter_memory)());
/// The lower layer is a SquashFS image, of a file-system server as launches use it.
void try_overlay_over_fuse(void (*enter_memory)());

}  // namespace chrun
