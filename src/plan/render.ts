/** A plan for people: one step a line, in aligned columns. */

import { quoted, visible } from '../base/visible.js';
import { factWords, stepWords } from './encode.js';
import type { LaunchPlan } from './launch-plan.js';

const column = 18;

/** Words that would be ambiguous in a line are quoted as in JSON. */
function renderWord(word: string): string {
  return /^[^\s"'\\\p{Cc}]+$/u.test(word) && word.isWellFormed() ? word : quoted(word);
}

function renderLine([kind = '', ...fields]: readonly string[]): string {
  return `${kind.padEnd(column)} ${fields.map(renderWord).join(' ')}`.trimEnd();
}

/** What `--dry-run` prints. */
export function renderPlan(plan: LaunchPlan): string {
  const section = (title: string, lines: readonly (readonly string[])[]) => [
    `# ${title}`,
    ...lines.map(renderLine),
  ];
  return [
    ...plan.warnings.map((text) => `# warning: ${visible(text)}`),
    ...section('facts: the plan holds as long as these do', plan.facts.map(factWords)),
    ...section('create: run once, by whoever creates the container', plan.create.map(stepWords)),
    ...section('enter: run by every process that ends up in it', plan.enter.map(stepWords)),
    '',
  ].join('\n');
}
