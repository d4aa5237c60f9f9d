/** Every field of config.json of the OCI runtime specification 1.3 that concerns Linux. */

import { capabilityNames } from './capabilities.js';
import type { Field, Fields, Handling } from './field.js';
import { resourceFields } from './resources.js';
import {
  ioClasses,
  memoryFlags,
  memoryModes,
  namespaceKinds,
  personalities,
  rlimitTypes,
  schedulerFlags,
  schedulerPolicies,
} from './words.js';

const text: Field = { form: 'text' };
const path: Field = { form: 'path' };
const flag: Field = { form: 'flag' };
const count: Field = { form: 'count' };
const number: Field = { form: 'number' };

/** The same row, with what becomes of it. */
const as = (field: Field, handling: Handling): Field => ({ ...field, handling });
const refused = (field: Field, why: string): Field => as(field, { refused: why });

const among = (words: Readonly<Record<string, number>>): Field => ({
  form: 'text',
  values: Object.keys(words),
});

const capabilitySet: Field = { form: 'texts', values: capabilityNames };

const capabilities: Fields = {
  bounding: capabilitySet,
  effective: capabilitySet,
  inheritable: capabilitySet,
  permitted: capabilitySet,
  ambient: capabilitySet,
};

const user: Fields = {
  uid: count,
  gid: count,
  umask: count,
  additionalGids: { form: 'counts' },
  username: refused(text, 'it is for Windows'),
};

const rlimit: Fields = {
  type: { form: 'text', required: true, values: rlimitTypes },
  soft: { form: 'count', required: true },
  hard: { form: 'count', required: true },
};

export const processFields: Fields = {
  terminal: flag,
  consoleSize: { form: { width: count, height: count } },
  cwd: text,
  env: { form: 'assignments' },
  args: { form: 'texts' },
  commandLine: refused(text, 'it is for Windows'),
  rlimits: { form: rlimit, list: true },
  capabilities: { form: capabilities },
  noNewPrivileges: flag,
  user: { form: user },
  oomScoreAdj: { ...number, note: 'without the right to lower it, it stays as inherited' },
  apparmorProfile: text,
  selinuxLabel: text,
  scheduler: {
    form: {
      policy: { ...among(schedulerPolicies), required: true },
      nice: number,
      priority: count,
      flags: { ...among(schedulerFlags), form: 'texts' },
      runtime: count,
      deadline: count,
      period: count,
    },
  },
  ioPriority: { form: { class: { ...among(ioClasses), required: true }, priority: count } },
  execCPUAffinity: { form: { initial: text, final: text }, note: 'by exec' },
};

const hook: Fields = {
  path: { form: 'path', required: true },
  args: { form: 'texts' },
  env: { form: 'assignments' },
  timeout: count,
};
const hooks: Field = { form: hook, list: true };

const idMapping: Fields = {
  containerID: { form: 'count', required: true },
  hostID: { form: 'count', required: true },
  size: { form: 'count', required: true },
};
const idMappings: Field = { form: idMapping, list: true };

const mapped = 'of binds, by root of the machine; others are refused';

const mount: Fields = {
  destination: { form: 'text', required: true },
  type: text,
  source: text,
  options: { form: 'texts' },
  uidMappings: { ...idMappings, note: mapped },
  gidMappings: { ...idMappings, note: mapped },
};

const namespace: Fields = {
  type: { form: 'text', required: true, values: namespaceKinds },
  path,
};

const device: Fields = {
  type: { form: 'text', required: true, values: ['c', 'b', 'u', 'p'] },
  path: { form: 'path', required: true },
  major: number,
  minor: number,
  fileMode: count,
  uid: count,
  gid: count,
};

const offset: Field = { form: { secs: number, nanosecs: number } };

const argument: Fields = {
  index: { form: 'count', required: true },
  value: { form: 'count', required: true },
  valueTwo: count,
  op: { form: 'text', required: true },
};

export const seccompFields: Fields = {
  defaultAction: { form: 'text', required: true },
  defaultErrnoRet: count,
  architectures: { form: 'texts' },
  flags: { form: 'texts' },
  listenerPath: path,
  listenerMetadata: text,
  syscalls: {
    form: {
      names: { form: 'texts', required: true },
      action: { form: 'text', required: true },
      errnoRet: count,
      args: { form: argument, list: true },
    },
    list: true,
  },
};

const linux: Fields = {
  namespaces: { form: namespace, list: true },
  uidMappings: idMappings,
  gidMappings: idMappings,
  timeOffsets: { form: { monotonic: offset, boottime: offset } },
  devices: { form: device, list: true },
  netDevices: { form: { name: { ...text, note: 'moving a device needs root of the machine' } }, each: true },
  cgroupsPath: {
    ...text,
    note: 'without the right to make it, the container stays in the control group of its caller',
  },
  resources: { form: resourceFields },
  intelRdt: refused({ form: 'any' }, 'not handled yet: it was not tried on a machine with resctrl'),
  memoryPolicy: {
    form: {
      mode: { ...among(memoryModes), required: true },
      nodes: text,
      flags: { ...among(memoryFlags), form: 'texts' },
    },
  },
  sysctl: { form: 'map' },
  seccomp: { form: seccompFields },
  rootfsPropagation: {
    form: 'text',
    values: ['', 'shared', 'slave', 'private', 'unbindable', 'rshared', 'rslave', 'rprivate', 'runbindable'],
  },
  maskedPaths: { form: 'paths' },
  readonlyPaths: { form: 'paths' },
  mountLabel: {
    ...text,
    note: 'of new file systems but proc and sysfs; the kernel refuses it without SELinux',
  },
  personality: {
    form: {
      domain: { ...among(personalities), required: true },
      flags: { form: 'texts', note: 'refused: there are none' },
    },
  },
};

export const configFields: Fields = {
  ociVersion: { form: 'text', required: true },
  root: { form: { path: { form: 'text', required: true }, readonly: flag }, required: true },
  mounts: { form: mount, list: true },
  process: { form: processFields },
  hostname: text,
  domainname: text,
  hooks: {
    form: {
      prestart: hooks,
      createRuntime: hooks,
      createContainer: hooks,
      startContainer: hooks,
      poststart: hooks,
      poststop: hooks,
    },
  },
  annotations: { form: 'map' },
  linux: { form: linux },
  windows: refused({ form: 'any' }, 'it is for another platform'),
  solaris: refused({ form: 'any' }, 'it is for another platform'),
  vm: refused({ form: 'any' }, 'it is for another platform'),
  zos: refused({ form: 'any' }, 'it is for another platform'),
  freebsd: refused({ form: 'any' }, 'it is for another platform'),
};
