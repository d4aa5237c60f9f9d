/** The tree that users unpack: everything is found from where the program lies, wherever that is. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import {
  checkout,
  failsWith,
  image,
  isRoot,
  ordinaryUser,
  root,
  scratch,
  skip,
  squashed,
  start,
  type User,
  users,
} from '../helpers/support.js';
import {
  findObstacle,
  findPackages,
  makePackages,
  programsOf,
  treeName,
  unpackTree,
  version,
} from './packages.js';

const obstacle = findObstacle();
const runs = (t: Test, user: User, program: string, title: string) => {
  // with an environment that is empty, from another directory, and with its own server
  for (const each of [image, squashed]) {
    const words = ['-i', program, '--no-memo', '--no-share', each, '--', 'echo', 'here'];
    const { status, stdout, stderr } = start(user, 'env', words, { cwd: '/' });
    t.same([status, stdout], [0, 'here\n'], title);
    t.match(stderr, /^[^\n]*: warning: PATH is not set [^\n]*\n$/, 'and nothing else is said');
  }
};

for (const user of users) {
  t.test(`as ${user.name}`, async (t) => {
    if (obstacle) return skip(t, obstacle);

    t.test('it runs directories and SquashFS images where it is unpacked, moved and linked', async (t) => {
      const tree = unpackTree(t, user),
        place = dirname(tree);
      runs(t, user, join(tree, 'bin/ch-run-ts'), 'unpacked');
      renameSync(tree, join(place, 'moved'));
      runs(t, user, join(place, 'moved/bin/ch-run-ts'), 'moved');
      symlinkSync('moved', join(place, 'current'));
      runs(t, user, join(place, 'current/bin/ch-run-ts'), 'in a folder that is linked');
      symlinkSync('moved/bin/ch-run-ts', join(place, 'ch-run-ts'));
      runs(t, user, join(place, 'ch-run-ts'), 'linked');
    });

    t.test('it runs from a file system that is read-only, and says so', async (t) => {
      const script = `
        mount -t tmpfs none "$0"; cp -R "$1" "$0/tree"; mount -o remount,bind,ro "$0"
        ! touch "$0/x" 2>/dev/null
        for image in "$2" "$3"; do "$0/tree/bin/ch-run-ts" --no-memo --no-share "$image" -- echo here; done
        "$0/tree/bin/ch-run-ts" --doctor | grep installation`;
      const words = [scratch(t, user), unpackTree(t), image, squashed];
      const { status, stdout, stderr } = start(user, 'unshare', ['-Urm', 'sh', '-ec', script, ...words]);
      t.same([status, stderr], [0, '']);
      t.match(stdout, /^here\nhere\n +installation +tree at \/.*\/tree, read-only\n$/);
    });

    t.test('the doctor and errors name what is in the tree', async (t) => {
      const tree = unpackTree(t, user);
      const begin = (...words: string[]) => start(user, join(tree, 'bin/ch-run-ts'), words);
      const { stdout } = begin('--doctor');
      t.match(stdout, /libraries +.*(libdeflate|zlib)/);
      t.match(stdout, new RegExp(`installation +tree at ${tree}$`, 'm'));
      t.match(stdout, /^yes {3}all of its files$/m);
      const server = join(tree, 'libexec/ch-run-ts/ch-run-ts-squashfs');
      rmSync(server);
      t.match(
        begin('--doctor').stdout,
        /^no {4}all of its files +missing: libexec\/ch-run-ts\/ch-run-ts-squashfs$/m,
      );
      const ending = begin('--no-memo', '--no-share', squashed, '--', 'true');
      failsWith(t, ending, 84, `there is no ${server}`, /install a release with/);
    });
  });
}

t.test('plans are remembered when a SquashFS mount of the tree has another device number', async (t) => {
  if (obstacle) return skip(t, obstacle);
  if (!isRoot) return skip(t, 'mounting a SquashFS file by the kernel needs root');
  const tree = unpackTree(t),
    place = dirname(tree),
    file = join(place, 'tree.sqfs');
  execFileSync('mksquashfs', [tree, file, '-quiet', '-no-progress', '-all-root']);
  mkdirSync(join(place, 'at'));
  mkdirSync(join(place, 'memo'));
  chmodSync(place, 0o755);
  // the first mount stays, below the second one
  const script = `
    cp "$0/tree.sqfs" "$0/copy.sqfs"
    for file in tree copy; do
      mount -o loop,ro "$0/$file.sqfs" "$0/at"; stat -c %d "$0/at"
      CH_RUN_MEMO_DIR=$0/memo "$0/at/bin/ch-run-ts" -v "$1" -- echo here
    done 2>&1`;
  const { status, stdout } = start(root, 'unshare', ['-m', 'sh', '-ec', script, place, image]);
  t.equal(status, 0, stdout);
  const devices = stdout.match(/^\d+$/gm) ?? [];
  t.equal(new Set(devices).size, 2, 'two device numbers');
  t.match(stdout, /remembered the plan(.|\n)*remembered plan: (.|\n)*here\n$/);
});

t.test('the archive has what belongs to an installation, and is small', async (t) => {
  if (obstacle) return skip(t, obstacle);
  const packages = findPackages(),
    tree = unpackTree(t);
  const mebibyte = 1 << 20;
  const size = 'tar -C "$0" -c bin/ch-run-ts libexec | xz -9e | wc -c';
  const launcher = Number(execFileSync('sh', ['-c', size, tree], { encoding: 'utf8' }));
  t.ok(launcher <= 2 * mebibyte, `what runs containers takes at most 2 MiB: ${launcher}`);
  t.ok(statSync(join(packages, `${treeName}.tar.xz`)).size <= 5 * mebibyte, 'and all at most 5 MiB');
  const sums = readFileSync(join(tree, 'share/doc/ch-run-ts/SHA256SUMS'), 'utf8');
  for (const name of [
    'bin/ch-run-ts',
    'libexec/ch-run-ts/ch-run-ts-squashfs',
    'share/man/man1/ch-run-ts.1',
    'share/bash-completion/completions/ch-run-ts',
    'share/zsh/site-functions/_ch-run-ts',
    'share/fish/vendor_completions.d/ch-run-ts.fish',
    `share/modulefiles/ch-run-ts/${version}.lua`,
    'share/ch-run-ts/examples/make-image',
    'share/ch-run-ts/profiles/cray.toml',
    'share/doc/ch-run-ts/LICENSE',
    'share/doc/ch-run-ts/THIRD-PARTY',
    'share/doc/ch-run-ts/ch-run-ts.spdx.json',
    'share/doc/ch-run-ts/docs/quickstart.md',
  ])
    t.match(sums, `  ${name}\n`);
  execFileSync('sha256sum', ['--quiet', '-c', 'share/doc/ch-run-ts/SHA256SUMS'], { cwd: tree });
  for (const program of programsOf(tree)) {
    const shown = execFileSync('readelf', ['-ldW', program], { encoding: 'utf8' });
    t.notMatch(shown, /INTERP|NEEDED/, 'nothing is loaded');
    t.notOk(
      readFileSync(program, 'latin1').includes(checkout),
      'and the folder it was built in is not named',
    );
  }
});

t.test('licences and the bill of materials list what is linked in', async (t) => {
  if (obstacle) return skip(t, obstacle);
  const place = join(unpackTree(t), 'share/doc/ch-run-ts');
  const licences = readFileSync(join(place, 'THIRD-PARTY'), 'utf8');
  const bill = JSON.parse(readFileSync(join(place, 'ch-run-ts.spdx.json'), 'utf8'));
  const names = bill.packages.map(({ name }: { name: string }) => name);
  for (const name of [
    'QuickJS',
    'glibc',
    'libseccomp',
    'libdeflate',
    'liblzma',
    'lz4',
    'zstd',
    'yaml',
    'yargs-parser',
  ]) {
    t.ok(names.includes(name), name);
    t.match(licences, new RegExp(`^${name} \\S+: `, 'm'));
  }
  t.match(licences, /GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1/);
  t.notMatch(licences, /lzo/i, 'nothing under the GPL without an exception');
});

t.test('packages that are made twice are the same', async (t) => {
  if (obstacle) return skip(t, obstacle);
  const again = scratch(t, users[0]);
  makePackages(again);
  const sums = (place: string) => readFileSync(join(place, 'SHA256SUMS'), 'utf8');
  t.equal(sums(again), sums(findPackages()));
});

t.test('the module file finds the tree from its own place', async (t) => {
  if (obstacle) return skip(t, obstacle);
  const tree = unpackTree(t);
  const script = `. /usr/share/lmod/lmod/init/bash; module use "$0/share/modulefiles"; module load ch-run-ts
    command -v ch-run-ts; man -w ch-run-ts; module unload ch-run-ts; command -v ch-run-ts || echo gone`;
  const { stdout, stderr } = start(ordinaryUser, 'bash', ['-c', script, tree]);
  t.same(stdout, `${tree}/bin/ch-run-ts\n${tree}/share/man/man1/ch-run-ts.1\ngone\n`, stderr);
});
