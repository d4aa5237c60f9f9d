/** A plan for users: one step per line, in aligned columns. */

import { quoted, visible } from '../base/visible.js';
import { factWords, stepWords } from './encode.js';
import type { LaunchPlan, Step } from './launch-plan.js';

const column = 18;

/** Words that would be ambiguous in a line are quoted as in JSON. */
function renderWord(word: string): string {
  return /^[^\s"'\\\p{Cc}]+$/u.test(word) && word.isWellFormed() ? word : quoted(word);
}

function renderLine([kind = '', ...fields]: readonly string[]): string {
  return `${kind.padEnd(column)} ${fields.map(renderWord).join(' ')}`.trimEnd();
}

const section = (title: string, lines: readonly (readonly string[])[]) => [
  `# ${title}`,
  ...lines.map(renderLine),
];

/** Lines below a title, split before each `meet` step. */
function betweenMeetings(title: string, steps: readonly Step[]): readonly (readonly string[])[] {
  const parts = [[`# ${title}`]];
  for (const step of steps) {
    if (step.kind === 'meet') parts.push([]);
    parts.at(-1)?.push(renderLine(stepWords(step)));
  }
  return parts;
}

/** The list `create`, side by side with `outside` if that is not empty: `meet` steps are on the same line. */
function renderCreation({ outside, create }: LaunchPlan): readonly string[] {
  const title = 'create: run once, by the process that creates the container';
  if (outside.length === 0) return section(title, create.map(stepWords));
  const left = betweenMeetings('outside: run by a process that stays outside', outside);
  const right = betweenMeetings(title, create);
  const width = Math.max(...left.flat().map((line) => line.length));
  const count = (part: number) => Math.max(left[part]?.length ?? 0, right[part]?.length ?? 0);
  const row = (part: number, line: number) =>
    `${(left[part]?.[line] ?? '').padEnd(width)} | ${right[part]?.[line] ?? ''}`.trimEnd();
  return right.flatMap((_, part) => Array.from({ length: count(part) }, (_, line) => row(part, line)));
}

/** What `--dry-run` prints. */
export function renderPlan(plan: LaunchPlan): string {
  return [
    ...plan.warnings.map((text) => `# warning: ${visible(text)}`),
    ...section('facts: the plan is valid as long as these hold', plan.facts.map(factWords)),
    ...renderCreation(plan),
    ...section('enter: run by every process that enters it', plan.enter.map(stepWords)),
    '',
  ].join('\n');
}
