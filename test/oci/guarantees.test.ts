/** What a container, its caller and the host can rely on, and what is easily missed. */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Config, fileIn, makeBundle, onHost, runtimeWords, shellOf, until } from '../helpers/bundles.js';
import {
  copyImage,
  isRoot,
  ordinaryUser,
  plant,
  root,
  scratch,
  skip,
  start,
  users,
} from '../helpers/support.js';

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`lo is up in a new network namespace, and nothing else is there${as}`, (t) => {
    const bundle = makeBundle(t, user);
    const script =
      'grep -c : /proc/net/dev; grep -q 0100007F /proc/net/fib_trie; cat /proc/net/if_inet6 | wc -l; cat /sys/class/net/lo/flags';
    const out = shellOf(t, bundle, script, (config) => {
      config.linux.namespaces.push({ type: 'network' });
      config.mounts.find(({ destination }: Config) => destination === '/sys').type = 'sysfs';
      delete config.mounts.find(({ destination }: Config) => destination === '/sys').options;
    });
    t.match(out, /^1\n\d+\n0x9$/);
    t.end();
  });

  t.test(`the environment is that of config.json alone, HOME is that of the container's passwd${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['/usr/bin/env'];
      process.env = [];
    });
    t.equal(bundle.oci(['run', 'a'], { env: { SECRET: 'x', PATH: '/bin:/usr/bin' } }).stdout, 'HOME=/root\n');
    t.end();
  });

  t.test(
    `without capabilities there are none; a process of exec that names none has the container's${as}`,
    (t) => {
      const bundle = makeBundle(t, user);
      const out = shellOf(t, bundle, 'grep Cap /proc/self/status | sort -u -k2', ({ process }) => {
        delete process.capabilities;
      });
      t.match(out, /^Cap\w+:\t0+$/);
      bundle.write(({ process }) => {
        process.args = ['sleep', '100'];
        process.capabilities = { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] };
      });
      bundle.oci(['run', '-d', 'a']);
      const file = fileIn(
        bundle,
        'p',
        JSON.stringify({ args: ['grep', 'CapEff', '/proc/self/status'], env: ['PATH=/bin:/usr/bin'] }),
      );
      t.equal(bundle.oci(['exec', '--process', file, 'a']).stdout, 'CapEff:\t0000000000000020\n');
      t.end();
    },
  );

  t.test(
    `each process has a session of its own, without the caller's terminal; an empty cwd is /${as}`,
    (t) => {
      const bundle = makeBundle(t, user, ({ process }) => {
        process.args = ['sleep', '100'];
        process.cwd = '';
      });
      bundle.oci(['run', '-d', 'a']);
      // session and terminal of the first process, and of the shell itself
      const script =
        'cut -d" " -f6,7 /proc/1/stat; test $(cut -d" " -f6 /proc/$$/stat) = $$ && cut -d" " -f7 /proc/$$/stat; pwd';
      t.equal(bundle.oci(['exec', 'a', 'sh', '-c', script]).stdout, '1 0\n0\n/\n');
      t.end();
    },
  );

  t.test(`kill without a signal sends what the image wants${as}`, async (t) => {
    const bundle = makeBundle(t, user, (config) => {
      config.process.args = ['sh', '-c', 'trap "exit 7" USR1; while :; do sleep 0.1; done'];
      config.annotations = { 'org.opencontainers.image.stopSignal': 'SIGUSR1' };
    });
    bundle.oci(['run', '-d', 'a']);
    await until(() => {
      bundle.oci(['kill', 'a']);
      return bundle.state('a').status === 'stopped';
    }, 'the signal ends it');
    t.equal(bundle.oci(['delete', 'a']).status, 0);
    t.end();
  });

  for (const [title, command] of [
    ['has no handler for it', 'exec sleep 100'],
    ['ignores it', "trap '' TERM; while :; do sleep 0.1; done"],
  ] as const)
    t.test(`kill without a signal ends a first process that ${title}${as}`, async (t) => {
      const bundle = makeBundle(t, user, ({ process }) => {
        process.args = ['sh', '-c', command];
      });
      bundle.oci(['run', '-d', 'a']);
      bundle.oci(['kill', 'a', 'TERM']);
      t.equal(bundle.state('a').status, 'running', 'a signal by name is sent as it is');
      await until(() => {
        bundle.oci(['kill', 'a']);
        return bundle.state('a').status === 'stopped';
      }, 'it ends');
      t.end();
    });

  t.test(`sockets that systemd passes on are passed on${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sh', '-c', 'echo $LISTEN_FDS $LISTEN_PID; cat <&3'];
    });
    const script = 'echo from the caller > f; exec 3< f 4< f; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"';
    const words = ['-c', script, 'sh', ...runtimeWords, '--root', bundle.root, 'run', 'a'];
    t.equal(start(user, 'sh', words, { cwd: bundle.path }).stdout, '1 1\nfrom the caller\n');
    t.end();
  });

  t.test(`a bundle that vanishes takes nothing with it${as}`, (t) => {
    const bundle = makeBundle(t, user, (config) => {
      config.process.args = ['sleep', '100'];
      config.hooks = { poststart: [{ path: '/bin/true' }], poststop: [{ path: '/bin/true' }] };
    });
    const place = join(bundle.path, 'inner');
    start(user, 'mkdir', [place]);
    renameSync(join(bundle.path, 'config.json'), join(place, 'config.json'));
    t.match(bundle.oci(['create', '--bundle', place, 'a']), { status: 0, stderr: '' });
    rmSync(place, { recursive: true });
    t.match(bundle.oci(['start', 'a']), { status: 0, stderr: '' });
    t.equal(bundle.oci(['exec', 'a', 'echo', 'x']).stdout, 'x\n');
    t.match(bundle.oci(['delete', '-f', 'a']), { status: 0, stderr: '' });
    t.end();
  });

  t.test(
    `an error is told whole enough, however long it is, and whatever the caller does with SIGCHLD${as}`,
    (t) => {
      const bundle = makeBundle(t, user, ({ process }) => {
        process.args = [`/${'x'.repeat(100_000)}`];
      });
      const words = [
        '-c',
        'trap "" CHLD; "$@"; echo status $?',
        'sh',
        ...runtimeWords,
        '--root',
        bundle.root,
        'run',
        'a',
      ];
      const { stdout, stderr } = start(user, 'sh', words, { cwd: bundle.path });
      t.match(stdout, /^status 12[67]\n$/);
      t.match(stderr, /^ch-oci-ts: error: can't start \/x{1000}/);
      bundle.write(({ process }) => {
        process.args = ['sh', '-c', 'exit 5'];
      });
      t.equal(start(user, 'sh', words, { cwd: bundle.path }).stdout, 'status 5\n');
      t.end();
    },
  );
}

t.test('on a host whose mounts are shared, as systemd has them, nothing is mounted outside', (t) => {
  if (!isRoot) return skip(t, 'only root can change the propagation of mounts');
  const shared = scratch(t, root);
  for (const place of [onHost, () => {}]) {
    const bundle = makeBundle(t, root, (config) => {
      place(config);
      config.mounts.push({ destination: '/mnt', type: 'bind', source: shared, options: ['rbind'] });
      config.mounts.push({ destination: '/mnt/below', type: 'tmpfs', source: 'tmpfs' });
      config.process.args = ['sh', '-c', 'echo x > /mnt/below/x; cat /mnt/below/x'];
    });
    const script =
      'mount --make-rshared / && cat /proc/self/mountinfo > m1; "$@"; cat /proc/self/mountinfo | cmp m1';
    const words = ['--mount', 'sh', '-c', script, 'sh', ...runtimeWords, '--root', bundle.root, 'run', 'a'];
    const { status, stdout, stderr } = start(root, 'unshare', words, { cwd: bundle.path });
    t.same([status, stdout, stderr], [0, 'x\n', '']);
  }
  t.end();
});

t.test('a configuration without `linux` is refused, and nothing crashes', (t) => {
  const bundle = makeBundle(t, ordinaryUser, (config) => {
    delete config.linux;
  });
  t.match(bundle.oci(['run', 'a']), { status: 1, stderr: /a container needs a mount namespace of its own/ });
  t.end();
});

t.test('root that is not mapped: the command has exactly the ids that are asked for', (t) => {
  if (!isRoot) return skip(t, 'only root can map further ids');
  const bundle = makeBundle(t, root, ({ process, linux }) => {
    linux.uidMappings = [{ containerID: 1000, hostID: 300_000, size: 10 }];
    linux.gidMappings = [{ containerID: 1000, hostID: 300_000, size: 10 }];
    process.user = { uid: 1001, gid: 1002, additionalGids: [1003] };
    process.args = ['sh', '-c', 'id -u; id -G; sleep 100'];
  });
  t.match(bundle.oci(['run', '-d', 'a']), { status: 0, stderr: '' });
  t.equal(bundle.oci(['exec', 'a', 'sh', '-c', 'id -u; id -G']).stdout, '1001\n1002 1003\n');
  t.end();
});

t.test("the caller's groups are dropped, also for an empty list; HOME is / without an entry", (t) => {
  if (!isRoot) return skip(t, 'only root has groups to drop');
  const bundle = makeBundle(t, root, (config) => {
    onHost(config);
    config.process.user = { uid: 1234, gid: 1235, additionalGids: [] };
    config.process.args = [
      'sh',
      '-c',
      'grep Groups /proc/self/status; echo $HOME; echo x > /dev/stdout; echo y > /dev/stderr',
    ];
  });
  const script = 'setpriv --groups 4,1236 "$@" 2>&1 | cat';
  const words = ['-c', script, 'sh', ...runtimeWords, '--root', bundle.root, 'run', 'a'];
  const { stdout } = start(root, 'sh', words, { cwd: bundle.path });
  t.equal(stdout.replace(/ *\n/, '\n'), 'Groups:\t\n/\nx\ny\n', 'and pipes are its own to open');
  t.end();
});

t.test('a full place for containers: one error, and nothing is left', (t) => {
  if (!isRoot) return skip(t, 'only root can mount a small file system');
  const bundle = makeBundle(t, root);
  const script = `mount -t tmpfs -o nr_inodes=3 tmpfs /mnt && cd "$1" && shift && "$@"; echo status $?; ls -A /mnt/c`;
  const words = [
    '--mount',
    'sh',
    '-c',
    script,
    'sh',
    bundle.path,
    ...runtimeWords,
    '--root',
    '/mnt/c',
    'create',
    'a',
  ];
  const { stdout, stderr } = start(root, 'unshare', words);
  t.equal(stdout, 'status 1\n');
  t.match(stderr, /^ch-oci-ts: error: can't .*: no space left on device\n$/);
  t.end();
});

t.test('a root file system below a closed directory, and a relative one', (t) => {
  const bundle = makeBundle(t, ordinaryUser, (config) => {
    config.root = { path: './closed/img' };
    config.process.args = ['cat', '/mark'];
    config.process.cwd = '/made/for/it';
  });
  const image = copyImage(t);
  plant(image, { mark: 'here\n' });
  start(ordinaryUser, 'mkdir', ['-m', '700', join(bundle.path, 'closed')]);
  renameSync(image, join(bundle.path, 'closed/img'));
  t.equal(bundle.oci(['run', 'a']).stdout, 'here\n');
  t.ok(existsSync(join(bundle.path, 'closed/img/made/for/it')), 'a missing cwd is made');
  t.same(readdirSync(bundle.root), []);
  t.end();
});
