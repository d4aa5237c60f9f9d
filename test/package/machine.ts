/** A virtual machine with a kernel of Debian, and nothing but busybox, the tree and images: started by qemu, without KVM. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Test } from 'tap';
import { trials } from '../../src/doctor/trials.js';
import { checkout, scratch, users } from '../helpers/support.js';

const { openPackages } = await import(join(checkout, 'scripts/package/debian.mjs'));

export interface Machine {
  readonly arch: 'x86_64' | 'aarch64';
  /** The architecture, as Debian calls it. */
  readonly deb: string;
  readonly suite: string;
  /** What its kernel is called after the architecture: a variant. */
  readonly kernel?: string;
  /** A kernel that was made here, with all that is needed built in, in place of Debian's. */
  readonly image?: string;
  readonly console: string;
  readonly qemu: readonly string[];
}

/** 19 MB, of which no two pages are the same. */
const numbers = Array.from({ length: 2_500_000 }, (_, at) => `${at}\n`).join('');

const applets = [
  'sh',
  'cat',
  'chown',
  'cut',
  'dd',
  'echo',
  'grep',
  'ls',
  'md5sum',
  'sleep',
  'su',
  'tail',
  'true',
];

/** A directory with busybox, and links by the names of its programs. */
function makeRoot(place: string, busybox: string): void {
  for (const folder of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'usr'])
    mkdirSync(join(place, folder), { recursive: true });
  cpSync(busybox, join(place, 'bin/busybox'));
  for (const name of applets) symlinkSync('busybox', join(place, 'bin', name));
  writeFileSync(join(place, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n');
  writeFileSync(join(place, 'etc/group'), 'root:x:0:\nuser:x:1000:\n');
}

/** The files of unpacked packages whose paths a pattern fits. */
function findFiles(place: string, pattern: RegExp): readonly string[] {
  const names = readdirSync(place, { recursive: true, encoding: 'utf8' }).filter((name) =>
    pattern.test(name),
  );
  return names.map((name) => join(place, name));
}

function findFile(place: string, pattern: RegExp): string {
  const [found] = findFiles(place, pattern);
  if (found === undefined) throw new Error(`there is no ${pattern} in ${place}`);
  return found;
}

/**
 * Reads a file of 19 MB: through the cache, once the kernel reads 16 MiB ahead there (which init sets, and not for the
 * memory file system that directories lie in), and asking for 16 MiB at once.
 */
const readLarge = `
ahead=/sys/class/bdi/$(grep " / / " /proc/self/mountinfo | cut -d" " -f3)/read_ahead_kb
[ ! -e $ahead ] || until grep -qx 16384 $ahead; do sleep 0.1; done
md5sum /large
dd if=/large of=/dev/null bs=16M $([ ! -e $ahead ] || echo iflag=direct) 2>&1 | grep in`;

/** What is run on each kernel: every command's output, and its status. */
const job = `
export NO_COLOR=1
try() { "$@"; echo "status $?"; }
cat /proc/version
try ch-run-ts -v /images/directory -- cat /etc/os-release
for name in directory gzip zstd; do
  try ch-run-ts --no-memo "/images/$name$([ $name = directory ] || echo .sqfs)" -- cat /etc/os-release
  try ch-run-ts --no-memo "/images/$name$([ $name = directory ] || echo .sqfs)" -- md5sum /bin/busybox
done
grep -m 1 KernelPageSize /proc/self/smaps
[ ! -e /images/directory/large ] || for name in directory gzip.sqfs zstd.sqfs; do ch-run-ts --no-memo "/images/$name" -- sh -c '${readLarge}'; done
try ch-run-ts --seccomp /images/directory -- sh -c 'chown 5 /bin/busybox && echo faked'
try ch-run-ts -W /images/directory -- sh -c 'echo new >/file; cat /file'
ch-run-ts --doctor`;

// the first root directory can't be left by pivot_root, and so containers would be refused in it
const init = `#!/bin/busybox sh
if [ ! -e /moved ]; then
  /bin/busybox mount -t tmpfs tmpfs /tmp
  for name in bin etc images job modules opt init; do /bin/busybox cp -a /$name /tmp/; done
  for name in dev proc sys tmp moved; do /bin/busybox mkdir /tmp/$name; done
  exec /bin/busybox switch_root /tmp /init
fi
export PATH=/opt/bin:/bin
busybox mount -t devtmpfs dev /dev; busybox mount -t proc proc /proc; busybox mount -t sysfs sys /sys
# as udev does; TOMOYO, which Debian 11 has, looks there for a program that is executed by its descriptor
busybox ln -s /proc/self/fd /dev/fd
busybox mkdir /dev/shm; busybox mount -t tmpfs -o mode=1777 shm /dev/shm
for name in /modules/*; do busybox insmod "$name"; done
busybox chmod 666 /dev/fuse; busybox chmod 1777 /tmp
[ ! -e /images/directory/large ] || while :; do
  for file in /sys/class/bdi/*/read_ahead_kb; do echo 16384 >$file; done 2>/dev/null
  busybox sleep 0.1
done &
su user -c 'HOME=/tmp; cd /tmp; sh /job' 2>&1
echo "job status $?"
busybox poweroff -f
`;

/** Fetches a kernel and busybox; returns where they were unpacked. */
function fetchSystem({ deb, suite, kernel = '', image }: Machine, place: string): string {
  const { debs, download, dependenciesOf } = openPackages(place, deb, suite);
  const kernels = image ? [] : dependenciesOf(`linux-image-${deb}${kernel}`);
  download(...kernels, 'busybox-static');
  const system = join(place, 'system');
  mkdirSync(system);
  const wanted = [
    './boot/vmlinuz-*',
    './*/kernel/fs/fuse/fuse.ko*',
    './*/overlay.ko*',
    './bin/busybox',
    './usr/bin/busybox',
  ];
  for (const file of readdirSync(debs))
    execFileSync('sh', [
      '-c',
      'deb=$0; place=$1; shift; dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$place" --wildcards "$@" 2>/dev/null || true',
      join(debs, file),
      system,
      ...wanted,
    ]);
  return system;
}

/** Boots with the programs of `tree`, and runs `job` as an ordinary user; returns what it prints. */
function runInMachine(machine: Machine, tree: string, place: string): string {
  const system = fetchSystem(machine, place),
    files = join(place, 'files');
  const busybox = findFile(system, /^(usr\/)?bin\/busybox$/);
  makeRoot(files, busybox);
  mkdirSync(join(files, 'images'));
  mkdirSync(join(files, 'modules'));
  makeRoot(join(files, 'images/directory'), busybox);
  writeFileSync(join(files, 'images/directory/etc/os-release'), 'NAME=small\n');
  if (machine.image) writeFileSync(join(files, 'images/directory/large'), numbers);
  for (const name of ['gzip', 'zstd']) {
    const words = [join(files, 'images/directory'), join(files, `images/${name}.sqfs`), '-comp', name];
    execFileSync('mksquashfs', [...words, '-quiet', '-no-progress', '-all-root']);
  }
  // in some kernels fuse is built in
  for (const module of findFiles(system, /\/(fuse|overlay)\.ko(\.xz)?$/)) {
    if (module.endsWith('.xz')) execFileSync('xz', ['-d', module]);
    const plain = module.replace(/\.xz$/, '');
    cpSync(plain, join(files, 'modules', basename(plain)));
  }
  for (const name of ['bin', 'libexec'])
    cpSync(join(tree, name), join(files, 'opt', name), { recursive: true });
  writeFileSync(join(files, 'job'), job);
  writeFileSync(join(files, 'init'), init, { mode: 0o755 });
  const archive = join(place, 'initrd');
  execFileSync('sh', ['-c', 'cd "$0" && find . | cpio --quiet -o -H newc -R 0:0 >"$1"', files, archive]);
  return boot(machine, machine.image ?? findFile(system, /^boot\/vmlinuz-/), archive, place);
}

function boot({ arch, qemu, console }: Machine, kernel: string, archive: string, place: string): string {
  const output = join(place, 'output');
  const words = [
    ...['-accel', 'tcg,thread=multi', '-smp', '2', '-m', '1024', '-nic', 'none', '-no-reboot'],
    ...['-display', 'none', '-monitor', 'none', '-serial', `file:${output}`],
    ...['-kernel', kernel, '-initrd', archive, '-append', `console=${console} quiet panic=-1`],
  ];
  const { status, signal, stderr } = spawnSync(`qemu-system-${arch}`, [...qemu, ...words], {
    encoding: 'utf8',
    timeout: 240_000,
  });
  const said = readFileSync(output, 'utf8').replaceAll('\r', '');
  if (status !== 0) throw new Error(`qemu ended by ${signal ?? status}: ${stderr}${said}`);
  return said;
}

/** Runs containers on a kernel. Returns what was printed, and the doctor's trials that were refused. */
export function tryKernel(t: Test, machine: Machine, tree: string) {
  const said = runInMachine(machine, tree, scratch(t, users[0]));
  t.equal(said.match(/^NAME=small\nstatus 0$/gm)?.length, 4, said);
  const sums = said.match(/^[0-9a-f]{32} {2}\/bin\/busybox$/gm);
  t.same([sums?.length, new Set(sums).size], [3, 1], 'what is read is the same in each image');
  t.match(said, /^faked\nstatus 0$/m);
  t.match(said, /^Containers can be run here\.$/m);
  const refused = trials.filter(({ title }) => said.includes(`\nno    ${title}`));
  return { said, refused: refused.map(({ name }) => name) };
}
