/**
 * What root of the host must not write, nor read, in a container: the kernel goes by user ids there, not by namespaces.
 * The lists are those of the defaults of OCI runtimes, but that directories are read-only and not hidden.
 */
import type { Host } from '../../host/host.js';
import type { CreateStep } from '../../plan/launch-plan.js';

/** With all that is mounted below: binfmt_misc lies in /proc/sys. */
const readOnly = [
  ...['/proc/acpi', '/proc/bus', '/proc/fs', '/proc/irq', '/proc/scsi', '/proc/sys'],
  '/proc/sysrq-trigger',
];

const hidden = [
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
    ...hidden
      .filter((path) => host.pathKind(path) !== 'absent')
      .map(
        (path): CreateStep => ({
          kind: 'bind',
          source: '/dev/null',
          destination: path,
          options: ['optional'],
        }),
      ),
  ];
}
