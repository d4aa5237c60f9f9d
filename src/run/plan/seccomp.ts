/** --seccomp: system calls that need privilege do nothing and succeed, so that package managers work. */
import { hex } from '../../base/bytes.js';
import type { Host } from '../../host/host.js';
import type { FilterRule } from '../../host/native.js';
import type { CreateStep, EnterStep } from '../../plan/launch-plan.js';
import type { LaunchRequest } from '../request.js';

/** By name; those that end in 32 are what 32-bit programs call. */
const faked: readonly string[] = [
  ...['chown', 'chown32', 'fchown', 'fchown32', 'fchownat', 'lchown', 'lchown32'],
  ...['setuid', 'setuid32', 'setgid', 'setgid32'],
  ...['setreuid', 'setreuid32', 'setregid', 'setregid32'],
  ...['setresuid', 'setresuid32', 'setresgid', 'setresgid32'],
  ...['setgroups', 'setgroups32', 'setfsuid', 'setfsuid32', 'setfsgid', 'setfsgid32'],
  // no package manager calls kexec_load: it is there to find out whether the filter is
  ...['capset', 'kexec_load'],
];

/** The calls that make devices, and which of their arguments is the mode; pipes and sockets are really made. */
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

/** The step of --seccomp. Throws LaunchError where there is no libseccomp. */
export function planSeccomp({ fakeRoot }: LaunchRequest, host: Host): readonly EnterStep[] {
  if (!fakeRoot) return [];
  return [{ kind: 'seccomp', program: hex(host.compileFilter(fakedCalls)) }];
}

/**
 * apt becomes user _apt for downloads, and finds out that it has not. Fewer privileges than the container has are not
 * to be had, so it is told not to try.
 */
export function planAptSandbox({ fakeRoot }: LaunchRequest, writable: boolean): readonly CreateStep[] {
  if (!fakeRoot || !writable) return [];
  return [{ kind: 'file', path: '/etc/apt/apt.conf.d/00ch-run-ts', text: 'APT::Sandbox::User "root";\n' }];
}
