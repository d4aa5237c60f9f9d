/** The package as a user gets it: packed, and installed from the tarball. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test, test } from 'tap';
import { checkout, image, ordinaryUser, scratch, start, users } from '../helpers/support.js';

// it compiles the native program
t.setTimeout(400_000);

const [self = ordinaryUser] = users.filter(({ uid }) => uid === process.getuid?.());
const isElf = (path: string) => readFileSync(path).subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));

const needsLinker = (path: string) =>
  /INTERP|NEEDED/.test(execFileSync('readelf', ['-ldW', path]).toString());

/**
 * A PATH with the compiler of a machine that has no static C library, and nothing that fetches the engine's source. The
 * compiler's name is the same: only linking is done again.
 */
function poorPath(t: Test): string {
  const place = scratch(t, self);
  const compiler = execFileSync('sh', ['-c', 'command -v g++'], { encoding: 'utf8' }).trim();
  const script = `for word; do case $word in -static|-static-pie) exit 1;; esac; done\nexec ${compiler} "$@"\n`;
  writeFileSync(join(place, 'g++'), `#!/bin/sh\n${script}`, { mode: 0o755 });
  writeFileSync(join(place, 'apt-get'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  return `${place}:${process.env.PATH}`;
}

function pack(t: Test): string {
  const place = scratch(t, self);
  // without scripts: they would build in the checkout that other tests use; test/make-package does their work
  execFileSync('bash', [join(checkout, 'test/package/make-package'), place], { stdio: 'pipe' });
  return join(place, 'ch-run-ts.tgz');
}

function npm(prefix: string, words: readonly string[], env: NodeJS.ProcessEnv): void {
  const common = ['-g', '--prefix', prefix, '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', [...words, ...common], { stdio: 'pipe', env: { ...process.env, ...env } });
}

function install(t: Test, tarball: string, env: NodeJS.ProcessEnv): string {
  const prefix = scratch(t, self);
  npm(prefix, ['install', tarball], env);
  return join(prefix, 'bin/ch-run-ts');
}

test('the tarball installs the native program', async (t) => {
  const tarball = pack(t);
  const command = install(t, tarball, {});
  t.ok(isElf(command), 'no shell and no Node in front');
  const server = join(dirname(realpathSync(command)), '../build/Release/ch-run-ts-squashfs');
  for (const program of [command, server]) t.notOk(needsLinker(program), 'and no dynamic linker');
  t.ok(existsSync(join(dirname(realpathSync(command)), '../dist/ch-run-ts.cache')), 'compiled for this Node');
  t.match(start(self, command, ['--version']).stdout, /^ch-run-ts \d+\.\d+\.\d+ \(features: .*extglob/);
  t.equal(start(self, command, [image, '--', 'echo', 'here']).stdout, 'here\n');

  t.match(start(self, command, ['--version']).stdout, /^engine: QuickJS /m);

  rmSync(join(dirname(realpathSync(command)), '../build/quickjs'), { recursive: true });
  npm(join(dirname(command), '..'), ['rebuild', 'ch-run-ts'], { PATH: poorPath(t) });
  for (const program of [command, server]) t.ok(needsLinker(program), 'without a static C library');
  t.match(start(self, command, ['--version']).stdout, /^engine: Node\.js$/m);
  t.equal(start(self, command, [image, '--', 'echo', 'here']).stdout, 'here\n');

  const script = install(t, tarball, { CXX: 'false' });
  t.notOk(isElf(script), 'without a compiler it is a script');
  for (const words of [['--version'], [image, '--', 'true']]) {
    const { status, stderr } = start(self, script, words);
    t.equal(status, 31);
    t.match(stderr, /error: the native part of ch-run-ts is missing/);
    t.match(stderr, /hint: .*C\+\+ compiler/);
  }
  t.ok(existsSync(tarball));
});
