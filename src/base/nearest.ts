/** The names that were probably meant. */
import { closest, distance } from 'fastest-levenshtein';

/** The nearest of `names`, if it is near enough to be what a mistyped `name` means. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const nearest = closest(name, [...names]);
  return distance(name, nearest) <= Math.max(2, name.length / 3) ? nearest : undefined;
}

/** Nearest first. */
export function byNearness(wanted: string, names: readonly string[]): readonly string[] {
  return [...names].sort((a, b) => distance(wanted, a) - distance(wanted, b));
}

/** Those of `names` that may have been meant: at most five, nearest first. */
export function nearestNames(wanted: string, names: readonly string[]): readonly string[] {
  return byNearness(wanted, names).slice(0, 5);
}
