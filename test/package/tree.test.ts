/** An installed tree: bin/ and libexec/ alone, found from where the program lies, wherever that is. */
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  failsWith,
  image,
  launcher,
  noSquashfs,
  ordinaryUser,
  scratch,
  skip,
  squashed,
  stage,
  start,
  users,
} from '../helpers/support.js';

const isBuiltIn = /^engine: QuickJS/m.test(start(ordinaryUser, launcher, ['--version']).stdout);
const obstacle = noSquashfs ?? (isBuiltIn ? undefined : 'Node decides: by files beside the program');

/** Only what the tree has; the folder that it lies in. */
function plantTree(t: Test): string {
  const place = scratch(t);
  for (const folder of ['tree/bin', 'tree/libexec/ch-run-ts'])
    mkdirSync(join(place, folder), { recursive: true });
  copyFileSync(launcher, join(place, 'tree/bin/ch-run-ts'));
  const server = 'ch-run-ts-squashfs';
  copyFileSync(join(stage, 'package/build/Release', server), join(place, 'tree/libexec/ch-run-ts', server));
  return place;
}

for (const user of users) {
  t.test(`as ${user.name}`, async (t) => {
    if (obstacle) return skip(t, obstacle);
    /** With an environment that is empty, from another directory. */
    const runs = (program: string, title: string) => {
      for (const each of [image, squashed]) {
        const words = ['-i', program, '--no-memo', each, '--', 'echo', 'here'];
        const { status, stdout, stderr } = start(user, 'env', words, { cwd: '/' });
        t.same([status, stdout], [0, 'here\n'], title);
        t.match(stderr, /^[^\n]*: warning: PATH is not set [^\n]*\n$/, 'and nothing else is said');
      }
    };

    t.test('it runs directories and SquashFS images where it is unpacked, moved and linked', async (t) => {
      const place = plantTree(t);
      runs(join(place, 'tree/bin/ch-run-ts'), 'unpacked');
      renameSync(join(place, 'tree'), join(place, 'moved'));
      runs(join(place, 'moved/bin/ch-run-ts'), 'moved');
      symlinkSync('moved', join(place, 'current'));
      runs(join(place, 'current/bin/ch-run-ts'), 'in a folder that is linked');
      symlinkSync('moved/bin/ch-run-ts', join(place, 'ch-run-ts'));
      runs(join(place, 'ch-run-ts'), 'linked');
    });

    t.test('it runs from a file system that is read-only', async (t) => {
      const script = `
        mount -t tmpfs none "$0"; cp -R "$1" "$0"; mount -o remount,bind,ro "$0"
        ! touch "$0/x" 2>/dev/null
        for image in "$2" "$3"; do "$0/tree/bin/ch-run-ts" --no-memo "$image" -- echo here; done`;
      const words = [scratch(t, user), join(plantTree(t), 'tree'), image, squashed];
      const { status, stdout, stderr } = start(user, 'unshare', ['-Urm', 'sh', '-ec', script, ...words]);
      t.same([status, stdout, stderr], [0, 'here\nhere\n', '']);
    });

    t.test('the doctor and errors name what is in the tree', async (t) => {
      const tree = join(plantTree(t), 'tree');
      const begin = (...words: string[]) => start(user, join(tree, 'bin/ch-run-ts'), words);
      t.match(begin('--doctor').stdout, /libraries +.*(libdeflate|zlib)/);
      const server = join(tree, 'libexec/ch-run-ts/ch-run-ts-squashfs');
      rmSync(server);
      failsWith(
        t,
        begin('--no-memo', squashed, '--', 'true'),
        84,
        `there is no ${server}`,
        /install a release with/,
      );
    });
  });
}
