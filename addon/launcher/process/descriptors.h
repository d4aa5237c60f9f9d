// The caller's descriptors: which of them a container inherits.
#pragma once

namespace chrun {

/// Notes which descriptors above the standard streams this process was started with. To be called before it opens any.
void note_descriptors();

/// Closes those, but for the first `count` above the standard streams, and warns where fewer are open.
void close_descriptors_above(unsigned count);

/// The `count` first above the standard streams stay open over execve(2), and no other. Throws SysError.
void keep_descriptors(unsigned count);

}  // namespace chrun
