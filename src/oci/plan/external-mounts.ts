/** Mounts of a container that hold what is outside of it: a checkpoint has their names only. Pure functions. */
import { unescapePath } from '../../base/mountinfo.js';
import type { CriuOption } from '../../plan/outside-kinds.js';
import type { Config } from '../config/config.js';
import { ownNamespaces } from '../config/read.js';

/** What a masked directory is restored from. */
export const emptyName = 'ch-oci-ts/empty';

/** A line of proc_pid_mountinfo(5). */
export interface MountLine {
  readonly id: number;
  readonly device: string;
  /** What of the file system is mounted. */
  readonly root: string;
  readonly place: string;
  readonly type: string;
}

export const parseMounts = (text: string): readonly MountLine[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [front = '', back = ''] = line.split(' - ');
      const [id, , device = '', root = '', place = ''] = front.split(' ');
      const [type = ''] = back.split(' ');
      return { id: Number(id), device, root: unescapePath(root), place: unescapePath(place), type };
    });

/** `/a//b/` as the kernel has it. */
export const plainPath = (path: string): string => `/${path.split('/').filter(Boolean).join('/')}`;

const isWithin = (path: string, directory: string): boolean =>
  directory === '/' || path === directory || path.startsWith(`${directory}/`);

/** No mount of the container has more of the same file system: CRIU would not find what it is a part of. */
const isPart = (mount: MountLine, all: readonly MountLine[]): boolean =>
  !all.some(
    (other) =>
      other !== mount &&
      other.device === mount.device &&
      other.root !== mount.root &&
      isWithin(mount.root, other.root),
  );

/** The name by which a mount is restored. */
function nameOf({ type, root, place }: MountLine, masked: ReadonlySet<string>): string {
  if (type === 'devtmpfs' && root !== '/') return `/dev${root}`;
  return masked.has(place) ? emptyName : place;
}

/** `ext_mnt` for each of them; `table`: /proc/PID/mountinfo of the first process. */
export function findExternalMounts(table: string, config: Config): readonly CriuOption[] {
  const all = parseMounts(table);
  const masked = new Set((config.linux?.maskedPaths ?? []).map(plainPath));
  const bound = new Set(
    (config.mounts ?? [])
      .filter(
        ({ type, options = [] }) =>
          /^r?bind$/.test(type ?? '') || options.some((word) => /^r?bind$/.test(word)),
      )
      .map(({ destination }) => plainPath(destination)),
  );
  // in a namespace of their own, their root is not the host's
  const isOwnGroup = ({ type }: MountLine) => ownNamespaces(config).has('cgroup') && /^cgroup2?$/.test(type);
  return all
    .filter(({ place }) => place !== '/')
    .filter(
      (mount) => bound.has(mount.place) || (mount.root !== '/' && !isOwnGroup(mount) && isPart(mount, all)),
    )
    .map((mount) => ({ name: 'ext_mnt', key: mount.place, value: nameOf(mount, masked) }));
}
