/** Links in the image. */
import { basename, dirname } from 'node:path';
import type { Link, Step } from '../../plan/launch-plan.js';

/** A step for each directory; of links with one path the last counts. */
export function planLinks(links: readonly Link[]): readonly Step[] {
  const last = [...new Map(links.map((link) => [link.path, link])).values()];
  return [...new Set(last.map(({ path }) => dirname(path)))].map((directory) => ({
    kind: 'links',
    directory,
    links: last
      .filter(({ path }) => dirname(path) === directory)
      .map(({ target, path }) => ({ target, name: basename(path) })),
  }));
}
