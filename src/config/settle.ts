/** Several places set the same options: which takes precedence? */
import { excludes, type Option } from '../cli/program.js';
import type { Entry } from './entry.js';

/**
 * Merges entries, given in order of increasing precedence: for an option with one value, the last one applies; for an
 * option that can be given more than once, all values, in this order.
 */
export function settle(options: readonly Option[], ranks: readonly (readonly Entry[])[]): readonly Entry[] {
  const rows = new Map(options.map((option) => [option.name, option]));
  let settled: readonly Entry[] = [];
  for (const rank of ranks) {
    const kept = settled.filter((earlier) => !rank.some((later) => replaces(later, earlier, rows)));
    settled = [...kept, ...rank];
  }
  return settled.filter(({ value }) => value !== false);
}

function replaces(later: Entry, earlier: Entry, rows: ReadonlyMap<string, Option>): boolean {
  const [one, other] = [rows.get(later.option), rows.get(earlier.option)];
  if (one === undefined || other === undefined) return false;
  if (one === other) return one.repeat !== 'collect';
  return later.value !== false && excludes(one, other, 'places');
}
