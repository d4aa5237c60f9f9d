// What only ch-image-ts can be asked: actions on archives, images and storage (src/image/packer.ts has their types).
#pragma once
#include <span>

#include "host/questions.h"

namespace chrun {

/// Each answers `done` and what it found, or `failed`, a message and a hint. A signal that ends the program does so
/// after what was begun is removed.
std::span<const Question> image_questions();

}  // namespace chrun
