// Streams in the compressions in which archives and layers come, recognized by their first bytes.
#pragma once
#include <memory>

#include "pack/source.h"

namespace chrun::pack {

/// What `source` holds, decompressed if it is compressed. It lives no longer than `source`. Throws Error where the
/// compression is not built in; reading throws where the data are damaged or cut short.
std::unique_ptr<Source> decompressed(Source& source);

}  // namespace chrun::pack
