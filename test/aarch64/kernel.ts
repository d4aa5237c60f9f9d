/** A small kernel for aarch64 with pages of 64 KiB: Debian has none, so it is made of Debian's source, once for a checkout. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { checkout } from '../helpers/support.js';

const { findArchive, unpack } = await import(join(checkout, 'scripts/debian-source.mjs'));

export const version = '6.1.176';
const origin = {
  name: 'linux',
  archive: `linux_${version}.orig.tar.xz`,
  checksum: '9aad4025973feea3f0d978e82ab7db97d8d5ce3f59fcc6b1f316153d66e3a504',
  variable: 'CH_RUN_LINUX_SOURCE',
};

/** What is not there by default; of the rest, nothing. With EXPERT, things are left out that others always have. */
const configuration = [
  'EXPERT ARM64_64K_PAGES ARM64_VA_BITS_48 CC_OPTIMIZE_FOR_SIZE BLK_DEV_INITRD PRINTK BUG MULTIUSER FUTEX EPOLL',
  'SIGNALFD TIMERFD EVENTFD SHMEM POSIX_TIMERS FILE_LOCKING ADVISE_SYSCALLS MEMBARRIER RSEQ TTY SERIAL_AMBA_PL011',
  'SERIAL_AMBA_PL011_CONSOLE DEVTMPFS BINFMT_ELF BINFMT_SCRIPT PROC_FS PROC_SYSCTL PROC_PAGE_MONITOR SYSFS TMPFS',
  'TMPFS_XATTR NET UNIX SYSVIPC NAMESPACES USER_NS SECCOMP FUSE_FS OVERLAY_FS INOTIFY_USER FHANDLE',
]
  .join(' ')
  .split(' ')
  .map((name) => `CONFIG_${name}=y\n`)
  .join('');

function compile(place: string): void {
  const source = join(place, 'source'),
    work = join(place, 'work');
  unpack(join(place, origin.archive), source);
  mkdirSync(work);
  writeFileSync(join(place, 'wanted'), configuration);
  const make = (...words: readonly string[]) =>
    execFileSync('make', ['-s', '-C', source, `O=${work}`, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        ARCH: 'arm64',
        CROSS_COMPILE: 'aarch64-linux-gnu-',
        KCONFIG_ALLCONFIG: join(place, 'wanted'),
      },
    });
  make('allnoconfig');
  // compiled a third faster: how fast the kernel is does not matter
  make(`-j${availableParallelism()}`, 'KCFLAGS=-O1', 'Image');
  renameSync(join(work, 'arch/arm64/boot/Image'), join(place, 'Image'));
  for (const path of [source, work]) rmSync(path, { recursive: true });
}

/** The path of the kernel, which is made in some minutes if there is none yet. Undefined if its source is not available. */
export function findKernel(): string | undefined {
  const place = join(checkout, 'build/linux');
  const image = join(place, 'Image'),
    stamp = join(place, 'built-by');
  const built = `${version}\n${configuration}`;
  if (existsSync(image) && existsSync(stamp) && readFileSync(stamp, 'utf8') === built) return image;
  for (const name of ['source', 'work', 'Image']) rmSync(join(place, name), { recursive: true, force: true });
  if (!findArchive(origin, place)) return undefined;
  compile(place);
  writeFileSync(stamp, built);
  return image;
}
