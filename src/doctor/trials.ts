/** Findings from real attempts, each in a child process: the launcher's `--try` (addon/launcher/doctor/try.h). */
import { ExitStatus } from '../base/errors.js';
import { readRecords } from '../base/records.js';
import { native, type SystemError } from '../host/native.js';
import type { Finding } from './finding.js';

export interface Trial {
  /** Its name in the launcher. */
  readonly name: string;
  readonly title: string;
  /** What does not work if this is refused; if absent, nothing works. */
  readonly consequence?: string;
  /** Trials that must succeed first. */
  readonly needs?: readonly string[];
  /** What the launcher's check is about. */
  readonly words?: readonly string[];
}

export const trials: readonly Trial[] = [
  { name: 'user-namespace', title: 'user and mount namespaces' },
  { name: 'nested-user-namespace', title: 'a user namespace inside another' },
  { name: 'bind', title: 'bind mounts' },
  { name: 'tmpfs', title: 'tmpfs mounts' },
  { name: 'pivot-root', title: 'changing the root directory' },
  {
    name: 'overlay',
    title: 'overlay mounts',
    consequence: 'no --write-fake, --overlay, --home, and missing destinations of binds are not created',
  },
  { name: 'fuse', title: 'FUSE mounts', consequence: 'no SquashFS images: unpack them to directories' },
  {
    name: 'overlay-over-fuse',
    title: 'an overlay over a FUSE mount',
    consequence:
      'no --write-fake, --overlay and --home with SquashFS images; destinations of binds must exist',
    needs: ['overlay', 'fuse'],
  },
  {
    name: 'new-mount-calls',
    title: 'open_tree, move_mount, fsopen (Linux 5.2)',
    consequence: 'each launch of a SquashFS image has its own file-system server',
  },
  {
    name: 'mount-setattr',
    title: 'mount_setattr (Linux 5.12)',
    consequence: 'mounts below the image are not made read-only with it',
  },
  {
    name: 'openat2',
    title: 'openat2 (Linux 5.6)',
    consequence: 'symbolic links in images are resolved by the launcher, which is slower',
  },
  { name: 'join', title: 'entering a container (setns)', consequence: 'no --join and --join-pid' },
  { name: 'shared-memory', title: 'POSIX shared memory', consequence: 'no --join' },
  { name: 'semaphore', title: 'POSIX semaphores', consequence: 'many MPI libraries do not start' },
  {
    name: 'seccomp',
    title: 'seccomp filters',
    consequence: 'the file-system server of SquashFS images has no sandbox',
  },
];

/** The launcher's report of a refusal: one record for each known part of a finding. */
function readRefusal(output: string): Partial<Finding> {
  return Object.fromEntries(readRecords(output).map(({ name, fields }) => [name, fields[0]]));
}

/** A trial that was skipped, because something that it needs was refused. */
function leaveOut({ name, title, consequence = '' }: Trial, without: readonly Finding[]): Finding {
  const missing = without.map((finding) => finding.title).join(' and ');
  return {
    name,
    title,
    verdict: 'no',
    needed: false,
    consequence,
    detail: `not tried, because it needs ${missing}`,
  };
}

function runTrial(program: string, { name, title, consequence, words = [] }: Trial): Finding {
  const about = { name, title, needed: consequence === undefined };
  const refused = (detail: string, refusal: Partial<Finding> = {}): Finding => ({
    ...about,
    verdict: 'no',
    ...(consequence === undefined ? {} : { consequence }),
    detail,
    ...refusal,
  });
  try {
    const { status, signal, output, errors } = native.run(program, ['--try', name, ...words], 10_000);
    if (status === 0 && signal === 0)
      return { ...about, verdict: 'yes', ...(output ? { detail: output } : {}) };
    const ending =
      errors.trim() ||
      `the check ${signal ? `was terminated by signal ${signal}` : `exited with status ${status}`}`;
    return refused(ending, status === ExitStatus.failure ? readRefusal(output) : {});
  } catch (error) {
    const { syscall, reason } = error as Partial<SystemError>;
    if (syscall === undefined) throw error;
    return refused(`${syscall}: ${reason}`);
  }
}

/** Runs trials with the launcher at `program`: those of ch-run-ts, if no others are named. */
export function runTrials(program: string, some: readonly Trial[] = trials): readonly Finding[] {
  const findings: Finding[] = [];
  for (const trial of some) {
    const refused = findings.filter(({ name, verdict }) => verdict === 'no' && trial.needs?.includes(name));
    findings.push(refused.length > 0 ? leaveOut(trial, refused) : runTrial(program, trial));
  }
  return findings;
}
