/** Containers that attack who runs them: what was done to other runtimes is tried on ours. */
import { chmodSync, copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Bundle, type Config, makeBundle, onHost, runtime, runtimeWords } from '../helpers/bundles.js';
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

/** crun refuses a machine that has both versions of control groups: it sees version 2 alone. */
const secondAlone =
  'groups=/sys/fs/cgroup; [ ! -d $groups/unified ] || mount --bind $groups/unified $groups; exec "$@"';

/** Debian's runtimes, without control groups. */
const peers: Readonly<Record<string, readonly [string, ...string[]]>> = {
  crun: [
    ...(['unshare', '-U', '--map-current-user', '--keep-caps', '-m', 'sh', '-c', secondAlone, 'sh'] as const),
    ...['crun', '--cgroup-manager=disabled'],
  ],
  runc: ['runc', '--rootless=true'],
};

/** Without them, only ours is tried. */
const hasPeers = ['crun', 'runc'].every((name) => start(ordinaryUser, 'which', [name]).status === 0);

/** What a peer does with the same bundle: its status, output, and the last line on standard error. */
function beside(bundle: Bundle, peer: string, ...words: readonly string[]): string {
  const root = join(bundle.path, 'peers');
  start(bundle.user, 'mkdir', ['-p', '-m', '700', root]);
  const [program, ...options] = peers[peer] as readonly [string, ...string[]];
  const isDetached = words.includes('--detach');
  const { status, stdout, stderr } = start(bundle.user, program, [...options, '--root', root, ...words], {
    cwd: bundle.path,
    env: { XDG_RUNTIME_DIR: root },
    ...(isDetached ? { stdio: 'ignore' } : {}),
  });
  return isDetached ? String(status) : `${status} ${stdout.trim()} ${stderr.trim().split('\n').at(-1)}`;
}

t.test('a container can not have our program started inside, and overwrite it (CVE-2019-5736)', (t) => {
  if (!isRoot) return skip(t, 'only root can lose its program file that way');
  const own = join(scratch(t, root), 'ch-oci-ts');
  copyFileSync(runtime, own);
  chmodSync(own, 0o755);
  const before = readFileSync(own);
  const image = copyImage(t, root);
  plant(image, { trap: '#!/proc/self/exe\n' }, root);
  const bundle = makeBundle(t, root, (config) => {
    onHost(config);
    config.root = { path: image };
    config.process.args = ['sleep', '100'];
  });
  const oci = (errors: boolean, ...words: string[]) =>
    start(root, own, ['--cgroup-manager', 'disabled', '--root', bundle.root, ...words], {
      cwd: bundle.path,
      stdio: ['ignore', 'ignore', errors ? 'pipe' : 'ignore'],
    });
  t.equal(oci(false, 'run', '-d', 'a').status, 0);
  for (const program of ['/proc/self/exe', '/trap']) {
    const { status, stderr } = oci(true, 'exec', 'a', program, '--version');
    t.equal(status, 126, stderr);
    t.match(stderr, /is the launcher's own program file, outside of the container/);
  }
  // the first process looks for one of ours, and writes to its program as soon as it can
  const script =
    'while :; do for p in /proc/[0-9]*; do case $(cat $p/comm) in ch-oci-ts) (echo x > $p/exe);; esac; done; done 2>/dev/null';
  oci(false, 'exec', '-d', 'a', 'sh', '-c', script);
  for (let i = 0; i < 10; i++) oci(false, 'exec', 'a', 'true');
  oci(false, 'delete', '-f', 'a');
  t.ok(readFileSync(own).equals(before), 'it is as it was');
  for (const peer of hasPeers ? ['crun', 'runc'] : []) {
    const theirs = join(scratch(t, root), peer);
    copyFileSync(start(root, 'which', [peer]).stdout.trim(), theirs);
    const saved = readFileSync(theirs);
    const [program, ...words] = (peers[peer] ?? []).map((word) => (word === peer ? theirs : word));
    const call = (...more: string[]) =>
      start(root, program ?? theirs, [...words, '--root', join(bundle.path, peer), ...more], {
        cwd: bundle.path,
        stdio: 'ignore',
      }).status;
    t.equal(call('run', '--detach', 'b'), 0, peer);
    t.not(call('exec', 'b', '/proc/self/exe', '--no-such-option'), 0);
    call('exec', '--detach', 'b', 'sh', '-c', script.replace('ch-oci-ts', peer));
    for (let i = 0; i < 5; i++) call('exec', 'b', 'true');
    t.equal(call('delete', '--force', 'b'), 0);
    t.ok(readFileSync(theirs).equals(saved), `nor is Debian's ${peer} overwritten`);
  }
  t.end();
});

t.test('a link at /proc is no place for procfs (CVE-2019-16884, CVE-2023-27561)', (t) => {
  const image = copyImage(t);
  const bundle = makeBundle(t, ordinaryUser, (config) => {
    config.root = { path: image };
    config.process.args = ['true'];
  });
  start(ordinaryUser, 'sh', [
    '-c',
    'rmdir "$1/proc" 2>/dev/null || rm -rf "$1/proc"; mkdir "$1/fake"; ln -s fake "$1/proc"',
    'sh',
    image,
  ]);
  t.match(bundle.oci(['run', 'a']), {
    status: 1,
    stderr: "can't mount proc at /proc: it is a symbolic link",
  });
  if (hasPeers) {
    t.match(beside(bundle, 'runc', 'run', 'a'), /^1 .*must be mounted on ordinary directory/);
    t.match(beside(bundle, 'crun', 'run', 'a'), /^1 .*the target `\/proc` is invalid: Not a directory/);
  }
  t.end();
});

/** Changes `NAME` between a directory and a link, until it is killed. */
const exchanger = `import ctypes, os, sys
directory, target = sys.argv[1:]
os.chdir(directory)
os.makedirs('x/deep', exist_ok=True)
os.symlink(target, 'y')
libc = ctypes.CDLL(None)
while True:
    libc.syscall({'x86_64': 316, 'aarch64': 276}[os.uname().machine], -100, b'x', -100, b'y', 2)`;

t.test(
  'a destination that is exchanged for a link while it is mounted leads nowhere (CVE-2021-30465, CVE-2024-45310)',
  (t) => {
    const bundle = makeBundle(t, ordinaryUser);
    const shared = scratch(t, ordinaryUser);
    const outside = scratch(t, ordinaryUser);
    bundle.write((config) => {
      config.mounts.push(
        { destination: '/mnt', type: 'bind', source: shared, options: ['rbind'] },
        { destination: '/mnt/x/deep', type: 'tmpfs', source: 'tmpfs' },
        { destination: '/mnt/x/new/place', type: 'bind', source: '/etc', options: ['bind'] },
      );
      // what is mounted above the shared directory, and whether the host's is to be seen
      config.process.args = [
        'sh',
        '-c',
        `cut -d" " -f5 /proc/self/mountinfo | grep -v -e ^/mnt -e ^/proc -e ^/dev -e ^/sys; test ! -e ${outside}/deep && ls ${outside} 2>/dev/null`,
      ];
    });
    const script =
      'python3 -c "$0" "$1" "$2" & child=$!; shift 2; for i in $(seq 25); do "$@" run b 2>/dev/null; done; kill $child';
    /** What is mounted elsewhere, and what was made outside. */
    const attack = (...runtime: readonly string[]) => {
      start(ordinaryUser, 'sh', ['-c', 'rm -rf "$0"/* "$1"/*', shared, outside]);
      const words = ['-c', script, exchanger, shared, outside, ...runtime];
      const { stdout } = start(ordinaryUser, 'sh', words, { cwd: bundle.path, timeout: 120_000 });
      return [[...new Set(stdout.split('\n'))].filter(Boolean), readdirSync(outside)];
    };
    t.same(attack(...runtimeWords, '--root', bundle.root), [['/'], []], 'nothing leads outside');
    // a race: what they do is not the same each time
    for (const peer of hasPeers ? ['crun', 'runc'] : []) {
      const found = attack(...(peers[peer] ?? []), '--root', join(bundle.path, `root.${peer}`));
      t.comment(`Debian's ${peer}: mounted ${found[0]?.join(' ')}; made outside: ${found[1]?.join(' ')}`);
    }
    t.end();
  },
);

for (const user of users)
  t.test(`no descriptor of ours is a way out (CVE-2024-21626), as ${user.name}`, (t) => {
    const bundle = makeBundle(t, user);
    for (let number = 3; number < 24; number++) {
      bundle.write((config) => {
        config.process.args = [
          'sh',
          '-c',
          'test -e ../../../../../../../../../etc/hostname.of.host; pwd; ls ../../../../../../../../..',
        ];
        config.process.cwd = `/proc/self/fd/${number}`;
      });
      const { status, stdout } = bundle.oci(['run', 'a']);
      t.ok(status !== 0 && stdout === '', `descriptor ${number}: ${status} ${stdout}`);
      if (hasPeers && number < 10 && user === ordinaryUser)
        t.match(beside(bundle, 'runc', 'run', 'a'), /^1 {2}/, `Debian's runc with descriptor ${number}`);
    }
    bundle.write((config) => {
      config.process.args = ['sleep', '100'];
    });
    bundle.oci(['run', '-d', 'a']);
    for (let number = 3; number < 24; number++)
      t.not(bundle.oci(['exec', '--cwd', `/proc/self/fd/${number}`, 'a', 'ls']).status, 0);
    t.end();
  });

for (const user of users)
  t.test(`a directory that the caller hands on is no way out, as ${user.name}`, (t) => {
    for (const names of [['acct'], ['getcwd']]) {
      const bundle = makeBundle(t, user, (config) => {
        const refused = { names, action: 'SCMP_ACT_ERRNO' };
        config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [refused] };
        config.process.args = ['sleep', '100'];
      });
      t.equal(bundle.oci(['run', '-d', 'a']).status, 0);
      const enter = (cwd: string) =>
        start(user, 'sh', [
          '-c',
          `exec ${runtime} --root ${bundle.root} exec --preserve-fds 1 --cwd ${cwd} a true 3</`,
        ]);
      t.match(enter('/tmp'), { status: 0, stderr: '' });
      t.match(
        enter('/proc/self/fd/3').stderr,
        /directory \/proc\/self\/fd\/3: it is outside of the container/,
      );
    }
    t.end();
  });

t.test('capabilities that exec adds are not inheritable (CVE-2022-29162)', (t) => {
  const bundle = makeBundle(t, ordinaryUser, ({ process }) => {
    process.args = ['sleep', '100'];
  });
  bundle.oci(['run', '-d', 'a']);
  const { stdout } = bundle.oci([
    'exec',
    '--cap',
    'CAP_SYS_ADMIN',
    'a',
    'grep',
    '-E',
    'Cap(Inh|Amb|Eff)',
    '/proc/self/status',
  ]);
  t.match(stdout, /^CapInh:\t0+\nCapEff:\t\w*2\w{5}\nCapAmb:\t0+\n$/);
  if (hasPeers) {
    t.equal(beside(bundle, 'runc', 'run', '--detach', 'b'), '0');
    const words = ['exec', '--cap', 'CAP_SYS_ADMIN', 'b', 'grep', 'CapInh', '/proc/self/status'];
    t.match(beside(bundle, 'runc', ...words), /^0 CapInh:\t0+ $/);
    beside(bundle, 'runc', 'delete', '--force', 'b');
  }
  t.end();
});

t.test('what is masked is covered by the /dev/null of the host (CVE-2025-31133)', (t) => {
  const image = copyImage(t);
  const bundle = makeBundle(t, ordinaryUser);
  start(ordinaryUser, 'sh', [
    '-c',
    'rm -rf "$1/dev"; mkdir "$1/dev" "$1/kept"; echo secret > "$1/kept/file"; ln -s /proc/sys/kernel/core_pattern "$1/dev/null"',
    'sh',
    image,
  ]);
  bundle.write((config) => {
    config.root = { path: image };
    config.mounts = config.mounts.filter(({ destination }: Config) => !destination.startsWith('/dev'));
    config.linux.maskedPaths = ['/kept/file'];
    config.process.args = ['cat', '/kept/file'];
  });
  const { status, stdout, stderr } = bundle.oci(['run', 'a']);
  t.equal(stdout, '', 'neither the secret, nor what the link leads to');
  t.ok(status === 0 || /can't make the device \/dev\/null|can't bind|can't create/.test(stderr), stderr);
  if (hasPeers) {
    t.match(
      beside(bundle, 'runc', 'run', 'a'),
      /^1 .*core_pattern: permission denied/,
      'it follows the link',
    );
    t.match(beside(bundle, 'crun', 'run', 'a'), /^0 {2}/);
  }
  t.end();
});

t.test('a link at /dev makes nothing outside (CVE-2025-52565, CVE-2026-47766)', (t) => {
  const outside = scratch(t, ordinaryUser);
  const image = copyImage(t);
  const bundle = makeBundle(t, ordinaryUser);
  start(ordinaryUser, 'sh', ['-c', 'rm -rf "$1/dev"; ln -s "$2" "$1/dev"', 'sh', image, outside]);
  bundle.write((config) => {
    config.root = { path: image };
    config.mounts = config.mounts.filter(({ destination }: Config) => !destination.startsWith('/dev'));
    config.process.args = ['true'];
  });
  bundle.oci(['run', 'a']);
  t.same(readdirSync(outside), []);
  if (hasPeers) {
    beside(bundle, 'runc', 'run', 'a');
    t.ok(readdirSync(outside).includes('ptmx'), "Debian's runc makes links there");
    beside(bundle, 'crun', 'run', 'a');
    t.ok(readdirSync(outside).includes('null'), "Debian's crun makes a file, too");
  }
  t.end();
});

t.test('a link at /dev/console leads nowhere outside (CVE-2025-52565)', (t) => {
  const outside = scratch(t, ordinaryUser);
  plant(outside, { file: 'kept' });
  const image = copyImage(t);
  const bundle = makeBundle(t, ordinaryUser);
  for (const target of [`${outside}/new`, `${outside}/file`, `../../../../../../..${outside}/new`]) {
    start(ordinaryUser, 'ln', ['-sfn', target, `${image}/dev/console`]);
    bundle.write((config) => {
      config.root = { path: image };
      config.mounts = config.mounts.filter(({ destination }: Config) => !/^\/dev/.test(destination));
      config.mounts.push({
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['newinstance'],
      });
      config.process.terminal = true;
      config.process.args = ['true'];
    });
    bundle.oci(['run', 'a']);
    t.same(readdirSync(outside), ['file'], target);
    t.equal(readFileSync(join(outside, 'file'), 'utf8'), 'kept');
  }
  t.end();
});

t.test('settings of the kernel are written to procfs, whatever lies at /proc (CVE-2025-52881)', (t) => {
  const fake = scratch(t, ordinaryUser);
  start(ordinaryUser, 'sh', [
    '-c',
    'mkdir -p "$1/sys/kernel" "$1/self/attr"; : > "$1/sys/kernel/msgmax"; : > "$1/self/attr/exec"; : > "$1/self/oom_score_adj"',
    'sh',
    fake,
  ]);
  const bundle = makeBundle(t, ordinaryUser, (config) => {
    config.mounts[0] = { destination: '/proc', type: 'bind', source: fake, options: ['bind'] };
    config.linux.sysctl = { 'kernel.msgmax': '4097' };
    config.linux.maskedPaths = [];
    config.linux.readonlyPaths = [];
    config.process.oomScoreAdj = 100;
    config.process.args = ['cat', '/proc/sys/kernel/msgmax', '/proc/self/oom_score_adj'];
  });
  t.match(bundle.oci(['run', 'a']), { status: 0, stdout: '', stderr: '' });
  if (hasPeers) {
    t.match(beside(bundle, 'runc', 'run', 'a'), /^1 .*cannot be mounted because it is not of type proc/);
    t.match(beside(bundle, 'crun', 'run', 'a'), /^0 {2}/);
  }
  bundle.write((config) => {
    config.process.apparmorProfile = 'some';
    config.mounts[0] = { destination: '/proc', type: 'bind', source: fake, options: ['bind'] };
  });
  t.match(bundle.oci(['run', 'a']), { status: 1, stderr: /can't set the AppArmor profile to some/ });
  t.end();
});

/** Whether each of both accepts a user for exec. */
const accepts = (bundle: Bundle, user: string) => bundle.oci(['exec', '--user', user, 'a', 'id', '-u']);

t.test('a user is a number or a name, and nothing in between (CVE-2026-30892)', (t) => {
  const image = copyImage(t);
  // names in the files lead out of the image; only the container can follow them, inside
  plant(image, {
    'etc/real': 'alice:x:1:2::/home/alice:/bin/sh\n0day:x:7:7::/:/bin/sh\n',
    'etc/group': 'alice:x:2:\nstaff:x:3:bob,alice\nwheel:x:4:carol\n',
  });
  start(ordinaryUser, 'sh', [
    '-c',
    'rm "$1/etc/passwd"; ln -s ../../../../etc/real "$1/etc/passwd"',
    'sh',
    image,
  ]);
  const bundle = makeBundle(t, ordinaryUser, (config) => {
    config.root = { path: image, readonly: true };
    config.process.args = ['sleep', '100'];
  });
  bundle.oci(['run', '-d', 'a']);
  for (const wrong of ['1x', '1:', ':1', '-1', '0x0', ' 0', '0 ', '1:2:3', '4294967296', '00000000000', '']) {
    const { status, stdout } = accepts(bundle, wrong);
    t.ok(status !== 0 && stdout === '', `'${wrong}': ${status} ${stdout}`);
  }
  t.match(accepts(bundle, 'bob'), { status: 255, stderr: "the container's /etc/passwd has no user bob" });
  t.match(accepts(bundle, 'root'), { status: 255, stderr: "the container's /etc/passwd has no user root" });
  t.match(accepts(bundle, '0:nobody'), {
    status: 255,
    stderr: "the container's /etc/group has no group nobody",
  });
  t.match(accepts(bundle, '0'), { status: 0, stdout: '0\n' });
  if (hasPeers) {
    t.equal(beside(bundle, 'runc', 'run', '--detach', 'b'), '0');
    const runcAccepts = (user: string) => beside(bundle, 'runc', 'exec', '--user', user, 'b', 'id', '-u');
    for (const wrong of ['1x', '1:', '-1', ' 0', '1:2:3', 'bob']) t.match(runcAccepts(wrong), /^255 /, wrong);
    for (const wrong of ['4294967296', '00000000000', ''])
      t.match(runcAccepts(wrong), /^0 0 /, `Debian's runc takes '${wrong}' as root`);
    beside(bundle, 'runc', 'delete', '--force', 'b');
  }
  t.end();
});

t.test('a user by name has the groups and the home that the container says', (t) => {
  if (!isRoot) return skip(t, 'only root can map further ids');
  const image = copyImage(t, root);
  plant(
    image,
    {
      'etc/passwd': 'alice:x:1:2::/home/alice:/bin/sh\n',
      'etc/group': 'a:x:2:\nstaff:x:3:bob,alice\nwheel:x:4:carol\n',
    },
    root,
  );
  const bundle = makeBundle(t, root, (config) => {
    onHost(config);
    config.root = { path: image };
    config.process.args = ['sleep', '100'];
    config.process.user.additionalGids = [9];
  });
  bundle.oci(['run', '-d', 'a']);
  const exec = (...words: string[]) =>
    bundle.oci(['exec', ...words, 'a', 'sh', '-c', 'id -u; id -G; echo $HOME']).stdout;
  t.equal(exec('--user', 'alice'), '1\n2 3\n/home/alice\n');
  t.equal(exec('--user', 'alice:wheel'), '1\n4 3\n/home/alice\n');
  t.equal(exec('--user', 'alice', '--additional-gids', '5,6'), '1\n2 5 6\n/home/alice\n');
  t.equal(exec('--user', '1:3'), '1\n3 9\n/home/alice\n');
  t.end();
});
