// What stat(2) tells, in the words of facts: who decides and who checks the decision later must have the same.
#pragma once
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdio>
#include <string>

namespace chrun {

/// Nanoseconds since 1970. Before that both parts count in different directions: no image is that old.
inline std::string time_words(const struct timespec& time) {
  return std::to_string(static_cast<long long>(time.tv_sec) * 1'000'000'000 + time.tv_nsec);
}

/// The bits of chmod(2), in octal.
inline std::string mode_words(mode_t mode) {
  char text[16];
  snprintf(text, sizeof text, "%o", mode & 07777);
  return text;
}

/// `MAJOR:MINOR` of a device file.
inline std::string device_words(const struct stat& status) {
  return std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev));
}

}  // namespace chrun
