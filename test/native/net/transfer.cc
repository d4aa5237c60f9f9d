// transfer URL [KEY=VALUE…]: makes one request as addon/net/ does, and prints the words of its answer, each ended by
// NUL.
#include <cstdio>

#include "base/error.h"
#include "net/questions.h"

int main(int, char** argv) {
  using namespace chrun;
  try {
    Words request;
    for (char** word = argv + 1; *word != nullptr; word++) request.emplace_back(*word);
    net::start_transfer(request);
    for (const std::string& word : net::wait_for_transfer({"20000"})) fwrite(word.c_str(), 1, word.size() + 1, stdout);
    return 0;
  } catch (const Error& failure) {
    fprintf(stderr, "%s\n", failure.what());
    return 31;
  }
}
