/** Many places speak about the same options: who is heard? */
import type { OptionName } from '../run/options.js';
import { type Entry, optionOf } from './entry.js';

/** Ways to answer the same question: one from a later layer replaces those of earlier layers. */
const questions: readonly (readonly (readonly OptionName[])[])[] = [
  [['write'], ['write-fake'], ['overlay']],
  [['quiet'], ['verbose']],
  [['join-pid'], ['join', 'join-ct', 'join-tag', 'join-timeout']],
  [['config'], ['no-config']],
];

/**
 * What holds of layers of entries, the weakest layer first: of an option with one value the strongest one, of an
 * option that can be given more than once all values, in this order.
 */
export function settle(layers: readonly (readonly Entry[])[]): readonly Entry[] {
  let settled: readonly Entry[] = [];
  for (const layer of layers) {
    const kept = settled.filter((earlier) => !layer.some((later) => replaces(later, earlier)));
    settled = [...kept, ...layer];
  }
  return settled.filter(({ value }) => value !== false);
}

function replaces(later: Entry, earlier: Entry): boolean {
  if (later.option === earlier.option) return optionOf(later.option).repeat !== 'collect';
  return later.value !== false && areRivals(later.option, earlier.option);
}

function areRivals(one: OptionName, other: OptionName): boolean {
  return questions.some((answers) => {
    const [first, second] = [one, other].map((name) => answers.findIndex((names) => names.includes(name)));
    return first !== -1 && second !== -1 && first !== second;
  });
}
