/** The mounts, devices and hidden paths of a container. */
import { LaunchError } from '../../base/errors.js';
import { type Host, kindIfAny } from '../../host/host.js';
import type { CreateStep } from '../../plan/launch-plan.js';
import type { GroupOf } from '../../plan/outside-kinds.js';
import type { Config, Device, IdMapping, Mount } from '../config/config.js';
import { ownNamespaces } from '../config/read.js';
import { parseMountOptions } from './mount-options.js';

const groupsOfHost = '/sys/fs/cgroup';

type MountStep = Extract<CreateStep, { kind: 'mount' }>;

/** What is read-only without its mounts below would still be the host's to write. */
const withBelow = (words: readonly string[]) => (words.includes('ro') ? [...words, 'r:ro'] : words);

const mapWords = (kind: 'uid' | 'gid', ranges: readonly IdMapping[]) =>
  ranges.map(({ containerID, hostID, size }) => `${kind}-map=${containerID} ${hostID} ${size}`);

/** The words of a mount with mapped ids: by its own maps, or by those of the container. */
function planMapping(mount: Mount, words: readonly string[], { linux = {} }: Config): readonly string[] {
  const { uidMappings = [], gidMappings = [], destination } = mount;
  const isWanted = words.includes('idmap') || words.includes('r:idmap');
  const hasOwn = uidMappings.length > 0 || gidMappings.length > 0;
  if (!isWanted && !hasOwn) return words;
  const users = hasOwn ? uidMappings : (linux.uidMappings ?? []);
  const groups = hasOwn ? gidMappings : (linux.gidMappings ?? []);
  if (users.length === 0 || groups.length === 0)
    throw new LaunchError(
      `the mount at ${destination} needs uidMappings and gidMappings, of its own or of a new user namespace`,
    );
  return [...words, ...(isWanted ? [] : ['idmap']), ...mapWords('uid', users), ...mapWords('gid', groups)];
}

interface MountRequest {
  readonly mount: Mount;
  readonly bundle: string;
  readonly config: Config;
  /** The container's own. */
  readonly groups: readonly GroupOf[];
  readonly host: Host;
}

/** The container's own groups, each below the name of its hierarchy, as the host has them. */
function planOwnGroups(
  step: MountStep,
  groups: readonly GroupOf[],
  isPrivate: boolean,
): readonly CreateStep[] {
  const [only] = groups;
  if (groups.length === 1 && only?.controllers === '')
    return [
      {
        ...step,
        type: isPrivate ? 'cgroup2' : 'rbind',
        source: `${only.mount}${only.path}`,
        data: '',
        options: [...step.options, ...(isPrivate && only.path ? ['or-bind'] : [])],
      },
    ];
  const isReadOnly = step.options.includes('ro');
  const flags = step.options.filter((word) => !['ro', '-ro'].includes(word));
  const names = groups.map(({ mount }) => mount.replace(/.*\//, ''));
  const links = groups.flatMap(({ controllers }, at) =>
    controllers
      .split(',')
      .filter((name) => controllers.includes(',') && name !== names[at])
      .map((name) => ({ target: names[at] ?? '', name })),
  );
  return [
    { ...step, type: 'tmpfs', source: 'tmpfs', data: 'mode=755', options: flags },
    ...groups.map(
      ({ mount, path }, at): CreateStep => ({
        ...step,
        destination: `${step.destination}/${names[at]}`,
        type: 'bind',
        source: `${mount}${path}`,
        data: '',
        options: flags,
      }),
    ),
    ...(links.length > 0 ? [{ kind: 'links', directory: step.destination, links } as const] : []),
    ...(isReadOnly ? [{ kind: 'protect', paths: [step.destination] } as const] : []),
  ];
}

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

function planMount({ mount, bundle, config, groups, host }: MountRequest): readonly CreateStep[] {
  const destination = mount.destination.startsWith('/') ? mount.destination : `/${mount.destination}`;
  if (/^\/[/.]*$/.test(destination))
    throw new LaunchError(`can't mount at ${destination}: it is the root directory`);
  const { bind, words, data } = parseMountOptions(mount.options ?? [], destination);
  const { type = bind ?? 'none', source = '' } = mount;
  if (words.includes('remount'))
    return [
      { kind: 'mount', destination, type: bind ?? 'none', source, data: data.join(','), options: words },
    ];
  if (bind || type === 'bind' || type === 'rbind') {
    if (source === '') throw new LaunchError(`the bind at ${destination} has no source`);
    const path = source.startsWith('/') ? source : `${bundle}/${source}`;
    return [
      {
        kind: 'mount',
        destination,
        type: bind ?? (type === 'rbind' ? 'rbind' : 'bind'),
        source: path,
        data: '',
        options: planMapping(mount, words, config),
      },
    ];
  }
  if (planMapping(mount, words, config) !== words)
    throw new LaunchError(`ids of the mount at ${destination} can't be mapped: it is not a bind`);
  const label = config.linux?.mountLabel && !/^(proc|sysfs|cgroup2?)$/.test(type);
  const labelled = label ? [...data, `context="${config.linux?.mountLabel}"`] : data;
  const step: MountStep = {
    kind: 'mount',
    destination,
    type,
    source,
    data: labelled.join(','),
    options: words,
  };
  const own = ownNamespaces(config);
  if (type === 'cgroup' || type === 'cgroup2')
    return groups.length > 0 && (groups[0]?.path || own.has('cgroup'))
      ? planOwnGroups(step, groups, own.has('cgroup'))
      : [planControlGroups(step, host)];
  // a user namespace without a namespace of its own of that kind may not mount these
  if (type === 'sysfs') return [{ ...step, source: '/sys', options: [...withBelow(words), 'or-bind'] }];
  if (type === 'mqueue' && !own.has('ipc'))
    return [{ ...step, source: '/dev/mqueue', options: [...words, 'or-bind'] }];
  if (type === 'proc' && !own.has('pid'))
    return [{ ...step, source: '/proc', options: [...withBelow(words), 'or-bind'] }];
  return [step];
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
  // some clients list /dev/ptmx, too
  for (const { name } of standardLinks) all.delete(`/dev/${name}`);
  return [...[...all.values()].map(planDevice), { kind: 'links', directory: '/dev', links: standardLinks }];
}

const placesOf = (step: CreateStep): readonly string[] =>
  step.kind === 'mount'
    ? [step.destination]
    : step.kind === 'device' || step.kind === 'make'
      ? [step.path]
      : step.kind === 'links'
        ? [`${step.directory}/`]
        : [];

/** A read-only file system in which something is made becomes that when it is made. */
function makeReadOnlyLast(steps: readonly CreateStep[]): readonly CreateStep[] {
  const last: CreateStep[] = [];
  const first = steps.map((step, index) => {
    if (step.kind !== 'mount' || /^r?bind$/.test(step.type)) return step;
    if (!step.options.includes('ro') || step.options.includes('remount')) return step;
    const within = `${step.destination.replace(/\/+$/, '')}/`;
    const later = steps.slice(index + 1).flatMap(placesOf);
    if (!later.some((path) => path.startsWith(within))) return step;
    last.push({ ...step, type: 'bind', source: '', data: '', options: [...step.options, 'remount'] });
    return { ...step, options: step.options.filter((word) => word !== 'ro') };
  });
  return [...first, ...last];
}

/** The steps between `root` and the hooks in the container's namespaces. */
export function planMounts(
  config: Config,
  bundle: string,
  groups: readonly GroupOf[],
  host: Host,
): readonly CreateStep[] {
  const mounts = (config.mounts ?? []).flatMap((mount) => planMount({ mount, bundle, config, groups, host }));
  return makeReadOnlyLast([
    ...mounts,
    ...planDevices(config, mounts),
    // later, what it is in may be read-only
    ...(config.process?.terminal ? [{ kind: 'make', path: '/dev/console', type: 'file' } as const] : []),
  ]);
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
