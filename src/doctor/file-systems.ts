/** The file systems of the directories that we use. */
import { unescapePath } from '../base/mountinfo.js';
import { dirname } from '../base/paths.js';
import { native, type SystemError } from '../host/native.js';
import { type Finding, note } from './finding.js';

/** statfs(2) types of network and parallel file systems, and of the usual local ones (linux/magic.h and others). */
const types: ReadonlyMap<number, { readonly name: string; readonly remote?: boolean }> = new Map([
  [0x6969, { name: 'NFS', remote: true }],
  [0x0bd00bd0, { name: 'Lustre', remote: true }],
  [0x47504653, { name: 'GPFS', remote: true }],
  [0x19830326, { name: 'BeeGFS', remote: true }],
  [0x00c36400, { name: 'CephFS', remote: true }],
  [0xff534d42, { name: 'CIFS', remote: true }],
  [0xfe534d42, { name: 'SMB', remote: true }],
  [0x01021997, { name: '9p', remote: true }],
  [0x5346414f, { name: 'AFS', remote: true }],
  [0x20030528, { name: 'OrangeFS', remote: true }],
  [0x65735546, { name: 'FUSE' }],
  [0xef53, { name: 'ext4' }],
  [0x58465342, { name: 'XFS' }],
  [0x9123683e, { name: 'btrfs' }],
  [0x2fc12fc1, { name: 'ZFS' }],
  [0x01021994, { name: 'tmpfs' }],
  [0x858458f6, { name: 'ramfs' }],
  [0x794c7630, { name: 'overlay' }],
  [0x73717368, { name: 'SquashFS' }],
]);

/** The name of a file system by its statfs(2) type. */
export function fileSystemName(type: number): string {
  return types.get(type >>> 0)?.name ?? `type 0x${(type >>> 0).toString(16)}`;
}

/** The file system of a directory, or of its future parent. */
export function fileSystemOf(path: string): { readonly name: string; readonly remote: boolean } {
  try {
    const type = native.fileSystemType(path);
    return { name: fileSystemName(type), remote: types.get(type >>> 0)?.remote === true };
  } catch {
    return path === '/' ? { name: 'unknown', remote: false } : fileSystemOf(dirname(path));
  }
}

/** A line of /proc/self/mountinfo. */
export interface Mount {
  readonly place: string;
  readonly options: readonly string[];
}

/** Reads /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export function parseMounts(text: string): readonly Mount[] {
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields.length > 5)
    .map(([, , , , place = '', options = '']) => ({
      place: unescapePath(place),
      options: options.split(','),
    }));
}

/** The mounts that this process sees; none if /proc does not show them. */
export function ownMounts(): readonly Mount[] {
  try {
    return parseMounts(native.content('/proc/self/mountinfo').text);
  } catch {
    return [];
  }
}

/** The mount that contains `path`, which is absolute and has no symbolic links. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  const holds = ({ place }: Mount) => path === place || path.startsWith(place === '/' ? '/' : `${place}/`);
  return mounts.filter(holds).reduce<Mount | undefined>((best, mount) => {
    return best === undefined || mount.place.length >= best.place.length ? mount : best;
  }, undefined);
}

const consequences: Readonly<Record<string, string>> = {
  noexec: "programs in images there can't be executed",
  nosuid: 'harmless: set-user-ID bits have no effect in containers',
  ro: 'it is read-only',
};

/** The file system of a directory, or of its future parent, and the consequences. */
export function examineDirectory(name: string, title: string, path: string): Finding {
  try {
    const type = native.fileSystemType(path);
    const set = mountOf(path, ownMounts())?.options.filter((option) => option in consequences) ?? [];
    const remote = types.get(type >>> 0)?.remote
      ? ['a network file system: use SquashFS images there, --overlay elsewhere']
      : [];
    const consequence = [...remote, ...set.map((option) => `${option}: ${consequences[option]}`)].join('; ');
    const detail = `${path}: ${[fileSystemName(type), ...set].join(', ')}`;
    return note(name, title, detail, consequence ? { consequence } : {});
  } catch (error) {
    if ((error as SystemError).code !== 'ENOENT' || path === '/') {
      return note(name, title, `${path}: ${(error as Error).message}`);
    }
    return { ...examineDirectory(name, title, dirname(path)), title: `${title} (not created yet)` };
  }
}
