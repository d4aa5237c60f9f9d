/** Filters of system calls, as config.json has them. */
import { LaunchError } from '../../base/errors.js';
import { native } from '../../host/native.js';
import type { EnterStep } from '../../plan/launch-plan.js';
import type { Config, Seccomp, SeccompRule } from '../config/config.js';

/** An action, with its errno or message: `errno 38`. */
function actionWord(action: string, errno: number | undefined): string {
  const name = /^SCMP_ACT_(ALLOW|LOG|KILL|KILL_THREAD|KILL_PROCESS|TRAP|ERRNO|TRACE|NOTIFY)$/.exec(
    action,
  )?.[1];
  if (name === undefined) throw new LaunchError(`linux.seccomp: the action ${action} is not handled`);
  return `${name} ${errno ?? (name === 'ERRNO' ? 1 : 0)}`;
}

const operators = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'];

function exact(value: number): string {
  // all ones is the only larger number that anybody writes
  if (value === 2 ** 64) return String(2n ** 64n - 1n);
  if (!Number.isSafeInteger(value))
    throw new LaunchError(`linux.seccomp: the number ${value} is not exact in JSON`);
  return String(value);
}

/** Words of a rule: action, a count of comparisons, five words each, and the names of the calls. */
function ruleWords({ names, action, errnoRet, args = [] }: SeccompRule): readonly string[] {
  const comparisons = args.flatMap(({ index, value, valueTwo = 0, op }) => {
    const operator = op.replace(/^SCMP_CMP_/, '');
    if (!operators.includes(operator)) throw new LaunchError(`linux.seccomp: unknown operator ${op}`);
    return [String(index), operator, exact(value), exact(valueTwo)];
  });
  return [actionWord(action, errnoRet), String(args.length), ...comparisons, String(names.length), ...names];
}

const digits = (byte: number) => byte.toString(16).padStart(2, '0');

/** Some filters are always so: there is one thread, and the kernel's mitigations are for those who can't trust them. */
const flagsWithoutEffect = ['SECCOMP_FILTER_FLAG_SPEC_ALLOW', 'SECCOMP_FILTER_FLAG_TSYNC'];
const killable = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';
/** All that are known, for `features`. */
export const seccompFlags: readonly string[] = [...flagsWithoutEffect, 'SECCOMP_FILTER_FLAG_LOG', killable];

/** Flags of seccomp(2), without those that change nothing. */
function flagWords({ flags = [], listenerPath }: Seccomp): readonly string[] {
  const unknown = flags.find((flag) => !seccompFlags.includes(flag));
  if (unknown !== undefined) throw new LaunchError(`linux.seccomp: the flag ${unknown} is not handled`);
  if (flags.includes(killable) && !listenerPath)
    throw new LaunchError(`linux.seccomp: the flag ${killable} needs listenerPath`);
  const words = flags.filter((flag) => !flagsWithoutEffect.includes(flag));
  return words.map((flag) => flag.replace('SECCOMP_FILTER_FLAG_', ''));
}

/** Whether somebody else decides about system calls. */
export const hasAgent = ({ linux }: Config): boolean => Boolean(linux?.seccomp?.listenerPath);

export function planSeccomp(filter: Seccomp | undefined): readonly EnterStep[] {
  if (filter === undefined) return [];
  const { listenerPath: socket, listenerMetadata: metadata = '' } = filter;
  const actions = [filter.defaultAction, ...(filter.syscalls ?? []).map(({ action }) => action)];
  if (actions.includes('SCMP_ACT_NOTIFY') && !socket)
    throw new LaunchError('linux.seccomp: the action SCMP_ACT_NOTIFY needs listenerPath');
  return [
    {
      kind: 'seccomp',
      program: compileSeccomp(filter),
      flags: flagWords(filter),
      agent: socket ? { socket, metadata } : undefined,
    },
  ];
}

/** The BPF program in hexadecimal. */
function compileSeccomp(filter: Seccomp): string {
  const { defaultAction, defaultErrnoRet, architectures = [], syscalls = [] } = filter;
  if (!native.features().includes('seccomp'))
    throw new LaunchError('linux.seccomp is refused: this ch-oci-ts was built without libseccomp');
  const program = native.compileRules([
    actionWord(defaultAction, defaultErrnoRet),
    String(architectures.length),
    ...architectures.map((name) => name.replace(/^SCMP_ARCH_/, '').toLowerCase()),
    ...syscalls.flatMap(ruleWords),
  ]);
  return [...program].map(digits).join('');
}
