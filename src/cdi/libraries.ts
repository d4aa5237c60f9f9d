/** Which links make the libraries of the host usable in a container: what ldconfig(8) does for the host. */
import { basename, dirname } from '../base/paths.js';
import { type Host, patternOf } from '../host/host.js';
import type { Link } from '../plan/launch-plan.js';
import { readSoname } from './soname.js';

/** A shared library of the host, and where it appears in the container. */
export interface Library {
  readonly source: string;
  readonly path: string;
}

const isLibrary = (path: string): boolean => /\.so(\.|$)/.test(basename(path));

/** Those that appear in guest directory `folder`: files bound there, and files in bound directories that contain it. */
export function librariesIn(
  folder: string,
  binds: readonly { readonly source: string; readonly destination: string; readonly directory: boolean }[],
  host: Host,
): readonly Library[] {
  return binds.flatMap(({ source, destination, directory }) => {
    if (!directory) {
      return dirname(destination) === folder && isLibrary(destination) ? [{ source, path: destination }] : [];
    }
    if (folder !== destination && !folder.startsWith(`${destination}/`)) return [];
    const within = source + folder.slice(destination.length);
    return host
      .matchingPaths(`${patternOf(within)}/*.so*`)
      .filter((path) => host.pathKind(path) === 'file')
      .map((path) => ({ source: path, path: `${folder}/${basename(path)}` }));
  });
}

/** A link for the soname of each library; of several with the same soname, to the highest version. */
export function sonameLinks(libraries: readonly Library[], host: Host): readonly Link[] {
  const links = new Map<string, Link>();
  const files = new Set(libraries.map(({ path }) => path));
  for (const { source, path } of libraries) {
    const soname = readSoname((offset, size) => host.readPart(source, offset, size));
    const link = soname === undefined ? path : `${dirname(path)}/${soname}`;
    // there is a file with that name already
    if (files.has(link)) continue;
    const target = basename(path);
    const other = links.get(link);
    if (other === undefined || isNewer(target, other.target)) links.set(link, { target, path: link });
  }
  return [...links.values()];
}

/** libx.so.10 is newer than libx.so.9. */
function isNewer(one: string, other: string): boolean {
  const split = (name: string): readonly string[] => name.match(/\d+|\D+/g) ?? [];
  const [parts, others] = [split(one), split(other)];
  const at = parts.findIndex((part, index) => part !== others[index]);
  const [part = '', another] = [parts[at], others[at]];
  // not in the order of a locale: engines may lack locales
  if (at < 0 || another === undefined) return parts.length > others.length;
  const difference = Number(part) - Number(another);
  return Number.isNaN(difference) ? part > another : difference > 0;
}
