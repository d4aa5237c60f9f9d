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
  for (const name of ['Release', 'quickjs'])
    cpSync(join(checkout, 'build', name), join(place, 'build', name), {
      recursive: true,
      preserveTimestamps: true,
    });
  symlinkSync(join(checkout, 'node_modules'), join(place, 'node_modules'));
  // a checkout, for the compiler's flags
  writeFileSync(join(place, '.git'), '');
  return place;
}

function build(place: string, env: NodeJS.ProcessEnv = {}): void {
  const words = [join(place, 'scripts/build.mjs'), 'native'];
  execFileSync(process.execPath, words, { stdio: 'pipe', env: { ...process.env, ...env } });
}

t.test('a checkout elsewhere builds the same programs, or what the machine allows', (t) => {
  const place = copyCheckout(t);
  const command = join(place, 'bin/ch-run-ts'),
    server = join(place, 'build/Release/ch-run-ts-squashfs');
  for (const file of [server, join(place, 'build/Release/ch-run-ts')]) rmSync(file, { force: true });
  build(place);
  for (const name of ['bin/ch-run-ts', 'build/Release/ch-run-ts-squashfs']) {
    if (!existsSync(join(checkout, name))) continue;
    const [here, there] = [checkout, place].map((root) => readFileSync(join(root, name)));
    t.ok(here?.equals(there ?? Buffer.of()), `${name} is the same, byte for byte`);
  }

  build(place, { PATH: poorPath(t) });
  for (const program of [command, server]) t.ok(needsLinker(program), 'without a static C library');
  t.equal(start(self, command, [image, '--', 'echo', 'here']).stdout, 'here\n');

  rmSync(join(place, 'build'), { recursive: true });
  build(place, { CXX: 'false' });
  t.notOk(isElf(command), 'without a compiler it is a script');
  for (const words of [['--version'], [image, '--', 'true']]) {
    const { status, stderr } = start(self, command, words);
    t.equal(status, 31);
    t.match(stderr, /error: the native part of ch-run-ts is missing/);
    t.match(stderr, /hint: .*npm run build/);
  }
  t.end();
});
