/** Control groups: made, joined, frozen, counted, changed and removed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Bundle, type Config, makeBundle, until, watch } from '../helpers/bundles.js';
import { isRoot, ordinaryUser, root, skip, type User, users } from '../helpers/support.js';

const unified = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) =>
  existsSync(join(path, 'cgroup.controllers')),
);

/** A setting of the group at a path: in version 1 where that has the controller. */
function setting(path: string, controller: string, first: string, second: string): string {
  const old = join('/sys/fs/cgroup', controller);
  const file = existsSync(old) ? join(old, path, first) : join(unified ?? '', path, second);
  return readFileSync(file, 'utf8').trim();
}

/** Everything of control groups that has this name. */
const left = (name: string): readonly string[] =>
  ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((each) => `/sys/fs/cgroup/${each}`)].filter(
    (each) => existsSync(join(each, name)),
  );

/** Not even as a zombie that nobody has waited for. */
function runs(pid: string): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid.trim()}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const top = `ch-oci-ts-groups-${process.pid}`;

/** A container of its own group, that sleeps. */
function sleeping(t: Test, user: User, change: (config: Config) => void = () => {}): Bundle {
  return makeBundle(t, user, (config) => {
    config.process.args = ['sleep', '100'];
    config.linux.cgroupsPath = `/${top}/a`;
    change(config);
  });
}

t.test('limits are set, changed by update, and counted by events; nothing is left', async (t) => {
  if (!isRoot) return skip(t, 'nobody has delegated control groups here');
  const bundle = sleeping(t, root, ({ linux }) => {
    linux.resources = {
      memory: { limit: 64 << 20 },
      pids: { limit: 20 },
      cpu: { shares: 512, quota: 50_000, period: 100_000 },
      devices: [{ allow: false, access: 'rwm' }],
    };
  });
  const oci = (...words: string[]) => bundle.oci(words, { groups: true });
  t.match(oci('run', '-d', 'a'), { status: 0, stderr: '' });
  const of = (controller: string, first: string, second: string) =>
    setting(`${top}/a`, controller, first, second);
  const memory = () => of('memory', 'memory.limit_in_bytes', 'memory.max');
  t.same([memory(), of('pids', 'pids.max', 'pids.max')], [String(64 << 20), '20']);
  t.match(
    oci('exec', 'a', 'sh', '-c', 'head -c 1 /dev/zero | wc -c; cat /proc/self/cgroup').stdout,
    `${top}/a`,
  );
  t.equal(JSON.parse(oci('ps', '--format', 'json', 'a').stdout).length, 1);

  t.match(oci('update', '--memory', '32M', '--pids-limit', '-1', 'a'), { status: 0, stderr: '' });
  t.same([memory(), of('pids', 'pids.max', 'pids.max')], [String(32 << 20), 'max']);
  const input = JSON.stringify({ memory: { limit: 128 << 20, swap: 128 << 20 }, cpu: { shares: 1024 } });
  writeFileSync(join(bundle.path, 'more.json'), input);
  t.match(oci('update', '--resources', 'more.json', 'a'), { status: 0, stderr: '' });
  t.match([memory(), of('cpu', 'cpu.shares', 'cpu.weight')].join(), /^134217728,(1024|100)$/);
  t.match(oci('update', 'a'), { status: 1, stderr: /expected something to change/ });
  writeFileSync(join(bundle.path, 'more.json'), JSON.stringify({ memory: {}, cpu: {} }));
  t.match(oci('update', '--resources', 'more.json', 'a'), { status: 0, stderr: '' }, 'a file may be empty');
  t.match(oci('update', '--memory', '-1', 'a'), { status: 0, stderr: '' }, 'swap does not stand in its way');
  t.match(memory(), /^(max|9\d+)$/);
  t.equal(oci('update', '--memory', '128M', 'a').status, 0);
  t.match(oci('update', '--memory', 'much', 'a'), { status: 1, stderr: /expected a number of bytes/ });
  writeFileSync(
    join(bundle.path, 'more.json'),
    JSON.stringify({ memory: { limit: 4096, checkBeforeUpdate: true } }),
  );
  t.match(oci('update', '-r', 'more.json', 'a'), { status: 1, stderr: /uses \d+ bytes of memory/ });

  const { type, id, data } = JSON.parse(oci('events', '--stats', 'a').stdout);
  t.same([type, id, data.pids.current, data.memory.usage.limit], ['stats', 'a', 1, 128 << 20]);
  t.equal(oci('kill', 'a', 'KILL').status, 0);
  await until(() => bundle.state('a').status === 'stopped', 'it stops');
  t.match(oci('update', '--pids-limit', '9', 'a'), { status: 1, stderr: /it is stopped/ });
  t.match(oci('delete', 'a'), { status: 0, stderr: '' });
  t.same(left(top), []);
  t.end();
});

t.test('pause stops all processes, and resume lets them run on', (t) => {
  if (!isRoot) return skip(t, 'nobody has delegated control groups here');
  const bundle = sleeping(t, root);
  const oci = (...words: string[]) => bundle.oci(words, { groups: true });
  oci('run', '-d', 'a');
  t.match(oci('resume', 'a'), { status: 1, stderr: /can't resume container a: it is running/ });
  t.match(oci('pause', 'a'), { status: 0, stderr: '' });
  t.equal(bundle.state('a').status, 'paused');
  t.match(oci('pause', 'a'), { status: 1, stderr: /can't pause container a: it is paused/ });
  t.match(oci('exec', 'a', 'true'), { status: 255, stderr: /it is paused/ });
  t.match(oci('resume', 'a'), { status: 0, stderr: '' });
  t.equal(bundle.state('a').status, 'running');
  oci('pause', 'a');
  t.match(oci('delete', '--force', 'a'), { status: 0, stderr: '' }, 'what is paused dies all the same');
  t.same(left(top), []);
  t.end();
});

t.test('a group that is in use, or frozen, is refused; what was there before stays', async (t) => {
  if (!isRoot) return skip(t, 'nobody has delegated control groups here');
  const bundle = sleeping(t, root);
  const oci = (...words: string[]) => bundle.oci(words, { groups: true });
  oci('run', '-d', 'a');
  t.match(oci('create', 'b'), { status: 1, stderr: /the control group \S+ has processes already/ });
  t.equal(bundle.state('a').status, 'running');
  oci('delete', '-f', 'a');
  const group = join(unified ?? '', top);
  mkdirSync(join(group, 'a'), { recursive: true });
  writeFileSync(join(group, 'a/cgroup.freeze'), '1');
  t.match(oci('create', 'b'), { status: 1, stderr: /the control group \S+ is frozen/ });
  writeFileSync(join(group, 'a/cgroup.freeze'), '0');
  oci('run', '-d', 'b');
  t.match(oci('delete', '-f', 'b'), { status: 0, stderr: '' });
  t.same(left(top), [unified]);
  t.notOk(existsSync(join(group, 'a')));
  rmdirSync(group);
  t.end();
});

t.test('what outlives the first process in a PID namespace of others ends with the container', async (t) => {
  if (!isRoot) return skip(t, 'nobody has delegated control groups here');
  const bundle = sleeping(t, root, ({ process, linux }) => {
    process.args = ['sh', '-c', 'sleep 1000 & echo $!'];
    linux.namespaces = linux.namespaces.filter(({ type }: Config) => type !== 'pid');
  });
  const oci = (...words: string[]) => bundle.oci(words, { groups: true });
  const { stdout, status } = oci('run', 'a');
  t.equal(status, 0);
  t.notOk(runs(stdout), 'in the foreground at once');
  oci('run', '-d', 'a');
  await until(() => bundle.state('a').status === 'stopped', 'the first one has ended');
  const pid = setting(`${top}/a`, 'pids', 'cgroup.procs', 'cgroup.procs');
  t.ok(runs(pid));
  t.match(oci('kill', '--all', 'a', 'KILL'), { status: 0, stderr: '' });
  await until(() => !runs(pid), 'kill --all reaches it');
  oci('delete', 'a');
  t.same(left(top), []);
  t.end();
});

t.test('when the kernel kills because memory ran out, events says so', async (t) => {
  if (!isRoot) return skip(t, 'nobody has delegated control groups here');
  const bundle = sleeping(t, root, ({ linux, process }) => {
    linux.resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
    // the shell takes what is read, and dies of it
    process.args = [
      'sh',
      '-c',
      'while [ ! -e /tmp/go ]; do sleep 0.05; done; (head -c 100000000 /dev/zero | tail); exec sleep 100',
    ];
    linux.namespaces.push({ type: 'cgroup' });
  });
  bundle.write((config) => {
    config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
  });
  const oci = (...words: string[]) => bundle.oci(words, { groups: true });
  oci('run', '-d', 'a');
  const events = watch(bundle, '--interval', '100ms', 'a');
  await until(() => events.types().includes('stats'), 'the events are followed');
  oci('exec', 'a', 'sh', '-c', ': > /tmp/go');
  await until(() => events.types().includes('oom'), 'it is told');
  oci('kill', 'a', 'KILL');
  t.equal(await events.ended, 0);
  oci('delete', '-f', 'a');
  t.end();
});

t.test('a process of ours that the memory limit kills: the error says so, and nothing is left', (t) => {
  if (!isRoot) return skip(t, 'nobody has delegated control groups here');
  const bundle = sleeping(t, root, ({ linux }) => {
    linux.resources = { memory: { limit: 4096, swap: 4096 } };
  });
  const oci = (...words: string[]) => bundle.oci(words, { groups: true });
  t.match(oci('create', 'a'), {
    status: 1,
    stderr: /terminated by signal 9 before .*: the memory limit of its control group was reached\n$/,
  });
  t.same([left(top), readdirSync(bundle.root)], [[], []]);
  bundle.write(({ linux }) => {
    linux.resources = { memory: { limit: 16 << 20 } };
  });
  t.match(oci('run', '-d', 'a'), { status: 0, stderr: '' });
  // no room but for what is there: a limit that can't be had gives back what the kernel has set aside
  oci('update', '--memory', '8192', 'a');
  const used = setting(`${top}/a`, 'memory', 'memory.usage_in_bytes', 'memory.current');
  t.match(oci('update', '--memory', used, 'a'), { status: 0, stderr: '' });
  // copied for the command, while our process has not become it
  const large = Array.from({ length: 10 }, (_, i) => `--env=LARGE_${i}=${'x'.repeat(100_000)}`);
  t.match(oci('exec', ...large, 'a', 'true'), {
    status: 255,
    // the kernel chooses whom it kills: this process, or the container's first
    stderr:
      /(terminated by signal 9 before .*|container not running): possibly because the memory limit of its control group was reached\n$/,
  });
  oci('delete', '-f', 'a');
  t.end();
});

t.test('a user to whom nothing is delegated goes on without, and says so; limits are refused', (t) => {
  const bundle = sleeping(t, ordinaryUser, ({ process }) => {
    process.args = ['true'];
  });
  const run = () => bundle.oci(['run', 'a'], { groups: true });
  const warned = run();
  t.match(warned, {
    status: 0,
    stderr: /^ch-oci-ts: warning: the container stays in the control group of its caller: .*\n$/,
  });
  bundle.write(({ process, linux }) => {
    process.args = ['true'];
    delete linux.cgroupsPath;
    linux.resources = {
      pids: { limit: 0 },
      memory: { limit: -1 },
      devices: [{ allow: false, access: 'rwm' }],
    };
  });
  t.same([run().status, run().stderr], [0, ''], 'nothing was asked for');
  for (const resources of [{ memory: { limit: 1 << 24 } }, { pids: { limit: 5 } }]) {
    bundle.write(({ linux }) => {
      linux.resources = resources;
    });
    const { status, stderr } = run();
    t.equal(status, 1);
    t.match(stderr, /^ch-oci-ts: error: can't (create the control group|join the control group|set) /);
  }
  bundle.write(({ linux }) => {
    linux.resources = { unified: { '../x': '1' } };
  });
  t.match(run().stderr, /'\.\.\/x' is not the name of a setting/);
  t.same(readdirSync(bundle.root), []);
  t.end();
});

t.test("another user's group, even one in use, is left alone", (t) => {
  if (!isRoot) return skip(t, 'there is no other user');
  const hierarchy = unified ?? '/sys/fs/cgroup/memory';
  const directory = join(hierarchy, top, 'a');
  mkdirSync(directory, { recursive: true });
  const sleeper = spawn('sleep', ['100']);
  writeFileSync(join(directory, 'cgroup.procs'), String(sleeper.pid));
  t.teardown(async () => {
    sleeper.kill();
    await once(sleeper, 'exit');
    rmdirSync(directory);
    rmdirSync(join(hierarchy, top));
  });
  const bundle = sleeping(t, ordinaryUser, ({ process }) => {
    process.args = ['true'];
  });
  t.match(bundle.oci(['run', 'a'], { groups: true }), {
    status: 0,
    stderr: /^ch-oci-ts: warning: the container stays in the control group of its caller: .*\n$/,
  });
  t.equal(readFileSync(join(directory, 'cgroup.procs'), 'utf8'), `${sleeper.pid}\n`);
  t.end();
});

for (const user of users)
  t.test(`without a group, kill --all reaches a PID namespace of its own, as ${user.name}`, async (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sh', '-c', 'sleep 1000 & sleep 1000 & wait; wait; echo all'];
    });
    bundle.oci(['run', '-d', 'a']);
    const count = () => JSON.parse(bundle.oci(['ps', '-f', 'json', 'a']).stdout).length;
    await until(() => count() === 3, 'there are three');
    t.match(bundle.oci(['kill', '--all', 'a', 'TERM']), { status: 0, stderr: '' });
    await until(
      () => bundle.state('a').status === 'stopped',
      'those that do not ignore it end, and so does the first',
    );
    t.match(bundle.oci(['pause', 'a']), { status: 1 });
    bundle.write(({ process, linux }) => {
      process.args = ['sleep', '100'];
      linux.namespaces = linux.namespaces.filter(({ type }: Config) => type !== 'pid');
    });
    bundle.oci(['run', '-d', 'b']);
    t.match(bundle.oci(['kill', '--all', 'b']), {
      status: 1,
      stderr: /neither a control group nor a PID namespace of its own/,
    });
    t.match(bundle.oci(['pause', 'b']), { status: 1, stderr: /it has no control group that can be frozen/ });
    t.end();
  });
