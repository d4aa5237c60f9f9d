/** --seccomp: system calls that need privilege do nothing and succeed, so that package managers work. */
import { hex } from '../../base/bytes.js';
import type { Host } from '../../host/host.js';
import type { FilterRule } from '../../host/native.js';
import type { CreateStep, EnterStep } from '../../plan/launch-plan.js';
import type { LaunchRequest } from '../request.js';

/** By name; 32-bit programs use those that end in 32. */
const faked: readonly string[] = [
  ...['chown', 'chown32', 'fchown', 'fchown32', 'fchownat', 'lchown', 'lchown32'],
  ...['setuid', 'setuid32', 'setgid', 'setgid32'],
  ...['setreuid', 'setreuid32', 'setregid', 'setregid32'],
  ...['setresuid', 'setresuid32', 'setresgid', 'setresgid32'],
  ...['setgroups', 'setgroups32', 'setfsuid', 'setfsuid32', 'setfsgid', 'setfsgid32'],
  // no package manager calls kexec_load: it is used to test whether the filter is installed
  ...['capset', 'kexec_load'],
];

/** The calls that create devices, and which of their arguments is the mode; pipes and sockets are really created. */
const nodeCalls = { mknod: 1, mknodat: 2 };
const typeMask = 0o170000;
const deviceTypes = [0o020000, 0o060000];

/** What the filter is about. */
export const fakedCalls: readonly FilterRule[] = [
  ...faked.map((call) => ({ call })),
  ...Object.entries(nodeCalls).flatMap(([call, argument]) =>
    deviceTypes.map((value) => ({ call, argument, mask: typeMask, value })),
  ),
];

/** The step of --seccomp. Throws LaunchError if there is no libseccomp. */
export function planSeccomp({ fakeRoot }: LaunchRequest, host: Host): readonly EnterStep[] {
  if (!fakeRoot) return [];
  return [{ kind: 'seccomp', program: hex(host.compileFilter(fakedCalls)) }];
}

/**
 * apt changes to user _apt for downloads, and notices that this had no effect. The container can't drop further
 * privileges, so apt is told not to try.
 */
export function planAptSandbox({ fakeRoot }: LaunchRequest, writable: boolean): readonly CreateStep[] {
  if (!fakeRoot || !writable) return [];
  return [{ kind: 'file', path: '/etc/apt/apt.conf.d/00ch-run-ts', text: 'APT::Sandbox::User "root";\n' }];
}
