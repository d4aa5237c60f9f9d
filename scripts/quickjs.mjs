// Builds QuickJS, the JavaScript engine of our programs, and the bundled TypeScript as its bytecode, in build/quickjs/.
// Prints where that is, for binding.gyp; with the argument `version`, the version of QuickJS. If the source is not
// available, prints nothing and says why: then Node runs the TypeScript.
//
// The source is Debian's (suite trixie); CH_RUN_QUICKJS_SOURCE can name the archive.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findArchive, unpack } from './debian-source.mjs';
import { bundlesOf, programs } from './programs.mjs';

const version = '2025-04-26';
const origin = {
  name: 'quickjs',
  archive: 'quickjs_2025.04.26.orig.tar.xz',
  checksum: 'ec81da5b3249ed648dbc7df4a1654988910e66a118d9b71cb63534216efcfbbe',
  variable: 'CH_RUN_QUICKJS_SOURCE',
};
const sources = ['quickjs', 'libregexp', 'libunicode', 'cutils', 'dtoa'];

const root = join(import.meta.dirname, '..');
const directory = join(root, 'build/quickjs');
const source = join(directory, 'source');
const path = (name) => join(directory, name);
const run = (program, ...words) =>
  execFileSync(program, words, { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });

/** With the compiler of this machine, or that of the target. */
function compile(compiler, output, tools = { objcopy: 'objcopy', ar: 'ar' }) {
  for (const name of sources) {
    const words = ['-O2', '-w', '-D_GNU_SOURCE', `-DCONFIG_VERSION="${version}"`];
    // relative paths: the result does not depend on the directory
    run(compiler, ...words, '-c', `source/${name}.c`, '-o', `${name}.o`);
    // a remembered launch must not touch more pages for it: the linker keeps these sections apart from all others
    const apart = ['.text=.text.unlikely', '.rodata=quickjs_rodata'].map(
      (names) => `--rename-section=${names}`,
    );
    run(tools.objcopy, ...apart, `${name}.o`);
  }
  rmSync(path(output), { force: true });
  // D: no times, no owners
  run(tools.ar, 'rcsD', output, ...sources.map((name) => `${name}.o`));
}

/** The library, and the program that makes bytecode, once for each compiler. */
function buildEngine() {
  const compiler = process.env.CC ?? 'gcc';
  const stamp = path('built-by');
  const built = `${version} ${compiler} 4`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === built) return;
  unpack(path(origin.archive), source);
  compile('gcc', 'libquickjs-here.a');
  run(
    'gcc',
    '-O1',
    '-w',
    `-I${source}`,
    join(root, 'scripts/compile-bytecode.c'),
    path('libquickjs-here.a'),
    '-lm',
    '-o',
    path('compile-bytecode'),
  );
  if (compiler === 'gcc') renameSync(path('libquickjs-here.a'), path('libquickjs.a'));
  else
    compile(compiler, 'libquickjs.a', {
      objcopy: process.env.OBJCOPY ?? 'objcopy',
      ar: process.env.AR ?? 'ar',
    });
  writeFileSync(stamp, built);
}

/** Programs as modules: their functions find those of others without a search. */
function compileBundle(name) {
  const bytecode = path(`${name}.bytecode`);
  const isProgram = programs.some((program) => program.name === name);
  const source = join(root, `dist/${name}.${isProgram ? 'module' : 'bundle'}.js`);
  run(path('compile-bytecode'), isProgram ? 'module' : 'script', source, `${name}.bundle.js`, bytecode);
  return createHash('sha256').update(readFileSync(bytecode)).digest('hex');
}

/** The bundles of a program as one assembler file, which is rewritten only if its content changes. */
function buildProgram(program) {
  const names = bundlesOf(program);
  // struct Row in addon/engine/program.cc
  const rows = names.map(
    (name, at) => `.asciz "${name}"\n.zero ${31 - name.length}\n.8byte 1${at}f - 0b, 2${at}f - 1${at}f\n`,
  );
  const blocks = names.map(
    (name, at) =>
      `.balign 8\n1${at}: .incbin "${path(`${name}.bytecode`)}" /* ${compileBundle(name)} */\n2${at}:\n`,
  );
  const text = `.section quickjs_rodata,"a"\n.balign 8\n.global ch_run_program\nch_run_program:\n0:\n${rows.join('')}.zero 48\n${blocks.join('')}.section .note.GNU-stack,"",%progbits\n`;
  const file = path(`${program.name}.S`);
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
}

if (process.argv[2] === 'version') {
  console.log(version);
  process.exit();
}

try {
  if (findArchive(origin, directory)) {
    buildEngine();
    programs.forEach(buildProgram);
    console.log(directory);
  } else {
    console.error(
      `ch-run-ts: without the built-in engine: the source of QuickJS, ${origin.archive}, is not available (${origin.variable} can name it)`,
    );
  }
} catch (error) {
  console.error(`ch-run-ts: without the built-in engine: ${error.message}`);
}
