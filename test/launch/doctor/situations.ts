/** Restrictions that are really enabled, and what --doctor and a failed launch must say about them. */
import { execFileSync } from 'node:child_process';
import { probe } from '../../helpers/support.js';

export interface Situation {
  readonly title: string;
  /** The words before those of the launcher. */
  readonly wrap: readonly string[];
  /** Whether containers can be run all the same. */
  readonly healthy: boolean;
  /** The names of the findings that are `no`, and no others; without it, the first tells enough. */
  readonly refused?: readonly string[];
  /** What the first of them, or else the finding named by `told`, says. */
  readonly says: Readonly<Partial<Record<'detail' | 'cause' | 'user' | 'administrator' | 'file', RegExp>>>;
  readonly told?: string;
  /** Which image a launch fails with, and why. */
  readonly launch?: { readonly image: 'directory' | 'squashfs'; readonly message: RegExp };
}

/** Runs `script` as root of a user namespace, then the words behind. */
const prepared = (script: string) => ['unshare', '-Urm', 'sh', '-ec', `${script}\nexec "$@"`, 'sh'];
/** With a filter that answers a call with an error. */
const filtered = (calls: string) => [probe, 'with', `forget=${calls}`, '--'];
const unprivileged = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
const fakeSetting = (name: string, value: number) =>
  prepared(`mount -t tmpfs none /proc/sys/kernel; echo ${value} >/proc/sys/kernel/${name}`);

const needed = ['user-namespace', 'nested-user-namespace', 'bind', 'tmpfs', 'pivot-root'];
const withoutNamespaces = [
  ...needed,
  'overlay',
  'fuse',
  'overlay-over-fuse',
  'new-mount-calls',
  'mount-setattr',
  'join',
];
const unshareRefused = (errno: string) =>
  ({
    image: 'directory',
    message: new RegExp(`create user and mount namespaces: unshare: ${errno}`),
  }) as const;
const outerFilter = { cause: /seccomp filter/, user: /seccomp=unconfined/ };

export const situations: readonly Situation[] = [
  { title: 'nothing', wrap: [], healthy: true, refused: [], says: {} },
  {
    title: 'user.max_user_namespaces=0',
    wrap: prepared('echo 0 >/proc/sys/user/max_user_namespaces'),
    healthy: false,
    refused: withoutNamespaces,
    says: {
      detail: /^can't create user and mount namespaces: unshare: no space left on device$/,
      cause: /disabled here \(user.max_user_namespaces=0\)/,
      administrator: /sysctl -w user.max_user_namespaces=65536/,
    },
    launch: unshareRefused('no space left on device'),
  },
  {
    title: 'user.max_mnt_namespaces=0',
    wrap: prepared('echo 0 >/proc/sys/user/max_mnt_namespaces'),
    healthy: false,
    refused: withoutNamespaces,
    says: { cause: /user.max_mnt_namespaces=0/, administrator: /sysctl -w user.max_mnt_namespaces=65536/ },
    launch: unshareRefused('no space left on device'),
  },
  {
    title: 'user.max_user_namespaces=1, one too few',
    wrap: prepared('echo 1 >/proc/sys/user/max_user_namespaces'),
    healthy: false,
    // no more can be foretold: the kernel gives up the namespaces of an earlier check a little later
    says: {
      cause: /the limit on namespaces is reached \(user.max_user_namespaces=/,
      administrator: /sysctl -w/,
    },
    launch: unshareRefused('no space left on device'),
  },
  ...(['1', '38'] as const).map(
    (code): Situation => ({
      title: `a seccomp filter that answers unshare with errno ${code}`,
      wrap: filtered(`unshare:${code}`),
      healthy: false,
      refused: withoutNamespaces,
      says: outerFilter,
      launch: unshareRefused(code === '1' ? 'operation not permitted' : 'function not implemented'),
    }),
  ),
  ...(['1', '38'] as const).map(
    (code): Situation => ({
      title: `a seccomp filter that answers mount with errno ${code}`,
      wrap: filtered(`mount:${code}`),
      healthy: false,
      refused: ['bind', 'tmpfs', 'pivot-root', 'overlay', 'fuse', 'overlay-over-fuse'],
      says: outerFilter,
      launch: { image: 'directory', message: /: mount: (operation not permitted|function not implemented)/ },
    }),
  ),
  {
    title: 'a seccomp filter that answers pivot_root with EPERM',
    wrap: filtered('pivot_root:1'),
    healthy: false,
    refused: ['pivot-root', 'overlay-over-fuse'],
    says: outerFilter,
    launch: { image: 'directory', message: /: pivot_root: operation not permitted/ },
  },
  {
    title: 'root without CAP_SETFCAP',
    wrap: ['unshare', '-Ur', 'setpriv', '--bounding-set=-setfcap'],
    healthy: false,
    says: {
      detail: /write id map without CAP_SETFCAP: operation not permitted$/,
      cause: /this process is root without the capability CAP_SETFCAP/,
      user: /--cap-add=SETFCAP/,
    },
    launch: {
      image: 'directory',
      message: /'0 0 1' to \/proc\/self\/uid_map: write id map without CAP_SETFCAP/,
    },
  },
  {
    title: 'an old kernel',
    wrap: filtered('openat2,open_tree,move_mount,mount_setattr'),
    healthy: true,
    refused: ['new-mount-calls', 'mount-setattr', 'openat2'],
    says: {
      detail: /function not implemented/,
      cause: /seccomp filter.* makes it fail as on an older kernel/,
    },
  },
  {
    title: 'kernel.unprivileged_userns_clone=0',
    wrap: [...fakeSetting('unprivileged_userns_clone', 0), ...unprivileged, ...filtered('unshare:1')],
    healthy: false,
    refused: withoutNamespaces,
    says: {
      cause: /kernel.unprivileged_userns_clone=0/,
      administrator: /sysctl -w kernel.unprivileged_userns_clone=1/,
    },
    launch: unshareRefused('operation not permitted'),
  },
  {
    title: 'kernel.apparmor_restrict_unprivileged_userns=1',
    wrap: [
      ...fakeSetting('apparmor_restrict_unprivileged_userns', 1),
      ...unprivileged,
      ...filtered('unshare:13'),
    ],
    healthy: false,
    refused: withoutNamespaces,
    says: {
      cause: /AppArmor restricts unprivileged user namespaces/,
      administrator: /apparmor_parser -r \/etc\/apparmor.d\/ch-run-ts/,
      file: /\n# programs in the containers .* may create user namespaces\nprofile ch-run-ts "\/.*\/\{bin\/ch-run-ts,bin\/ch-oci-ts,build\/Release\/ch-run-ts-squashfs\}" flags=\(unconfined\) \{\n {2}userns,/,
    },
    launch: unshareRefused('permission denied'),
  },
  {
    title: 'ids without a name in the outer user namespace',
    wrap: ['unshare', '-U'],
    healthy: false,
    refused: withoutNamespaces,
    says: { cause: /your user or group id is not mapped/ },
    launch: unshareRefused('operation not permitted'),
  },
  {
    title: 'a masked /proc',
    wrap: prepared('mount --bind /dev/null /proc/uptime; mount -t tmpfs -o ro none /proc/fs'),
    healthy: true,
    refused: [],
    told: 'masked-proc',
    says: { detail: /\/proc\/uptime, \/proc\/fs/, cause: /an outer container hides them with mounts/ },
  },
  {
    title: 'no /dev/fuse and no /dev/shm',
    wrap: prepared(
      'mount -t tmpfs none /mnt; touch /mnt/null; mount --bind /dev/null /mnt/null; mount --rbind /mnt /dev',
    ),
    healthy: true,
    refused: ['fuse', 'overlay-over-fuse', 'shared-memory', 'semaphore'],
    says: { cause: /there is no FUSE device/, user: /--device \/dev\/fuse/, administrator: /modprobe fuse/ },
    launch: { image: 'squashfs', message: /open \/dev\/fuse: open: no such file or directory/ },
  },
  {
    title: '/dev/fuse that may not be used',
    wrap: prepared('mount --bind /dev/fuse /dev/fuse; mount -o remount,bind,nodev /dev/fuse'),
    healthy: true,
    refused: ['fuse', 'overlay-over-fuse'],
    says: { cause: /you have no permission to open \/dev\/fuse/, administrator: /chmod 666 \/dev\/fuse/ },
    launch: { image: 'squashfs', message: /open \/dev\/fuse: open: permission denied/ },
  },
  {
    title: '/dev/fuse that is something else',
    wrap: prepared('mount --bind /dev/null /dev/fuse'),
    healthy: true,
    refused: ['fuse', 'overlay-over-fuse'],
    says: { cause: /there is no FUSE device/ },
    launch: { image: 'squashfs', message: /mount FUSE/ },
  },
  {
    title: 'no_new_privs',
    wrap: ['setpriv', '--no-new-privs'],
    healthy: true,
    refused: [],
    told: 'no-new-privileges',
    says: { detail: /already set; harmless/ },
  },
];

/** Why the situations can't be made here, if so. */
export function obstacle(): string | undefined {
  try {
    execFileSync('unshare', ['-Urm', 'setpriv', '--no-new-privs', 'true'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
