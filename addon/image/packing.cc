#include "image/packing.h"

#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "image/storage_files.h"
#include "image/taken.h"
#include "pack/pack_layers.h"
#include "pack/remove_all.h"

namespace chrun {
namespace {

/// The packs of an image's layers, and a second name of the image. Nothing needs them: what can't be written is left
/// out.
void keep_packs(const std::string& directory, const std::string& image, const pack::Packed& packed) {
  if (packed.packs.empty() || mkdir(directory.c_str(), 0755) != 0) return;
  try {
    link_file({image, directory + "/image"});
    for (const auto& [diff_id, text] : packed.packs) {
      NewFile file(directory + "/" + diff_id);
      write_all(file.get(), text, file.path());
      file.keep();
    }
  } catch (const Error&) {
    pack::remove_all(directory);
  }
}

pack::Layer layer_of(Taken& words) {
  pack::Layer layer;
  layer.name = words.text();
  layer.path = words.text();
  layer.offset = words.number("an offset");
  layer.size = words.number("a size");
  layer.digest = words.text();
  layer.diff_id = words.text();
  layer.directory = words.text() == "directory";
  layer.pack = words.text();
  return layer;
}

/// What is to be packed, and where to.
class Packing {
 public:
  explicit Packing(const Words& arguments) : words_(arguments), output_(words_.text()) {
    request_.output = output_.get();
    request_.level = static_cast<int>(words_.number("a level"));
    request_.threads = static_cast<unsigned>(words_.number("a number of threads"));
    request_.most_bytes = words_.number("a number of bytes");
    request_.most_entries = words_.number("a number of entries");
    const std::string& progress = words_.text();
    using Shown = pack::Progress::Shown;
    request_.progress = progress == "line" ? Shown::line : progress == "json" ? Shown::json : Shown::none;
    packs_ = words_.text();
    request_.keep_packs = !packs_.empty();
    for (uint64_t left = words_.number("a number of files"); left > 0; --left) {
      const std::string& name = words_.text();
      request_.files.push_back({name, words_.text()});
    }
    while (words_.more()) request_.layers.push_back(layer_of(words_));
  }

  /// Layers may still be arriving, until `stop` is set.
  void await(const std::atomic<bool>& stop) { request_.stop = &stop; }

  pack::Packed run() { return pack::pack_layers(request_); }

  Words keep(const pack::Packed& packed) {
    output_.keep();
    keep_packs(packs_, output_.path(), packed);
    Words found;
    for (const uint64_t number : {packed.entries, packed.bytes, packed.size, packed.left_out.devices,
                                  packed.left_out.set_id, packed.left_out.xattrs, packed.known})
      found.push_back(std::to_string(number));
    found.insert(found.end(), packed.diff_ids.begin(), packed.diff_ids.end());
    return found;
  }

 private:
  Taken words_;
  NewFile output_;
  pack::PackRequest request_{};
  std::string packs_;
};

/// One that a thread does.
class Begun {
 public:
  explicit Begun(const Words& arguments) : arguments_(arguments), packing_(arguments_) {
    packing_.await(stop_);
    thread_ = std::thread([this] { run(); });
  }
  ~Begun() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  Begun(const Begun&) = delete;
  Begun& operator=(const Begun&) = delete;

  Words finish() {
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
    return packing_.keep(*packed_);
  }

 private:
  void run() {
    try {
      packed_ = packing_.run();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  const IgnoreSignal limit_{SIGXFSZ};
  const Words arguments_;
  Packing packing_;
  std::atomic<bool> stop_ = false;
  std::optional<pack::Packed> packed_;
  std::exception_ptr failure_;
  std::thread thread_;
};

std::unique_ptr<Begun> begun;

}  // namespace

Words pack_image(const Words& arguments) {
  Packing packing(arguments);
  return packing.keep(packing.run());
}

Words begin_pack(const Words& arguments) {
  try {
    begun = std::make_unique<Begun>(arguments);
  } catch (const std::system_error& failure) {
    throw Refused("pthread_create", failure.code().value()).cannot("start a thread that packs");
  }
  return {};
}

Words end_pack(const Words&) {
  const auto ending = std::move(begun);
  if (!ending) throw Error("nothing is being packed");
  return ending->finish();
}

Words drop_pack(const Words&) {
  begun.reset();
  return {};
}

}  // namespace chrun
