// The built-in engine. scripts/quickjs.mjs fetches and builds QuickJS, and compiles the bundled TypeScript to bytecode.
#ifdef CH_RUN_QUICKJS
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-function-type"
#include <quickjs.h>
#pragma GCC diagnostic pop
#include <sys/auxv.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/own_path.h"
#include "engine/arena.h"
#include "engine/decider.h"
#include "engine/program.h"
#include "host/errno_name.h"
#include "host/questions.h"
#include "host/text_codec.h"

namespace chrun {
namespace {

JSValue to_text(JSContext* context, const std::string& bytes) {
  const std::string text = escape_bytes(bytes);
  return JS_NewStringLen(context, text.data(), text.size());
}

JSValue to_bytes(JSContext* context, const std::string& bytes) {
  const JSValue buffer = JS_NewArrayBufferCopy(context, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  // the constructor looks at all three, however many are given
  JSValue arguments[] = {buffer, JS_UNDEFINED, JS_UNDEFINED};
  const JSValue array = JS_NewTypedArray(context, 3, arguments, JS_TYPED_ARRAY_UINT8);
  JS_FreeValue(context, buffer);
  return array;
}

std::string from_text(JSContext* context, JSValueConst value) {
  size_t size;
  const char* text = JS_ToCStringLen(context, &size, value);
  if (text == nullptr) throw Error("out of memory");
  const std::string bytes = unescape_bytes({text, size});
  JS_FreeCString(context, text);
  return bytes;
}

void set(JSContext* context, JSValueConst object, const char* name, JSValue value) {
  if (JS_SetPropertyStr(context, object, name, value) < 0) throw Error("out of memory");
}

/// As SystemError in src/host/native.ts.
JSValue throw_error(JSContext* context, const Error& failure) {
  const JSValue error = JS_NewError(context);
  set(context, error, "message", to_text(context, failure.what()));
  if (const auto* system = dynamic_cast<const SysError*>(&failure)) {
    set(context, error, "errno", JS_NewInt32(context, system->code()));
    set(context, error, "code", to_text(context, errno_name(system->code())));
    set(context, error, "syscall", to_text(context, system->call()));
    set(context, error, "reason", to_text(context, errno_words(system->code())));
  }
  return JS_Throw(context, error);
}

template <typename Body>
JSValue guarded(JSContext* context, Body body) {
  try {
    return body();
  } catch (const Error& failure) {
    return throw_error(context, failure);
  } catch (const std::bad_alloc&) {
    return JS_ThrowOutOfMemory(context);
  }
}

template <JSValue (*Convert)(JSContext*, const std::string&)>
JSValue ask(JSContext* context, JSValueConst, int count, JSValueConst* given) {
  return guarded(context, [&] {
    Words arguments;
    for (int i = 1; i < count; i++) arguments.push_back(from_text(context, given[i]));
    const Words words = answer(count > 0 ? from_text(context, given[0]) : "", arguments);
    const JSValue array = JS_NewArray(context);
    for (uint32_t i = 0; i < words.size(); i++) JS_SetPropertyUint32(context, array, i, Convert(context, words[i]));
    return array;
  });
}

JSValue read(JSContext* context, const std::string& name) {
  const std::span<const uint8_t> part = program_part(name);
  if (part.empty()) throw Error("there is no part " + name + " of the program");
  return JS_ReadObject(context, part.data(), part.size(), JS_READ_OBJ_BYTECODE | JS_READ_OBJ_ROM_DATA);
}

/// The value of a part of the program that is a script.
JSValue evaluate(JSContext* context, const std::string& name) {
  const JSValue code = read(context, name);
  return JS_IsException(code) ? code : JS_EvalFunction(context, code);
}

JSValue load(JSContext* context, JSValueConst, int count, JSValueConst* given) {
  return guarded(context, [&] { return evaluate(context, count > 0 ? from_text(context, given[0]) : ""); });
}

void offer(JSContext* context) {
  const JSValue global = JS_GetGlobalObject(context), engine = JS_NewObject(context);
  set(context, engine, "ask", JS_NewCFunction(context, ask<to_text>, "ask", 1));
  set(context, engine, "askBytes", JS_NewCFunction(context, ask<to_bytes>, "askBytes", 1));
  set(context, engine, "load", JS_NewCFunction(context, load, "load", 1));
  set(context, engine, "root", to_text(context, own_installation().prefix));
  set(context, global, "chRunEngine", engine);
  JS_FreeValue(context, global);
}

/// The engine counts, to know when to collect.
void* take(JSMallocState* state, size_t size) {
  if (size == 0 || state->malloc_size + size > state->malloc_limit) return nullptr;
  void* block = static_cast<Arena*>(state->opaque)->take(size);
  if (block == nullptr) return nullptr;
  state->malloc_count++;
  state->malloc_size += Arena::size_of(block);
  return block;
}

void give_back(JSMallocState* state, void* block) {
  if (block == nullptr) return;
  state->malloc_count--;
  state->malloc_size -= Arena::size_of(block);
  static_cast<Arena*>(state->opaque)->give_back(block);
}

void* resize(JSMallocState* state, void* block, size_t size) {
  if (block == nullptr) return take(state, size);
  if (size == 0) return give_back(state, block), nullptr;
  const size_t before = Arena::size_of(block);
  if (size > before && state->malloc_size + size - before > state->malloc_limit) return nullptr;
  void* larger = static_cast<Arena*>(state->opaque)->resize(block, size);
  if (larger != nullptr) state->malloc_size += Arena::size_of(larger) - before;
  return larger;
}

size_t size_of(const void* block) { return block == nullptr ? 0 : Arena::size_of(block); }

constexpr JSMallocFunctions kMemory = {take, give_back, resize, size_of};

/// How far the stack may grow from here: the limit counts arguments and environment, too, which lie at its beginning.
size_t stack_left() {
  constexpr size_t kMost = 16 << 20, kReserve = 128 << 10;  // bytes; what our own functions and signals need
  struct rlimit limit {};
  getrlimit(RLIMIT_STACK, &limit);
  const char here = 0;
  const size_t used = getauxval(AT_EXECFN) - reinterpret_cast<uintptr_t>(&here);
  const size_t whole = std::min<rlim_t>(limit.rlim_cur, used + kMost);
  return whole > used + 2 * kReserve ? whole - used - kReserve : kReserve;
}

/// What the TypeScript threw and did not catch: a bug.
[[noreturn]] void fail(JSContext* context) {
  const JSValue error = JS_GetException(context), stack = JS_GetPropertyStr(context, error, "stack");
  throw Error("internal error: " + from_text(context, error) + "\n" + from_text(context, stack));
}

JSValue checked(JSContext* context, JSValue value) {
  if (JS_IsException(value)) fail(context);
  return value;
}

/// Runs until nothing waits any more. What it settled to.
JSValue settle(JSContext* context, JSValueConst promise) {
  JSContext* running;
  while (JS_ExecutePendingJob(JS_GetRuntime(context), &running) > 0) {
  }
  const JSValue result = JS_PromiseResult(context, promise);
  if (JS_PromiseState(context, promise) == JS_PROMISE_FULFILLED) return result;
  JS_Throw(context, result);
  fail(context);
}

}  // namespace

Decision decide(char* const* words) {
  constexpr size_t kCollectFrom = 32 << 20;  // bytes; counting references frees nearly all without
  // the engine never ends: its memory is given back as a whole, or, where a limit forbids an arena, never
  Arena arena;
  JSRuntime* runtime = arena ? JS_NewRuntime2(&kMemory, &arena) : JS_NewRuntime();
  if (runtime == nullptr) throw Error("out of memory");
  JS_SetMaxStackSize(runtime, stack_left());
  JS_SetGCThreshold(runtime, kCollectFrom);
  JSContext* context = JS_NewContext(runtime);
  if (context == nullptr) throw Error("out of memory");
  offer(context);
  const JSValue module = checked(context, read(context, kProgram));
  settle(context, checked(context, JS_EvalFunction(context, module)));
  auto* const definition = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(module));
  const JSValue exports = checked(context, JS_GetModuleNamespace(context, definition));
  const JSValue main = JS_GetPropertyStr(context, exports, "main"), list = JS_NewArray(context);
  for (uint32_t i = 0; words[i] != nullptr; i++) JS_SetPropertyUint32(context, list, i, to_text(context, words[i]));
  JSValue arguments[] = {to_text(context, own_path()), list};
  const JSValue promise = checked(context, JS_Call(context, main, JS_UNDEFINED, 2, arguments));
  return parse_decision(from_text(context, settle(context, promise)));
}

std::string engine_name() { return "QuickJS " CH_RUN_QUICKJS; }

}  // namespace chrun
#endif
