/** `features`: what is supported, as the OCI runtime specification has it. */
import { native } from '../host/native.js';
import { capabilityNames } from './config/capabilities.js';
import { hookNames, namespaceKinds } from './config/words.js';
import { mountOptions } from './plan/mount-options.js';
import { seccompFlags } from './plan/seccomp.js';
import { specificationVersion } from './version.js';

const seccomp = {
  enabled: true,
  actions: ['ALLOW', 'ERRNO', 'KILL', 'KILL_PROCESS', 'KILL_THREAD', 'LOG', 'NOTIFY', 'TRACE', 'TRAP'].map(
    (name) => `SCMP_ACT_${name}`,
  ),
  operators: ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`),
  archs: ['X86', 'X86_64', 'X32', 'ARM', 'AARCH64', 'PPC64LE', 'S390X', 'RISCV64'].map(
    (name) => `SCMP_ARCH_${name}`,
  ),
  knownFlags: seccompFlags,
  supportedFlags: seccompFlags,
};

export function renderFeatures(): string {
  const features = {
    ociVersionMin: '1.0.0',
    ociVersionMax: specificationVersion,
    hooks: hookNames,
    mountOptions,
    linux: {
      namespaces: namespaceKinds,
      capabilities: capabilityNames,
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: native.features().includes('seccomp') ? seccomp : { enabled: false },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: { 'run.oci.keep_original_groups': 'true' },
  };
  return `${JSON.stringify(features, null, 2)}\n`;
}
