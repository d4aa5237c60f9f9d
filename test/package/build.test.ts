/** A checkout elsewhere, built again: where the machine is the same, and where it lacks something. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkout, image, ordinaryUser, scratch, start, users } from '../helpers/support.js';

// it links the native programs
t.setTimeout(300_000);

const [self = ordinaryUser] = users;
const isElf = (path: string) => readFileSync(path).subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));
const needsLinker = (path: string) =>
  /INTERP|NEEDED/.test(execFileSync('readelf', ['-ldW', path]).toString());

/** A PATH with the compiler of a machine that has no static C library. Its name is the same: only linking is done again. */
function poorPath(t: Test): string {
  const place = scratch(t, self);
  const compiler = execFileSync('sh', ['-c', 'command -v g++'], { encoding: 'utf8' }).trim();
  const script = `for word; do case $word in -static|-static-pie) exit 1;; esac; done\nexec ${compiler} "$@"\n`;
  writeFileSync(join(place, 'g++'), `#!/bin/sh\n${script}`, { mode: 0o755 });
  return `${place}:${process.env.PATH}`;
}

/** With what was compiled already. */
function copyCheckout(t: Test): string {
  const place = scratch(t, self);
  for (const name of ['addon', 'binding.gyp', 'bin/package.json', 'dist', 'package.json', 'scripts'])
    cpSync(join(checkout, name), join(place, name), { recursive: true, preserveTimestamps: true });
  // of curl what is made of it, and its archive; the source has thousands of files
  const isNeeded = (path: string) => !/\/curl\/source\/(?!include)./.test(path);
  for (const name of ['Release', 'quickjs', 'curl'].filter((each) =>
    existsSync(join(checkout, 'build', each)),
  ))
    cpSync(join(checkout, 'build', name), join(place, 'build', name), {
      recursive: true,
      preserveTimestamps: true,
      filter: isNeeded,
    });
  symlinkSync(join(checkout, 'node_modules'), join(place, 'node_modules'));
  // a checkout, for the compiler's flags
  writeFileSync(join(place, '.git'), '');
  return place;
}

function build(place: string, env: NodeJS.ProcessEnv): void {
  const words = [join(place, 'scripts/build.mjs'), 'native'];
  execFileSync(process.execPath, words, { stdio: 'pipe', env: { ...process.env, ...env } });
}

/** Only what runs containers: as scripts/build.mjs does it for all programs. */
function link(place: string, env: NodeJS.ProcessEnv = {}): void {
  const prefix = join(process.execPath, '../..');
  const headers = existsSync(join(prefix, 'include/node/node.h')) ? [`--nodedir=${prefix}`] : [];
  const options = { cwd: place, stdio: 'pipe', env: { ...process.env, AR: 'gcc-ar', ...env } } as const;
  const gyp = join(checkout, 'node_modules/node-gyp/bin/node-gyp.js');
  execFileSync(process.execPath, [gyp, 'configure', '--silent', ...headers], options);
  execFileSync('make', ['-C', 'build', 'BUILDTYPE=Release', 'ch-run-ts', 'ch-run-ts-squashfs'], options);
}

t.test('a checkout elsewhere builds the same programs, or what the machine allows', (t) => {
  const place = copyCheckout(t);
  const command = join(place, 'build/Release/ch-run-ts'),
    server = join(place, 'build/Release/ch-run-ts-squashfs');
  for (const file of [command, server]) rmSync(file, { force: true });
  link(place);
  for (const name of ['ch-run-ts', 'ch-run-ts-squashfs']) {
    const [here, there] = [checkout, place].map((root) => join(root, 'build/Release', name));
    if (!here || !there || !existsSync(here)) continue;
    t.ok(readFileSync(here).equals(readFileSync(there)), `${name} is the same, byte for byte`);
  }

  link(place, { PATH: poorPath(t) });
  for (const program of [command, server]) t.ok(needsLinker(program), 'without a static C library');
  t.equal(start(self, command, [image, '--', 'echo', 'here']).stdout, 'here\n');

  rmSync(join(place, 'build'), { recursive: true });
  // nor one for curl, which would take minutes
  build(place, { CC: 'false', CXX: 'false' });
  const script = join(place, 'bin/ch-run-ts');
  t.notOk(isElf(script), 'without a compiler it is a script');
  for (const words of [['--version'], [image, '--', 'true']]) {
    const { status, stderr } = start(self, script, words);
    t.equal(status, 31);
    t.match(stderr, /error: the native part of ch-run-ts is missing/);
    t.match(stderr, /hint: .*npm run build/);
  }
  t.end();
});
