/** A plan in the launcher's wire format (addon/base/records.h): name NUL count NUL field NUL … for each record. */
import { LaunchError } from '../base/errors.js';
import type { Fact } from '../host/host.js';
import { createKinds } from './create-kinds.js';
import { enterKinds } from './enter-kinds.js';
import type { Kinds } from './kinds.js';
import type { LaunchPlan, Step } from './launch-plan.js';
import { outsideKinds } from './outside-kinds.js';

/** Changes whenever the meaning of a record changes; the launcher has the same number (addon/launcher/plan/plan.h). */
export const planFormat = '10';

/** The kinds of steps that each list of a plan can have. */
const lists = { outside: outsideKinds, create: createKinds, enter: enterKinds };

const kindOf = (kinds: Kinds, kind: string) => (Object.hasOwn(kinds, kind) ? kinds[kind] : undefined);

/** A step as strings: its kind, then its fields. `--dry-run` prints these, and they are encoded. */
export function stepWords(step: Step): readonly string[] {
  const [words] = Object.values(lists).flatMap((kinds) => kindOf(kinds, step.kind) ?? []);
  return [step.kind, ...(words?.(step as never) ?? [])];
}

/** The records of a list. The library's caller may have made the plan, so a step in the wrong list is refused. */
function stepRecords(plan: LaunchPlan, list: keyof typeof lists): readonly (readonly string[])[] {
  const misplaced = plan[list].find(({ kind }) => kindOf(lists[list], kind) === undefined);
  if (misplaced) throw new LaunchError(`unknown step '${misplaced.kind}' in the list '${list}' of the plan`);
  return plan[list].map((step) => [list, ...stepWords(step)]);
}

/** A fact as strings: its kind, then what was found. */
export function factWords(fact: Fact): readonly string[] {
  switch (fact.kind) {
    case 'user':
      return [fact.kind, String(fact.uid), String(fact.gid)];
    case 'directory':
      return [fact.kind, fact.path];
    case 'variable':
      return [fact.kind, fact.name, ...(fact.value === undefined ? [] : [fact.value])];
    case 'variables':
      return [fact.kind, fact.prefix, ...fact.entries];
    case 'path':
    case 'plain-file':
    case 'device':
      return [fact.kind, fact.path, fact.found];
    case 'owner':
      return [fact.kind, fact.path, fact.links, fact.found];
    case 'inode':
      return [fact.kind, fact.path, fact.inode];
    case 'control-groups':
      return [fact.kind, fact.groups, fact.mounts];
    case 'glob':
      return [fact.kind, fact.pattern, ...fact.paths];
    case 'file':
      return [fact.kind, fact.path, fact.device, fact.inode, fact.size, fact.modified, fact.changed];
  }
}

/** The plan as the launcher reads it. */
export function encodePlan(plan: LaunchPlan): string {
  const records = [
    ['ch-run-ts-plan', planFormat],
    ['messages', String(plan.verbosity + 3), plan.color, plan.log],
    ...plan.warnings.map((text) => ['warning', text]),
    ...plan.facts.map((fact) => ['fact', ...factWords(fact)]),
    ...stepRecords(plan, 'outside'),
    ...stepRecords(plan, 'create'),
    ...stepRecords(plan, 'enter'),
  ];
  // the number of strings, so that the launcher notices a string that contains a NUL
  const words = records.reduce((sum, record) => sum + record.length + 1, 0);
  return [...records, ['end', String(words)]].map(encodeRecord).join('');
}

/** A record of name and fields. A NUL would terminate the field, and the text after it would become another field. */
export function encodeRecord(record: readonly string[]): string {
  const [name = '', ...fields] = record;
  const at = fields.findIndex((field) => field.includes('\0'));
  if (at >= 0) {
    const [kind = ''] = fields;
    throw new LaunchError(`NUL in the plan: ${name} ${kind}, field ${at}: ${JSON.stringify(fields[at])}`, {
      hint: 'no path, variable or argument can have a NUL',
    });
  }
  return [name, fields.length, ...fields].map((word) => `${word}\0`).join('');
}
