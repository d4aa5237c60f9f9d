/** Plans on a machine that exists here only, and the plainest of them, to which others are compared. */

import { stepWords } from '../../../../src/plan/encode.js';
import type { LaunchPlan } from '../../../../src/plan/launch-plan.js';
import { parseCommandLine } from '../../../../src/run/command-line.js';
import { makePlan } from '../../../../src/run/plan/make-plan.js';
import { type FakeMachine, fakeHost } from '../../../helpers/fake-host.js';

const squashfs = Buffer.from('hsqs and more');
export const machine: FakeMachine = {
  paths: {
    '/img': 'directory',
    '/work/img': 'directory',
    '/work/a b': 'directory',
    '/img.sqfs': squashfs,
    '/mnt': 'directory',
    '/work/mnt': 'directory',
    // storage: alice's, and one that must be asked for
    '/var/tmp/alice.ch': 'directory',
    '/var/tmp/alice.ch/img': 'directory',
    '/s': 'directory',
    '/s/img': 'directory',
    '/var/tmp/alice.ch/img/debian': 'directory',
    '/work/debian': 'directory',
    '/work/../debian': 'directory',
    '/var/tmp/alice.ch/img/reg.example+5000%a%b+tag': 'directory',
    '/s/img/busybox+1.36.sqfs': squashfs,
    '/s/img/mix': 'directory',
    '/s/img/mix.sqfs': squashfs,
    '/s/img/other.squashfs': squashfs,
  },
};

/** The plan of a command line. */
export function planOf(words: readonly string[], on: FakeMachine = machine): LaunchPlan {
  const line = parseCommandLine([...words, '--', 'true']);
  if (line.kind !== 'launch') throw new Error(`not a launch: ${line.kind}`);
  return makePlan(line.request, fakeHost(on));
}

/** Its steps, as --dry-run has them but for the columns. */
export const lines = (plan: LaunchPlan) =>
  [...plan.create, ...plan.enter].map((step) => stepWords(step).join(' '));
const optional = ['/etc/hosts', '/etc/machine-id', '/etc/resolv.conf'];

/** The whole plan of the plainest command line. */
export const plain = [
  'user-namespace 0:1001 0:100',
  'root /img read-only',
  'identity 1001 100',
  'bind /dev /dev',
  'bind /proc /proc',
  'bind /sys /sys',
  ...[...optional, '/var/lib/hugetlbfs', '/var/spool/slurmd'].map((path) => `bind ${path} ${path} optional`),
  'bind-variable TMPDIR /tmp /tmp',
  'pivot',
  'user-namespace 1001:0 100:0',
  'environment default HOME PATH TMPDIR',
  'environment set CH_RUNNING=ch-run-ts literal',
  'directory /',
  'no-new-privileges',
  'terminal',
  'command',
];

/** Lines in place of others of the plain plan (null: no line), and lines that are added before others. */
export interface Change {
  readonly replace?: Readonly<Record<string, string | null>>;
  readonly before?: Readonly<Record<string, readonly string[]>>;
}

/** The plain plan with a change. */
export function changed({ replace = {}, before = {} }: Change): string[] {
  return plain.flatMap((line) => {
    const other = line in replace ? replace[line] : line;
    return [...(before[line] ?? []), ...(typeof other === 'string' ? [other] : [])];
  });
}
