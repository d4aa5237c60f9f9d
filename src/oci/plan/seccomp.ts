/** Filters of system calls, as config.json has them. */
import { LaunchError } from '../../base/errors.js';
import { native } from '../../host/native.js';
import type { Seccomp, SeccompRule } from '../config/config.js';

/** An action, with its errno or message: `errno 38`. */
function actionWord(action: string, errno: number | undefined): string {
  const name = /^SCMP_ACT_(ALLOW|LOG|KILL|KILL_THREAD|KILL_PROCESS|TRAP|ERRNO|TRACE)$/.exec(action)?.[1];
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

/** The BPF program in hexadecimal. */
export function compileSeccomp(filter: Seccomp): string {
  const { defaultAction, defaultErrnoRet, architectures = [], flags = [], syscalls = [] } = filter;
  if (!native.features().includes('seccomp'))
    throw new LaunchError('linux.seccomp is refused: this ch-oci-ts was built without libseccomp');
  // those two are always so: there is one thread, and the kernel's mitigations are for those who can't trust filters
  const unknown = flags.find(
    (flag) => !['SECCOMP_FILTER_FLAG_SPEC_ALLOW', 'SECCOMP_FILTER_FLAG_TSYNC'].includes(flag),
  );
  if (unknown !== undefined) throw new LaunchError(`linux.seccomp: the flag ${unknown} is not handled`);
  const program = native.compileRules([
    actionWord(defaultAction, defaultErrnoRet),
    String(architectures.length),
    ...architectures.map((name) => name.replace(/^SCMP_ARCH_/, '').toLowerCase()),
    ...syscalls.flatMap(ruleWords),
  ]);
  return [...program].map(digits).join('');
}
