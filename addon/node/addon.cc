// The addon: N-API exports only. src/host/native.ts says what they mean to TypeScript.
#include <fcntl.h>
#include <fnmatch.h>
#include <napi.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/glob.h"
#include "base/process_state.h"
#include "base/records.h"
#include "node/compile_filter.h"

extern "C" char** environ;

namespace {

using chrun::Fd;

std::string_view bytes_of(const Napi::Value& value) {
  const auto buffer = value.As<Napi::Buffer<char>>();
  return {buffer.Data(), buffer.Length()};
}

/// Runs `body`, with our exceptions turned into JavaScript's.
template <typename Body>
Napi::Value guarded(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const chrun::Error& failure) {
    throw Napi::Error::New(env, failure.what());
  }
}

void restore_state(int handoff) {
  if (lseek(handoff, 0, SEEK_SET) != 0) throw chrun::Refused("lseek").cannot("read the handoff");
  const std::string bytes = chrun::read_all(handoff, "the handoff", chrun::kLargestHandoff);

  for (const auto& record : chrun::parse_records(bytes, "the handoff")) {
    // Node has marked these as close-on-exec too
    if (record.name == "turn") fcntl(std::stoi(std::string(record.fields.at(0))), F_SETFD, 0);
    chrun::restore_process_state(record);
  }
  fcntl(handoff, F_SETFD, 0);
}

Napi::Value replace_process(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    std::string program = info[0].As<Napi::String>();
    const int handoff = info[2].As<Napi::Number>();
    Fd plan = chrun::memory_file("ch-run-ts-plan", bytes_of(info[1]), true);
    restore_state(handoff);
    std::vector<std::string> words{program, "--launch", std::to_string(plan.get()), std::to_string(handoff)};
    for (size_t i = 3; i < 5; i++) words.push_back(std::to_string(info[i].As<Napi::Number>().Int64Value()));
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    execve(program.c_str(), pointers.data(), environ);
    throw chrun::Refused("execve").cannot("start the launcher " + program);
  });
}

Napi::Value memory_file(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return Napi::Number::New(info.Env(), chrun::memory_file("ch-run-ts-plan", bytes_of(info[0]), false).release());
  });
}

/// NUL behind each path: names are bytes.
Napi::Value glob(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    std::string paths;
    for (const auto& path : chrun::matching_paths(std::string(bytes_of(info[0])))) paths += path + '\0';
    return Napi::Buffer<char>::Copy(info.Env(), paths.data(), paths.size());
  });
}

chrun::FilterRule filter_rule(const Napi::Object& rule) {
  chrun::FilterRule result{rule.Get("call").As<Napi::String>()};
  if (!rule.Has("argument")) return result;
  result.argument = rule.Get("argument").As<Napi::Number>().Uint32Value();
  result.mask = rule.Get("mask").As<Napi::Number>().Uint32Value();
  result.value = rule.Get("value").As<Napi::Number>().Uint32Value();
  return result;
}

Napi::Value compile_filter(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto list = info[0].As<Napi::Array>();
    std::vector<chrun::FilterRule> rules;
    for (uint32_t i = 0; i < list.Length(); i++) rules.push_back(filter_rule(list.Get(i).As<Napi::Object>()));
    const std::string program = chrun::compile_filter(rules);
    return Napi::Buffer<char>::Copy(info.Env(), program.data(), program.size());
  });
}

Napi::Array features(Napi::Env env) {
  const Napi::Array names = Napi::Array::New(env);
  uint32_t count = 0;
#ifdef FNM_EXTMATCH
  names.Set(count++, "extglob");
#endif
  names.Set(count++, "overlayfs");
#ifdef CH_RUN_SECCOMP
  names.Set(count++, "seccomp");
#endif
  names.Set(count++, "tmpfs-xattrs");  // used wherever the kernel has them
#ifdef CH_RUN_SQUASH
  names.Set(count++, "squash");
#endif
  return names;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("replaceProcess", Napi::Function::New(env, replace_process));
  exports.Set("memoryFile", Napi::Function::New(env, memory_file));
  exports.Set("compileFilter", Napi::Function::New(env, compile_filter));
  exports.Set("glob", Napi::Function::New(env, glob));
  exports.Set("features", features(env));
  exports.Set("seccompLibrary", Napi::String::New(env, chrun::seccomp_library_version()));
  return exports;
}

}  // namespace

NODE_API_MODULE(ch_run_ts, initialize)
