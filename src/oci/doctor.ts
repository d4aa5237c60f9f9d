/** --doctor: what this machine allows containers, each found out by trying it (addon/launcher/doctor/try_runtime.cc). */
import { askProgram } from '../doctor/ask-program.js';
import { toReport } from '../doctor/examine.js';
import { readKernel } from '../doctor/facts.js';
import { type Finding, note, type Report } from '../doctor/finding.js';
import { runTrials, type Trial } from '../doctor/trials.js';
import type { Host } from '../host/host.js';
import { native } from '../host/native.js';
import { isRootOfHost } from '../host/ownership.js';
import type { IdRange } from '../plan/outside-kinds.js';
import { askCriu } from './doctor-criu.js';
import { hierarchiesHere, usual } from './plan/groups.js';
import { groupPath } from './plan/hierarchies.js';
import { mapsOfCaller } from './plan/identities.js';

const trials: readonly Trial[] = [
  { name: 'root-directory', title: 'mounts, and changing the root directory' },
  { name: 'namespaces', title: 'namespaces of every kind' },
  {
    name: 'time-namespace',
    title: 'time namespaces (Linux 5.6)',
    consequence: 'linux.timeOffsets is refused',
    needs: ['namespaces'],
  },
  {
    name: 'new-proc',
    title: 'a new /proc',
    consequence: 'no PID namespace with a mount of type proc: bind the /proc of the host',
    needs: ['namespaces'],
  },
  { name: 'terminals', title: 'terminals (devpts)', consequence: 'no process.terminal' },
  {
    name: 'device-nodes',
    title: 'making devices',
    consequence:
      "the devices of containers are binds of the host's; linux.devices has only those that it has",
  },
  {
    name: 'device-binds',
    title: 'devices by binds',
    consequence: 'no devices in user namespaces',
  },
  {
    name: 'idmapped-mounts',
    title: 'idmapped mounts (Linux 5.12)',
    consequence: 'mounts with idmap, ridmap, uidMappings or gidMappings are refused',
  },
  {
    name: 'seccomp-actions',
    title: 'seccomp filters',
    consequence: 'linux.seccomp is refused',
  },
  {
    name: 'seccomp-agent',
    title: 'agents of seccomp (Linux 5.0)',
    consequence: 'linux.seccomp.listenerPath is refused',
  },
  { name: 'apparmor', title: 'AppArmor', consequence: 'process.apparmorProfile is refused' },
  { name: 'selinux', title: 'SELinux', consequence: 'process.selinuxLabel and linux.mountLabel are refused' },
];

/** One, and the ids that are granted: each line of a map is a word. */
function planIds(host: Host): Trial | Finding {
  const title = 'several users (newuidmap, newgidmap)';
  const consequence = 'a container has one user and one group';
  const { users, groups } = mapsOfCaller(host);
  const lines = (ranges: readonly IdRange[]) =>
    ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`);
  if (users.length > 1 && groups.length > 1)
    return { name: 'id-ranges', title, consequence, words: [...lines(users), '-', ...lines(groups)] };
  return {
    name: 'id-ranges',
    title,
    verdict: 'no',
    needed: false,
    consequence,
    detail: 'not tried: newuidmap and newgidmap are missing, or /etc/subuid and /etc/subgid grant nothing',
  };
}

/** Below the caller's groups, as for a container without linux.cgroupsPath. */
function planGroups(host: Host): readonly Trial[] {
  const name = `ch-oci-ts-doctor-${native.identity().pid}`;
  const places = hierarchiesHere(host).flatMap((each) => [
    each.controllers,
    each.mount,
    groupPath(each, undefined, name),
  ]);
  const words = [usual.join(','), ...places];
  return [
    {
      name: 'control-groups',
      title: 'control groups (cgroupfs)',
      consequence:
        "containers stay in their caller's; limits, pause and resume are refused, unless systemd makes a scope",
      words,
    },
    {
      name: 'freezer',
      title: 'stopping all processes (freezer)',
      consequence: 'no pause and resume',
      needs: ['control-groups'],
      words,
    },
  ];
}

/** The manager of units that makes scopes: that of the system, or of the user. */
function askSystemd(isRoot: boolean): Finding {
  const [name, path] = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1'];
  return askProgram({
    name: 'systemd',
    title: 'control groups (systemd)',
    consequence: 'with --systemd-cgroup, containers stay in the control group of their caller',
    program: 'busctl',
    words: [isRoot ? '--system' : '--user', 'get-property', name, path, `${name}.Manager`, 'Version'],
    time: 10_000,
    refusalIn: ({ status, errors }) => errors.trim() || `busctl ended with status ${status}`,
    detailIn: (output) => output.trim().replace(/^s "(.*)"$/, '$1'),
  });
}

/** linux/magic.h: RDTGROUP_SUPER_MAGIC. */
const resctrl = 0x07655821;

function readResctrl(): Finding {
  const title = 'cache and memory bandwidth (resctrl)';
  try {
    const isThere = native.fileSystemType('/sys/fs/resctrl') === resctrl;
    return note('resctrl', title, isThere ? 'mounted' : 'not mounted');
  } catch {
    return note('resctrl', title, 'the kernel or the processor has none');
  }
}

/** Tries and reads everything; `program` is ch-oci-ts. */
export function examineMachine(program: string, host: Host): Report {
  const isRoot = isRootOfHost(host.user().uid, host);
  const users: Trial = {
    name: 'user-namespace',
    title: 'user namespaces',
    // root of the machine can do without
    ...(isRoot ? { consequence: 'no user namespace in config.json' } : {}),
  };
  const ids = host.user().uid === 0 ? [] : [planIds(host)];
  const isTrial = (each: Trial | Finding): each is Trial => !('verdict' in each);
  return toReport([
    ...runTrials(program, [users, ...trials, ...ids.filter(isTrial), ...planGroups(host)]),
    ...ids.filter((each): each is Finding => !isTrial(each)),
    askSystemd(isRoot),
    askCriu(isRoot),
    readResctrl(),
    ...readKernel(),
  ]);
}
