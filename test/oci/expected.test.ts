/** What clients expect of a runtime because others do it: found by the tests of runc and crun. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { fileIn, makeBundle, onHost, runtime, until, watch } from '../helpers/bundles.js';
import { isRoot, ordinaryUser, root, skip, start, users } from '../helpers/support.js';

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`options may follow the id, and --config names another configuration${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sleep', '100'];
    });
    const other = JSON.parse(readFileSync(join(bundle.path, 'config.json'), 'utf8'));
    other.process.args = ['echo', 'other'];
    fileIn(bundle, 'other/c.json', JSON.stringify(other));
    t.match(bundle.oci(['run', 'b', '--config', 'other/c.json']), { status: 0, stdout: 'other\n' });
    t.match(bundle.oci(['run', 'a', '-d']), { status: 0, stderr: '' });
    t.match(bundle.oci(['kill', 'a', '0']), { status: 0 }, 'it can be asked whether it runs');
    t.match(
      bundle.oci(['exec', 'a', 'echo', '--debug']).stdout,
      /^--debug$/m,
      'but those of a command are its own',
    );
    const [listed] = JSON.parse(bundle.oci(['list', '--format', 'json']).stdout);
    t.match(listed, { ociVersion: /^1/, id: 'a', status: 'running', rootfs: /^\// });
    t.match(bundle.oci(['kill', 'a', '-9']), { status: 0, stderr: '' });
    t.match(bundle.oci(['delete', 'a', '--force']), { status: 0, stderr: '' });
    t.end();
  });

  t.test(`a working directory is made in an image that becomes read-only${as}`, (t) => {
    const bundle = makeBundle(t, user);
    mkdirSync(join(bundle.path, 'rootfs'));
    start(root, 'cp', ['-r', '/bin/busybox', join(bundle.path, 'rootfs/sh')]);
    start(root, 'chown', ['-R', String(user.uid), join(bundle.path, 'rootfs')]);
    bundle.write((config) => {
      config.root = { path: 'rootfs', readonly: true };
      config.process.cwd = '/made/here';
      config.process.args = ['/sh', '-c', 'pwd; : > x'];
    });
    const { stdout, stderr } = bundle.oci(['run', 'a']);
    t.same(stdout, '/made/here\n');
    t.match(stderr, /can't create x: Read-only file system/);
    t.end();
  });

  t.test(`a file system has the source that config.json names${as}`, (t) => {
    const bundle = makeBundle(t, user, (config) => {
      config.mounts.push({ destination: '/mnt', type: 'tmpfs', source: 'scratch', options: ['nosuid'] });
      config.process.args = ['grep', ' /mnt ', '/proc/self/mountinfo'];
    });
    t.match(bundle.oci(['run', 'a']).stdout, / - tmpfs scratch /);
    t.end();
  });

  t.test(`what lies below a read-only file system is made before it is that${as}`, (t) => {
    const bundle = makeBundle(t, user, (config) => {
      for (const mount of config.mounts) if (mount.destination === '/dev') mount.options.push('ro');
      config.mounts.push({ destination: '/mnt', type: 'tmpfs', source: 'one', options: ['ro', 'noexec'] });
      config.mounts.push({ destination: '/mnt/below', type: 'tmpfs', source: 'two' });
      config.process.args = [
        'sh',
        '-c',
        'echo a > /dev/null; echo b > /mnt/below/b; grep -c . /mnt/below/b; echo c > /mnt/c; echo d > /dev/d; grep " /mnt " /proc/mounts',
      ];
    });
    const { stdout, stderr } = bundle.oci(['run', 'a']);
    t.match(stdout, /^1\none \/mnt tmpfs ro,noexec,/);
    t.match(stderr, /create \/mnt\/c: Read-only.*create \/dev\/d: Read-only/s);
    t.end();
  });

  t.test(`hooks in the container's namespaces start in its root directory${as}`, (t) => {
    const bundle = makeBundle(t, user, (config) => {
      config.mounts.push({ destination: '/mnt', type: 'tmpfs', source: 'tmpfs' });
      config.hooks = { createContainer: [{ path: '/bin/sh', args: ['sh', '-c', 'echo made > mnt/made'] }] };
      config.process.args = ['cat', '/mnt/made'];
    });
    t.match(bundle.oci(['run', 'a']), { status: 0, stdout: 'made\n' });
    t.end();
  });

  t.test(`a stopped container has no processes to list${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['true'];
    });
    t.equal(bundle.oci(['run', '--keep', 'a']).status, 0);
    t.match(bundle.oci(['ps', 'a']), { status: 0, stdout: /^UID.*\n$/ });
    t.match(bundle.oci(['ps', '--format', 'json', 'a']), { status: 0, stdout: '[]\n' });
    t.end();
  });

  t.test(`a seccomp filter may refuse getcwd${as}`, (t) => {
    const bundle = makeBundle(t, user, (config) => {
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['getcwd'], action: 'SCMP_ACT_ERRNO' }],
      };
      config.process.cwd = '/tmp';
      config.process.args = ['true'];
    });
    t.match(bundle.oci(['run', 'a']), { status: 0, stderr: '' });
    t.end();
  });

  t.test(`a hook without env has the caller's environment, but not inside${as}`, (t) => {
    const bundle = makeBundle(t, user, (config) => {
      const hook = (name: string) => ({ path: '/bin/sh', args: ['sh', '-c', `echo ${name} $SECRET >&2`] });
      config.hooks = {
        createRuntime: [hook('outside')],
        startContainer: [hook('inside')],
        poststop: [hook('after')],
      };
      config.process.args = ['true'];
    });
    const { stderr } = bundle.oci(['run', 'a'], { env: { SECRET: 'known' } });
    t.equal(stderr, 'outside known\ninside\nafter known\n');
    t.end();
  });

  t.test(`the host name has a field of its own, and no kernel parameter${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ linux }) => {
      linux.sysctl = { 'kernel.hostname': 'x' };
    });
    t.match(bundle.oci(['run', 'a']), {
      status: 1,
      stderr: /sysctl\.kernel\.hostname is refused: set hostname/,
    });
    t.end();
  });

  t.test(`exec: groups may be given one by one, and failures of its own are status 255${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sleep', '100'];
    });
    bundle.oci(['run', '-d', 'a']);
    const exec = (...words: string[]) => bundle.oci(['exec', ...words]);
    t.match(exec('--pid-file', '/nowhere/p', 'a', 'true'), {
      status: 255,
      stderr: /can't write the pid file/,
    });
    t.match(exec('-g', '1,x', 'a', 'true'), { status: 255, stderr: /expected numbers of groups/ });
    if (user.uid === 0) t.match(exec('-g', '0', '-g', '0', 'a', 'id', '-G'), { status: 0, stdout: '0\n' });
    t.end();
  });
}

t.test('--debug says how the plan came to be, and its steps, but not what may be secret', (t) => {
  const bundle = makeBundle(t, ordinaryUser, ({ process }) => {
    process.args = ['true'];
    process.env = ['SECRET=x'];
  });
  const { status, stderr } = bundle.oci(['--debug', 'run', 'a']);
  t.equal(status, 0);
  t.match(stderr, /^ch-oci-ts: debug: the plan was (decided|remembered)( as a whole)? in \d+ us\n/);
  t.match(stderr, /\nch-oci-ts: debug: steps outside: container .* await remove\n/);
  t.notMatch(stderr, /SECRET/);
  t.match(bundle.oci(['--debug', 'list', '-q']).stderr, /^ch-oci-ts: debug: list needs no plan\n$/);
  t.equal(bundle.oci(['run', 'a']).stderr, '', 'and nothing without it');
  t.end();
});

t.test('exec goes to a directory that only who made the container may enter', (t) => {
  if (!isRoot) return skip(t, 'it needs files of another user');
  const bundle = makeBundle(t, root, (config) => {
    onHost(config);
    config.process = { ...config.process, args: ['sleep', '100'], cwd: '/tmp', user: { uid: 42, gid: 42 } };
    config.mounts.push({
      destination: '/tmp',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['mode=0700', 'uid=42'],
    });
  });
  t.match(bundle.oci(['run', '-d', 'a']), { status: 0, stderr: '' });
  t.match(bundle.oci(['exec', '--user', '0', 'a', 'true']), { status: 0, stderr: '' });
  t.end();
});

t.test(
  'control groups: exec in a paused one and below; a quota in the order that its parent allows',
  async (t) => {
    if (!isRoot) return skip(t, 'nobody has delegated control groups here');
    const top = `ch-oci-ts-expected-${process.pid}`;
    const bundle = makeBundle(t, root, (config) => {
      config.process.args = ['sleep', '100'];
      config.linux.cgroupsPath = `/${top}/a`;
      config.linux.resources = { cpu: { quota: 50_000, period: 100_000 } };
    });
    const cpu = '/sys/fs/cgroup/cpu';
    if (!existsSync(`${cpu}/cpu.cfs_quota_us`)) return skip(t, 'the controllers are of version 2');
    mkdirSync(`${cpu}/${top}`);
    t.teardown(() => {
      bundle.oci(['delete', '-f', 'a'], { groups: true });
      rmdirSync(`${cpu}/${top}`);
    });
    writeFileSync(`${cpu}/${top}/cpu.cfs_quota_us`, '50000');
    const oci = (...words: string[]) => bundle.oci(words, { groups: true });
    t.match(oci('run', '-d', 'a'), { status: 0, stderr: '' });
    for (const [period, quota] of [
      ['10000', '5000'],
      ['100000', '50000'],
    ] as const)
      t.match(oci('update', 'a', '--cpu-period', period, '--cpu-quota', quota), { status: 0, stderr: '' });

    mkdirSync(`${cpu}/${top}/a/below`);
    t.match(
      oci('exec', '--cgroup', 'cpu:below', 'a', 'cat', '/proc/self/cgroup').stdout,
      /:cpu[^:]*:.*\/below$/m,
    );
    t.match(oci('exec', '--cgroup', '..', 'a', 'true'), {
      status: 255,
      stderr: /expected a control group below/,
    });
    t.match(oci('exec', '--cgroup', 'no:below', 'a', 'true'), {
      status: 255,
      stderr: /no control group of no/,
    });

    t.match(oci('pause', 'a'), { status: 0 });
    const waiting = spawn(runtime, [
      '--root',
      bundle.root,
      'exec',
      '--ignore-paused',
      'a',
      'echo',
      'resumed',
    ]);
    let output = '';
    waiting.stdout.on('data', (part) => (output += part));
    await until(
      () => readFileSync(`${cpu}/${top}/a/cgroup.procs`, 'utf8').split('\n').length > 2,
      'exec has come into the group',
    );
    t.equal(output, '');
    t.match(oci('resume', 'a'), { status: 0 });
    t.same(await new Promise((resolve) => waiting.on('close', resolve)), 0);
    t.equal(output, 'resumed\n');
  },
);

t.test('events: what is used is printed every five seconds, where nothing else is said', async (t) => {
  if (!isRoot) return skip(t, 'nobody has delegated control groups here');
  const bundle = makeBundle(t, root, (config) => {
    config.process.args = ['sleep', '100'];
    config.linux.cgroupsPath = `/ch-oci-ts-events-${process.pid}/a`;
  });
  bundle.oci(['run', '-d', 'a'], { groups: true });
  const events = watch(bundle, 'a');
  await until(() => events.types().length > 0, 'something is printed');
  bundle.oci(['kill', 'a', 'KILL'], { groups: true });
  t.equal(await events.ended, 0);
  t.match(events.output(), /^\{"type":"stats","id":"a"/);
  t.match(bundle.oci(['delete', 'a'], { groups: true }), { status: 0 });
  t.end();
});
