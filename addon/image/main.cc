// ch-image-ts: the TypeScript decides (src/image/), and has the packer of addon/pack/ to act.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/text.h"
#include "engine/decider.h"
#include "host/questions.h"
#include "image/image_questions.h"
#include "image/lease.h"

const char* const chrun::kProgram = "ch-image-ts";

namespace {

/// As src/host/messages.ts prints it; only for what fails before or below the TypeScript.
int fail(const char* name, const chrun::Error& failure) {
  const char* slash = strrchr(name, '/');
  const std::string prefix = chrun::visible(slash ? slash + 1 : name) + "[" + std::to_string(getpid()) + "]: ";
  std::string text = prefix + "error: " + chrun::visible(failure.what()) + "\n";
  if (!failure.hint().empty()) text += prefix + "hint: " + chrun::visible(failure.hint()) + "\n";
  fputs(text.c_str(), stderr);
  return static_cast<int>(failure.exit());
}

int run(char** argv) {
  using namespace chrun;
  try {
    open_door({engine_name(), [](uid_t) { return std::string(); }, image_questions()});
    return decide(argv).status;
  } catch (const Error& failure) {
    return fail(argv[0], failure);
  } catch (const std::bad_alloc&) {
    return fail(argv[0], Error("out of memory"));
  }
}

}  // namespace

int main(int, char** argv) {
  const int status = run(argv);
  chrun::drop_leases();
  return status;
}
