/** Fields of config.json that say what a process gets of the machine, and how it is seen. */
import t from 'tap';
import { type Config, makeBundle, shellOf } from '../helpers/bundles.js';
import { ordinaryUser, start, users } from '../helpers/support.js';

/** Of a process: scheduler, nice value, priority of input and output. */
const look = `import ctypes, os, sys
pid = int(sys.argv[1])
libc = ctypes.CDLL(None)
priority = libc.syscall({'x86_64': 252, 'aarch64': 31}[os.uname().machine], 1, pid)
print(os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid), priority >> 13, priority & 8191)`;

for (const user of users) {
  t.test(`scheduler, priority of input and output, OOM score, as ${user.name}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sleep', '100'];
      process.scheduler = { policy: 'SCHED_BATCH', nice: 5 };
      process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 6 };
      process.oomScoreAdj = 300;
    });
    t.match(bundle.oci(['run', '-d', 'a']), { status: 0, stderr: '' });
    const { pid } = bundle.state('a');
    t.equal(start(user, 'python3', ['-c', look, String(pid)]).stdout, '3 5 2 6\n');
    t.equal(bundle.oci(['exec', 'a', 'cat', '/proc/1/oom_score_adj']).stdout, '300\n');
    t.end();
  });

  t.test(`personality, memory policy, processors of exec, as ${user.name}`, (t) => {
    const bundle = makeBundle(t, user);
    const out = shellOf(t, bundle, 'uname -m; cat /proc/self/numa_maps', ({ linux }) => {
      linux.personality = { domain: 'LINUX32' };
      linux.memoryPolicy = { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] };
    });
    t.match(out, /^(i686|armv8l)\n/);
    t.match(out, / bind=static:0 /);
    bundle.write((config) => {
      config.process.args = ['sleep', '100'];
      config.process.execCPUAffinity = { initial: '0', final: '0' };
    });
    bundle.oci(['run', '-d', 'a']);
    t.match(
      bundle.oci(['exec', 'a', 'grep', 'Cpus_allowed_list', '/proc/self/status']).stdout,
      /^Cpus_allowed_list:\t0\n$/,
    );
    t.not(bundle.oci(['exec', 'a', 'grep', 'Cpus_allowed_list', '/proc/1/status']).stdout, '');
    t.end();
  });
}

for (const user of users)
  t.test(`in a user namespace a device is the host's, as ${user.name}`, (t) => {
    const bundle = makeBundle(t, user, ({ process, linux }) => {
      process.args = ['sh', '-c', 'stat -c "%F %t %T" /dev/fuse; grep -c " /dev/fuse " /proc/self/mountinfo'];
      linux.devices = [{ path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o600 }];
    });
    t.match(bundle.oci(['run', 'a']), { stdout: 'character special file a e5\n1\n', stderr: '' });
    bundle.write(({ linux }) => {
      linux.devices[0].minor = 228;
    });
    t.match(bundle.oci(['run', 'a']), {
      status: 1,
      stdout: '',
      stderr: /the host's is .*10:229, not .*10:228/,
    });
    bundle.write(({ linux }) => {
      linux.devices[0].path = '/dev/no-such-device';
    });
    t.match(bundle.oci(['run', 'a']), {
      status: 1,
      stderr: /\/dev\/no-such-device: the host has no such device/,
    });
    t.end();
  });

t.test('an OOM score at its old place is carried out, with a warning', (t) => {
  const bundle = makeBundle(t, ordinaryUser, ({ process, linux }) => {
    process.args = ['cat', '/proc/self/oom_score_adj'];
    linux.resources = { oomScoreAdj: 200 };
  });
  const { stdout, stderr } = bundle.oci(['run', 'a']);
  t.equal(stdout, '200\n');
  t.match(stderr, /^ch-oci-ts: warning: config.json.linux.resources.oomScoreAdj: carried out/);
  t.end();
});

const wrong: readonly [(config: Config) => void, RegExp][] = [
  [
    ({ process }) => {
      process.scheduler = { policy: 'SCHED_SOON' };
    },
    /expected one of SCHED_OTHER, .* at config.json.process.scheduler.policy, got "SCHED_SOON"/,
  ],
  [
    ({ process }) => {
      process.scheduler = { policy: 'SCHED_FIFO', priority: 50 };
    },
    /can't set the scheduler to SCHED_FIFO: sched_setattr: operation not permitted/,
  ],
  [
    ({ process }) => {
      process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 8 };
    },
    /process.ioPriority.priority must be from 0 to 7, got 8/,
  ],
  [
    ({ process }) => {
      process.ioPriority = { class: 'IOPRIO_CLASS_RT', priority: 0 };
    },
    /can't set the priority of input and output: ioprio_set: operation not permitted/,
  ],
  [
    ({ linux }) => {
      linux.memoryPolicy = { mode: 'MPOL_BIND', nodes: '0-x' };
    },
    /expected numbers and ranges for the nodes of memory, got '0-x'/,
  ],
  [
    ({ linux }) => {
      linux.memoryPolicy = { mode: 'MPOL_BIND', nodes: '900' };
    },
    /can't set the memory policy to MPOL_BIND: set_mempolicy: invalid argument/,
  ],
  [
    ({ linux }) => {
      linux.personality = { domain: 'LINUX', flags: ['X'] };
    },
    /linux.personality.flags is refused/,
  ],
  [
    ({ process }) => {
      process.apparmorProfile = 'no-such-profile';
    },
    /can't set the AppArmor profile to no-such-profile/,
  ],
  [
    ({ process }) => {
      process.selinuxLabel = 'system_u:system_r:no_such_t:s0';
    },
    /can't set the SELinux label to system_u:system_r:no_such_t:s0/,
  ],
  [
    (config) => {
      config.linux.mountLabel = 'system_u:object_r:no_such_t:s0';
    },
    /can't mount tmpfs at \/dev/,
  ],
];

t.test('what the kernel refuses is an error by its name, and nothing runs', (t) => {
  const bundle = makeBundle(t, ordinaryUser);
  for (const [change, message] of wrong) {
    bundle.write((config) => {
      config.process.args = ['echo', 'it ran'];
      change(config);
    });
    const { status, stdout, stderr } = bundle.oci(['run', 'a']);
    t.same([status, stdout], [1, ''], stderr);
    t.match(stderr, message);
  }
  t.equal(bundle.oci(['list', '-q']).stdout, '');
  t.end();
});
