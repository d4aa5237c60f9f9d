/** Where control groups are, and which of their files get which values. */
import t from 'tap';
import type { Resources } from '../../../src/oci/config/resources.js';
import { allRules, deviceLines, deviceProgram } from '../../../src/oci/plan/device-rules.js';
import { findHierarchies, groupPath, versionsOf } from '../../../src/oci/plan/hierarchies.js';
import { planSettings, unknownInSecond, weightOfShares } from '../../../src/oci/plan/settings.js';

const hybrid = `0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
0:28 /outer /sys/fs/cgroup/my\\040memory rw - cgroup cgroup rw,memory
0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
0:30 / /elsewhere rw - cgroup2 cgroup2 rw
`;
const own = '4:memory:/outer/job\n3:cpu,cpuacct:/job:1\n1:name=systemd:/\n0::/user.slice\n';

t.test('hierarchies are found where they are mounted, with the group of the caller', (t) => {
  const found = findHierarchies(hybrid, own);
  t.same(found, [
    { controllers: 'cpu,cpuacct', mount: '/sys/fs/cgroup/cpu,cpuacct', own: '/job:1' },
    { controllers: 'memory', mount: '/sys/fs/cgroup/my memory', own: '/job' },
    { controllers: 'name=systemd', mount: '/sys/fs/cgroup/systemd', own: '/' },
    { controllers: '', mount: '/sys/fs/cgroup/unified', own: '/user.slice' },
  ]);
  t.same(['cpu', 'memory', 'pids'].map(versionsOf(found)), [1, 1, 2]);
  const [cpu, , systemd] = found;
  if (!cpu || !systemd) throw new Error('there are four');
  t.same(
    [undefined, '', 'a/b', '/a/./b/'].map((path) => groupPath(cpu, path, 'id')),
    ['/job:1/id', '/job:1/id', '/job:1/a/b', '/a/b'],
  );
  t.equal(groupPath(systemd, undefined, 'id'), '/id');
  for (const path of ['/', '/a/../..', '../x'])
    t.throws(() => groupPath(cpu, path, 'id'), { message: /names no control group of its own/ });
  t.end();
});

/** `FILE=VALUE`, with ? before what limits nothing, and | between files of which the first one is taken. */
const written = (resources: Resources, version: 1 | 2) =>
  planSettings(resources, () => version).map(
    ({ files, needed }) =>
      `${needed ? '' : '?'}${files.map(([name, value]) => `${name}=${value}`).join('|')}`,
  );

const both: readonly (readonly [Resources, readonly string[], readonly string[]])[] = [
  [{}, [], []],
  [
    { memory: { limit: 1024, swap: 4096, reservation: 512, swappiness: 10, disableOOMKiller: true } },
    [
      ...['memory.limit_in_bytes=1024', 'memory.memsw.limit_in_bytes=4096', 'memory.soft_limit_in_bytes=512'],
      ...['memory.swappiness=10', 'memory.oom_control=1'],
    ],
    ['memory.max=1024', 'memory.swap.max=3072', 'memory.low=512'],
  ],
  [
    { memory: { limit: -1, swap: -1, reservation: 0 } },
    ['?memory.limit_in_bytes=-1', '?memory.memsw.limit_in_bytes=-1'],
    ['?memory.max=max', '?memory.swap.max=max'],
  ],
  // what JSON.parse makes of 2⁶³−1 less a page
  [
    { memory: { limit: 2 ** 63 } },
    ['memory.limit_in_bytes=9223372036854775808'],
    ['memory.max=9223372036854775808'],
  ],
  [
    { cpu: { shares: 1024, quota: 5000, period: 10_000, burst: 100, cpus: '0-1', mems: '0' } },
    [
      ...['cpu.shares=1024', 'cpu.cfs_period_us=10000', 'cpu.cfs_quota_us=5000', 'cpu.cfs_burst_us=100'],
      ...['cpuset.cpus=0-1', 'cpuset.mems=0'],
    ],
    ['cpu.weight=100', 'cpu.max=5000 10000', 'cpu.max.burst=100', 'cpuset.cpus=0-1', 'cpuset.mems=0'],
  ],
  [{ cpu: { quota: -1 } }, ['?cpu.cfs_quota_us=-1'], ['?cpu.max=max 100000']],
  [{ cpu: { quota: 2000 } }, ['cpu.cfs_quota_us=2000'], ['cpu.max=2000 100000']],
  [{ cpu: { period: 2000 } }, ['?cpu.cfs_period_us=2000'], ['?cpu.max=max 2000']],
  [
    { cpu: { realtimePeriod: 9, realtimeRuntime: 8, idle: 1 } },
    ['cpu.rt_period_us=9', 'cpu.rt_runtime_us=8', 'cpu.idle=1'],
    ['cpu.idle=1'],
  ],
  [{ pids: { limit: 0 } }, ['?pids.max=max'], ['?pids.max=max']],
  [{ pids: { limit: -1 } }, ['?pids.max=max'], ['?pids.max=max']],
  [{ pids: { limit: 7 } }, ['pids.max=7'], ['pids.max=7']],
  [
    { blockIO: { weight: 10, weightDevice: [{ major: 8, minor: 0, weight: 1000 }] } },
    ['blkio.bfq.weight=10|blkio.weight=10', 'blkio.bfq.weight_device=8:0 1000|blkio.weight_device=8:0 1000'],
    ['io.bfq.weight=10|io.weight=1', 'io.bfq.weight=8:0 1000|io.weight=8:0 10000'],
  ],
  [
    {
      blockIO: {
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 9 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 1, rate: 0 }],
      },
    },
    ['blkio.throttle.read_bps_device=8:0 9', 'blkio.throttle.write_iops_device=8:1 0'],
    ['io.max=8:0 rbps=9', 'io.max=8:1 wiops=max'],
  ],
  [
    { hugepageLimits: [{ pageSize: '2MB', limit: 4 }] },
    ['hugetlb.2MB.limit_in_bytes=4'],
    ['hugetlb.2MB.max=4'],
  ],
  [
    { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 4 }, mlx4_0: {} } },
    ['rdma.max=mlx5_1 hca_handle=3 hca_object=4'],
    ['rdma.max=mlx5_1 hca_handle=3 hca_object=4'],
  ],
  [
    { unified: { 'memory.high': '9', 'io.max': 'a\nb' } },
    ['memory.high=9', 'io.max=a', 'io.max=b'],
    ['memory.high=9', 'io.max=a', 'io.max=b'],
  ],
];

t.test('each part of linux.resources becomes files and values, of either version', (t) => {
  for (const [resources, first, second] of both) {
    t.same(written(resources, 1), first, `version 1: ${JSON.stringify(resources)}`);
    t.same(written(resources, 2), second, `version 2: ${JSON.stringify(resources)}`);
  }
  const classes = { network: { classID: 1048577, priorities: [{ name: 'eth0', priority: 5 }] } };
  t.same(written(classes, 1), ['net_cls.classid=1048577', 'net_prio.ifpriomap=eth0 5']);
  t.throws(() => written(classes, 2), { message: /classID is refused: version 2/ });
  t.throws(() => written({ network: { priorities: [{ name: 'x', priority: 1 }] } }, 2), {
    message: /priorities is refused: version 2/,
  });
  t.throws(() => written({ memory: { limit: 9, swap: 8 } }, 2), { message: /swap includes memory/ });
  for (const name of ['', 'x', '/memory.max', 'a/../b.c', '.x'])
    t.throws(() => written({ unified: { [name]: '1' } }, 2), { message: /not the name of a setting/ });
  t.same(
    unknownInSecond({ memory: { swappiness: 1, kernelTCP: 0 }, cpu: { realtimePeriod: 1 } }, () => 2),
    ['memory.swappiness', 'cpu.realtimePeriod'].map(
      (name) => `linux.resources.${name}: version 2 of control groups has nothing for it`,
    ),
  );
  t.same([0, 2, 3, 1024, 262144, 1e9].map(weightOfShares), [1, 1, 2, 100, 10000, 10000]);
  t.end();
});

/** Carries out a program as the kernel does; `access`: the bits 1 (mknod), 2 (read), 4 (write). */
function decide(program: string, type: 'b' | 'c', access: number, major: number, minor: number): number {
  const context = new Map([
    [0, (access << 16) | (type === 'b' ? 1 : 2)],
    [4, major],
    [8, minor],
  ]);
  const registers = new Array(11).fill(0);
  for (let at = 0; at < program.length / 16; at++) {
    const bytes = new DataView(
      Uint8Array.from(Buffer.from(program.slice(at * 16, at * 16 + 16), 'hex')).buffer,
    );
    const code = bytes.getUint8(0);
    const to = bytes.getUint8(1) & 15;
    const from = bytes.getUint8(1) >> 4;
    const offset = bytes.getInt16(2, true);
    const value = bytes.getInt32(4, true);
    if (code === 0x61) registers[to] = context.get(offset);
    else if (code === 0xbf) registers[to] = registers[from];
    else if (code === 0x57) registers[to] &= value;
    else if (code === 0x77) registers[to] >>>= value;
    else if (code === 0xb7) registers[to] = value;
    else if (code === 0x55) at += registers[to] === value ? 0 : offset;
    else if (code === 0x15) at += registers[to] === value ? offset : 0;
    else if (code === 0x95) return registers[0];
    else throw new Error(`instruction ${code.toString(16)}`);
  }
  throw new Error('it does not end');
}

t.test('rules for devices: lines of version 1, a program for version 2', (t) => {
  const rules = [
    { allow: false, access: 'rwm' },
    { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
    { allow: true, type: 'b', major: 8, access: 'r' },
    { allow: false, type: 'b', major: 8, minor: 1, access: 'w' },
  ];
  t.same(deviceLines(rules), [
    ['devices.deny', 'a'],
    ['devices.allow', 'c 10:229 rw'],
    ['devices.allow', 'b 8:* r'],
    ['devices.deny', 'b 8:1 w'],
  ]);
  const program = deviceProgram(allRules(rules));
  for (const [type, access, major, minor, wanted] of [
    ['c', 6, 10, 229, 1],
    ['c', 2, 10, 229, 1],
    ['c', 7, 10, 229, 0],
    ['c', 6, 10, 228, 0],
    ['b', 2, 8, 5, 1],
    ['b', 6, 8, 5, 0],
    ['b', 4, 8, 1, 0],
    ['c', 7, 1, 3, 1],
    ['c', 6, 136, 44, 1],
    ['c', 6, 1, 1, 0],
    ['b', 1, 99, 1, 1],
  ] as const)
    t.equal(decide(program, type, access, major, minor), wanted, `${type} ${major}:${minor} ${access}`);
  t.equal(decide(deviceProgram([]), 'c', 7, 1, 1), 1, 'without any rule, all may be used');
  t.end();
});
