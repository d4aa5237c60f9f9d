#include "launcher/memo/memo.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/build_id.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/own_path.h"
#include "base/records.h"
#include "launcher/files/memo_directory.h"
#include "launcher/memo/facts.h"
#include "launcher/memo/value_words.h"

namespace chrun {
namespace {

/// Words that a plan is found by: the program's identity, the working directory (empty if it does not matter),
/// and the words before the user's command, without the values of variables: secrets must not be on disk.
using Key = std::vector<std::string_view>;

/// FNV-1a, 64 bits, over words and their ends. What it finds is compared word by word, so it need not be more.
class Hash {
 public:
  void add(std::string_view word) { value_ = hash({"", 1}, hash(word, value_)); }
  std::string name() const {
    char text[17];
    snprintf(text, sizeof text, "%016llx", value_);
    return text;
  }

 private:
  unsigned long long value_ = kHashStart;
};

/// Where the program lies, as some configuration does, and which build it is. Not where its file system is mounted: a
/// tree of software has another device number on each node.
std::string program_identity() {
  const std::string path = own_path(), build = build_id();
#ifdef CH_RUN_QUICKJS  // else what decides are files beside the program
  if (!build.empty()) return path + " " + build;
#endif
  struct stat status;
  if (stat("/proc/self/exe", &status) != 0) return path;
  return path + " " + std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) + ":" +
         std::to_string(status.st_size) + ":" + std::to_string(status.st_mtim.tv_sec) + ":" +
         std::to_string(status.st_mtim.tv_nsec);
}

std::string working_directory() {
  char* path = getcwd(nullptr, 0);
  std::string copy = path ? path : "";
  free(path);
  return copy;
}

/// Whether there is no command after `count` words.
bool is_bare(char* const* words, size_t count) {
  char* const* next = words + count + 1;
  return *next == nullptr || (strcmp(*next, "--") == 0 && next[1] == nullptr);
}

/// Without a command the image's own is run: its plan has a key of its own, with an empty word, which is no image, at
/// its end.
Key key_of(std::string_view program, std::string_view place, char* const* words, size_t count) {
  Key key{program, place};
  for (size_t i = 1; i <= count; i++) key.push_back(without_value(words[i]));
  if (is_bare(words, count)) key.push_back("");
  return key;
}

/// Reads the plan in a memo file, if it is one for this key, which is made if there is a file, and all its facts hold.
template <typename MakeKey>
bool read_memo(Plan& plan, int directory, const std::string& name, const MakeKey& make_key, std::string& why) {
  const Fd file(openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return false;
  try {
    read_plan(plan, file.get(), "the remembered plan " + name);
    if (plan.key != make_key()) return why = "the remembered plan " + name + " is another command line's", false;
    why = broken_fact(plan);
    if (!why.empty()) return false;
    return why = name, true;
  } catch (const Error& failure) {
    return why = failure.what(), false;
  }
}

/// Tries plans for words 1 … count, with count growing from one question to the next: first for this working directory,
/// then for any. Hashes are carried on, as there may be very many words.
class Search {
 public:
  Search(Plan& plan, char* const* words, int directory, std::string& why)
      : plan_(plan), words_(words), directory_(directory), why_(why) {
    for (Hash* hash : {&here_hash_, &anywhere_hash_}) hash->add(program_);
    here_hash_.add(here_), anywhere_hash_.add("");
  }

  bool try_prefix(size_t count) {
    for (; hashed_ < count; hashed_++) {
      for (Hash* hash : {&here_hash_, &anywhere_hash_}) hash->add(without_value(words_[hashed_ + 1]));
    }
    return try_key(here_hash_, here_, count) || try_key(anywhere_hash_, "", count);
  }

 private:
  bool try_key(Hash hash, std::string_view place, size_t count) {
    plan_.reset();
    if (is_bare(words_, count)) hash.add("");
    return read_memo(
        plan_, directory_, hash.name(), [&] { return key_of(program_, place, words_, count); }, why_);
  }

  Plan& plan_;
  char* const* words_;
  int directory_;
  std::string& why_;
  size_t hashed_ = 0;
  const std::string program_ = program_identity();
  const std::string here_ = working_directory();
  Hash here_hash_, anywhere_hash_;
};

/// The words up to the image can't be told from the command's without the option table, but a plan is only
/// ever kept for words that end with the image, and reading from the left, nothing after the image can change
/// which word that is. So a plan found for any beginning of the words is theirs. What stands before the first
/// `--` is tried first, because people write it.
size_t find_command(Search& first, Search& search, char* const* words) {
  size_t count = 0, dashes = 0;
  for (; words[count + 1] != nullptr; count++) {
    if (dashes == 0 && strcmp(words[count + 1], "--") == 0) dashes = count + 1;
  }
  const auto command_after = [&](size_t image) {
    const char* next = words[image + 1];
    return next != nullptr && strcmp(next, "--") == 0 ? image + 2 : image + 1;
  };
  if (dashes > 1 && first.try_prefix(dashes - 1)) return command_after(dashes - 1);
  // there is no image after `--`
  const size_t last = dashes == 0 ? count : dashes - 1;
  for (size_t image = 1; image <= last; image++) {
    if (image + 1 == dashes) continue;
    // `IMAGE --option … --`: the plan of the image alone is not that of these words
    if (dashes != 0 && words[image + 1][0] == '-' && words[image + 1][1] != '\0') continue;
    if (search.try_prefix(image)) return command_after(image);
  }
  return 0;
}

/// Writes under another name first: a rename is all or nothing, for a reader and for a full disk.
std::string write_memo(int directory, const std::string& name, const std::string& bytes) {
  const std::string draft = name + "." + std::to_string(getpid());
  const Fd file(openat(directory, draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return Refused("open").cannot("remember the plan").what();
  try {
    // whatever the umask is
    if (fchmod(file.get(), 0600) != 0) throw Refused("fchmod").cannot("set the mode of " + draft);
    write_all(file.get(), bytes, draft);
    if (renameat(directory, draft.c_str(), directory, name.c_str()) != 0)
      throw Refused("rename").cannot("rename " + draft);
  } catch (const Error& failure) {
    unlinkat(directory, draft.c_str(), 0);
    return std::string("can't remember the plan: ") + failure.what();
  }
  return "remembered the plan as " + name;
}

bool depends_on_directory(const Plan& plan) {
  return std::any_of(plan.facts.begin(), plan.facts.end(), [](const Step& fact) { return fact.kind == "directory"; });
}

Key exact_key(std::string_view program, const std::vector<std::string_view>& words) {
  Key key{program, ""};
  key.insert(key.end(), words.begin(), words.end());
  return key;
}

std::string name_of(const Key& key) {
  Hash hash;
  for (const auto word : key) hash.add(word);
  return hash.name();
}

std::string keep(const Plan& plan, const Key& key) {
  std::string why;
  const Fd directory = open_memo_directory(true, why);
  if (!directory) return "can't remember the plan: " + why;
  std::string bytes = plan.bytes.substr(0, plan.end);
  append_record(bytes, "key", key);
  append_record(bytes, "end", {std::to_string(plan.words + 2 + key.size())});
  const std::string outcome = write_memo(directory.get(), name_of(key), bytes);
  prune_memo_directory(directory.get(), false);
  return outcome;
}

}  // namespace

Recollection recall(Plan& plan, char* const* words) {
  Recollection found;
  const Fd directory = open_memo_directory(false, found.why);
  if (!directory) return found;
  found.why = "none is kept for this command line";
  Search first(plan, words, directory.get(), found.why), search(first);
  found.command = find_command(first, search, words);
  if (found.command == 0) plan.reset();
  return found;
}

std::string remember(const Plan& plan, const std::vector<char*>& words, size_t key_words) {
  const std::string program = program_identity(), here = depends_on_directory(plan) ? working_directory() : "";
  return keep(plan, key_of(program, here, words.data(), key_words));
}

bool recall(Plan& plan, const std::vector<std::string_view>& words) {
  std::string why;
  const Fd directory = open_memo_directory(false, why);
  if (!directory) return false;
  const std::string program = program_identity();
  const Key key = exact_key(program, words);
  if (read_memo(
          plan, directory.get(), name_of(key), [&] { return key; }, why))
    return true;
  plan.reset();
  return false;
}

std::string remember(const Plan& plan, const std::vector<std::string_view>& words) {
  if (depends_on_directory(plan)) return "the plan depends on the working directory";
  const std::string program = program_identity();
  return keep(plan, exact_key(program, words));
}

Removed forget_all() {
  std::string why;
  const Fd directory = open_memo_directory(false, why);
  if (directory) return prune_memo_directory(directory.get(), true);
  struct stat status;
  if (memo_directory_path().empty() || stat(memo_directory_path().c_str(), &status) != 0) return {};
  throw Error("can't forget remembered plans: " + why);
}

}  // namespace chrun
