#include "squashfs/server/fuse_wire.h"

#include <cstring>

namespace chrun::squashfs {

std::string_view FuseRequest::text(size_t skip) const {
  if (size <= skip) return {};
  const auto* start = reinterpret_cast<const char*>(body) + skip;
  return {start, strnlen(start, size - skip)};
}

FuseReply FuseReply::error(int code) {
  FuseReply reply;
  reply.error_ = code;
  return reply;
}

FuseReply FuseReply::bytes(const void* data, size_t size) {
  FuseReply reply;
  reply.add(data, size);
  return reply;
}

void FuseReply::add(const void* data, size_t size) { parts_.push_back({const_cast<void*>(data), size}); }

void FuseReply::send(int device, uint64_t unique) {
  fuse_out_header header{.len = sizeof header, .error = -error_, .unique = unique};
  parts_[0] = {&header, sizeof header};
  for (size_t part = 1; part < parts_.size(); ++part) header.len += static_cast<uint32_t>(parts_[part].iov_len);
  (void)!writev(device, parts_.data(), static_cast<int>(parts_.size()));
}

}  // namespace chrun::squashfs
