/** Which paths of the host a container shows, whatever starts it. */

/** Every program needs these; host and image must have them. */
export const requiredPaths = ['/dev', '/proc', '/sys'];

/** Bound if host and image have them: name resolution, huge pages, Slurm's interface. */
export const optionalPaths = [
  '/etc/hosts',
  '/etc/machine-id',
  '/etc/resolv.conf',
  '/var/lib/hugetlbfs',
  '/var/spool/slurmd',
];

/**
 * What root of the host must not write in a container: the kernel checks user ids there, not namespaces. With everything
 * mounted below: binfmt_misc is in /proc/sys. These lists are the defaults of OCI runtimes.
 */
export const readOnlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** What it must not read there. */
export const hiddenPaths = [
  ...['/proc/acpi', '/proc/asound', '/proc/scsi', '/sys/devices/virtual/powercap', '/sys/firmware'],
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/timer_list',
  '/proc/timer_stats',
];
