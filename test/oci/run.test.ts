/** `run` of a bundle without any privilege, and what needs no container: spec, features, versions, help. */
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Config, makeBundle, runtimeWords, shellOf } from '../helpers/bundles.js';
import { image, ordinaryUser, scratch, start, users } from '../helpers/support.js';

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`run: the command is root of its own namespaces, and its status is that of run${as}`, (t) => {
    const bundle = makeBundle(t, user);
    t.equal(shellOf(t, bundle, 'echo $(id -u) $$ $(hostname) $PWD $HOME'), '0 1 container / /root');
    bundle.write((config) => {
      config.process.args = ['sh', '-c', 'exit 7'];
    });
    t.equal(bundle.oci(['run', 'a']).status, 7);
    bundle.write((config) => {
      config.process.args = ['sh', '-c', 'kill -9 $$'];
      config.linux.namespaces = config.linux.namespaces.filter(({ type }: Config) => type !== 'pid');
    });
    t.equal(bundle.oci(['run', 'a']).status, 128 + 9, 'a signal is 128 and its number');
    t.same(readdirSync(bundle.root), [], 'nothing is left');
    t.end();
  });

  t.test(`what a container gets is what its configuration says${as}`, (t) => {
    const bundle = makeBundle(t, user);
    const script = [
      'grep -E "^(CapInh|CapPrm|CapBnd|CapAmb|NoNewPrivs|Groups)" /proc/self/status',
      'ulimit -n; umask; pwd; echo $A; cat /proc/sys/kernel/msgmax',
      'touch /etc/x 2>/dev/null || echo read-only',
      'ls /proc/acpi /sys/firmware | wc -l; (echo > /proc/sys/kernel/msgmax) 2>/dev/null || echo protected',
      'echo > /dev/null; ls /mnt',
    ].join('\n');
    const out = shellOf(t, bundle, script, (config) => {
      const { process, linux } = config;
      process.capabilities = { bounding: ['CAP_KILL'], permitted: ['CAP_KILL'], effective: ['CAP_KILL'] };
      process.user.umask = 0o027;
      process.cwd = '/tmp';
      process.env.push('A=b=c');
      process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }];
      linux.sysctl = { 'kernel.msgmax': '4096' };
      config.mounts.push({
        destination: '/mnt',
        type: 'bind',
        source: join(image, 'etc'),
        options: ['rbind', 'ro'],
      });
    });
    const lines = out.split('\n').map((line) => line.replace(/:\s*/, ' ').trim());
    t.same(lines.slice(0, 6), [
      ...['Groups', 'CapInh 0000000000000000', 'CapPrm 0000000000000020', 'CapBnd 0000000000000020'],
      ...['CapAmb 0000000000000000', 'NoNewPrivs 1'],
    ]);
    t.match(lines.slice(6).join(' '), /^100 0027 \/tmp b=c 4096 read-only \d+ protected .*passwd/);
    t.end();
  });

  t.test(`ambient capabilities are those that are permitted and inheritable, too${as}`, (t) => {
    const bundle = makeBundle(t, user);
    const ambient = (sets: readonly string[]) =>
      shellOf(t, bundle, 'grep CapAmb /proc/self/status', ({ process }) => {
        process.capabilities = Object.fromEntries(sets.map((set) => [set, ['CAP_KILL']]));
      });
    t.equal(ambient(['bounding', 'permitted', 'inheritable', 'ambient']), 'CapAmb:\t0000000000000020');
    t.equal(ambient(['bounding', 'permitted', 'ambient']), 'CapAmb:\t0000000000000000');
    t.end();
  });

  t.test(`signals that ask run to end are passed on to the command${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sh', '-c', 'trap "echo got it; exit 5" TERM; echo ready; sleep 100 & wait'];
    });
    const script =
      '"$@" >said & child=$!; until grep -q ready said; do sleep 0.05; done; kill -TERM $child; wait $child; echo status $?; cat said';
    const words = ['-c', script, 'sh', ...runtimeWords, '--root', bundle.root, 'run', 'a'];
    const { stdout } = start(user, 'sh', words, { cwd: bundle.path });
    t.equal(stdout, 'status 5\nready\ngot it\n');
    t.end();
  });

  t.test(`no descriptor of the caller gets into the container, but those that are preserved${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sh', '-c', 'set -- /proc/self/fd/*; echo $#; cat <&3'];
    });
    const run = (...words: string[]) =>
      start(
        user,
        'sh',
        [
          ...[
            '-c',
            'echo kept > f; exec 3< f 4< f 9< f; "$@"',
            'sh',
            ...runtimeWords,
            '--root',
            join(bundle.path, 'c'),
          ],
          ...['run', ...words, 'a'],
        ],
        { cwd: bundle.path },
      );
    t.equal(run('--preserve-fds', '1').stdout, '5\nkept\n', 'and the one by which they are listed');
    t.match(run().stdout, /^4\n/);
    t.match(run('--preserve-fds', '4'), {
      status: 0,
      stdout: '6\nkept\n',
      stderr: 'ch-oci-ts: warning: only 2 of the 4 descriptors after the standard streams are open\n',
    });
    t.end();
  });
}

const bundle = () => makeBundle(t, ordinaryUser);

/** Wrong configurations, and what is said about each. */
const wrong: readonly [string, (config: Config) => void, RegExp][] = [
  [
    'no process',
    (config) => {
      delete config.process;
    },
    /there is no process/,
  ],
  [
    'no arguments',
    ({ process }) => {
      process.args = [];
    },
    /process.args is empty: there is no command/,
  ],
  [
    'arguments that are no list',
    ({ process }) => {
      process.args = 'sh';
    },
    /expected a list of strings at config.json.process.args/,
  ],
  [
    'an unknown namespace',
    ({ linux }) => {
      linux.namespaces.push({ type: 'x' });
    },
    /expected one of user, .* at config.json.linux.namespaces\[5\].type/,
  ],
  [
    'a namespace twice',
    ({ linux }) => {
      linux.namespaces.push({ type: 'uts' });
    },
    /the namespace uts is there twice/,
  ],
  [
    'no mount namespace',
    ({ linux }) => {
      linux.namespaces = [{ type: 'user' }];
    },
    /a container needs a mount namespace/,
  ],
  [
    'the host name of the host',
    ({ linux }) => {
      linux.namespaces = [{ type: 'user' }, { type: 'mount' }];
    },
    /hostname and domainname need a UTS namespace/,
  ],
  [
    'a parameter of the host',
    ({ linux }) => {
      linux.sysctl = { 'vm.swappiness': '1' };
    },
    /linux.sysctl.vm.swappiness belongs to no namespace/,
  ],
  [
    'a parameter of the network of the host',
    ({ linux }) => {
      linux.sysctl = { 'net.core.somaxconn': '1' };
    },
    /net.core.somaxconn needs a network namespace/,
  ],
  [
    'an unknown capability',
    ({ process }) => {
      process.capabilities.bounding = ['CAP_FLY'];
    },
    /expected one of .* got "CAP_FLY"/,
  ],
  [
    'an unknown limit',
    ({ process }) => {
      process.rlimits = [{ type: 'RLIMIT_X', soft: 1, hard: 1 }];
    },
    /got "RLIMIT_X"/,
  ],
  [
    'a variable without =',
    ({ process }) => {
      process.env = ['A'];
    },
    /expected a list of NAME=VALUE at config.json.process.env/,
  ],
  [
    'a relative directory',
    ({ process }) => {
      process.cwd = 'tmp';
    },
    /process.cwd must be an absolute path, got "tmp"/,
  ],
  [
    'another version',
    (config) => {
      config.ociVersion = '2.0.0';
    },
    /ociVersion 2.0.0 is not supported/,
  ],
  [
    'a missing root',
    ({ root }) => {
      root.path = 'nowhere';
    },
    /the root file system .*nowhere does not exist/,
  ],
  [
    'what is not handled',
    ({ linux }) => {
      linux.intelRdt = { closID: 'a' };
    },
    /config.json.linux.intelRdt is refused: not handled yet/,
  ],
  [
    'a limit of a control group',
    ({ linux }) => {
      linux.resources = { memory: { limit: 1 << 30 } };
    },
    /can't (create|join) the control group .*: permission denied|can't set memory.max/,
  ],
  [
    'a wrong mount option',
    (config) => {
      config.mounts[0].options = ['idmap'];
    },
    /the mount at \/proc needs uidMappings and gidMappings|ids of the mount at \/proc can't be mapped: it is not a bind/,
  ],
  [
    'a mount at the root',
    (config) => {
      config.mounts[0].destination = '/..';
    },
    /can't mount at \/\.\.: it is the root directory/,
  ],
  [
    'a terminal without anybody to have it',
    ({ process }) => {
      process.terminal = true;
    },
    /process.terminal needs --console-socket/,
  ],
  [
    'a missing source',
    (config) => {
      config.mounts.push({ destination: '/mnt', type: 'bind', source: '/nowhere' });
    },
    /can't bind \/nowhere to \/mnt: open_tree: no such file or directory/,
  ],
  [
    'a hook that fails',
    (config) => {
      config.hooks = { createRuntime: [{ path: '/bin/false' }] };
    },
    /the hook \/bin\/false exited with status 1/,
  ],
  [
    'a hook that is missing',
    (config) => {
      config.hooks = { createContainer: [{ path: '/bin/nothing' }] };
    },
    /can't run the hook \/bin\/nothing: execve: no such file/,
  ],
  [
    'a hook that hangs',
    (config) => {
      config.hooks = { prestart: [{ path: '/bin/sleep', args: ['sleep', '9'], timeout: 1 }] };
    },
    /the hook \/bin\/sleep timed out after 1 s/,
  ],
];

t.test('what is wrong is told in one line, with status 1, and nothing is left', (t) => {
  const { oci, write, root } = bundle();
  for (const [what, change, message] of wrong) {
    write(change);
    const { status, stdout, stderr } = oci(['create', 'a']);
    t.same([status, stdout], [1, ''], `${what}: ${stderr.trim()}`);
    t.match(stderr, /^ch-oci-ts: error: [^A-Z\n].*[^.\n]\n$/, 'one line');
    t.match(stderr, message);
    t.same(existsSync(root) ? readdirSync(root) : [], [], 'no directory is left');
  }
  t.end();
});

t.test('what is not a configuration is refused', (t) => {
  const made = bundle();
  const path = join(made.path, 'config.json');
  for (const [text, message] of [
    ['{', /config.json is not JSON/],
    ['[]', /expected an object at config.json/],
    ['{}', /config.json has no ociVersion/],
  ] as const) {
    writeFileSync(path, text);
    t.match(made.oci(['run', 'a']), { status: 1, stderr: message });
  }
  t.match(made.oci(['run', '--bundle', '/nowhere', 'a']).stderr, /the bundle \/nowhere is not a directory/);
  t.end();
});

t.test('a root file system that is a link is refused', (t) => {
  const made = bundle();
  symlinkSync(image, join(made.path, 'link'));
  made.write(({ root }) => {
    root.path = 'link';
  });
  t.match(made.oci(['run', 'a']).stderr, /the root file system .*link is a symbolic link/);
  t.end();
});

t.test('a place for a mount that links lead out of the root is made inside', (t) => {
  const made = bundle();
  const outside = scratch(t, ordinaryUser);
  const rootfs = join(made.path, 'rootfs');
  start(ordinaryUser, 'mkdir', [rootfs]);
  symlinkSync(outside, join(rootfs, 'mnt'));
  symlinkSync('../../../../../..', join(rootfs, 'up'));
  made.write((config) => {
    config.root = { path: 'rootfs' };
    config.mounts.push({ destination: '/mnt/deep', type: 'bind', source: '/etc', options: ['bind'] });
  });
  t.match(
    made.oci(['run', 'a']).stderr,
    "can't create /mnt/deep in the image: /mnt is a broken symbolic link",
  );
  made.write((config) => {
    config.root = { path: 'rootfs' };
    config.mounts.push({ destination: `/up${outside}/up`, type: 'bind', source: '/etc', options: ['bind'] });
    config.process.args = ['/nothing'];
  });
  t.equal(made.oci(['run', 'a']).status, 127);
  t.ok(existsSync(join(rootfs, outside, 'up')), 'above the root is the root');
  t.same(readdirSync(outside), [], 'nothing was made outside');
  t.end();
});

t.test('an error is one object in a JSON log, and nothing else', (t) => {
  const made = bundle();
  made.write(({ process, linux }) => {
    process.args = ['nothing-of-that-name'];
    linux.cgroupsPath = '/x';
  });
  const log = join(made.path, 'log');
  const { status, stderr } = made.oci(['--log', log, '--log-format=json', 'run', 'a']);
  t.equal(status, 127);
  t.match(stderr, /^ch-oci-ts: error: .*executable file not found in \$PATH.*\n$/, 'where containerd looks');
  const { level, msg } = JSON.parse(readFileSync(log, 'utf8'));
  t.match({ level, msg }, { level: 'error', msg: /executable file not found in \$PATH/ });
  t.end();
});

for (const user of users)
  t.test(`the example denies devices and hides control groups, as ${user.name}`, (t) => {
    const made = makeBundle(t, user, (config) => {
      const { linux, process } = config;
      t.same(linux.resources?.devices, undefined, 'not for an ordinary user, who has no right to that');
      linux.devices = [{ path: '/dev/ptmx', type: 'c', major: 5, minor: 2 }];
      process.args = ['sh', '-c', 'grep " /sys/fs/cgroup[/ ]" /proc/mounts; readlink /dev/ptmx'];
    });
    const { status, stdout, stderr } = made.oci(['run', 'a']);
    t.same([status, stderr], [0, '']);
    const lines = stdout.trim().split('\n');
    t.equal(lines.pop(), 'pts/ptmx', 'a device that is there anyway is no obstacle');
    t.ok(lines.length > 0);
    // those of the host are below them
    const last = new Map(lines.map((line) => [line.split(' ')[1], line]));
    for (const line of last.values()) t.match(line, /^\S+ \S+ \S+ ro,/);
    const other = makeBundle(t, user);
    rmSync(join(other.path, 'config.json'));
    other.oci(['spec']);
    const { linux } = JSON.parse(readFileSync(join(other.path, 'config.json'), 'utf8'));
    t.same(linux.resources, { devices: [{ allow: false, access: 'rwm' }] }, 'but for root');
    t.equal(
      linux.namespaces.some(({ type }: Config) => type === 'cgroup'),
      existsSync('/sys/fs/cgroup/cgroup.controllers'),
    );
    t.end();
  });

t.test('spec, features, versions and help', (t) => {
  const made = bundle();
  t.match(made.oci(['spec']), { status: 1, stderr: /config.json is there already/ });
  t.match(made.oci(['spec', '-f', 'other.json']), { status: 0, stdout: '' });
  t.match(JSON.parse(readFileSync(join(made.path, 'other.json'), 'utf8')), { hostname: 'container' });
  const { hooks, ociVersionMax, mountOptions } = JSON.parse(made.oci(['features']).stdout);
  t.same([hooks.length, ociVersionMax, mountOptions.includes('rro')], [6, '1.3.0', true]);
  t.match(made.oci(['--version']).stdout, /^ch-oci-ts version \d.*\nspec: 1\.3\.0\n\+SYSTEMD .*\+CAP/);
  for (const words of [['--help'], ['create', '--help'], ['--help', 'kill']])
    t.match(made.oci(words), { status: 0, stdout: /^Usage: ch-oci-ts/ });
  t.match(made.oci(['frobnicate']), { status: 1, stderr: /there is no command 'frobnicate'/ });
  t.match(made.oci(['kill']), { status: 1, stderr: /expected ID \[SIGNAL\] after the options of kill/ });
  t.end();
});
