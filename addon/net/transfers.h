// HTTP requests, several at a time, over libcurl. What to ask for and what the answer is worth is decided in TypeScript
// (src/registry/); here a request goes out, and its answer into a file, hashed.
#pragma once
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace chrun::net {

struct Request {
  std::string url;
  std::string method = "GET";
  /// `NAME: VALUE` each.
  std::vector<std::string> headers;
  /// Where the body of an answer of status 2xx is written to; empty: it is kept in memory, as those of all others are.
  std::string file;
  /// What the file has already: these bytes are kept, and the rest is asked for (Range).
  uint64_t offset = 0;
  /// The file's largest size, or that of a body in memory, in bytes.
  uint64_t limit = 0;
  /// What is sent: bytes, or part of a file.
  std::optional<std::string> body;
  std::string body_file;
  uint64_t body_offset = 0, body_size = 0;
  /// Certificates that are trusted, besides those in files: PEM. Without any of the three, none is.
  std::string ca;
  std::string ca_file, ca_directory;
  /// Of the client.
  std::string certificate, key;
  bool insecure = false;      // certificates are not verified
  long connect_seconds = 30;  // for a connection
  long stall_seconds = 60;    // without a byte
};

/// Why there is no whole answer.
enum class Failure { none, resolve, connect, proxy, tls, certificate, stalled, cut, too_large, file, other };

struct Answer {
  int id = 0;
  /// HTTP's; 0 if there was none.
  long status = 0;
  Failure failure = Failure::none;
  /// libcurl's words.
  std::string text;
  /// Lines as they came, the last answer's only.
  std::vector<std::string> headers;
  /// Of an answer that did not go into the file.
  std::string body;
  /// The whole file's size in bytes; its SHA-256 in hexadecimal, or that of the body.
  uint64_t size = 0;
  std::string digest;
};

/// How far one is.
struct Progress {
  int id;
  uint64_t now;    // bytes of the file, or of what is sent
  uint64_t total;  // 0: not known
};

class Transfers {
 public:
  Transfers();
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  /// Begins one; returns its number. Throws SysError if its file can't be opened or read.
  int start(Request request);
  /// The next answer that is complete, or has failed; none after that time.
  std::optional<Answer> wait(std::chrono::milliseconds most);
  std::vector<Progress> progress() const;

 private:
  class Transfer;
  std::optional<Answer> finished();

  void* multi_;
  int last_ = 0;
  std::list<std::unique_ptr<Transfer>> under_way_;
};

}  // namespace chrun::net
