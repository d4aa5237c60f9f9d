/** The process of a container: what it is allowed, and what it becomes. */
import { lastOfEach } from '../../base/variables.js';
import type { Host } from '../../host/host.js';
import type { CreateStep, EnterStep, OutsideStep } from '../../plan/launch-plan.js';
import { capabilityBits } from '../config/capabilities.js';
import type { Linux, Process } from '../config/config.js';
import { planScheduling } from './scheduling.js';
import { planSeccomp } from './seccomp.js';

/** What the kernel has for no limit, in decimal. JSON numbers near it are not exact. */
const infinity = 2n ** 64n - 1n;

function limitWord(value: number): string {
  const exact = BigInt(value);
  return String(exact >= 2n ** 63n ? infinity : exact);
}

/** Its other end goes to the side outside. */
export function planTerminal(
  { terminal, consoleSize, user }: Process,
  isConsole: boolean,
): readonly CreateStep[] {
  if (!terminal) return [];
  const { width = 0, height = 0 } = consoleSize ?? {};
  return [
    { kind: 'own-terminal', owner: user?.uid ?? 0, width, height, console: isConsole },
    { kind: 'pass', what: 'console' },
  ];
}

/** Set from outside, before rights go. */
export const planLimits = ({ rlimits = [] }: Process): readonly OutsideStep[] =>
  rlimits.map(({ type, soft, hard }) => ({
    kind: 'limit',
    name: type.slice('RLIMIT_'.length),
    soft: limitWord(soft),
    hard: limitWord(hard),
  }));

/** The first step: a user namespace takes the right to lower it. */
export function planOomScore(process: Process, { resources }: Linux = {}): readonly CreateStep[] {
  const score = process.oomScoreAdj ?? resources?.oomScoreAdj;
  return score === undefined ? [] : [{ kind: 'oom-score', score }];
}

/** The caller's sockets that systemd passes on, sd_listen_fds(3). */
export function passedSockets(host: Host): number {
  const count = Number(host.variable('LISTEN_FDS') ?? 0);
  return Number.isInteger(count) && count > 0 && count < 1024 ? count : 0;
}

/** Before anybody waits for the process: everything that can go wrong early. */
export function planBegin(
  process: Process,
  sockets: number,
  directory: 'make' | 'may',
): readonly EnterStep[] {
  const { env = [], cwd, args = [], user = {} } = process;
  const passed = sockets > 0 ? [`LISTEN_FDS=${sockets}`, 'LISTEN_PID=1'] : [];
  return [
    { kind: 'file-mask', mode: (user.umask ?? 0o022).toString(8) },
    env.length + passed.length > 0
      ? { kind: 'environment', action: 'exactly', variables: lastOfEach([...env, ...passed]) }
      : { kind: 'environment', action: 'unset', glob: '*' },
    { kind: 'home', uid: user.uid ?? 0 },
    { kind: 'working-directory', path: cwd || '/', when: directory },
    { kind: 'find-program', name: args[0] ?? '' },
  ];
}

export interface ProcessRequest {
  readonly process: Process;
  readonly linux?: Linux | undefined;
  readonly keepGroups: boolean;
  /** How many descriptors after the standard streams it gets. */
  readonly preserved: number;
}

/** From the rights of who made the container to the command. */
export function planRights({
  process,
  linux = {},
  keepGroups,
  preserved,
}: ProcessRequest): readonly EnterStep[] {
  const { capabilities = {}, noNewPrivileges, user = {}, cwd, args = [] } = process;
  const set = (name: keyof typeof capabilities) => capabilityBits(capabilities[name] ?? []);
  const filter = planSeccomp(linux.seccomp);
  return [
    ...planScheduling(process, linux),
    // a filter is for those with rights, or for who can gain none
    ...(noNewPrivileges ? [] : filter),
    { kind: 'own-streams', uid: user.uid ?? 0 },
    { kind: 'bounding', set: set('bounding') },
    {
      kind: 'user',
      uid: user.uid ?? 0,
      gid: user.gid ?? 0,
      groups: keepGroups ? 'keep' : (user.additionalGids ?? []),
    },
    {
      kind: 'capabilities',
      effective: set('effective'),
      permitted: set('permitted'),
      inheritable: set('inheritable'),
      ambient: set('ambient'),
    },
    { kind: 'working-directory', path: cwd || '/', when: 'must' },
    { kind: 'keep-descriptors', count: preserved },
    // as few calls as possible after it: it may refuse them
    ...(noNewPrivileges ? [{ kind: 'no-new-privileges' } as const, ...filter] : []),
    { kind: 'execute', words: args },
  ];
}
