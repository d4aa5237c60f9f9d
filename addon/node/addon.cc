// The addon: N-API exports only. src/host/native.ts says what they mean to TypeScript.
#include <napi.h>
#include <pwd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "host/errno_name.h"
#include "host/questions.h"
#include "host/text_codec.h"

namespace {

std::string to_bytes(const Napi::Value& value) { return chrun::from_utf16(value.As<Napi::String>().Utf16Value()); }

/// As SystemError in src/host/native.ts.
Napi::Error to_js(Napi::Env env, const chrun::SysError& failure) {
  const Napi::Error error = Napi::Error::New(env, failure.what());
  error.Set("errno", Napi::Number::New(env, failure.code()));
  error.Set("code", chrun::errno_name(failure.code()));
  error.Set("syscall", failure.call());
  error.Set("reason", chrun::errno_words(failure.code()));
  return error;
}

/// Runs `body`, with our exceptions turned into JavaScript's.
template <typename Body>
Napi::Value guarded(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const chrun::SysError& failure) {
    throw to_js(env, failure);
  } catch (const chrun::Error& failure) {
    throw Napi::Error::New(env, failure.what());
  }
}

Napi::Value to_text(Napi::Env env, const std::string& bytes) { return Napi::String::New(env, chrun::to_utf16(bytes)); }

Napi::Value to_buffer(Napi::Env env, const std::string& bytes) {
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

template <Napi::Value (*Convert)(Napi::Env, const std::string&)>
Napi::Value ask(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    chrun::Words arguments;
    for (size_t i = 1; i < info.Length(); i++) arguments.push_back(to_bytes(info[i]));
    const chrun::Words words = chrun::answer(to_bytes(info[0]), arguments);
    const Napi::Array answer = Napi::Array::New(info.Env(), words.size());
    for (uint32_t i = 0; i < words.size(); i++) answer.Set(i, Convert(info.Env(), words[i]));
    return answer;
  });
}

Napi::Value memory_file(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    return Napi::Number::New(info.Env(), chrun::memory_file("ch-run-ts-plan", to_bytes(info[0]), false).release());
  });
}

std::string login_name(uid_t uid) {
  const struct passwd* user = getpwuid(uid);
  return user != nullptr && user->pw_name != nullptr ? user->pw_name : "";
}

Napi::Value open_door(const Napi::CallbackInfo& info) {
  chrun::open_door({to_bytes(info[0]), login_name});
  return info.Env().Undefined();
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("ask", Napi::Function::New(env, ask<to_text>));
  exports.Set("askBytes", Napi::Function::New(env, ask<to_buffer>));
  exports.Set("memoryFile", Napi::Function::New(env, memory_file));
  exports.Set("openDoor", Napi::Function::New(env, open_door));
  return exports;
}

}  // namespace

NODE_API_MODULE(ch_run_ts, initialize)
