/**
 * What root of the host must not write or read in a container: the kernel checks user ids there, not namespaces. The
 * lists are the defaults of OCI runtimes.
 */
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

/** Steps after the binds of /proc and /sys; what is not there is left out. */
export const masks: readonly CreateStep[] = [
  { kind: 'protect', paths: readOnly },
  { kind: 'mask', paths: hidden },
];
