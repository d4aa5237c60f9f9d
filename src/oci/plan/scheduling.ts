/** What a process may have of processors, memory and input and output; and its security labels. */
import { LaunchError } from '../../base/errors.js';
import type { EnterStep } from '../../plan/launch-plan.js';
import type { Linux, Process } from '../config/config.js';
import {
  ioClasses,
  memoryFlags,
  memoryModes,
  personalities,
  schedulerFlags,
  schedulerPolicies,
} from '../config/words.js';

/** The number of a word in a table that check.ts has compared it with. */
const numberOf = (table: Readonly<Record<string, number>>, word: string): number => table[word] ?? 0;

const sum = (table: Readonly<Record<string, number>>, words: readonly string[] = []): number =>
  words.reduce((all, word) => all | numberOf(table, word), 0);

function planScheduler({ scheduler }: Process): readonly EnterStep[] {
  if (!scheduler?.policy) return [];
  const { policy, nice = 0, priority = 0, flags, runtime = 0, deadline = 0, period = 0 } = scheduler;
  return [
    {
      kind: 'scheduler',
      name: policy,
      policy: numberOf(schedulerPolicies, policy),
      flags: sum(schedulerFlags, flags),
      nice,
      priority,
      times: [runtime, deadline, period],
    },
  ];
}

function planIoPriority({ ioPriority }: Process): readonly EnterStep[] {
  if (!ioPriority) return [];
  const { class: name, priority = 0 } = ioPriority;
  if (priority < 0 || priority > 7)
    throw new LaunchError(`process.ioPriority.priority must be from 0 to 7, got ${priority}`);
  return [{ kind: 'io-priority', class: numberOf(ioClasses, name), priority }];
}

function planMemoryPolicy({ memoryPolicy }: Linux): readonly EnterStep[] {
  if (!memoryPolicy?.mode) return [];
  const { mode, nodes = '', flags } = memoryPolicy;
  return [
    { kind: 'memory-policy', name: mode, mode: numberOf(memoryModes, mode) | sum(memoryFlags, flags), nodes },
  ];
}

function planPersonality({ personality }: Linux): readonly EnterStep[] {
  if (!personality?.domain) return [];
  if (personality.flags?.length) throw new LaunchError('linux.personality.flags is refused: there are none');
  return [{ kind: 'personality', domain: numberOf(personalities, personality.domain) }];
}

function planLabels({ apparmorProfile, selinuxLabel }: Process): readonly EnterStep[] {
  return [
    ...(apparmorProfile
      ? [{ kind: 'security-label', module: 'apparmor', label: apparmorProfile } as const]
      : []),
    ...(selinuxLabel ? [{ kind: 'security-label', module: 'selinux', label: selinuxLabel } as const] : []),
  ];
}

/** While the process has the rights of who made the container. */
export const planScheduling = (process: Process, linux: Linux): readonly EnterStep[] => [
  ...planPersonality(linux),
  ...planScheduler(process),
  ...planIoPriority(process),
  ...planMemoryPolicy(linux),
  ...planLabels(process),
];
