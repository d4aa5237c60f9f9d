/** The tree on other systems: with the userland of Debian 11, and with none but busybox. No Node is there. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { image, isRoot, root, scratch, skip, start } from '../helpers/support.js';
import { findObstacle, unpackTree } from './packages.js';

t.setTimeout(400_000);

const obstacle = findObstacle() ?? (isRoot ? undefined : 'another root directory needs root');
const compressors = ['gzip', 'xz', 'lzo', 'lz4', 'zstd'];

/** What an ordinary user does there, in whatever shell there is. */
const script = `
set -e
run() { ch-run-ts -v "$1" -- cat /etc/os-release 2>/tmp/said | grep -q make-image && echo "$2"; }
run /images/directory first
grep -q 'remembered the plan' /tmp/said
run /images/directory remembered
grep -q 'remembered plan: ' /tmp/said
for name in ${compressors.join(' ')}; do run "/images/$name.sqfs" "$name"; done
ch-run-ts -W --seccomp -b /busybox:/busybox /images/directory -- sh -c 'echo new >/file; /busybox chown 5 /file; cat /file'
ch-run-ts --doctor | tail -1`;

const said = ['first', 'remembered', ...compressors, 'new', 'Containers can be run here.', ''].join('\n');

/** A file as in examples/make-image is told from those of the systems. */
function addImages(place: string): void {
  mkdirSync(join(place, 'images'));
  cpSync(image, join(place, 'images/directory'), { recursive: true, verbatimSymlinks: true });
  for (const name of compressors) {
    const words = [
      image,
      join(place, `images/${name}.sqfs`),
      '-comp',
      name,
      '-quiet',
      '-no-progress',
      '-all-root',
    ];
    execFileSync('mksquashfs', words);
  }
}

/** Adds to a root what runs there, and runs it as a user of its own; returns how that ends. */
function runIn(t: Test, place: string) {
  cpSync(unpackTree(t), join(place, 'opt/ch-run-ts'), { recursive: true });
  cpSync('/bin/busybox', join(place, 'busybox'));
  addImages(place);
  for (const folder of ['proc', 'dev', 'sys', 'tmp', 'etc', 'home/user', 'bin'])
    mkdirSync(join(place, folder), { recursive: true });
  writeFileSync(join(place, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nuser:x:4321:4321::/home/user:/bin/sh\n');
  writeFileSync(join(place, 'etc/group'), 'root:x:0:\nuser:x:4321:\n');
  writeFileSync(join(place, 'script'), script);
  execFileSync('chown', ['4321:4321', join(place, 'home/user'), join(place, 'tmp')]);
  // not by chroot: inside of one no user namespaces can be made
  const enter = `
    mount --rbind "$0" "$0"; cd "$0"
    for name in proc dev sys; do mount --rbind "/$name" "$name"; done
    ./busybox pivot_root . .; /busybox umount -l .
    cd /
    exec /busybox env -i PATH=/opt/ch-run-ts/bin:/usr/bin:/bin /busybox su user -c 'export HOME=/home/user; cd; sh /script'`;
  return start(root, 'unshare', ['--mount', '--propagation', 'private', 'sh', '-ec', enter, place]);
}

t.test('it runs with the userland of Debian 11', async (t) => {
  if (obstacle) return skip(t, obstacle);
  const place = join(scratch(t, root), 'bullseye');
  // unpacked is enough, and takes a tenth of the time of an installation
  const include = '--include=dash,coreutils,grep,libc-bin,base-files';
  const words = ['--quiet', '--variant=extract', include, 'bullseye', place];
  t.match(start(root, 'mmdebstrap', words, { timeout: 300_000, env: process.env }), { status: 0 });
  const { status, stdout, stderr } = runIn(t, place);
  t.same([status, stdout, stderr], [0, said, '']);
});

t.test('it runs where there is busybox alone', async (t) => {
  if (obstacle) return skip(t, obstacle);
  const place = join(scratch(t, root), 'busybox');
  mkdirSync(join(place, 'bin'), { recursive: true });
  for (const name of ['sh', 'cat', 'grep', 'tail']) symlinkSync('/busybox', join(place, 'bin', name));
  const { status, stdout, stderr } = runIn(t, place);
  t.same([status, stdout, stderr], [0, said, '']);
  t.notOk(existsSync(join(place, 'lib')), 'no C library, no loader');
});
