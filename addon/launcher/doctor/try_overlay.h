// The trials of --doctor that mount overlays.
#pragma once

namespace chrun {

using Action = void (*)();

/// Both are given how to enter namespaces, and then an empty tmpfs as working directory. They throw Error.
void try_overlay(Action enter_namespaces, Action enter_memory);
/// The lower directory is a SquashFS image, of a file-system server as launches use it.
void try_overlay_over_fuse(Action enter_namespaces, Action enter_memory);

}  // namespace chrun
