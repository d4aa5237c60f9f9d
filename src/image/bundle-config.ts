/** The config.json of a bundle, for HPC jobs: the container has the namespaces that ch-run-ts makes, and no others. */
import { lastOfEach } from '../base/variables.js';
import { hiddenPaths, optionalPaths, readOnlyPaths } from '../plan/host-places.js';
import type { ImageConfig } from '../store/image-config.js';

export interface BundleRequest {
  /** Of the root file system, absolute or below the bundle. */
  readonly path: string;
  readonly config: ImageConfig | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly caller: { readonly uid: number; readonly gid: number };
  /** Of the machine: the kernel checks ids, not namespaces. */
  readonly isRoot: boolean;
  readonly isolate: boolean;
  /** Bytes. */
  readonly shmSize?: number;
  /** Besides the mounts that every bundle has, or in place of them. */
  readonly mounts: readonly Mount[];
  readonly environment: readonly string[];
  readonly hooks: Readonly<Record<string, readonly object[]>>;
  /** Whether the host has something at a path. */
  readonly has: (path: string) => boolean;
}

export interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export const bindMount = (source: string, destination: string, ...options: readonly string[]): Mount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', ...options.filter((word) => !/^r?bind$/.test(word))],
});

const bind = (path: string, ...options: readonly string[]): Mount => bindMount(path, path, ...options);

const memory = (destination: string, source: string, ...options: readonly string[]): Mount => ({
  destination,
  type: 'tmpfs',
  source,
  options: ['nosuid', 'nodev', ...options],
});

const proc: Mount = { destination: '/proc', type: 'proc', source: 'proc', options: [] };
const queues: Mount = {
  destination: '/dev/mqueue',
  type: 'mqueue',
  source: 'mqueue',
  options: ['nosuid', 'nodev', 'noexec'],
};

/** What other containers have where the host's is not shown. */
const usualShm = 64 << 20;

/** Below the host's /dev no place can be made. What is mounted there is named: crun, as root, binds /dev without it. */
function mountsBelowDev({ isolate, shmSize, has }: BundleRequest): readonly Mount[] {
  const size = shmSize ?? (isolate ? usualShm : undefined);
  const mounts = [
    size === undefined ? bind('/dev/shm') : memory('/dev/shm', 'shm', 'noexec', 'mode=1777', `size=${size}`),
    isolate ? queues : bind('/dev/mqueue'),
    bind('/dev/pts'),
    bind('/dev/hugepages'),
  ];
  return mounts.filter(({ destination }) => has(destination));
}

const withoutSlashes = (path: string) => path.replace(/\/+$/, '');
const depthOf = ({ destination }: Mount) => destination.split('/').filter(Boolean).length;

/** Those of the caller replace others. Those that others lie in come first; else they keep their order. */
export function mountsOf(request: BundleRequest): readonly Mount[] {
  const { config, isolate, isRoot, has } = request;
  const own = request.mounts.map(({ destination }) => withoutSlashes(destination));
  const hosts = optionalPaths.filter(has).map((path) => bind(path));
  const places = [
    bind('/dev'),
    isolate ? proc : bind('/proc'),
    bind('/sys', ...(isRoot ? ['ro', 'rro'] : [])),
    isolate ? memory('/tmp', 'tmpfs', 'mode=1777') : bind('/tmp'),
    ...hosts,
    ...mountsBelowDev(request),
  ];
  const taken = new Set([...places.map(({ destination }) => destination), ...own]);
  const volumes = [...new Set((config?.volumes ?? []).map(withoutSlashes))]
    .filter((path) => path.startsWith('/') && !taken.has(path) && !/^\/(dev|proc|sys|tmp)\//.test(path))
    .map((path) => memory(path, 'tmpfs', 'tmpcopyup'));
  const others = places.filter(({ destination }) => !own.includes(destination));
  return [...others, ...volumes, ...request.mounts].sort((one, other) => depthOf(one) - depthOf(other));
}

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Later ones win, as in exec: each name once. */
function environmentOf(request: BundleRequest): readonly string[] {
  const { user, environment = [] } = request.config ?? {};
  const usual = [defaultPath, `HOME=${user?.home ?? '/root'}`, 'container=ch-run-ts'];
  const all = [...usual, ...environment, ...request.environment];
  return lastOfEach(all);
}

/** What a package manager needs as root of a namespace with one id. */
const capabilities = [
  ...['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_KILL', 'CAP_SETGID', 'CAP_SETUID'],
  ...['CAP_SETPCAP', 'CAP_SYS_CHROOT', 'CAP_SETFCAP'],
];

function processOf(request: BundleRequest) {
  const { config } = request;
  const { entrypoint = [], command = [], directory = '/', user } = config ?? {};
  const words = [...entrypoint, ...command];
  const sets = user ? [] : capabilities;
  return {
    terminal: false,
    user: { uid: user?.uid ?? 0, gid: user?.gid ?? 0 },
    args: words.length > 0 ? words : ['/bin/sh'],
    env: environmentOf(request),
    cwd: directory.startsWith('/') ? directory : `/${directory}`,
    capabilities: { bounding: sets, effective: sets, permitted: sets },
    noNewPrivileges: true,
  };
}

/** Without cgroupsPath: a batch system's limits keep hold. */
export function bundleConfig(request: BundleRequest) {
  const { path, config, annotations, caller, isRoot, isolate } = request;
  const map = (containerID: number, hostID: number) => [{ containerID, hostID, size: 1 }];
  const kinds = ['user', 'mount', ...(isolate ? ['pid', 'ipc', 'uts', 'network', 'cgroup'] : [])];
  return {
    ociVersion: '1.0.2',
    process: processOf(request),
    root: { path, readonly: true },
    mounts: mountsOf(request),
    ...(Object.keys(request.hooks).length > 0 ? { hooks: request.hooks } : {}),
    annotations,
    linux: {
      uidMappings: map(config?.user?.uid ?? 0, caller.uid),
      gidMappings: map(config?.user?.gid ?? 0, caller.gid),
      namespaces: kinds.map((type) => ({ type })),
      ...(isRoot ? { maskedPaths: hiddenPaths, readonlyPaths: readOnlyPaths } : {}),
    },
  };
}
