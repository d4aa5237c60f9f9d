#include "launcher/memo/handoff.h"

#include <fcntl.h>
#include <unistd.h>

#include <climits>

#include "base/error.h"
#include "base/files.h"
#include "base/own_path.h"
#include "base/records.h"
#include "launcher/log/log.h"

#ifndef CH_RUN_NODE
#define CH_RUN_NODE "node"
#endif

namespace chrun {
namespace {

std::vector<std::string_view> to_fields(char* const* strings) {
  std::vector<std::string_view> fields;
  for (; *strings != nullptr; strings++) fields.emplace_back(*strings);
  return fields;
}

std::vector<char*> to_pointers(const Record& record) {
  std::vector<char*> pointers;
  for (const auto field : record.fields) pointers.push_back(const_cast<char*>(field.data()));
  pointers.push_back(nullptr);
  return pointers;
}

/// Without what steers Node: a user's NODE_OPTIONS is meant for the user's programs.
std::vector<char*> environment_for_node(char* const* environment) {
  std::vector<char*> kept;
  for (; *environment != nullptr; environment++) {
    if (!std::string_view(*environment).starts_with("NODE_")) kept.push_back(*environment);
  }
  kept.push_back(nullptr);
  return kept;
}

Fd to_memory_file(std::string_view bytes) {
  Fd file = memory_file("ch-run-ts-handoff", bytes, true);
  if (file.get() > 2) return file;
  // where 0, 1 or 2 was closed, its number must stay free
  Fd moved(fcntl(file.get(), F_DUPFD, 3));
  if (!moved) throw Refused("fcntl").cannot("start the command-line interpreter");
  return moved;
}

}  // namespace

[[noreturn]] void start_cli(char* const* words, char* const* environment, std::string bytes, const Fd& turn,
                            std::string_view memory) {
  const std::string program = own_path();
  append_record(bytes, "program", {program});
  append_record(bytes, "words", to_fields(words));
  append_record(bytes, "environment", to_fields(environment));
  append_record(bytes, "memory", {memory});
  append_record(bytes, "start", {std::to_string(log::start_time())});
  if (turn) append_record(bytes, "turn", {std::to_string(turn.get())});
  std::string script = program.substr(0, program.rfind('/')) + "/../dist/cli.cjs";
  if (access(script.c_str(), R_OK) != 0) {
    throw Refused("access")
        .cannot("start the command-line interpreter " + script)
        .hinted("install ch-run-ts again, or build it with 'npm run build'");
  }
  const Fd handoff = to_memory_file(bytes);
  std::string option = "--handoff=" + std::to_string(handoff.get());
  std::string node = "node";
  // our own path has no links: Node need not look for them in every folder on the way
  std::string keep_links = "--preserve-symlinks", keep_main_link = "--preserve-symlinks-main";
  char* arguments[] = {node.data(), keep_links.data(), keep_main_link.data(), script.data(), option.data(), nullptr};
  const auto node_environment = environment_for_node(environment);
  execve(CH_RUN_NODE, arguments, node_environment.data());
  execvpe("node", arguments, node_environment.data());
  throw Refused("execve")
      .cannot(std::string("start the command-line interpreter ") + CH_RUN_NODE)
      .hinted("install Node.js 20.19 or later, or launch a plan made elsewhere with --plan FILE");
}

void finish_handoff(Handoff& handoff, int descriptor) {
  const Fd file(descriptor);
  // Node has read it too, through the same offset
  if (lseek(descriptor, 0, SEEK_SET) != 0) throw Refused("lseek").cannot("read the handoff");
  handoff.bytes = read_all(descriptor, "the handoff", kLargestHandoff);
  for (const Record& record : parse_records(handoff.bytes, "the handoff")) {
    if (record.name == "words")
      handoff.words = to_pointers(record);
    else if (record.name == "environment")
      handoff.environment = to_pointers(record);
    else if (record.name == "memory")
      handoff.memory = record.fields.at(0);
    else if (record.name == "start")
      handoff.start_time = static_cast<long long>(parse_number(record.fields.at(0), LLONG_MAX, "the start time"));
    else if (record.name == "turn")
      handoff.turn = Fd(static_cast<int>(parse_number(record.fields.at(0), 1 << 30, "a descriptor")));
  }
  if (handoff.words.empty() || handoff.environment.empty()) throw Error("the handoff is incomplete");
}

}  // namespace chrun
