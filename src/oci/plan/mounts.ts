/** The mounts, devices and hidden paths of a container. */
import { LaunchError } from '../../base/errors.js';
import { type Host, kindIfAny } from '../../host/host.js';
import type { CreateStep } from '../../plan/launch-plan.js';
import type { Config, Device, Mount } from '../config/config.js';
import { ownNamespaces } from '../config/read.js';
import { parseMountOptions } from './mount-options.js';

const groupsOfHost = '/sys/fs/cgroup';

type MountStep = Extract<CreateStep, { kind: 'mount' }>;

/** What is read-only without its mounts below would still be the host's to write. */
const withBelow = (words: readonly string[]) => (words.includes('ro') ? [...words, 'r:ro'] : words);

/** Control groups can't be changed from inside: in a hierarchy of version 1, they are the host's. */
function planControlGroups(step: MountStep, host: Host): MountStep {
  const isUnified = kindIfAny(`${groupsOfHost}/cgroup.controllers`, host) === 'file';
  return {
    ...step,
    type: isUnified ? 'cgroup2' : 'rbind',
    source: groupsOfHost,
    data: '',
    options: [...new Set([...step.options, 'ro', 'r:ro']), ...(isUnified ? ['or-bind'] : [])].filter(
      (word) => word !== '-ro',
    ),
  };
}

function planMount(mount: Mount, bundle: string, config: Config, host: Host): CreateStep {
  const destination = mount.destination.startsWith('/') ? mount.destination : `/${mount.destination}`;
  if (/^\/[/.]*$/.test(destination))
    throw new LaunchError(`can't mount at ${destination}: it is the root directory`);
  const { bind, words, data } = parseMountOptions(mount.options ?? [], destination);
  const { type = bind ?? 'none', source = '' } = mount;
  if (bind || type === 'bind' || type === 'rbind') {
    if (source === '') throw new LaunchError(`the bind at ${destination} has no source`);
    const path = source.startsWith('/') ? source : `${bundle}/${source}`;
    return {
      kind: 'mount',
      destination,
      type: bind ?? (type === 'rbind' ? 'rbind' : 'bind'),
      source: path,
      data: '',
      options: words,
    };
  }
  const step: MountStep = { kind: 'mount', destination, type, source, data: data.join(','), options: words };
  const own = ownNamespaces(config);
  if (type === 'cgroup' || type === 'cgroup2') return planControlGroups(step, host);
  // a user namespace without a namespace of its own of that kind may not mount these
  if (type === 'sysfs') return { ...step, source: '/sys', options: [...withBelow(words), 'or-bind'] };
  if (type === 'mqueue' && !own.has('ipc'))
    return { ...step, source: '/dev/mqueue', options: [...words, 'or-bind'] };
  if (type === 'proc' && !own.has('pid'))
    return { ...step, source: '/proc', options: [...withBelow(words), 'or-bind'] };
  return step;
}

/** What the specification wants in every container. */
const defaultDevices: readonly Device[] = (
  [
    ['null', 1, 3],
    ['zero', 1, 5],
    ['full', 1, 7],
    ['random', 1, 8],
    ['urandom', 1, 9],
    ['tty', 5, 0],
  ] as const
).map(([name, major, minor]) => ({ type: 'c', path: `/dev/${name}`, major, minor }));

const standardLinks = [
  { target: '/proc/self/fd', name: 'fd' },
  { target: '/proc/self/fd/0', name: 'stdin' },
  { target: '/proc/self/fd/1', name: 'stdout' },
  { target: '/proc/self/fd/2', name: 'stderr' },
  { target: 'pts/ptmx', name: 'ptmx' },
];

function planDevice({
  type,
  path,
  major = 0,
  minor = 0,
  fileMode = 0o666,
  uid = 0,
  gid = 0,
}: Device): CreateStep {
  return {
    kind: 'device',
    path,
    type: type === 'u' ? 'c' : type,
    numbers: `${major}:${minor}`,
    mode: fileMode.toString(8),
    uid,
    gid,
    hostPath: path,
  };
}

/** A /dev of the host has all of it already. */
function planDevices(config: Config, mounts: readonly CreateStep[]): readonly CreateStep[] {
  const isOfHost = mounts.some(
    (step) => step.kind === 'mount' && /^\/dev\/*$/.test(step.destination) && /^r?bind$/.test(step.type),
  );
  if (isOfHost) return (config.linux?.devices ?? []).map(planDevice);
  const all = new Map(
    [...defaultDevices, ...(config.linux?.devices ?? [])].map((device) => [device.path, device]),
  );
  return [...[...all.values()].map(planDevice), { kind: 'links', directory: '/dev', links: standardLinks }];
}

/** The steps between `root` and the hooks in the container's namespaces. */
export function planMounts(config: Config, bundle: string, host: Host): readonly CreateStep[] {
  const mounts = (config.mounts ?? []).map((mount) => planMount(mount, bundle, config, host));
  return [...mounts, ...planDevices(config, mounts)];
}

const some = (kind: 'mask' | 'protect', paths: readonly string[]): readonly CreateStep[] =>
  paths.length > 0 ? [{ kind, paths: [...new Set(paths)] }] : [];

/** The steps after them. */
export function planProtection({ root, linux = {} }: Config): readonly CreateStep[] {
  return [
    ...some('protect', linux.readonlyPaths ?? []),
    ...some('mask', linux.maskedPaths ?? []),
    ...(root.readonly ? [{ kind: 'seal' } as const] : []),
  ];
}
