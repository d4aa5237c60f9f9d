/** Findings that are read, not tried: settings of the kernel, this process, the batch system, and our own build. */

import { LaunchError } from '../base/errors.js';
import { version } from '../base/version.js';
import { type Host, kindIfAny } from '../host/host.js';
import { native, serverPaths } from '../host/native.js';
import { isRootOfHost } from '../host/ownership.js';
import { findMemory } from '../store/memory.js';
import { findStorage, type Storage } from '../store/storage.js';
import { readDevices } from './devices.js';
import { examineDirectory, ownMounts } from './file-systems.js';
import { type Finding, note } from './finding.js';
import { examineInstallation } from './installation.js';

function contentOf(path: string): string | undefined {
  try {
    return native.content(path).text.trim();
  } catch {
    return undefined;
  }
}

const settings = [
  'user.max_user_namespaces',
  'user.max_mnt_namespaces',
  'kernel.unprivileged_userns_clone',
  'kernel.apparmor_restrict_unprivileged_userns',
  'kernel.yama.ptrace_scope',
];

/** Yama, proc(5) and kernel.org: Documentation/admin-guide/LSM/Yama.rst; 0 is no restriction. */
const restrictedTracing: Partial<Finding> = {
  consequence:
    "MPI ranks can't read each other's memory and copy it instead; debuggers can attach only to processes that they started",
  administrator: 'run: sysctl -w kernel.yama.ptrace_scope=0',
};

/** Settings of the kernel; a setting that it lacks restricts nothing. */
function readSettings(): readonly Finding[] {
  return settings.flatMap((name) => {
    const value = contentOf(`/proc/sys/${name.replaceAll('.', '/')}`);
    if (value === undefined) return [];
    const more = name === 'kernel.yama.ptrace_scope' && value !== '0' ? restrictedTracing : {};
    return [note(name, `sysctl ${name}`, value, more)];
  });
}

const seccompModes = [
  'no filter',
  'strict mode',
  'a filter, installed by an outer container or a batch system',
];

function readProcess(): readonly Finding[] {
  const status = contentOf('/proc/self/status') ?? '';
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(status)?.[1];
  const newPrivileges = field('NoNewPrivs');
  return [
    note('seccomp-mode', 'seccomp', seccompModes[Number(field('Seccomp') ?? 0)] ?? 'unknown'),
    note(
      'no-new-privileges',
      'no_new_privs',
      newPrivileges === '1' ? 'already set; harmless, containers set it too' : 'not set',
    ),
  ];
}

/** Outer containers hide parts of /proc with mounts. */
function readMaskedProc(): Finding {
  const masked = ownMounts()
    .map(({ place }) => place)
    .filter((place) => place.startsWith('/proc/') && place !== '/proc/sys/fs/binfmt_misc');
  const title = 'mounts over parts of /proc';
  if (masked.length === 0) return note('masked-proc', title, 'none');
  return note('masked-proc', title, [...new Set(masked)].join(', '), {
    cause: 'an outer container hides them with mounts; so the kernel would refuse to mount a new /proc',
    consequence: 'none: containers bind this /proc, and need no new one',
  });
}

const foundDevices = ['/dev/fuse', '/dev/nvidiactl', '/dev/kfd', '/dev/dri', '/dev/infiniband', '/dev/shm'];

const batchVariables =
  /^(SLURM_(JOB_ID|STEP_ID|MPI_TYPE)|PMI_(RANK|SIZE|FD)|PMIX_(RANK|NAMESPACE)|OMPI_COMM_WORLD_SIZE)$/;

function readBatch(): Finding {
  const seen = native
    .variables('')
    .filter((entry) => batchVariables.test(entry.slice(0, entry.indexOf('='))));
  const detail = seen.join(' ') || 'none seen';
  return note('batch', 'Slurm, PMI', detail);
}

/** Empty if it was not built. */
function readServerLibraries(server: string): string {
  try {
    return native.run(server, ['--libraries'], 10_000).output.trim();
  } catch {
    return '';
  }
}

/** The libraries linked into our programs, and their versions. */
function listLibraries(): string {
  return [...serverPaths.map(readServerLibraries), ...native.libraries()].filter(Boolean).join(', ');
}

function readBuild(): readonly Finding[] {
  try {
    return [
      note('build', 'ch-run-ts', `${version}, features: ${native.features().join(', ')}`),
      note('libraries', 'libraries', listLibraries()),
    ];
  } catch (error) {
    const hint = error instanceof LaunchError && error.hint ? { user: error.hint } : {};
    const detail = (error as Error).message;
    return [{ name: 'build', title: 'ch-run-ts', verdict: 'no', needed: true, detail, ...hint }];
  }
}

/** Names in storage that is not trusted are ignored. */
function examineStorage({ directory, distrust }: Storage): Finding {
  const found = examineDirectory('storage', 'storage', directory);
  return distrust ? { ...found, consequence: distrust } : found;
}

/** Of how many commands reads are remembered, beside the plans. */
function readRecords(memory: string): Finding {
  const isRecord = (name: string) => /^[0-9a-f]{16}\.reads$/.test(name);
  try {
    const count = native.entries(memory).filter(isRecord).length;
    return note(
      'reads',
      'remembered reads of SquashFS images',
      `of ${count} commands; -v says whether they are used`,
    );
  } catch {
    return note('reads', 'remembered reads of SquashFS images', 'none');
  }
}

function readDirectories(memory: string, host: Host): readonly Finding[] {
  const storage = findStorage(undefined, host);
  return [
    ...(storage ? [examineStorage(storage)] : []),
    ...(memory ? [examineDirectory('memory', 'remembered plans', memory), readRecords(memory)] : []),
    examineDirectory('tmp', 'temporary files', host.variable('TMPDIR')?.replace(/(?<=.)\/$/, '') || '/tmp'),
  ];
}

/** The kernel checks user ids in /proc, /sys and /dev. */
function readRoot(host: Host): readonly Finding[] {
  if (!isRootOfHost(host.user().uid, host)) return [];
  return [
    note('root', 'the user', 'root of this machine', {
      cause:
        'in a container too, root can write to devices in /dev; /sys and parts of /proc are made read-only (--unmask)',
      user: 'run untrusted images as another user',
    }),
  ];
}

/** The kernel, its settings, and what it does not let this process do. */
export const readKernel = (): readonly Finding[] => [
  note('kernel', 'Linux', native.identity().kernel),
  ...readSettings(),
  ...readProcess(),
];

/** Everything that is read. */
export function readFacts(program: string, host: Host): readonly Finding[] {
  const memory = findMemory(host);
  return [
    ...readBuild(),
    ...examineInstallation(program, memory, host),
    ...readKernel(),
    ...readRoot(host),
    readMaskedProc(),
    note(
      'devices',
      'devices',
      foundDevices.filter((path) => kindIfAny(path, host) !== 'absent').join(' ') || 'none',
    ),
    readDevices(host),
    readBatch(),
    ...readDirectories(memory, host),
  ];
}
