#include "containers/report.h"

#include <ctime>

#include "base/json_string.h"

namespace chrun {
namespace {

std::string text(std::string_view words) {
  std::string json;
  append_json_string(json, words);
  return json;
}

void add(std::string& object, const char* key, std::string_view value) {
  if (value.empty()) return;
  object += (object.empty() ? "{\n  \"" : ",\n  \"") + std::string(key) + "\": " + std::string(value);
}

}  // namespace

std::string state_report(const Json& saved, Status status, int pid) {
  std::string object;
  add(object, "ociVersion", saved["ociVersion"].source());
  add(object, "id", saved["id"].source());
  add(object, "pid", std::to_string(pid));
  add(object, "status", text(status_word(status)));
  for (const char* key : {"bundle", "rootfs", "created", "owner", "annotations"}) add(object, key, saved[key].source());
  return object + "\n}\n";
}

std::string unsaved_report(const std::string& id, Status status) {
  std::string object;
  add(object, "ociVersion", R"("1.3.0")");
  add(object, "id", text(id));
  add(object, "pid", "0");
  add(object, "status", text(status_word(status)));
  return object + "\n}\n";
}

std::string time_words() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct tm parts;
  gmtime_r(&now.tv_sec, &parts);
  char words[64], fraction[32];
  strftime(words, sizeof words, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(fraction, sizeof fraction, ".%09ldZ", now.tv_nsec);
  return std::string(words) + fraction;
}

}  // namespace chrun
