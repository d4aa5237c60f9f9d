#include "launcher/parent/criu.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/records.h"
#include "base/send_file.h"
#include "launcher/parent/protobuf.h"

namespace chrun {
namespace {

constexpr size_t kLargestAnswer = 64 << 10, kLargestLog = 256 << 20, kMostLines = 5;
constexpr unsigned long long kNotify = 6;  // criu_req_type

// fields of criu_req and criu_resp
enum class Ask { type = 1, options = 2, notify_success = 3 };
enum class Answer { type = 1, success = 2, restore = 4, notify = 5, code = 7, message = 9 };

enum class Form { number, text, pair, pair_with_number };

/// Of criu_opts.
struct Field {
  std::string_view name;
  unsigned number;
  Form form;
};
constexpr Field kFields[] = {
    {"images_dir_fd", 1, Form::number},
    {"pid", 2, Form::number},
    {"leave_running", 3, Form::number},
    {"ext_unix_sk", 4, Form::number},
    {"tcp_established", 5, Form::number},
    {"evasive_devices", 6, Form::number},
    {"shell_job", 7, Form::number},
    {"file_locks", 8, Form::number},
    {"log_level", 9, Form::number},
    {"log_file", 10, Form::text},
    {"notify_scripts", 12, Form::number},
    {"root", 13, Form::text},
    {"parent_img", 14, Form::text},
    {"track_mem", 15, Form::number},
    {"auto_dedup", 16, Form::number},
    {"work_dir_fd", 17, Form::number},
    {"ext_mnt", 23, Form::pair},
    {"manage_cgroups", 24, Form::number},
    {"cg_root", 25, Form::pair},
    {"rst_sibling", 26, Form::number},
    {"inherit_fd", 27, Form::pair_with_number},
    {"manage_cgroups_mode", 34, Form::number},
    {"external", 37, Form::text},
    {"empty_ns", 38, Form::number},
    {"join_ns", 39, Form::pair},
    {"freeze_cgroup", 44, Form::text},
    {"orphan_pts_master", 50, Form::number},
    {"config_file", 51, Form::text},
    {"lsm_profile", 53, Form::text},
    {"lsm_mount_context", 63, Form::text},
};

unsigned long long number_of(const CriuOption& option) {
  return parse_number(option.value, 1ULL << 32, "a number for " + option.name);
}

void add_option(std::string& message, const CriuOption& option) {
  const auto field = std::ranges::find(kFields, option.name, &Field::name);
  if (field == std::end(kFields)) throw Error("unknown option '" + option.name + "' of CRIU in the plan");
  if (field->form == Form::number) return add_number(message, field->number, number_of(option));
  if (field->form == Form::text) return add_text(message, field->number, option.value);
  std::string pair;
  add_text(pair, 1, option.key);
  if (field->form == Form::pair)
    add_text(pair, 2, option.value);
  else
    add_number(pair, 2, number_of(option));
  add_text(message, field->number, pair);
}

/// What CRIU says: a criu_resp.
struct Response {
  bool success = false, is_notice = false;
  pid_t restored = 0, pid = 0;
  std::string script{}, words{};
};

/// A member of a message in a message; empty if it is not there.
ProtobufField member_of(const ProtobufField& message, unsigned number) {
  ProtobufField found{number, 0, {}};
  for (const ProtobufField& field : parse_protobuf(message.text)) {
    if (field.number == number) found = field;
  }
  return found;
}

Response parse_response(std::string_view packet) {
  constexpr unsigned kFirst = 1, kSecond = 2;  // of criu_restore_resp: pid; of criu_notify: script, pid
  Response response;
  for (const ProtobufField& field : parse_protobuf(packet)) {
    switch (static_cast<Answer>(field.number)) {
      case Answer::type:
        response.is_notice = field.value == kNotify;
        break;
      case Answer::success:
        response.success = field.value != 0;
        break;
      case Answer::restore:
        response.restored = static_cast<pid_t>(member_of(field, kFirst).value);
        break;
      case Answer::notify:
        response.script = member_of(field, kFirst).text;
        response.pid = static_cast<pid_t>(member_of(field, kSecond).value);
        break;
      case Answer::code:
        if (response.words.empty()) response.words = errno_words(static_cast<int>(field.value));
        break;
      case Answer::message:
        response.words = field.text;
        break;
    }
  }
  return response;
}

/// One packet; empty at the end.
std::string receive(const Fd& socket, Fd& file) {
  std::string packet(kLargestAnswer, '\0');
  auto [got, with, _] = receive_file(socket.get(), packet.data(), packet.size());
  if (with) file = std::move(with);
  packet.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return packet;
}

/// The last errors in a log of CRIU, without the times before them; empty if there are none.
std::string errors_in(const std::string& log) {
  const Fd file(open(log.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return {};
  std::istringstream lines(read_all(file.get(), log, kLargestLog));
  std::deque<std::string> errors;
  for (std::string line; std::getline(lines, line);) {
    const size_t error = line.find("Error (");
    // what a program of CRIU ended with says nothing by itself
    if (error == line.npos || line.find(": exited, status=") != line.npos) continue;
    errors.push_back(line.substr(error));
    if (errors.size() > kMostLines) errors.pop_front();
  }
  std::string text;
  for (const std::string& error : errors) text += (text.empty() ? "" : "; ") + error;
  return text;
}

}  // namespace

std::pair<Criu, Fd> Criu::connect() {
  int ends[2];
  // messages of CRIU say by SO_PEERCRED whose descriptors they mean: this process must make the socket
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw Refused("socketpair").cannot("connect to CRIU");
  Fd other = above_standard(Fd(ends[1]));
  return {Criu(above_standard(Fd(ends[0]))), std::move(other)};
}

Criu::~Criu() {
  if (!socket_ || !waits_) return;
  answer(false);
  // it ends what it has made so far
  Fd file;
  while (!receive(socket_, file).empty()) continue;
}

void Criu::fail(const std::string& words) const {
  const std::string errors = errors_in(log_);
  throw Error("CRIU: " + (errors.empty() ? words : errors),
              errors.empty() ? "'criu check' says what is missing"
                             : "the rest is in " + log_ + "; 'criu check' says what is missing");
}

void Criu::ask(CriuRequest request, const std::vector<CriuOption>& options, std::string log) {
  log_ = std::move(log);
  // what an earlier one says there is not about this
  unlink(log_.c_str());
  std::string message, all;
  add_number(message, static_cast<unsigned>(Ask::type), static_cast<unsigned>(request));
  for (const CriuOption& option : options) add_option(all, option);
  add_text(message, static_cast<unsigned>(Ask::options), all);
  if (send_file(socket_.get(), message, -1) < 0) fail("it does not take a request");
}

void Criu::answer(bool goes_on) {
  std::string message;
  add_number(message, static_cast<unsigned>(Ask::type), kNotify);
  add_number(message, static_cast<unsigned>(Ask::notify_success), goes_on);
  waits_ = false;
  // if it is gone, receive() says so
  send_file(socket_.get(), message, -1);
}

std::optional<Criu::Notice> Criu::next() {
  if (done_) return {};
  if (waits_) answer(true);
  Notice notice{};
  const std::string packet = receive(socket_, notice.file);
  if (packet.empty()) fail("it ended without an answer");
  const Response response = parse_response(packet);
  if (!response.success) fail(response.words.empty() ? "it failed" : response.words);
  if (response.restored > 0) restored_ = response.restored;
  if (!response.is_notice) return done_ = true, std::nullopt;
  waits_ = true;
  notice.name = response.script, notice.pid = response.pid;
  return notice;
}

}  // namespace chrun
