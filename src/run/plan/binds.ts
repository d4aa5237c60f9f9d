/** Which parts of the host appear in the container. */

import { LaunchError, usageError } from '../../base/errors.js';
import { basename } from '../../base/paths.js';
import { type Host, kindIfAny } from '../../host/host.js';
import type { BindFlag, BindRequest } from '../../plan/bind-words.js';
import { optionalPaths, requiredPaths } from '../../plan/host-places.js';
import type { BindOption, CreateStep } from '../../plan/launch-plan.js';
import type { LaunchRequest } from '../request.js';

/** Mount points of default binds. */
export const defaultPlaces: readonly string[] = [
  ...requiredPaths,
  ...optionalPaths,
  '/tmp',
  '/etc/passwd',
  '/etc/group',
];

/** Whether a guest path is in a directory that is always the host's, where nothing can be created. */
export function isHosts(path: string): boolean {
  return requiredPaths.some((place) => path.startsWith(`${place}/`));
}

function samePath(path: string, options: readonly BindOption[]): CreateStep {
  return { kind: 'bind', source: path, destination: path, options };
}

/** The default binds; root may see less of /sys and parts of /proc. */
export function planDefaultBinds(masks?: readonly CreateStep[]): readonly CreateStep[] {
  return [
    ...requiredPaths.map((path) => samePath(path, masks && path === '/sys' ? ['read-only'] : [])),
    ...(masks ?? []),
    ...optionalPaths.map((path) => samePath(path, ['optional'])),
  ];
}

/** /tmp: the host's, or a fresh tmpfs. */
export function planTmp(tmp: LaunchRequest['tmp']): CreateStep {
  if (tmp === 'private') return { kind: 'tmpfs', destination: '/tmp', options: 'mode=1777' };
  return { kind: 'bind-variable', variable: 'TMPDIR', fallback: '/tmp', destination: '/tmp', options: [] };
}

/** A bind with absolute host and guest paths. */
export interface ResolvedBind {
  readonly source: string;
  readonly destination: string;
  readonly flags: readonly BindFlag[];
}

/** The user's binds, in their order. Throws LaunchError with exit status 64. */
export function resolveBinds(requests: readonly BindRequest[], host: Host): readonly ResolvedBind[] {
  return requests.flatMap(({ source, destination, flags = [] }) => {
    const from = host.absolute(source);
    const to = destination ?? from;
    if (/^\/+$/.test(to)) throw usageError(`can't bind ${source} to /: the image is mounted there`);
    const optional = flags.includes('optional');
    const pattern = /[*?[]/.test(from);
    // what is absent now may exist at the next launch: the query makes it a fact
    if ((pattern && host.pathKind(from) === 'absent') || (optional && isAbsent(from, host))) {
      return pattern ? matches(from, destination, flags, host) : [];
    }
    return [{ source: from, destination: to, flags }];
  });
}

/** Other programs relabel files for `z` and `Z`. We do not, and say so if labels control access. */
export function warnAboutLabels(requests: readonly BindRequest[], host: Host): readonly string[] {
  const wanted = requests.find(({ flags = [] }) => flags.includes('z') || flags.includes('Z'));
  if (wanted === undefined || !isEnforcing(host)) return [];
  return [
    `the bind options z and Z do nothing, and SELinux is enforcing: ${wanted.source} keeps its labels, see chcon(1)`,
  ];
}

const selinux = '/sys/fs/selinux/enforce';

function isEnforcing(host: Host): boolean {
  return kindIfAny(selinux, host) === 'file' && host.readHead(selinux, 1)[0] === '1'.charCodeAt(0);
}

/** If that can't be determined, the launcher decides: it has more rights to the user's own directories. */
function isAbsent(path: string, host: Host): boolean {
  try {
    return host.pathKind(path) === 'absent';
  } catch {
    return false;
  }
}

/** A bind for each matching path. Throws LaunchError if there is none and one is required. */
function matches(
  pattern: string,
  directory: string | undefined,
  flags: readonly BindFlag[],
  host: Host,
): readonly ResolvedBind[] {
  const paths = host.matchingPaths(pattern);
  if (paths.length === 0 && !flags.includes('optional')) {
    throw new LaunchError(`can't bind ${pattern}: nothing matches`, { path: pattern });
  }
  return paths.map((source) => ({
    source,
    destination: directory === undefined ? source : `${directory.replace(/\/+$/, '')}/${basename(source)}`,
    flags,
  }));
}

/**
 * The mount points that binds need, created before anything is bound, so that nothing is created on the host. Those
 * inside earlier binds are not included.
 */
export function planDestinations(requested: readonly ResolvedBind[]): readonly CreateStep[] {
  const covered = new Set([...requiredPaths, '/tmp']);
  const wanted = requested.filter(({ destination, flags }) => {
    const inside = isInside(destination, covered);
    covered.add(withoutSlashes(destination));
    return !inside && (!flags.includes('optional') || flags.includes('create'));
  });
  const binds = wanted.map(({ source, destination }) => ({ source, destination }));
  return binds.length === 0 ? [] : [{ kind: 'destinations', binds }];
}

const withoutSlashes = (path: string): string => path.replace(/\/+$/, '');

/** The directories above a path, by its text: `/a` and the root directory, here the empty string, for `/a/b`. */
export const ancestorsOf = (path: string): readonly string[] =>
  [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index));

/** Called for each bind about all earlier ones: so it must not iterate over them. */
const isInside = (path: string, places: ReadonlySet<string>): boolean =>
  ancestorsOf(path).some((ancestor) => places.has(ancestor));

/** The binds themselves. In a private /tmp, mount points are created by default. */
export function planBinds(binds: readonly ResolvedBind[], tmp: LaunchRequest['tmp']): readonly CreateStep[] {
  const covered = new Set<string>();
  const privateTmp = new Set(tmp === 'private' ? ['/tmp'] : []);
  return binds.map(({ source, destination, flags }) => {
    const optional = flags.includes('optional');
    const inPrivateTmp = !optional && isInside(destination, privateTmp) && !isInside(destination, covered);
    covered.add(withoutSlashes(destination));
    const options: BindOption[] = [
      ...(optional ? (['optional'] as const) : []),
      ...(flags.includes('create') || inPrivateTmp ? (['create'] as const) : []),
      ...(flags.includes('ro') ? (['read-only'] as const) : []),
      ...(['nosuid', 'nodev', 'noexec'] as const).filter((flag) => flags.includes(flag)),
    ];
    return { kind: 'bind', source, destination, options };
  });
}
