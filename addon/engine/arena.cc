#ifdef CH_RUN_QUICKJS
#include "engine/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace chrun {
namespace {

constexpr size_t kWhole = size_t{1} << 30;
constexpr size_t kUnit = 16;  // bytes: alignment, and the size of a header
constexpr size_t kFine = 64;  // classes in steps of a unit; above, four to each power of two

struct Header {
  size_t size;  // of what follows it
  size_t place;
};

struct Class {
  size_t place, size;
};

/// The smallest class of blocks that has room for `size` bytes.
Class class_of(size_t size) {
  const size_t units = std::max<size_t>((size + kUnit - 1) / kUnit, 1);
  if (units <= kFine) return {units - 1, units * kUnit};
  const size_t power = std::bit_width(units - 1) - 1, quarter = (size_t{1} << power) / 4;
  const size_t step = (units - 1 - (size_t{1} << power)) / quarter;
  return {kFine + (power - 6) * 4 + step, ((size_t{1} << power) + (step + 1) * quarter) * kUnit};
}

Header& header_of(void* block) { return static_cast<Header*>(block)[-1]; }

}  // namespace

Arena::Arena() {
  void* whole = mmap(nullptr, kWhole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (whole == MAP_FAILED) return;
  begin_ = next_ = static_cast<char*>(whole);
  end_ = begin_ + kWhole;
}

Arena::~Arena() {
  if (begin_ != nullptr) munmap(begin_, kWhole);
}

void* Arena::take(size_t size) {
  if (size > kWhole) return nullptr;
  const Class wanted = class_of(size);
  if (Free*& first = free_[wanted.place]; first != nullptr) {
    void* block = first;
    first = first->next;
    return block;
  }
  if (static_cast<size_t>(end_ - next_) < sizeof(Header) + wanted.size) return nullptr;
  void* block = next_ + sizeof(Header);
  next_ += sizeof(Header) + wanted.size;
  header_of(block) = {wanted.size, wanted.place};
  return block;
}

void Arena::give_back(void* block) {
  auto* free = static_cast<Free*>(block);
  Free*& first = free_[header_of(block).place];
  free->next = first;
  first = free;
}

void* Arena::resize(void* block, size_t size) {
  const size_t present = header_of(block).size;
  if (size <= present) return block;
  void* larger = take(size);
  if (larger == nullptr) return nullptr;
  memcpy(larger, block, present);
  give_back(block);
  return larger;
}

size_t Arena::size_of(const void* block) { return static_cast<const Header*>(block)[-1].size; }

}  // namespace chrun
#endif
