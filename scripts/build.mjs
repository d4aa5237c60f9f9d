// Builds everything: `npm run build`. An argument selects a part: `native`, what depends on this machine; `js`, the
// rest. With `--all`, a missing library is an error.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { programs } from './programs.mjs';

const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const commandPath = (name) => join(root, 'bin', name);

function run(program, ...words) {
  const { status } = spawnSync(process.execPath, [program, ...words], { cwd: root, stdio: 'inherit' });
  return status === 0;
}

/** Replaces a program in bin/ by rename(2): one that is running can't be written to. */
function placeProgram(name, write) {
  const path = commandPath(name);
  mkdirSync(join(root, 'bin'), { recursive: true });
  write(`${path}.new`);
  chmodSync(`${path}.new`, 0o755);
  renameSync(`${path}.new`, path);
}

/** Without native programs: the command line interface alone. It prints help and plans, and says what is missing. */
function placeScripts() {
  for (const { name } of programs)
    placeProgram(name, (path) => writeFileSync(path, "#!/usr/bin/env node\nrequire('../dist/cli.cjs');\n"));
}

/** Node's own headers, if they were installed with it: then nothing has to be downloaded. */
function headers() {
  const prefix = join(process.execPath, '../..');
  return existsSync(join(prefix, 'include/node/node.h')) ? [`--nodedir=${prefix}`] : [];
}

function buildNative() {
  // of what is optimized as a whole, ar(1) alone may not find the symbols
  if (!spawnSync('gcc-ar', ['--version']).error) process.env.AR ??= 'gcc-ar';
  const gyp = require.resolve('node-gyp/bin/node-gyp.js');
  if (
    !run(gyp, 'configure', '--silent', ...headers()) ||
    !run(gyp, 'build', '--silent', '--jobs=max', ...headers())
  )
    return false;
  // a program whose libraries are missing is not built
  for (const { name } of programs.filter(({ name }) => existsSync(join(root, 'build/Release', name))))
    placeProgram(name, (path) => copyFileSync(join(root, 'build/Release', name), path));
  return true;
}

/** Prints one line of what is built in and what is left out, so that nothing is left out silently. False if anything is. */
async function reportParts() {
  const { findMissing } = await import('./libraries.mjs');
  const { stdout } = spawnSync(commandPath('ch-run-ts'), ['--version'], { encoding: 'utf8' });
  const [version, ...lines] = stdout.trim().split('\n');
  const missing = findMissing().map(
    ({ part, name, needs }) => `${part === name ? name : `${part} ${name}`} needs ${needs}`,
  );
  const { findCurl } = await import('./curl.mjs');
  if (findCurl() === undefined) missing.push('pull of ch-image-ts needs libcurl (see above)');
  if (!/^engine: QuickJS/m.test(stdout)) missing.push('the built-in engine needs the source of QuickJS');
  console.log(`built: ${[version, ...lines].join('; ')}; left out: ${missing.join(', ') || 'nothing'}`);
  return missing.length === 0;
}

/** For the Node of this machine, if the JavaScript is there; without the cache everything works, but starts more slowly. */
function buildCodeCache() {
  if (!existsSync(join(root, 'dist/ch-run-ts.bundle.js'))) return;
  spawnSync(process.execPath, [join(root, 'scripts/code-cache.mjs')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** The command line interface in one file, and the library for Node programs with its types. */
async function buildJavaScript() {
  if (!run(require.resolve('typescript/bin/tsc'))) return false;
  const { bundlePrograms } = await import('./bundle.mjs');
  await bundlePrograms(root);
  return true;
}

const part = process.argv[2] === '--all' ? undefined : process.argv[2];
if (part !== 'native' && !(await buildJavaScript())) process.exit(1);
if (part !== 'js') {
  if (!buildNative()) {
    placeScripts();
    console.error(
      'ch-run-ts: the native program could not be built; a C++20 compiler, make and python3 are needed',
    );
    process.exit(part === 'native' ? 0 : 1);
  }
  buildCodeCache();
  if (!(await reportParts()) && process.argv.includes('--all')) {
    console.error('ch-run-ts: with --all, nothing may be left out');
    process.exit(1);
  }
}
