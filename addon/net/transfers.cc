#ifdef CH_IMAGE_NET
#include "net/transfers.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "base/fd.h"
#include "base/files.h"
#include "pack/sha256.h"

namespace chrun::net {
namespace {

constexpr long kConnectionsToAHost = 6;
constexpr size_t kLongestHeaders = 256 << 10;   // bytes
constexpr uint64_t kLongestRefusal = 64 << 10;  // bytes of an answer that is not what was asked for

Failure kind_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return Failure::none;
    case CURLE_COULDNT_RESOLVE_HOST:
      return Failure::resolve;
    case CURLE_COULDNT_CONNECT:
      return Failure::connect;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
      return Failure::proxy;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
      return Failure::tls;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return Failure::certificate;
    case CURLE_OPERATION_TIMEDOUT:
      return Failure::stalled;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return Failure::cut;
    default:
      return Failure::other;
  }
}

/// The first number in `bytes 5-9/10`, and the last.
std::optional<std::pair<uint64_t, uint64_t>> parse_range(std::string_view value) {
  const size_t first = value.find_first_of("0123456789"), slash = value.find('/');
  uint64_t begin = 0, total = 0;
  if (first == std::string_view::npos || slash == std::string_view::npos) return {};
  if (std::from_chars(value.data() + first, value.end(), begin).ec != std::errc()) return {};
  // `*`: not known
  std::from_chars(value.data() + slash + 1, value.end(), total);
  return std::pair(begin, total);
}

bool is_header(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         strncasecmp(line.data(), name.data(), name.size()) == 0;
}

void begin_once() {
  static const bool done = [] {
    // OPENSSL_CONF is the host's, and may name modules that a static program can't load
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  }();
  if (!done) throw Error("the HTTP client can't be started");
}

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  if (const CURLcode code = curl_easy_setopt(easy, option, value); code != CURLE_OK)
    throw Error(std::string("this request can't be made: ") + curl_easy_strerror(code));
}

}  // namespace

/// One request and what has come of its answer. An exception must not pass through libcurl: the callbacks keep it.
class Transfers::Transfer {
 public:
  Transfer(int id, Request request);
  ~Transfer() {
    curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_; }
  Answer finish(CURLcode code);
  Progress progress() const { return {answer_.id, source_ ? sent_ : size_, total_}; }

 private:
  void configure();
  void configure_body();
  void hash_what_is_there();
  void take_header(std::string_view line);
  void take(std::string_view bytes);
  /// Whether the body goes into the file: decided by the first bytes.
  bool begin_file();
  bool fail(Failure failure, std::string text);
  size_t send(char* buffer, size_t room);
  bool rewind(curl_off_t offset, int origin);
  bool proxy_refuses(CURLcode code) const;

  template <typename Body>
  size_t guarded(size_t size, Body body) {
    try {
      body();
    } catch (const Error& failure) {
      fail(Failure::file, failure.what());
    }
    return answer_.failure == Failure::none ? size : size + 1;
  }

  static size_t on_header(char* line, size_t one, size_t count, void* self) {
    return static_cast<Transfer*>(self)->guarded(one * count, [&] {
      static_cast<Transfer*>(self)->take_header({line, one * count});
    });
  }
  static size_t on_body(char* bytes, size_t one, size_t count, void* self) {
    return static_cast<Transfer*>(self)->guarded(one * count, [&] {
      static_cast<Transfer*>(self)->take({bytes, one * count});
    });
  }
  static size_t on_send(char* buffer, size_t one, size_t count, void* self) {
    return static_cast<Transfer*>(self)->send(buffer, one * count);
  }
  static int on_rewind(void* self, curl_off_t offset, int origin) {
    return static_cast<Transfer*>(self)->rewind(offset, origin) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK;
  }

  const Request request_;
  Answer answer_;
  CURL* easy_ = curl_easy_init();
  curl_slist* headers_ = nullptr;
  char words_[CURL_ERROR_SIZE] = "";
  Fd file_, source_;
  pack::Sha256 sha_;
  uint64_t size_ = 0, total_ = 0, sent_ = 0;
  size_t header_bytes_ = 0;
  std::optional<bool> into_file_;
  std::optional<std::pair<uint64_t, uint64_t>> range_;
};

Transfers::Transfer::Transfer(int id, Request request) : request_(std::move(request)) {
  if (easy_ == nullptr) throw Error("out of memory");
  answer_.id = id;
  if (!request_.file.empty()) {
    file_ = Fd(open(request_.file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_) throw Refused("open").cannot("write " + request_.file);
    hash_what_is_there();
  }
  configure();
}

/// Leaves the file with `offset` bytes, ready for more.
void Transfers::Transfer::hash_what_is_there() {
  if (ftruncate(file_.get(), static_cast<off_t>(request_.offset)) != 0)
    throw Refused("ftruncate").cannot("write " + request_.file);
  std::vector<char> buffer(1 << 20);
  while (size_ < request_.offset) {
    const ssize_t got = ::read(file_.get(), buffer.data(), std::min<uint64_t>(buffer.size(), request_.offset - size_));
    if (got < 0) throw Refused("read").cannot("read " + request_.file);
    sha_.add({reinterpret_cast<const uint8_t*>(buffer.data()), static_cast<size_t>(got)});
    size_ += static_cast<uint64_t>(got);
  }
}

void Transfers::Transfer::configure() {
  set(easy_, CURLOPT_URL, request_.url.c_str());
  set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  set(easy_, CURLOPT_ERRORBUFFER, words_);
  set(easy_, CURLOPT_PRIVATE, this);
  set(easy_, CURLOPT_CONNECTTIMEOUT, request_.connect_seconds);
  set(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(easy_, CURLOPT_LOW_SPEED_TIME, request_.stall_seconds);
  set(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(easy_, CURLOPT_BUFFERSIZE, 512L << 10);
  set(easy_, CURLOPT_USERAGENT, "ch-image-ts");
  set(easy_, CURLOPT_HEADERFUNCTION, on_header);
  set(easy_, CURLOPT_HEADERDATA, this);
  set(easy_, CURLOPT_WRITEFUNCTION, on_body);
  set(easy_, CURLOPT_WRITEDATA, this);
  if (!request_.ca.empty()) {
    curl_blob certificates{const_cast<char*>(request_.ca.data()), request_.ca.size(), CURL_BLOB_NOCOPY};
    set(easy_, CURLOPT_CAINFO_BLOB, &certificates);
  }
  if (!request_.ca_file.empty()) set(easy_, CURLOPT_CAINFO, request_.ca_file.c_str());
  if (!request_.ca_directory.empty()) set(easy_, CURLOPT_CAPATH, request_.ca_directory.c_str());
  if (!request_.certificate.empty()) set(easy_, CURLOPT_SSLCERT, request_.certificate.c_str());
  if (!request_.key.empty()) set(easy_, CURLOPT_SSLKEY, request_.key.c_str());
  set(easy_, CURLOPT_SSL_VERIFYPEER, request_.insecure ? 0L : 1L);
  set(easy_, CURLOPT_SSL_VERIFYHOST, request_.insecure ? 0L : 2L);
  if (request_.offset > 0) set(easy_, CURLOPT_RANGE, (std::to_string(request_.offset) + "-").c_str());
  for (const std::string& header : request_.headers) {
    curl_slist* longer = curl_slist_append(headers_, header.c_str());
    if (longer == nullptr) throw Error("out of memory");
    headers_ = longer;
  }
  configure_body();
  if (headers_ != nullptr) set(easy_, CURLOPT_HTTPHEADER, headers_);
}

void Transfers::Transfer::configure_body() {
  if (!request_.body_file.empty()) {
    source_ = Fd(open(request_.body_file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source_) throw Refused("open").cannot("read " + request_.body_file);
  }
  if (source_ || request_.body) {
    const uint64_t size = source_ ? request_.body_size : request_.body->size();
    set(easy_, CURLOPT_UPLOAD, 1L);
    set(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
    set(easy_, CURLOPT_READFUNCTION, on_send);
    set(easy_, CURLOPT_READDATA, this);
    set(easy_, CURLOPT_SEEKFUNCTION, on_rewind);
    set(easy_, CURLOPT_SEEKDATA, this);
  } else if (request_.method == "HEAD") {
    set(easy_, CURLOPT_NOBODY, 1L);
  }
  set(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

size_t Transfers::Transfer::send(char* buffer, size_t room) {
  if (!source_) {
    const size_t part = std::min<uint64_t>(room, request_.body->size() - sent_);
    memcpy(buffer, request_.body->data() + sent_, part);
    sent_ += part;
    return part;
  }
  const size_t part = std::min<uint64_t>(room, request_.body_size - sent_);
  const ssize_t got = pread(source_.get(), buffer, part, static_cast<off_t>(request_.body_offset + sent_));
  if (got < 0 || (got == 0 && part > 0)) {
    fail(Failure::file, "can't read " + request_.body_file);
    return CURL_READFUNC_ABORT;
  }
  sent_ += static_cast<uint64_t>(got);
  return static_cast<size_t>(got);
}

/// A connection that is used again may turn out to be closed once something was sent.
bool Transfers::Transfer::rewind(curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return false;
  sent_ = static_cast<uint64_t>(offset);
  return true;
}

bool Transfers::Transfer::fail(Failure failure, std::string text) {
  if (answer_.failure == Failure::none) {
    answer_.failure = failure;
    answer_.text = std::move(text);
  }
  return false;
}

void Transfers::Transfer::take_header(std::string_view line) {
  // a new answer: after 100 Continue, or a proxy's to CONNECT
  if (line.starts_with("HTTP/")) {
    answer_.headers.clear();
    range_.reset();
    total_ = 0;
    header_bytes_ = 0;
  }
  if ((header_bytes_ += line.size()) > kLongestHeaders) {
    fail(Failure::too_large, "its headers are larger than " + std::to_string(kLongestHeaders) + " bytes");
    return;
  }
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (is_header(line, "content-range")) range_ = parse_range(line.substr(line.find(':') + 1));
  if (!line.empty()) answer_.headers.emplace_back(line);
}

bool Transfers::Transfer::begin_file() {
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (!file_ || status < 200 || status > 299) return false;
  curl_off_t length = -1;
  curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (status == 206) {
    if (!range_ || range_->first != request_.offset)
      return fail(Failure::other, "it sent another part of the file than was asked for");
    total_ = range_->second;
  } else {
    // the whole file: the server does not know about parts
    if (ftruncate(file_.get(), 0) != 0 || lseek(file_.get(), 0, SEEK_SET) != 0)
      throw Refused("ftruncate").cannot("write " + request_.file);
    size_ = 0;
    sha_ = {};
    total_ = length > 0 ? static_cast<uint64_t>(length) : 0;
  }
  return true;
}

void Transfers::Transfer::take(std::string_view bytes) {
  if (!into_file_) into_file_ = begin_file();
  if (answer_.failure != Failure::none) return;
  if (!*into_file_) {
    const uint64_t limit = file_ ? kLongestRefusal : request_.limit;
    if (answer_.body.size() + bytes.size() > limit)
      fail(Failure::too_large, "it is larger than " + std::to_string(limit) + " bytes");
    else
      answer_.body += bytes;
    if (!file_) sha_.add({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    return;
  }
  if (size_ + bytes.size() > request_.limit) {
    fail(Failure::too_large, "it is larger than " + std::to_string(request_.limit) + " bytes");
    return;
  }
  write_all(file_.get(), bytes, request_.file);
  sha_.add({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  size_ += bytes.size();
}

/// Whether it is not the server that could not be reached, or closed the connection.
bool Transfers::Transfer::proxy_refuses(CURLcode code) const {
  long used = 0, said = 0;
  curl_easy_getinfo(easy_, CURLINFO_USED_PROXY, &used);
  curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &said);
  return used != 0 && (code == CURLE_COULDNT_CONNECT || said >= 300);
}

Answer Transfers::Transfer::finish(CURLcode code) {
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &answer_.status);
  if (answer_.failure == Failure::none && code != CURLE_OK)
    fail(proxy_refuses(code) ? Failure::proxy : kind_of(code), words_[0] != 0 ? words_ : curl_easy_strerror(code));
  // an empty one, too, is a file
  if (answer_.failure == Failure::none && !into_file_) into_file_ = begin_file();
  answer_.size = size_;
  answer_.digest = sha_.hex();
  return std::move(answer_);
}

Transfers::Transfers() {
  begin_once();
  multi_ = curl_multi_init();
  if (multi_ == nullptr) throw Error("out of memory");
  curl_multi_setopt(static_cast<CURLM*>(multi_), CURLMOPT_MAX_HOST_CONNECTIONS, kConnectionsToAHost);
}

Transfers::~Transfers() {
  for (const auto& each : under_way_) curl_multi_remove_handle(static_cast<CURLM*>(multi_), each->easy());
  under_way_.clear();
  curl_multi_cleanup(static_cast<CURLM*>(multi_));
}

int Transfers::start(Request request) {
  auto transfer = std::make_unique<Transfer>(++last_, std::move(request));
  if (curl_multi_add_handle(static_cast<CURLM*>(multi_), transfer->easy()) != CURLM_OK) throw Error("out of memory");
  under_way_.push_back(std::move(transfer));
  return last_;
}

std::optional<Answer> Transfers::finished() {
  int left;
  while (const CURLMsg* message = curl_multi_info_read(static_cast<CURLM*>(multi_), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto found = std::ranges::find_if(under_way_, [&](const auto& each) { return each->easy() == easy; });
    curl_multi_remove_handle(static_cast<CURLM*>(multi_), easy);
    Answer answer = (*found)->finish(code);
    under_way_.erase(found);
    return answer;
  }
  return {};
}

std::optional<Answer> Transfers::wait(std::chrono::milliseconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (true) {
    int running;
    if (curl_multi_perform(static_cast<CURLM*>(multi_), &running) != CURLM_OK) throw Error("the HTTP client failed");
    if (auto answer = finished()) return answer;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    if (left <= 0) return {};
    curl_multi_poll(static_cast<CURLM*>(multi_), nullptr, 0, static_cast<int>(left), nullptr);
  }
}

std::vector<Progress> Transfers::progress() const {
  std::vector<Progress> all;
  for (const auto& each : under_way_) all.push_back(each->progress());
  return all;
}

}  // namespace chrun::net
#endif
