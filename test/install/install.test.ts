/** The package as a user gets it: packed, and installed from the tarball. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test, test } from 'tap';
import { checkout, image, ordinaryUser, scratch, start, users } from '../support.js';

// it compiles the native program
t.setTimeout(400_000);

const [self = ordinaryUser] = users.filter(({ uid }) => uid === process.getuid?.());
const isElf = (path: string) => readFileSync(path).subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));

const needsLinker = (path: string) =>
  execFileSync('readelf', ['-lW', path], { encoding: 'utf8' }).includes('INTERP');

/** A compiler on a machine that has no static C library. */
function compilerWithoutStatic(t: Test): string {
  const compiler = join(scratch(t, self), 'g++');
  const script = 'for word; do [ "$word" != -static ] || exit 1; done\nexec g++ "$@"\n';
  writeFileSync(compiler, `#!/bin/sh\n${script}`, { mode: 0o755 });
  return compiler;
}

function pack(t: Test): string {
  const place = scratch(t, self);
  // without scripts: they would build in the checkout that other tests use; test/make-package does their work
  execFileSync('bash', [join(checkout, 'test/install/make-package'), place], { stdio: 'pipe' });
  return join(place, 'ch-run-ts.tgz');
}

function install(t: Test, tarball: string, env: NodeJS.ProcessEnv): string {
  const prefix = scratch(t, self);
  const words = ['install', '-g', '--prefix', prefix, '--no-audit', '--no-fund', '--loglevel=error', tarball];
  execFileSync('npm', words, { stdio: 'pipe', env: { ...process.env, ...env } });
  return join(prefix, 'bin/ch-run-ts');
}

test('the tarball installs the native program', async (t) => {
  const tarball = pack(t);
  const command = install(t, tarball, {});
  t.ok(isElf(command), 'no shell and no Node in front');
  t.notOk(needsLinker(command), 'and no dynamic linker');
  t.ok(existsSync(join(dirname(realpathSync(command)), '../dist/main.cache')), 'compiled for this Node');
  t.match(start(self, command, ['--version']).stdout, /^ch-run-ts \d+\.\d+\.\d+ \(features: .*extglob/);
  t.equal(start(self, command, [image, '--', 'echo', 'here']).stdout, 'here\n');

  const dynamic = install(t, tarball, { CXX: compilerWithoutStatic(t) });
  t.ok(needsLinker(dynamic), 'without a static C library');
  t.equal(start(self, dynamic, [image, '--', 'echo', 'here']).stdout, 'here\n');

  const script = install(t, tarball, { CXX: 'false' });
  t.notOk(isElf(script), 'without a compiler it is a script');
  t.match(
    start(self, script, ['--version']).stdout,
    /^ch-run-ts \d+\.\d+\.\d+ \(the native part .* is missing/,
  );
  t.match(start(self, script, ['--dry-run', image]).stdout, /^root +\S+ read-only$/m, 'which plans');
  const { status, stderr } = start(self, script, [image, '--', 'true']);
  t.equal(status, 31);
  t.match(stderr, /error: the native part of ch-run-ts is missing/);
  t.match(stderr, /hint: .*C\+\+ compiler/);
  t.ok(existsSync(tarball));
});
