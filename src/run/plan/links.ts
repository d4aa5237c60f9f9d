/** Links in the image. */
import { basename, dirname } from '../../base/paths.js';
import type { CreateStep, Link } from '../../plan/launch-plan.js';

/** A step for each directory; of links with the same path the last counts. */
export function planLinks(links: readonly Link[]): readonly CreateStep[] {
  const last = [...new Map(links.map((link) => [link.path, link])).values()];
  const directories = new Map<string, { readonly target: string; readonly name: string }[]>();
  for (const { target, path } of last) {
    const names = directories.get(dirname(path)) ?? [];
    names.push({ target, name: basename(path) });
    directories.set(dirname(path), names);
  }
  return [...directories].map(([directory, links]) => ({ kind: 'links', directory, links }));
}
