/**
 * What root of the host must not write or read in a container: the kernel checks user ids there, not namespaces. The
 * lists are the defaults of OCI runtimes.
 */
import { type Host, kindIfAny, type PathKind } from '../../host/host.js';
import type { CreateStep } from '../../plan/launch-plan.js';

/** With everything mounted below: binfmt_misc is in /proc/sys. */
const readOnly = [...['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys'], '/proc/sysrq-trigger'];

const hidden = [
  ...['/proc/acpi', '/proc/asound', '/proc/scsi', '/sys/devices/virtual/powercap', '/sys/firmware'],
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/timer_list',
  '/proc/timer_stats',
];

/** Steps after the binds of /proc and /sys. */
export function planMasks(host: Host): readonly CreateStep[] {
  return [
    ...readOnly.map(
      (path): CreateStep => ({
        kind: 'bind',
        source: path,
        destination: path,
        options: ['optional', 'read-only'],
      }),
    ),
    ...hidden.flatMap((path) => planCover(path, kindIfAny(path, host))),
  ];
}

/** An empty directory in which nothing can be created, or an empty file. */
function planCover(path: string, kind: PathKind): readonly CreateStep[] {
  if (kind === 'absent') return [];
  if (kind === 'directory')
    return [{ kind: 'tmpfs', destination: path, options: 'mode=0555,size=4k,nr_inodes=1' }];
  return [{ kind: 'bind', source: '/dev/null', destination: path, options: ['optional'] }];
}
