/** A plan in the words of the launcher (addon/base/records.h): name NUL count NUL field NUL … for each record. */
import { toBytes } from '../base/bytes.js';
import { LaunchError } from '../base/errors.js';
import type { Fact } from '../host/host.js';
import type { IdMap, LaunchPlan, Step } from './launch-plan.js';

/** Changes with the meaning of any record; the launcher has the same number (addon/launcher/plan/plan.h). */
export const planFormat = '4';

const idMap = ({ inside, outside }: IdMap): string => `${inside}:${outside}`;
const expansion = (expand: boolean): string => (expand ? 'expand' : 'literal');

/** A step as words: its kind, then its fields. What `--dry-run` prints, and what is encoded. */
export function stepWords(step: Step): readonly string[] {
  switch (step.kind) {
    case 'join':
      return [
        step.kind,
        String(step.count),
        String(step.timeout),
        ...(step.tag === undefined ? [] : [step.tag]),
      ];
    case 'join-pid':
      return [step.kind, String(step.pid)];
    case 'user-namespace':
      return [step.kind, idMap(step.uid), idMap(step.gid)];
    case 'root':
      return [step.kind, step.path, step.access];
    case 'squashfs':
      return [step.kind, step.path, step.server];
    case 'attach':
      return [step.kind, step.place];
    case 'layer':
    case 'overlay':
      return [step.kind, step.upper, ...upperWords(step)];
    case 'destinations':
      return [step.kind, ...step.binds.flatMap(({ source, destination }) => [source, destination])];
    case 'bind':
      return [step.kind, step.source, step.destination, ...step.options];
    case 'bind-variable':
      return [step.kind, step.variable, step.fallback, step.destination, ...step.options];
    case 'tmpfs':
      return [step.kind, step.destination, step.options];
    case 'file':
      return [step.kind, step.path, step.text];
    case 'identity':
      return [step.kind, String(step.uid), String(step.gid), ...(step.home === undefined ? [] : [step.home])];
    case 'environment':
      return [step.kind, step.action, ...environmentWords(step)];
    case 'directory':
      return [step.kind, step.path];
    case 'seccomp':
      return [step.kind, step.program];
    case 'links':
      return [step.kind, step.directory, ...step.links.flatMap(({ target, name }) => [target, name])];
    case 'libraries':
      return [step.kind, step.folder, ...step.names];
    case 'cuda-compat':
      return [step.kind, step.directory, step.driver];
    case 'chmod':
      return [step.kind, step.mode, step.path];
    case 'hook': {
      const { kind, timeout, path, arguments: words, environment } = step;
      return [kind, String(timeout), path, String(words.length), ...words, ...environment];
    }
    case 'syslog':
      return [step.kind, step.version, step.image];
    case 'seal':
    case 'pivot':
    case 'new-keyring':
    case 'no-new-privileges':
    case 'terminal':
    case 'command':
      return [step.kind];
  }
}

function upperWords(step: Extract<Step, { kind: 'layer' | 'overlay' }>): readonly string[] {
  switch (step.upper) {
    case 'layer':
      return [];
    case 'memory':
      return [step.size];
    case 'directory':
      return [step.path];
  }
}

function environmentWords(step: Extract<Step, { kind: 'environment' }>): readonly string[] {
  switch (step.action) {
    case 'default':
      return step.variables;
    case 'set':
      return [step.assignment, expansion(step.expand)];
    case 'set-word':
      return [String(step.index), expansion(step.expand)];
    case 'set-variable':
      return [step.name, String(step.index), expansion(step.expand)];
    case 'host-file':
    case 'guest-file':
      return [step.path, step.delimiter, expansion(step.expand)];
    case 'unset':
      return [step.glob];
  }
}

/** A fact as words: its kind, then what was found. */
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
    case 'glob':
      return [fact.kind, fact.pattern, ...fact.paths];
    case 'file':
      return [fact.kind, fact.path, fact.device, fact.inode, fact.size, fact.modified, fact.changed];
  }
}

/** The plan as the launcher reads it. */
export function encodePlan(plan: LaunchPlan): Buffer {
  const records = [
    ['ch-run-ts-plan', planFormat],
    ['messages', String(plan.verbosity + 3), plan.color, plan.log],
    ...plan.warnings.map((text) => ['warning', text]),
    ...plan.facts.map((fact) => ['fact', ...factWords(fact)]),
    ...plan.create.map((step) => ['create', ...stepWords(step)]),
    ...plan.enter.map((step) => ['enter', ...stepWords(step)]),
  ];
  // what is promised is what was meant: a word that is more than one would break it
  const words = records.reduce((sum, record) => sum + record.length + 1, 0);
  return toBytes([...records, ['end', String(words)]].map(encodeRecord).join(''));
}

/** A NUL would end the word, and begin whatever the text after it says. */
function encodeRecord(record: readonly string[]): string {
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

/** The inverse of the encoding, for what the launcher hands to the CLI: records by name, fields as bytes. */
export function decodeRecords(bytes: Buffer): Map<string, Buffer[]> {
  const records = new Map<string, Buffer[]>();
  let at = 0;
  const take = (): Buffer => {
    const end = bytes.indexOf(0, at);
    if (end < 0) throw new Error('the records are truncated');
    const field = bytes.subarray(at, end);
    at = end + 1;
    return field;
  };
  while (at < bytes.length) {
    const name = take().toString();
    const count = Number(take());
    records.set(name, Array.from({ length: count }, take));
  }
  return records;
}
