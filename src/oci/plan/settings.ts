/**
 * Which files of control groups get which values, cgroups(7): one function for each part of linux.resources, for both
 * versions. Pure functions; what was written for version 1 is converted for version 2.
 */
import { LaunchError } from '../../base/errors.js';
import type { Resources } from '../config/resources.js';

/** A value for the first of several files that is there. */
export interface Setting {
  readonly controller: string;
  readonly version: 1 | 2;
  readonly files: readonly (readonly [name: string, value: string])[];
  /** It limits something: what can't be set is an error. Without a control group, what limits nothing is left out. */
  readonly needed: boolean;
}

/** Of a controller: the version whose hierarchy has it. */
export type Version = (controller: string) => 1 | 2;

type Maker = (resources: Resources, version: Version) => readonly Setting[];

/** Decimal, where JSON numbers near 2⁶³ are not exact; -1 is no limit. */
const word = (value: number, none: string) => (value < 0 ? none : BigInt(value).toString());

function setting(
  controller: string,
  version: 1 | 2,
  name: string,
  value: string | undefined,
  needed = true,
): readonly Setting[] {
  return value === undefined ? [] : [{ controller, version, files: [[name, value]], needed }];
}

/** A number, of which -1 means no limit. */
const limit = (controller: string, version: 1 | 2, name: string, value: number | undefined) =>
  setting(
    controller,
    version,
    name,
    value === undefined ? undefined : word(value, version === 1 ? '-1' : 'max'),
    value !== undefined && value > 0,
  );

/** Memory and swap together, as version 1 has it; version 2 wants swap alone. */
function swapAlone(memory: number | undefined, both: number | undefined): number | undefined {
  if (both === undefined || both === 0) return undefined;
  if (both < 0) return -1;
  if (memory === undefined || memory <= 0 || both < memory)
    throw new LaunchError('linux.resources.memory.swap includes memory: it must not be less than its limit');
  return both - memory;
}

/** 0 is none, as engines write it. */
const given = (value: number | undefined) => (value === 0 ? undefined : value);

const memory: Maker = ({ memory = {} }, versionOf) => {
  const { limit: most, swap, reservation, kernelTCP, swappiness, disableOOMKiller, useHierarchy } = memory;
  const version = versionOf('memory');
  const of = (name: string, value: number | undefined) => limit('memory', version, name, given(value));
  if (version === 2)
    return [
      ...of('memory.max', most),
      ...limit('memory', 2, 'memory.swap.max', swapAlone(given(most), swap)),
      ...of('memory.low', reservation),
    ];
  return [
    ...setting('memory', 1, 'memory.use_hierarchy', useHierarchy ? '1' : undefined, false),
    ...of('memory.limit_in_bytes', most),
    ...of('memory.memsw.limit_in_bytes', swap),
    ...of('memory.soft_limit_in_bytes', reservation),
    ...of('memory.kmem.tcp.limit_in_bytes', kernelTCP),
    ...setting('memory', 1, 'memory.swappiness', swappiness?.toString()),
    ...setting('memory', 1, 'memory.oom_control', disableOOMKiller ? '1' : undefined),
  ];
};

/** 2 to 262144 become 1 to 10000, and 1024, the default of version 1, becomes 100, that of version 2. */
export function weightOfShares(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const power = Math.log2(shares);
  return Math.ceil(10 ** ((power * power + 125 * power) / 612 - 7 / 34) - 1e-9);
}

const defaultPeriod = 100_000;

const cpu: Maker = ({ cpu = {} }, versionOf) => {
  const { shares, quota, burst, period, realtimeRuntime, realtimePeriod, idle, cpus, mems } = cpu;
  const version = versionOf('cpu');
  const sets = versionOf('cpuset');
  const of = (name: string, value: number | undefined, needed = true) =>
    setting('cpu', version, name, value === undefined ? undefined : String(value), needed);
  const most = given(quota);
  const times: readonly Setting[] =
    version === 1
      ? [
          ...of('cpu.shares', given(shares)),
          ...of('cpu.cfs_period_us', given(period), most !== undefined && most > 0),
          ...of('cpu.cfs_quota_us', most, (most ?? 0) > 0),
          ...of('cpu.cfs_burst_us', burst),
          ...of('cpu.rt_period_us', given(realtimePeriod)),
          ...of('cpu.rt_runtime_us', given(realtimeRuntime)),
        ]
      : [
          ...of('cpu.weight', given(shares) && weightOfShares(shares ?? 0)),
          ...(most === undefined && !period
            ? []
            : setting(
                'cpu',
                2,
                'cpu.max',
                `${most === undefined || most < 0 ? 'max' : most} ${period || defaultPeriod}`,
                most !== undefined && most > 0,
              )),
          ...of('cpu.max.burst', burst),
        ];
  return [
    ...times,
    ...of('cpu.idle', idle, idle !== 0),
    ...setting('cpuset', sets, 'cpuset.cpus', cpus || undefined),
    ...setting('cpuset', sets, 'cpuset.mems', mems || undefined),
  ];
};

/** 0 is none: podman writes it for no limit. */
const pids: Maker = ({ pids: { limit: most } = {} }, versionOf) =>
  setting(
    'pids',
    versionOf('pids'),
    'pids.max',
    most === undefined ? undefined : most > 0 ? String(most) : 'max',
    most !== undefined && most > 0,
  );

const throttles = [
  ['throttleReadBpsDevice', 'read_bps', 'rbps'],
  ['throttleWriteBpsDevice', 'write_bps', 'wbps'],
  ['throttleReadIOPSDevice', 'read_iops', 'riops'],
  ['throttleWriteIOPSDevice', 'write_iops', 'wiops'],
] as const;

/** 10 to 1000 become 1 to 10000. */
const weightOfIo = (weight: number) => 1 + Math.floor(((weight - 10) * 9999) / 990);

const blockIo: Maker = ({ blockIO = {} }, versionOf) => {
  const version = versionOf('blkio');
  const { weight, leafWeight, weightDevice = [] } = blockIO;
  const numbers = ({ major, minor }: { major: number; minor: number }) => `${major}:${minor}`;
  const [controller, file, device] =
    version === 1 ? ['blkio', 'blkio.weight', 'blkio.weight_device'] : ['io', 'io.weight', 'io.weight'];
  const scaled = (value: number) => String(version === 1 ? value : weightOfIo(value));
  const bfq = `${controller}.bfq.weight`;
  const both = (value: number, prefix: string): Setting => ({
    controller,
    version,
    needed: true,
    files: [
      [prefix ? `${bfq}${version === 1 ? '_device' : ''}` : bfq, `${prefix}${value}`],
      [prefix ? device : file, `${prefix}${scaled(value)}`],
    ],
  });
  return [
    ...(weight ? [both(weight, '')] : []),
    ...weightDevice.filter((each) => each.weight).map((each) => both(each.weight ?? 0, `${numbers(each)} `)),
    ...(version === 1
      ? setting('blkio', 1, 'blkio.leaf_weight', leafWeight ? String(leafWeight) : undefined)
      : []),
    ...throttles.flatMap(([key, first, second]) =>
      (blockIO[key] ?? []).flatMap((each) =>
        version === 1
          ? setting('blkio', 1, `blkio.throttle.${first}_device`, `${numbers(each)} ${each.rate}`)
          : setting('io', 2, 'io.max', `${numbers(each)} ${second}=${each.rate || 'max'}`),
      ),
    ),
  ];
};

const hugetlb: Maker = ({ hugepageLimits = [] }, versionOf) =>
  hugepageLimits.flatMap(({ pageSize, limit: most }) => {
    const version = versionOf('hugetlb');
    const name = `hugetlb.${pageSize}.${version === 1 ? 'limit_in_bytes' : 'max'}`;
    return setting('hugetlb', version, name, word(most, 'max'));
  });

const network: Maker = ({ network: { classID, priorities = [] } = {} }, versionOf) => {
  if (classID && versionOf('net_cls') === 2)
    throw new LaunchError('linux.resources.network.classID is refused: version 2 of control groups has none');
  if (priorities.length > 0 && versionOf('net_prio') === 2)
    throw new LaunchError(
      'linux.resources.network.priorities is refused: version 2 of control groups has none',
    );
  return [
    ...setting('net_cls', 1, 'net_cls.classid', classID ? String(classID) : undefined),
    ...priorities.flatMap(({ name, priority }) =>
      setting('net_prio', 1, 'net_prio.ifpriomap', `${name} ${priority}`),
    ),
  ];
};

const rdma: Maker = ({ rdma = {} }, versionOf) =>
  Object.entries(rdma).flatMap(([device, { hcaHandles, hcaObjects }]) => {
    const words = [
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ];
    return words.length === 0
      ? []
      : setting('rdma', versionOf('rdma'), 'rdma.max', `${device} ${words.join(' ')}`);
  });

const unified: Maker = ({ unified = {} }) =>
  Object.entries(unified).flatMap(([name, value]) => {
    if (!/^[a-z0-9_-]+\.[\w.-]+$/i.test(name))
      throw new LaunchError(`linux.resources.unified: '${name}' is not the name of a setting`);
    return value.split('\n').flatMap((line) => setting(name.replace(/\..*/, ''), 2, name, line));
  });

/** What version 2 has nothing for. */
export function unknownInSecond({ memory = {}, cpu = {} }: Resources, versionOf: Version): readonly string[] {
  const { kernelTCP, swappiness, disableOOMKiller } = memory;
  const { realtimeRuntime, realtimePeriod } = cpu;
  const fields = {
    memory: { kernelTCP, swappiness, disableOOMKiller },
    cpu: { realtimeRuntime, realtimePeriod },
  };
  return Object.entries(fields).flatMap(([controller, values]) =>
    versionOf(controller) === 1
      ? []
      : Object.entries(values)
          .filter(([, value]) => value)
          .map(
            ([name]) =>
              `linux.resources.${controller}.${name}: version 2 of control groups has nothing for it`,
          ),
  );
}

/** All settings, in the order in which they are written. */
export const planSettings = (resources: Resources, version: Version): readonly Setting[] =>
  [memory, cpu, pids, blockIo, hugetlb, network, rdma, unified].flatMap((make) => make(resources, version));
