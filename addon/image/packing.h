// Packing the layers of an image: at once, or in a thread while they arrive.
#pragma once
#include "host/questions.h"

namespace chrun {

/// OUT LEVEL THREADS MOST-BYTES MOST-ENTRIES PROGRESS PACKS COUNT (NAME TEXT)… (NAME PATH OFFSET SIZE DIGEST DIFF-ID
/// tar|directory PACK)… → entries, bytes, size, devices, set-ids, xattrs, known layers, diff ids: packs layers, the
/// lowest first, into the new file OUT. PACKS is a new directory for their packs, PACK one that has the layer's.
Words pack_image(const Words& arguments);

/// The same words: begins, of layers that are whole files and may still be on their way to their paths.
Words begin_pack(const Words& arguments);
/// → the same answer as of `pack`, when it is done.
Words end_pack(const Words& arguments);
/// Gives up what was begun.
Words drop_pack(const Words& arguments);

}  // namespace chrun
