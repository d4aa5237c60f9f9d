/* compile-bytecode script|module SOURCE NAME OUTPUT: bytecode of QuickJS; NAME stands in stack traces. Runs where the
   build runs, also where it is for another architecture: the two have the same byte order and word size. */
#include <quickjs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char* read_all(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) return NULL;
  *size = (size_t)ftell(file);
  rewind(file);
  char* text = calloc(1, *size + 1);
  if (text == NULL || fread(text, 1, *size, file) != *size) return NULL;
  fclose(file);
  return text;
}

int main(int argc, char** argv) {
  size_t size, written;
  char* source = argc == 5 ? read_all(argv[2], &size) : NULL;
  if (source == NULL) {
    fprintf(stderr, "usage: compile-bytecode script|module SOURCE NAME OUTPUT\n");
    return 64;
  }
  JSRuntime* runtime = JS_NewRuntime();
  JS_SetStripInfo(runtime, JS_STRIP_SOURCE); /* line numbers stay */
  JSContext* context = JS_NewContext(runtime);
  const int type = strcmp(argv[1], "module") == 0 ? JS_EVAL_TYPE_MODULE : JS_EVAL_TYPE_GLOBAL;
  JSValue script = JS_Eval(context, source, size, argv[3], type | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(script)) {
    fprintf(stderr, "%s\n", JS_ToCString(context, JS_GetException(context)));
    return 1;
  }
  uint8_t* bytecode = JS_WriteObject(context, &written, script, JS_WRITE_OBJ_BYTECODE);
  FILE* output = fopen(argv[4], "wb");
  return bytecode != NULL && output != NULL && fwrite(bytecode, 1, written, output) == written && fclose(output) == 0
             ? 0
             : 1;
}
