// Remembered reads are shipped with an image: records after it in its file, which no program that reads SquashFS
// minds.
#pragma once
#include <cstddef>
#include <string>

namespace chrun::pack {

/// Puts the records in directory `memory` that are about the image after it, and says how many. One that was there for
/// the same command goes, others stay. Throws Error where something else follows the image.
size_t ship_reads(const std::string& image, const std::string& memory);

}  // namespace chrun::pack
