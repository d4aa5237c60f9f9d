/** Many files from one host directory become one bind of the directory, and symbolic links. */
import { basename, dirname } from '../../base/paths.js';
import type { BindFlag } from '../../plan/bind-words.js';
import type { Link } from '../../plan/launch-plan.js';
import { ancestorsOf, defaultPlaces, type ResolvedBind } from './binds.js';

/** Fewer files are bound one by one: then no program finds a link where it expects a file. */
const fewest = 4;

/** Where the directories appear; no other bind may cover it. */
const scratch = '/.ch-run-ts';

export interface MergedBinds {
  readonly binds: readonly ResolvedBind[];
  readonly links: readonly Link[];
}

/**
 * Merges the binds that can be merged; the others stay, in their order. `isPlainFile` is called for host paths where it
 * matters: a directory can't become a link, and a link on the host may lead out of its directory.
 */
export function mergeBinds(
  binds: readonly ResolvedBind[],
  isPlainFile: (path: string) => boolean,
): MergedBinds {
  const groups = groupByFolder(aloneAmong(binds))
    .map((group) => (group.length < fewest ? [] : group.filter(({ source }) => isPlainFile(source))))
    .filter((group) => group.length >= fewest)
    .map((group, at) => ({ group, place: `${scratch}/${at}` }));
  const merged = new Set(groups.flatMap(({ group }) => group));
  return {
    binds: [
      ...groups.map(({ group, place }) => bindFolder(group, place)),
      ...binds.filter((bind) => !merged.has(bind)),
    ],
    links: groups.flatMap(({ group, place }) => group.map((bind) => linkTo(bind, place))),
  };
}

function bindFolder(group: readonly ResolvedBind[], destination: string): ResolvedBind {
  const [first] = group as readonly [ResolvedBind];
  return { source: dirname(first.source), destination, flags: restrictions(first) };
}

function linkTo({ source, destination }: ResolvedBind, place: string): Link {
  return { target: `${place}/${basename(source)}`, path: destination };
}

const restrictions = ({ flags }: ResolvedBind): readonly BindFlag[] =>
  (['ro', 'nosuid', 'nodev', 'noexec'] as const).filter((flag) => flags.includes(flag));

/** Groups that one bind can replace: from one directory other than the root, with the same restrictions. */
function groupByFolder(binds: readonly ResolvedBind[]): readonly (readonly ResolvedBind[])[] {
  const groups = new Map<string, ResolvedBind[]>();
  for (const bind of binds) {
    const folder = dirname(bind.source);
    if (folder === '/') continue;
    const key = [...restrictions(bind), folder].join(' ');
    const group = groups.get(key);
    if (group) group.push(bind);
    else groups.set(key, [bind]);
  }
  return [...groups.values()];
}

/** Images have links at these places, as most systems do. */
function withoutUsualLinks(path: string): string {
  return path
    .replace(/^\/(s?bin|lib(x?32|64)?)(?=\/|$)/, '/usr/$1')
    .replace(/^\/var\/(run|lock)(?=\/|$)/, '/run');
}

/** Those without another bind above or below them. An optional one may have no mount point. */
function aloneAmong(binds: readonly ResolvedBind[]): readonly ResolvedBind[] {
  const paths = binds.map(({ destination }) => withoutUsualLinks(destination));
  const places = [...defaultPlaces.map(withoutUsualLinks), ...paths];
  const counts = new Map<string, number>();
  for (const place of places) counts.set(place, (counts.get(place) ?? 0) + 1);
  const around = new Set(places.flatMap(ancestorsOf));
  return binds.filter(({ flags }, at) => {
    const path = paths[at] ?? '';
    const single = counts.get(path) === 1 && !around.has(path);
    return !flags.includes('optional') && single && !ancestorsOf(path).some((place) => counts.has(place));
  });
}
