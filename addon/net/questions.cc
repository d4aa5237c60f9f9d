#ifdef CH_IMAGE_NET
#include "net/questions.h"

#include <climits>

#include "base/error.h"
#include "base/records.h"
#include "net/transfers.h"

namespace chrun::net {
namespace {

Transfers& transfers() {
  static Transfers all;
  return all;
}

uint64_t number(std::string_view text) { return parse_number(text, INT64_MAX, "a number of a request"); }

/// A part of a request, from its word KEY=VALUE.
struct Key {
  std::string_view name;
  void (*put)(Request&, std::string value);
};

constexpr Key kKeys[] = {
    {"method", [](Request& request, std::string value) { request.method = std::move(value); }},
    {"header", [](Request& request, std::string value) { request.headers.push_back(std::move(value)); }},
    {"file", [](Request& request, std::string value) { request.file = std::move(value); }},
    {"offset", [](Request& request, std::string value) { request.offset = number(value); }},
    {"limit", [](Request& request, std::string value) { request.limit = number(value); }},
    {"body", [](Request& request, std::string value) { request.body = std::move(value); }},
    {"body-file", [](Request& request, std::string value) { request.body_file = std::move(value); }},
    {"body-offset", [](Request& request, std::string value) { request.body_offset = number(value); }},
    {"body-size", [](Request& request, std::string value) { request.body_size = number(value); }},
    {"ca", [](Request& request, std::string value) { request.ca = std::move(value); }},
    {"ca-file", [](Request& request, std::string value) { request.ca_file = std::move(value); }},
    {"ca-directory", [](Request& request, std::string value) { request.ca_directory = std::move(value); }},
    {"certificate", [](Request& request, std::string value) { request.certificate = std::move(value); }},
    {"key", [](Request& request, std::string value) { request.key = std::move(value); }},
    {"insecure", [](Request& request, std::string value) { request.insecure = value == "yes"; }},
    {"connect-seconds",
     [](Request& request, std::string value) { request.connect_seconds = static_cast<long>(number(value)); }},
    {"stall-seconds",
     [](Request& request, std::string value) { request.stall_seconds = static_cast<long>(number(value)); }},
};

void put(Request& request, const std::string& word) {
  const size_t equals = word.find('=');
  for (const Key& key : kKeys) {
    if (std::string_view(word).substr(0, equals) != key.name) continue;
    key.put(request, word.substr(equals + 1));
    return;
  }
  throw Error("a request has no " + word.substr(0, equals));
}

}  // namespace

Words start_transfer(const Words& arguments) {
  Request request;
  request.url = arguments.at(0);
  for (size_t i = 1; i < arguments.size(); i++) put(request, arguments[i]);
  return {std::to_string(transfers().start(std::move(request)))};
}

Words wait_for_transfer(const Words& arguments) {
  constexpr const char* kFailures[] = {"",        "resolve", "connect",   "proxy", "tls",  "certificate",
                                       "stalled", "cut",     "too-large", "file",  "other"};
  const auto answer = transfers().wait(std::chrono::milliseconds(parse_number(arguments.at(0), INT_MAX, "a time")));
  if (!answer) return {};
  Words words = {std::to_string(answer->id),
                 std::to_string(answer->status),
                 kFailures[static_cast<int>(answer->failure)],
                 answer->text,
                 std::to_string(answer->size),
                 answer->digest,
                 answer->body};
  words.insert(words.end(), answer->headers.begin(), answer->headers.end());
  return words;
}

Words transfers_under_way(const Words&) {
  Words words;
  for (const Progress& each : transfers().progress())
    for (const uint64_t value : {static_cast<uint64_t>(each.id), each.now, each.total})
      words.push_back(std::to_string(value));
  return words;
}

}  // namespace chrun::net
#else
#include "base/error.h"
#include "net/questions.h"

namespace chrun::net {

Words start_transfer(const Words&) {
  throw Error("this build can't talk to registries: a library was missing when it was made",
              "a release has all of them; 'npm run build' says which is missing");
}
Words wait_for_transfer(const Words&) { return {}; }
Words transfers_under_way(const Words&) { return {}; }

}  // namespace chrun::net
#endif
