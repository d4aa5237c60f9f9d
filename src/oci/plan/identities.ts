/** The user namespace of a container: whose ids are mapped, and who writes the maps. */
import { type Host, kindIfAny } from '../../host/host.js';
import type { OutsideStep } from '../../plan/launch-plan.js';
import type { IdRange } from '../../plan/outside-kinds.js';
import type { Config, IdMapping } from '../config/config.js';
import { ownNamespaces } from '../config/read.js';

export interface UserNamespace {
  readonly kind: 'host' | 'new' | 'joined';
  readonly users: readonly IdRange[];
  readonly groups: readonly IdRange[];
}

const toRange = ({ containerID, hostID, size }: IdMapping): IdRange => ({
  inside: containerID,
  outside: hostID,
  count: size,
});

/** What /etc/subuid or /etc/subgid grants to the caller: `NAME-OR-UID:FIRST:COUNT` a line. */
function grantedIds(file: string, host: Host): readonly { first: number; count: number }[] {
  const { uid } = host.user();
  const names = [String(uid), host.userName()];
  return (host.readFile(file)?.text ?? '')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name]) => names.includes(name))
    .map(([, first, count]) => ({ first: Number(first), count: Number(count) }))
    .filter(({ first, count }) => first > 0 && count > 0);
}

/** The caller is root inside, and has the further ids that are granted. */
function ownMap(own: number, file: string, host: Host): readonly IdRange[] {
  const helpers = ['newuidmap', 'newgidmap'].every((name) => kindIfAny(`/usr/bin/${name}`, host) === 'file');
  const granted = own !== 0 && helpers ? grantedIds(file, host) : [];
  let next = 1;
  const further = granted.map(({ first, count }) => {
    const range = { inside: next, outside: first, count };
    next += count;
    return range;
  });
  return [{ inside: 0, outside: own, count: 1 }, ...further];
}

/** Those of a user namespace that the configuration does not describe. */
export function mapsOfCaller(host: Host): Pick<UserNamespace, 'users' | 'groups'> {
  const { uid, gid } = host.user();
  return { users: ownMap(uid, '/etc/subuid', host), groups: ownMap(gid, '/etc/subgid', host) };
}

/** Without one in the configuration, an ordinary user gets one. */
export function planUserNamespace(config: Config, host: Host): UserNamespace {
  const listed = ownNamespaces(config).get('user');
  const { uid } = host.user();
  if (listed?.path) return { kind: 'joined', users: [], groups: [] };
  if (!listed && uid === 0) return { kind: 'host', users: [], groups: [] };
  const { uidMappings = [], gidMappings = [] } = config.linux ?? {};
  const users = uidMappings.map(toRange);
  const groups = gidMappings.map(toRange);
  const own = users.length > 0 && groups.length > 0 ? undefined : mapsOfCaller(host);
  return {
    kind: 'new',
    users: users.length > 0 ? users : (own?.users ?? []),
    groups: groups.length > 0 ? groups : (own?.groups ?? []),
  };
}

/** The maps are written by the side outside: with rights there, for one's own id alone, or by the helpers. */
export function planMaps({ users, groups }: UserNamespace, host: Host): readonly OutsideStep[] {
  const { uid, gid } = host.user();
  const isOwn = (ranges: readonly IdRange[], own: number) =>
    ranges.length === 1 && ranges[0]?.outside === own && ranges[0].count === 1;
  const writerOf = (ranges: readonly IdRange[], own: number) =>
    uid === 0 || isOwn(ranges, own) ? ('direct' as const) : ('helper' as const);
  const groupWriter = writerOf(groups, gid);
  return [
    { kind: 'id-map', ids: 'users', writer: writerOf(users, uid), ranges: users },
    ...(groupWriter === 'direct' && uid !== 0 ? [{ kind: 'no-setgroups' } as const] : []),
    { kind: 'id-map', ids: 'groups', writer: groupWriter, ranges: groups },
  ];
}
