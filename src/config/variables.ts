/** Options from the environment: CH_RUN_ and the name of the option, in capitals, with _ for -. */
import { valueError } from '../base/errors.js';
import { nearestName } from '../base/nearest.js';
import type { Host } from '../host/host.js';
import { type Option, type OptionName, optionTable } from '../run/options.js';
import { checkValues } from '../run/to-request.js';
import { type Entry, optionOf, toValues } from './entry.js';
import { within } from './errors.js';

const prefix = 'CH_RUN_';

/** Variables of ours that are no options. */
const others = ['CH_RUN_MEMO_DIR'];

/** Variables with another name, which users of ch-run know; ours is heard before. */
const aliases: readonly (readonly [string, OptionName])[] = [['CH_IMAGE_STORAGE', 'storage']];

const variableOf = (name: string) => prefix + name.toUpperCase().replaceAll('-', '_');

/** What the environment says, and what is odd about it. */
export interface VariableLayer {
  readonly entries: readonly Entry[];
  readonly warnings: readonly string[];
}

/** Reads the variables that set options. Throws LaunchError with exit status 64. */
export function readVariables(host: Host): VariableLayer {
  const variables = host.variables(prefix);
  const known = aliases.flatMap(([name, option]) => {
    const text = host.variable(name);
    return text && !variables.get(variableOf(option)) ? readVariable(optionOf(option), name, text) : [];
  });
  // from the end of the table: what removes variables of the environment comes before what sets them
  const entries = optionTable.toReversed().flatMap((option) => {
    const name = variableOf(option.name);
    const text = variables.get(name);
    // an empty variable is as good as none: not every tool can remove one
    return text && option.settable !== 'never' ? readVariable(option, name, text) : [];
  });
  return { entries: [...known, ...entries], warnings: [...variables.keys()].flatMap(warnAbout) };
}

function readVariable(option: Option, name: string, text: string): readonly Entry[] {
  const items = option.repeat === 'collect' ? text.split(';').filter(Boolean) : [text];
  return items.map((item) =>
    within(name, () => {
      const value = option.repeat === 'collect' ? item : parseScalar(option, item);
      const entry: Entry = { option: option.name as OptionName, value, source: { kind: 'variable', name } };
      checkValues(toValues([entry]));
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

/** A variable that means nothing, but looks as if it should. */
function warnAbout(variable: string): readonly string[] {
  if (others.includes(variable)) return [];
  const option = optionTable.find(({ name }) => variableOf(name) === variable);
  if (option?.settable === 'never') return [`${variable} has no effect: no variable sets --${option.name}`];
  if (option !== undefined) return [];
  const settable = optionTable.filter(({ settable }) => settable !== 'never').map(({ name }) => name);
  const near = nearestName(variable.slice(prefix.length).toLowerCase().replaceAll('_', '-'), settable);
  return near === undefined ? [] : [`${variable} has no effect: did you mean ${variableOf(near)}?`];
}
