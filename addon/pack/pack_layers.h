// From the layers of an image to one SquashFS file, without unpacking them: each is read once.
#pragma once
#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "pack/progress.h"
#include "pack/tree.h"

namespace chrun::pack {

/// A tar archive, compressed or not, in a part of a file; or a directory. What is empty is not checked.
struct Layer {
  std::string name;  // for messages
  std::string path;
  uint64_t offset, size;
  std::string digest;   // SHA-256 of these bytes, in hexadecimal digits
  std::string diff_id;  // of the archive that they are when decompressed
  bool directory = false;
  std::string pack;  // a directory that has the layer's pack; empty if there is none
};

/// A file to be added on top.
struct AddedFile {
  std::string name, text;
};

struct PackRequest {
  int output;                 // an empty file, open for reading and writing
  std::vector<Layer> layers;  // from the bottom to the top
  std::vector<AddedFile> files;
  int level;            // of zstd
  unsigned threads;     // that compress
  uint64_t most_bytes;  // of all layers, decompressed
  uint64_t most_entries;
  Progress::Shown progress;
  bool keep_packs = false;
  const std::atomic<bool>* stop = nullptr;  // layers are whole files that may still arrive, until this is set
};

struct Packed {
  uint64_t entries, bytes, size;  // of the layers; of the image
  LeftOut left_out;
  std::vector<std::string> diff_ids;         // from the bottom to the top
  uint64_t known;                            // layers that were not read: their packs had all
  std::map<std::string, std::string> packs;  // of the layers, by diff id, if they are to be kept
};

/// Throws Error with layer and entry, or Interrupted.
Packed pack_layers(const PackRequest& request);

/// Processors that this process may use: by its affinity and its control groups.
unsigned usable_processors();

}  // namespace chrun::pack
