/** The entry of the bundled ch-oci-ts: decides for the native program, which waits for the outcome. */
import { ExitStatus, LaunchError, usageError } from '../base/errors.js';
import { renderCompletion } from '../cli/completion/render.js';
import type { Shell } from '../cli/completion/values.js';
import { renderTopic } from '../cli/help.js';
import { type Given, parseOptions } from '../cli/parse.js';
import { optionsOf } from '../cli/program.js';
import { checkValues } from '../cli/values.js';
import { describeBug } from '../host/bugs.js';
import { type Host, RealHost } from '../host/host.js';
import { print } from '../host/messages.js';
import { native } from '../host/native.js';
import { encodePlan, encodeRecord } from '../plan/encode.js';
import type { LaunchPlan } from '../plan/launch-plan.js';
import { checkpoint } from './checkpoint.js';
import { create, run } from './create.js';
import { exec } from './exec.js';
import { renderFeatures } from './features.js';
import { program } from './program.js';
import { restore } from './restore.js';
import { writeSpec } from './spec.js';
import { update } from './update.js';
import { renderVersion } from './version.js';

export { native };

/** Options by their long name. */
export type OciValues = Readonly<Record<string, string | true | readonly string[] | undefined>>;

/** What a verb gets: its options and what follows them. */
export interface Invocation {
  readonly values: OciValues;
  readonly operands: readonly string[];
  readonly host: Host;
}

/** A plan to carry out; text that was asked for; or what the native program does with these operands. */
type Outcome =
  | { readonly plan: LaunchPlan }
  | { readonly text: string }
  | { readonly operands: readonly string[] };

const verbs: Readonly<Record<string, (invocation: Invocation) => Outcome>> = {
  create: (invocation) => ({ plan: create(invocation) }),
  run: (invocation) => ({ plan: run(invocation) }),
  exec: (invocation) => ({ plan: exec(invocation) }),
  checkpoint: (invocation) => ({ plan: checkpoint(invocation) }),
  restore: (invocation) => ({ plan: restore(invocation) }),
  spec: (invocation) => ({ text: writeSpec(invocation) }),
  features: () => ({ text: renderFeatures() }),
  update: (invocation) => ({ operands: [...invocation.operands, ...update(invocation).flat()] }),
};

/** The fewest and most operands of each verb. */
const operandCounts: Readonly<Record<string, readonly [number, number]>> = {
  exec: [1, Number.POSITIVE_INFINITY],
  ps: [1, Number.POSITIVE_INFINITY],
  kill: [1, 2],
  list: [0, 0],
  spec: [0, 0],
  features: [0, 0],
};

function requireOperands(verb: string, operands: readonly string[]): void {
  const [fewest, most] = operandCounts[verb] ?? [1, 1];
  const wanted = program.commands.find(({ name }) => name === verb)?.operands;
  if (operands.length < fewest || operands.length > most)
    throw usageError(
      wanted ? `expected ${wanted} after the options of ${verb}` : `${verb} takes no argument`,
      `try '${program.name} --help ${verb}'`,
    );
}

/** What the native program does by itself. */
function forNative(verb: string, { values, operands }: Invocation): string {
  const options = Object.entries(values).map(([name, value]) => `${name}=${String(value)}`);
  return encodeRecord(['verb', verb, String(operands.length), ...operands, ...options]);
}

/** Evaluated only here: no container needs it. */
async function runDoctor(path: string, format: string): Promise<string> {
  const { examineMachine } = await import('./doctor.js');
  const { renderReport } = await import('../doctor/examine.js');
  const report = examineMachine(path, new RealHost());
  if (format === 'json') print(1, `${JSON.stringify(report, null, 2)}\n`);
  else print(1, renderReport(report));
  return encodeRecord(['status', report.healthy ? '0' : '1']);
}

async function perform(path: string, { values: raw, words, next, command, topic }: Given): Promise<string> {
  const values: OciValues = checkValues(optionsOf(program, command), raw);
  const status = encodeRecord(['status', '0']);
  const say = (text: string) => {
    print(1, text);
    return status;
  };
  if (values.help) return say(renderTopic(program, topic ?? command));
  if (values.version) return say(renderVersion());
  if (typeof values.doctor === 'string') return runDoctor(path, values.doctor);
  if (values.completion) return say(renderCompletion(program, values.completion as Shell));
  if (command === undefined) throw usageError('expected a command after the options');
  const invocation = { values, operands: words.slice(next), host: new RealHost() };
  requireOperands(command.name, invocation.operands);
  const verb = verbs[command.name];
  if (verb === undefined) return forNative(command.name, invocation);
  const outcome = verb(invocation);
  if ('operands' in outcome) return forNative(command.name, { ...invocation, operands: outcome.operands });
  return 'plan' in outcome
    ? encodeRecord(['launch', '0', '0']) + encodePlan(outcome.plan)
    : say(outcome.text);
}

/** Runs a command line; returns a record (addon/engine/decision.cc), and the plan after it. */
export async function main(path: string, words: readonly string[]): Promise<string> {
  try {
    return await perform(path, parseOptions(program, words.slice(1)));
  } catch (error) {
    if (!(error instanceof LaunchError))
      return encodeRecord([
        'failure',
        String(ExitStatus.failure),
        `internal error: ${describeBug(error)}`,
        '',
      ]);
    return encodeRecord(['failure', String(error.exitStatus), error.message, error.hint ?? '']);
  }
}
