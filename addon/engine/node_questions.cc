#ifndef CH_RUN_QUICKJS
#include "engine/node_questions.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/send_file.h"
#include "host/errno_name.h"
#include "host/text_codec.h"

namespace chrun {
namespace {

// A message is its size, and words, each after its own: as uint32_t. Text is in UTF-16, as JavaScript has it, both in
// this machine's order.

/// False if the other end is closed before the first byte.
bool receive(int socket, void* bytes, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t got = recv(socket, static_cast<char*>(bytes) + done, size - done, MSG_WAITALL);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Refused("recv").cannot("read what the command-line interpreter asks");
    if (got == 0 && done == 0) return false;
    if (got == 0) throw Error("the command-line interpreter ended inside a question");
    done += static_cast<size_t>(got);
  }
  return true;
}

uint32_t take_size(std::string_view& rest) {
  uint32_t size;
  if (rest.size() < sizeof size) throw Error("a question of the command-line interpreter is truncated");
  memcpy(&size, rest.data(), sizeof size);
  rest.remove_prefix(sizeof size);
  if (size > rest.size()) throw Error("a question of the command-line interpreter is truncated");
  return size;
}

std::string from_text(std::string_view text) {
  std::u16string units(text.size() / sizeof(char16_t), 0);
  memcpy(units.data(), text.data(), units.size() * sizeof(char16_t));
  return from_utf16(units);
}

std::string to_text(std::string_view bytes) {
  const std::u16string units = to_utf16(bytes);
  return {reinterpret_cast<const char*>(units.data()), units.size() * sizeof(char16_t)};
}

Words next_message(int socket) {
  uint32_t size;
  if (!receive(socket, &size, sizeof size)) return {};
  std::string message(size, 0);
  if (size == 0 || !receive(socket, message.data(), size)) throw Error("the command-line interpreter asked nothing");
  Words words;
  for (std::string_view rest = message; !rest.empty();) {
    const uint32_t length = take_size(rest);
    words.push_back(from_text(rest.substr(0, length)));
    rest.remove_prefix(length);
  }
  return words;
}

void append_size(std::string& message, size_t size) {
  const auto written = static_cast<uint32_t>(size);
  if (written != size) throw Error("an answer is larger than 4 GiB");
  message.append(reinterpret_cast<const char*>(&written), sizeof written);
}

/// `text`: what becomes of the words after the first, which says what the answer is.
void reply(int socket, const char* outcome, const Words& words, bool text) {
  std::string content;
  const auto append = [&](const std::string& word) {
    append_size(content, word.size());
    content += word;
  };
  append(to_text(outcome));
  for (const std::string& word : words) append(text ? to_text(word) : word);
  std::string message;
  append_size(message, content.size());
  message += content;
  for (std::string_view rest = message; !rest.empty();) {
    const ssize_t sent = send_file(socket, rest, -1);
    if (sent < 0 && errno == EPIPE) return;  // it has ended, and says how by its status
    if (sent < 0) throw Refused("sendmsg").cannot("answer the command-line interpreter");
    rest.remove_prefix(static_cast<size_t>(sent));
  }
}

/// MODE QUESTION WORD…: MODE is `text` or `bytes`.
void answer_question(int socket, const Words& message) {
  try {
    const Words found = answer(message.at(1), {message.begin() + 2, message.end()});
    reply(socket, "answer", found, message[0] == "text");
  } catch (const SysError& failure) {
    // as SystemError in src/host/native.ts
    reply(socket, "error",
          {failure.what(), std::to_string(failure.code()), errno_name(failure.code()), failure.call(),
           errno_words(failure.code())},
          true);
  } catch (const Error& failure) {
    reply(socket, "error", {failure.what()}, true);
  }
}

}  // namespace

std::string answer_node(int socket, const Words& words) {
  std::string decision;
  for (;;) {
    Words message = next_message(socket);
    if (message.empty()) return decision;
    if (message[0] == "command-line") {
      reply(socket, "answer", words, true);
    } else if (message[0] == "decided") {
      decision = std::move(message.at(1));
    } else {
      answer_question(socket, message);
    }
  }
}

}  // namespace chrun
#endif
