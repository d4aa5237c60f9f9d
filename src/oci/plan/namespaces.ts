/** The namespaces of a container, new or joined, in any order in the file. */
import type { NamespaceKind } from '../../plan/create-kinds.js';
import type { CreateStep } from '../../plan/launch-plan.js';
import type { Config, Linux } from '../config/config.js';
import { ownNamespaces } from '../config/read.js';
import type { UserNamespace } from './identities.js';

function planOffsets({ timeOffsets = {} }: Linux): readonly CreateStep[] {
  return (['monotonic', 'boottime'] as const).flatMap((clock): readonly CreateStep[] => {
    const { secs = 0, nanosecs = 0 } = timeOffsets[clock] ?? {};
    if (timeOffsets[clock] === undefined) return [];
    return [{ kind: 'time-offset', clock, seconds: String(secs), nanoseconds: String(nanosecs) }];
  });
}

/**
 * The steps up to the first process of the container. Nobody may look into a process of ours that is in namespaces which
 * others have, too; but while maps are written, the side outside must reach it.
 */
export function planNamespaces(config: Config, user: UserNamespace): readonly CreateStep[] {
  const own = ownNamespaces(config);
  const kinds = (keep: (path: string | undefined) => boolean): readonly NamespaceKind[] =>
    [...own.values()]
      .filter(({ type, path }) => type !== 'user' && keep(path || undefined))
      .map(({ type }) => type);
  const fresh = kinds((path) => path === undefined);
  const join = (must: boolean): readonly CreateStep[] =>
    kinds((path) => path !== undefined).map((namespace) => ({
      kind: 'join-namespace',
      namespace,
      path: own.get(namespace)?.path ?? '',
      must,
    }));
  const hide: CreateStep = { kind: 'hide' };
  const joinUser: readonly CreateStep[] =
    user.kind === 'joined'
      ? [{ kind: 'join-namespace', namespace: 'user', path: own.get('user')?.path ?? '', must: true }]
      : [];
  const begin: readonly CreateStep[] =
    user.kind === 'new'
      ? [
          ...join(false),
          { kind: 'namespaces', kinds: ['user', ...fresh] },
          { kind: 'meet', name: 'user-namespace' },
          { kind: 'meet', name: 'id-maps' },
          hide,
        ]
      : [
          hide,
          ...(user.kind === 'joined' ? join(false) : []),
          ...joinUser,
          ...(fresh.length > 0 ? [{ kind: 'namespaces', kinds: fresh } as const] : []),
        ];
  return [
    ...begin,
    ...join(true),
    ...planOffsets(config.linux ?? {}),
    // what is found on the host is copied then: copies of shared mounts would share what is mounted in them, too
    ...(fresh.includes('mount') ? [{ kind: 'propagation', propagation: 'rslave' } as const] : []),
    { kind: 'host-paths' },
    ...(user.kind === 'host' ? [] : [{ kind: 'become-root' } as const]),
    ...(fresh.includes('network') ? [{ kind: 'loopback' } as const] : []),
    ...(own.has('pid') || own.has('time') ? [{ kind: 'init' } as const] : []),
  ];
}

/** Whether the mounts are those of others. */
export const joinsMounts = (config: Config): boolean => Boolean(ownNamespaces(config).get('mount')?.path);

/** Whether the first process is one that only who made the container can look into. */
export const isPrivate = (config: Config): boolean => {
  const pid = ownNamespaces(config).get('pid');
  return pid !== undefined && !pid.path;
};

/** Kernel parameters that belong to a namespace: what sets those of the host is refused. */
const sysctlNamespaces: readonly (readonly [RegExp, NamespaceKind])[] = [
  [/^net\//, 'network'],
  [/^fs\/mqueue\//, 'ipc'],
  [/^kernel\/(sem|shm_rmid_forced|shmall|shmmax|shmmni|msgmax|msgmnb|msgmni)$/, 'ipc'],
  [/^kernel\/domainname$/, 'uts'],
];

/** Names with dots or slashes, as sysctl(8) takes them: what separates comes first. */
function sysctlPath(name: string): string {
  const swap = (letter: string) => (letter === '.' ? '/' : '.');
  return /^[^./]*\./.test(name) ? name.replace(/[./]/g, swap) : name;
}

export function planSysctl(config: Config, refuse: (message: string) => never): readonly CreateStep[] {
  const own = ownNamespaces(config);
  return Object.entries(config.linux?.sysctl ?? {}).map(([name, value]) => {
    const path = sysctlPath(name);
    if (path === 'kernel/hostname') refuse(`linux.sysctl.${name} is refused: set hostname`);
    const [, namespace] = sysctlNamespaces.find(([pattern]) => pattern.test(path)) ?? [];
    if (namespace === undefined || path.split('/').includes('..'))
      refuse(`linux.sysctl.${name} belongs to no namespace: it would be the host's`);
    if (!own.has(namespace))
      refuse(`linux.sysctl.${name} needs a ${namespace} namespace: it would be the host's`);
    return { kind: 'sysctl', path, value };
  });
}
