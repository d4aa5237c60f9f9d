// The arguments of an action, one after the other.
#pragma once
#include <climits>
#include <string>

#include "base/records.h"
#include "host/questions.h"

namespace chrun {

/// Words from the front of a list.
class Taken {
 public:
  explicit Taken(const Words& words) : words_(words) {}
  const std::string& text() { return words_.at(at_++); }
  uint64_t number(const char* what) { return parse_number(text(), INT64_MAX, what); }
  bool more() const { return at_ < words_.size(); }

 private:
  const Words& words_;
  size_t at_ = 0;
};

}  // namespace chrun
