#include "refusals/hints.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstring>

#include "base/own_path.h"
#include "base/records.h"
#include "refusals/hint_table.h"
#include "refusals/restrictions.h"

namespace chrun {
namespace {

/// What makes user namespaces: the launchers, and the file-system server.
std::string own_programs() {
  const Installation installation = own_installation();
  return installation.prefix + "/{bin/ch-run-ts,bin/ch-oci-ts," + installation.programs + "/ch-run-ts-squashfs}";
}

std::string kernel_release() {
  struct utsname name;
  return uname(&name) == 0 ? name.release : "of an unknown version";
}

/// What stands for `{name}`.
std::string value_of(std::string name) {
  if (name == "programs") return own_programs();
  if (name == "profile") return restrictions::apparmor_profile();
  if (name == "release") return kernel_release();
  std::replace(name.begin(), name.end(), '.', '/');
  return std::to_string(restrictions::sysctl(name, 0));
}

std::string fill_in(std::string_view text) {
  std::string filled;
  for (;;) {
    const size_t begin = text.find('{'), end = text.find('}', begin);
    // braces followed by a blank or a newline are literal
    const bool named = end != std::string_view::npos && text.substr(begin, end - begin).find_first_of(" \n") > end;
    if (!named) return filled.append(text);
    filled.append(text.substr(0, begin)).append(value_of(std::string(text.substr(begin + 1, end - begin - 1))));
    text.remove_prefix(end + 1);
  }
}

const Reason* reason_for(const SysError& failure) {
  for (const Refusal& refusal : refusals()) {
    if (refusal.code != failure.code() || strcmp(refusal.call, failure.call()) != 0 ||
        (*refusal.subject != '\0' && failure.subject() != refusal.subject))
      continue;
    for (const Reason& reason : refusal.reasons) {
      if (reason.holds()) return &reason;
    }
    return nullptr;
  }
  return nullptr;
}

}  // namespace

Advice advice_for(const SysError& failure) {
  const Reason* reason = reason_for(failure);
  if (reason == nullptr) return {};
  return {fill_in(reason->cause), reason->user, reason->administrator, fill_in(reason->file)};
}

std::string hint_for(const Error& failure) {
  if (!failure.hint().empty()) return failure.hint();
  const auto* refusal = dynamic_cast<const SysError*>(&failure);
  if (refusal == nullptr) return {};
  const Advice advice = advice_for(*refusal);
  std::string hint = advice.cause;
  if (!advice.user.empty()) hint += "; " + advice.user;
  if (!advice.administrator.empty()) hint += "; the administrator can " + advice.administrator;
  return hint;
}

std::string list_hints() {
  std::string records;
  for (const Refusal& refusal : refusals()) {
    const std::string words = errno_words(refusal.code);
    for (const Reason& reason : refusal.reasons) {
      append_record(records, "reason",
                    {reason.title, refusal.call, words, refusal.subject, reason.cause, reason.user,
                     reason.administrator, reason.file});
    }
  }
  return records;
}

}  // namespace chrun
