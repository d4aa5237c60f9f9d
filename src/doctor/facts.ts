/** What is read, not tried: settings of the kernel, of this process, of the batch system, and of our own build. */
import { existsSync, readFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { LaunchError } from '../errors.js';
import type { Host } from '../host.js';
import { storageDirectory } from '../image/storage.js';
import { loadNative } from '../native.js';
import { version } from '../version.js';
import { readDevices } from './devices.js';
import { examineDirectory, ownMounts } from './file-systems.js';
import { type Finding, note } from './finding.js';

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
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

/** Settings that the kernel has; what it lacks restricts nothing. */
function readSettings(): readonly Finding[] {
  return settings.flatMap((name) => {
    const value = contentOf(`/proc/sys/${name.replaceAll('.', '/')}`);
    return value === undefined ? [] : [note(name, `sysctl ${name}`, value)];
  });
}

const seccompModes = ['no filter', 'strict mode', 'a filter is on, by an outer container or a batch system'];

function readProcess(): readonly Finding[] {
  const status = contentOf('/proc/self/status') ?? '';
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(status)?.[1];
  const newPrivileges = field('NoNewPrivs');
  return [
    note('seccomp-mode', 'seccomp', seccompModes[Number(field('Seccomp') ?? 0)] ?? 'unknown'),
    note(
      'no-new-privileges',
      'no_new_privs',
      newPrivileges === '1' ? 'set outside; no harm, containers have it too' : 'not set',
    ),
  ];
}

/** Outer containers hide parts of /proc by mounts over them. */
function readMaskedProc(): Finding {
  const masked = ownMounts()
    .map(({ place }) => place)
    .filter((place) => place.startsWith('/proc/') && place !== '/proc/sys/fs/binfmt_misc');
  const title = 'parts of /proc that are covered';
  if (masked.length === 0) return note('masked-proc', title, 'none');
  return note('masked-proc', title, [...new Set(masked)].join(', '), {
    cause: 'an outer container covers them, so the kernel allows no fresh /proc',
    consequence: 'no harm: containers see this same /proc',
  });
}

const foundDevices = ['/dev/fuse', '/dev/nvidiactl', '/dev/kfd', '/dev/dri', '/dev/infiniband', '/dev/shm'];

const batchVariables =
  /^(SLURM_(JOB_ID|STEP_ID|MPI_TYPE)|PMI_(RANK|SIZE|FD)|PMIX_(RANK|NAMESPACE)|OMPI_COMM_WORLD_SIZE)$/;

function readBatch(): Finding {
  const seen = Object.entries(process.env).filter(([name]) => batchVariables.test(name));
  const detail = seen.map(([name, value]) => `${name}=${value}`).join(' ') || 'none seen';
  return note('batch', 'Slurm, PMI', detail);
}

function readBuild(): Finding {
  try {
    const { features } = loadNative();
    return note(
      'build',
      'ch-run-ts',
      `${version}, features: ${features.join(', ')}; Node.js ${process.versions.node}`,
    );
  } catch (error) {
    const hint = error instanceof LaunchError && error.hint ? { user: error.hint } : {};
    const detail = (error as Error).message;
    return { name: 'build', title: 'ch-run-ts', verdict: 'no', needed: true, detail, ...hint };
  }
}

function readDirectories(host: Host): readonly Finding[] {
  const storage = storageDirectory(undefined, host);
  const cache = host.variable('XDG_CACHE_HOME') || `${host.variable('HOME') ?? ''}/.cache`;
  const memory = host.variable('CH_RUN_MEMO_DIR') || `${cache}/ch-run-ts`;
  return [
    ...(storage ? [examineDirectory('storage', 'storage', storage)] : []),
    examineDirectory('memory', 'remembered plans', memory),
    examineDirectory('tmp', 'temporary files', tmpdir()),
  ];
}

/** Everything that is read. */
export function readFacts(host: Host): readonly Finding[] {
  return [
    readBuild(),
    note('kernel', 'Linux', release()),
    ...readSettings(),
    ...readProcess(),
    readMaskedProc(),
    note('devices', 'devices', foundDevices.filter((path) => existsSync(path)).join(' ') || 'none'),
    readDevices(host),
    readBatch(),
    ...readDirectories(host),
  ];
}
