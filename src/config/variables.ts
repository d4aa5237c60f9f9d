/** Options from the environment: a prefix such as CH_RUN_, and the option's name, in capitals, with _ for -. */
import { valueError } from '../base/errors.js';
import { nearestName } from '../base/nearest.js';
import { type Option, optionsOf, type Program } from '../cli/program.js';
import type { Host } from '../host/host.js';
import { type Entry, toValues } from './entry.js';
import { within } from './errors.js';
import type { Subject } from './subject.js';

const variableOf = ({ prefix }: Program, name: string) => prefix + name.toUpperCase().replaceAll('-', '_');

/** The options set by the environment, and warnings. */
export interface VariableSettings {
  readonly entries: readonly Entry[];
  readonly warnings: readonly string[];
}

/** Reads the variables that set options. Throws LaunchError with exit status 64. */
export function readVariables(subject: Subject, host: Host): VariableSettings {
  const { program } = subject;
  const options = optionsOf(program);
  const variables = host.variables(program.prefix);
  // a variable's other name is used if ours is not set
  const known = options.flatMap((option) => {
    if (option.variable === undefined) return [];
    const text = host.variable(option.variable);
    return text && !variables.get(variableOf(program, option.name))
      ? readVariable(subject, option, option.variable, text)
      : [];
  });
  // from the end of the table: options that remove environment variables come before those that set them
  const entries = options.toReversed().flatMap((option) => {
    const name = variableOf(program, option.name);
    const text = variables.get(name);
    // an empty variable counts as unset: not every tool can remove one
    return text && !option.action ? readVariable(subject, option, name, text) : [];
  });
  return {
    entries: [...known, ...entries],
    warnings: [...variables.keys()].flatMap((name) => warnAbout(program, name)),
  };
}

function readVariable(
  { program, check }: Subject,
  option: Option,
  name: string,
  text: string,
): readonly Entry[] {
  const items = option.repeat === 'collect' ? text.split(';').filter(Boolean) : [text];
  return items.map((item) =>
    within(name, () => {
      const value = option.repeat === 'collect' ? item : parseScalar(option, item);
      const entry: Entry = { option: option.name, value, source: { kind: 'variable', name } };
      check(toValues(optionsOf(program), [entry]));
      return entry;
    }),
  );
}

function parseScalar(option: Option, text: string): string | number | boolean {
  if (option.value === 'required') return text;
  if (option.repeat === 'count' && /^[0-9]+$/.test(text)) return Number(text) || false;
  if (/^(1|yes|true|on)$/i.test(text)) return option.repeat === 'count' ? 1 : true;
  if (/^(0|no|false|off)$/i.test(text)) return false;
  if (option.value === 'optional') return text;
  throw valueError(option.name, option.repeat === 'count' ? 'a number, yes or no' : 'yes or no', text);
}

/** A warning about a variable that has no effect, but looks as if it should. */
function warnAbout(program: Program, variable: string): readonly string[] {
  if (program.variables.includes(variable)) return [];
  const options = optionsOf(program);
  const option = options.find(({ name }) => variableOf(program, name) === variable);
  if (option?.action) return [`${variable} has no effect: --${option.name} can't be set by a variable`];
  if (option !== undefined) return [];
  const settable = options.filter(({ action }) => !action).map(({ name }) => name);
  const near = nearestName(
    variable.slice(program.prefix.length).toLowerCase().replaceAll('_', '-'),
    settable,
  );
  return near === undefined ? [] : [`${variable} has no effect: did you mean ${variableOf(program, near)}?`];
}
