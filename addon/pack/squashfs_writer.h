// Writes what makes the blocks of files a SquashFS image: inodes, directories, tables, superblock.
#pragma once
#include "pack/block_writer.h"
#include "pack/tree.h"

namespace chrun::pack {

/// Where the blocks of files begin.
uint64_t data_start();

/// Completes the image in `file`, whose blocks end at `end`. Returns its size in bytes. All files are root's.
uint64_t write_tables(int file, uint64_t end, Node& root, const std::vector<Fragment>& fragments, int level);

}  // namespace chrun::pack
