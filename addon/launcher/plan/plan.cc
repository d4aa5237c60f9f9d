#include "launcher/plan/plan.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/files.h"
#include "base/records.h"

namespace chrun {
namespace {

constexpr size_t kLargestPlan = 64 << 20;

/// Whoever can write a plan decides what this user runs: only the user may.
void check_ownership(int file, const std::string& name) {
  struct stat status;
  if (fstat(file, &status) != 0) throw Refused("fstat").cannot("check " + name);
  if (!S_ISREG(status.st_mode)) throw Error(name + " is not a regular file");
  if (status.st_uid != geteuid()) {
    throw Error(name + " belongs to user " + std::to_string(status.st_uid) + ", not to you");
  }
  if (status.st_mode & (S_IWGRP | S_IWOTH)) throw Error(name + " can be written by others", "chmod go-w " + name);
}

Step to_step(const Record& record, const std::string& name) {
  if (record.fields.empty()) throw Error(name + ": a " + std::string(record.name) + " record without a kind");
  return Step{record.fields[0], {record.fields.begin() + 1, record.fields.end()}};
}

void take_messages(Plan& plan, const Record& record, const std::string& name) {
  if (record.fields.size() != 3) throw Error(name + ": malformed messages record");
  plan.style.verbosity = static_cast<int>(parse_number(record.fields[0], 6, "verbosity in " + name)) - 3;
  plan.style.color = record.fields[1];
  plan.style.json = record.fields[2] == "json";
}

/// Whoever wrote the plan says how many words it has: more, and one of them was more than one.
void take_end(Plan& plan, const Record& record, const std::string& name) {
  if (record.fields.size() != 1) throw Error(name + ": malformed end record");
  if (record.fields[0] != std::to_string(plan.words)) {
    throw Error(name + " has " + std::to_string(plan.words) + " words, its end promises " +
                std::string(record.fields[0]));
  }
  plan.end = static_cast<size_t>(record.name.data() - plan.bytes.data());
}

}  // namespace

void Plan::reset() {
  warnings.clear(), key.clear(), facts.clear(), outside.clear(), create.clear(), enter.clear();
  values.clear();
  end = words = 0;
  bytes.clear();
}

void read_plan(Plan& plan, int file, const std::string& name) {
  check_ownership(file, name);
  parse_plan(plan, read_all(file, name, kLargestPlan), name);
}

void parse_plan(Plan& plan, std::string bytes, const std::string& name) {
  plan.bytes = std::move(bytes);
  constexpr std::string_view magic("ch-run-ts-plan\0", 15);
  if (!std::string_view(plan.bytes).starts_with(magic)) throw Error(name + " is not a launch plan");
  const auto records = parse_records(plan.bytes, name);
  if (records[0].fields.empty() || records[0].fields[0] != kPlanFormat) {
    const std::string found = records[0].fields.empty() ? "?" : std::string(records[0].fields[0]);
    throw Error(name + " has plan format " + found + ", this program reads " + std::string(kPlanFormat),
                "make it again with --dry-run=plan");
  }
  bool ended = false;
  plan.words = 2 + records[0].fields.size();
  for (size_t i = 1; i < records.size(); i++) {
    const Record& record = records[i];
    if (ended) throw Error(name + ": data after the end record");
    if (record.name == "messages")
      take_messages(plan, record, name);
    else if (record.name == "warning" && record.fields.size() == 1)
      plan.warnings.push_back(record.fields[0]);
    else if (record.name == "key")
      plan.key = record.fields;
    else if (record.name == "fact")
      plan.facts.push_back(to_step(record, name));
    else if (record.name == "outside")
      plan.outside.push_back(to_step(record, name));
    else if (record.name == "create")
      plan.create.push_back(to_step(record, name));
    else if (record.name == "enter")
      plan.enter.push_back(to_step(record, name));
    else if (record.name == "end")
      take_end(plan, record, name), ended = true;
    else
      throw Error(name + ": unknown record '" + std::string(record.name) + "'");
    if (!ended) plan.words += 2 + record.fields.size();
  }
  if (!ended) throw Error(name + " is truncated");
}

}  // namespace chrun
