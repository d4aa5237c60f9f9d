/** `spec`: an example of config.json. */
import { failure, LaunchError } from '../base/errors.js';
import { native } from '../host/native.js';
import type { Invocation } from './main.js';

const capabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

const mount = (destination: string, type: string, source: string, options: readonly string[]) => ({
  destination,
  type,
  source,
  options,
});

function mountsFor(rootless: boolean) {
  return [
    mount('/proc', 'proc', 'proc', []),
    mount('/dev', 'tmpfs', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    mount('/dev/pts', 'devpts', 'devpts', [
      ...['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
      // the group is not mapped for an ordinary user
      ...(rootless ? [] : ['gid=5']),
    ]),
    mount('/dev/shm', 'tmpfs', 'shm', ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k']),
    mount('/dev/mqueue', 'mqueue', 'mqueue', ['nosuid', 'noexec', 'nodev']),
    rootless
      ? mount('/sys', 'none', '/sys', ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'])
      : mount('/sys', 'sysfs', 'sysfs', ['nosuid', 'noexec', 'nodev', 'ro']),
    mount('/sys/fs/cgroup', 'cgroup', 'cgroup', ['nosuid', 'noexec', 'nodev', 'relatime', 'ro']),
  ];
}

function exampleFor(
  rootless: boolean,
  isUnified: boolean,
  ids: { readonly uid: number; readonly gid: number },
) {
  const kinds = [
    'pid',
    'ipc',
    'uts',
    'mount',
    ...(rootless ? ['user'] : ['network']),
    ...(isUnified ? ['cgroup'] : []),
  ];
  const map = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'container',
    mounts: mountsFor(rootless),
    linux: {
      ...(rootless ? { uidMappings: map(ids.uid), gidMappings: map(ids.gid) } : {}),
      // without rights, none can be denied that a user has anyway
      ...(rootless ? {} : { resources: { devices: [{ allow: false, access: 'rwm' }] } }),
      namespaces: kinds.map((type) => ({ type })),
      maskedPaths: [
        ...['/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys', '/proc/latency_stats'],
        ...['/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/sys/firmware', '/proc/scsi'],
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

/** Writes config.json, or --file; prints nothing. */
export function writeSpec({ values, host }: Invocation): string {
  const bundle = typeof values.bundle === 'string' ? values.bundle : '.';
  const path = host.absolute(typeof values.file === 'string' ? values.file : `${bundle}/config.json`);
  if (host.pathKind(path) !== 'absent')
    throw new LaunchError(`${path} is there already`, { hint: 'remove it first' });
  const isUnified = host.pathKind('/sys/fs/cgroup/cgroup.controllers') === 'file';
  const text = JSON.stringify(exampleFor(values.rootless !== undefined, isUnified, host.user()), null, 2);
  try {
    native.create(path, `${text}\n`);
  } catch (cause) {
    throw failure('write', path, cause);
  }
  return '';
}
