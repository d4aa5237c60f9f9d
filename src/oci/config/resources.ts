/** linux.resources of config.json: what control groups limit. Limits of -1 are none. */
import type { Field, Fields } from './field.js';

interface BlockDevice {
  readonly major: number;
  readonly minor: number;
}
type Throttle = readonly (BlockDevice & { readonly rate: number })[];

export interface DeviceRule {
  readonly allow?: boolean;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly access?: string;
}

export interface Resources {
  readonly devices?: readonly DeviceRule[];
  readonly memory?: {
    readonly limit?: number;
    readonly swap?: number;
    readonly reservation?: number;
    readonly kernelTCP?: number;
    readonly swappiness?: number;
    readonly disableOOMKiller?: boolean;
    readonly useHierarchy?: boolean;
    readonly checkBeforeUpdate?: boolean;
  };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly burst?: number;
    readonly period?: number;
    readonly realtimeRuntime?: number;
    readonly realtimePeriod?: number;
    readonly idle?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly pids?: { readonly limit?: number };
  readonly blockIO?: {
    readonly weight?: number;
    readonly leafWeight?: number;
    readonly weightDevice?: readonly (BlockDevice & { readonly weight?: number })[];
    readonly throttleReadBpsDevice?: Throttle;
    readonly throttleWriteBpsDevice?: Throttle;
    readonly throttleReadIOPSDevice?: Throttle;
    readonly throttleWriteIOPSDevice?: Throttle;
  };
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  readonly network?: {
    readonly classID?: number;
    readonly priorities?: readonly { readonly name: string; readonly priority: number }[];
  };
  readonly rdma?: Readonly<Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>>;
  /** Of before version 1.0 of the specification. */
  readonly oomScoreAdj?: number;
  readonly unified?: Readonly<Record<string, string>>;
}

const text: Field = { form: 'text' };
const flag: Field = { form: 'flag' };
const count: Field = { form: 'count' };
const number: Field = { form: 'number' };
const wanted: Field = { form: 'count', required: true };

const inFirst = 'in version 1';
const device: Fields = { major: wanted, minor: wanted };
const throttle: Field = { form: { ...device, rate: wanted }, list: true };

export const resourceFields: Fields = {
  devices: {
    form: {
      allow: flag,
      type: { form: 'text', values: ['', 'a', 'b', 'c'] },
      major: number,
      minor: number,
      access: text,
    },
    list: true,
    note: 'as root; others are limited by capabilities and the file system alone',
  },
  memory: {
    form: {
      limit: number,
      reservation: number,
      swap: number,
      kernel: { ...number, handling: { warned: 'the kernel has no such limit any more' } },
      kernelTCP: { ...number, note: inFirst },
      swappiness: { ...count, note: inFirst },
      disableOOMKiller: { ...flag, note: inFirst },
      useHierarchy: { ...flag, note: inFirst },
      checkBeforeUpdate: flag,
    },
  },
  cpu: {
    form: {
      shares: count,
      quota: number,
      burst: count,
      period: count,
      realtimeRuntime: { ...number, note: inFirst },
      realtimePeriod: { ...count, note: inFirst },
      cpus: text,
      mems: text,
      idle: number,
    },
  },
  pids: { form: { limit: { ...number, note: '0 is no limit' } } },
  blockIO: {
    form: {
      weight: count,
      leafWeight: { ...count, note: inFirst },
      weightDevice: { form: { ...device, weight: count, leafWeight: count }, list: true },
      throttleReadBpsDevice: throttle,
      throttleWriteBpsDevice: throttle,
      throttleReadIOPSDevice: throttle,
      throttleWriteIOPSDevice: throttle,
    },
  },
  hugepageLimits: { form: { pageSize: { form: 'text', required: true }, limit: wanted }, list: true },
  network: {
    form: {
      classID: { ...count, note: inFirst },
      priorities: { form: { name: { form: 'text', required: true }, priority: wanted }, list: true },
    },
  },
  rdma: { form: { hcaHandles: count, hcaObjects: count }, each: true },
  unified: { form: 'map', note: 'in version 2' },
  disableOOMKiller: { ...flag, handling: { refused: 'memory.disableOOMKiller has its place' } },
  oomScoreAdj: {
    ...number,
    handling: { warned: 'carried out, where process.oomScoreAdj does not say more' },
  },
};
