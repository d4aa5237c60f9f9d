/** The systemd manager of control groups: what it is asked, and what becomes of the scope. A stand-in answers for it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { scopeOf, scopeProperties } from '../../src/oci/plan/scope.js';
import { type Config, fileIn, makeBundle, runtime } from '../helpers/bundles.js';
import { isRoot, skip, start, users } from '../helpers/support.js';

/** Makes the group of the scope in the hierarchy that systemd has for itself, and moves the process, a while later. */
const busctl = `#!/bin/sh
printf '%s\\n' "$@" > "$NOTES.$7"
[ ! -e "$NOTES.refuse" ] || { echo 'Call failed: Interactive authentication required.' >&2; exit 1; }
[ "$7" = StartTransientUnit ] || exit 0
group=$HIERARCHY/ch-oci-ts-scope.slice/$9
while [ "$1" != PIDs ]; do shift; done
(sleep 0.2; mkdir -p "$group"; echo "$4" > "$group/cgroup.procs") >/dev/null 2>&1 &
`;

/** With what tells that systemd runs. */
const script = `
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
exec "$@"
`;

const hierarchy = /^\S+ (\/sys\/fs\/cgroup\/systemd) /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1];

t.test(
  'with --systemd-cgroup, systemd is asked for a scope; its group is limited, and removed at the end',
  (t) => {
    const [user] = users;
    if (!isRoot || !user || !hierarchy)
      return skip(t, 'there is no hierarchy of systemd that root can change');
    const bundle = makeBundle(t, user, ({ process, linux }) => {
      process.args = ['cat', '/proc/self/cgroup'];
      linux.cgroupsPath = `ch-oci-ts-scope.slice:test:${globalThis.process.pid}`;
      linux.resources = {
        pids: { limit: 30 },
        memory: { limit: 1 << 26 },
        cpu: { quota: 5000, period: 10_000 },
      };
    });
    fileIn(bundle, 'bin/busctl', busctl, 0o755);
    const notes = join(bundle.path, 'notes');
    const run = () =>
      start(
        user,
        'unshare',
        ['--mount', 'sh', '-c', script, 'sh', runtime, '--root', bundle.root, '--systemd-cgroup', 'run', 'a'],
        {
          cwd: bundle.path,
          env: { PATH: `${join(bundle.path, 'bin')}:/usr/bin:/bin`, NOTES: notes, HIERARCHY: hierarchy },
        },
      );
    const unit = `test-${process.pid}.scope`;
    const { stdout, stderr, status } = run();
    t.same([status, stderr], [0, '']);
    t.ok(
      stdout
        .trim()
        .split('\n')
        .every((line) => line.endsWith(`/ch-oci-ts-scope.slice/${unit}`)),
      stdout,
    );
    const words = readFileSync(`${notes}.StartTransientUnit`, 'utf8').split('\n');
    t.same(words.slice(0, 9), [
      ...['--system', '--quiet', 'call', 'org.freedesktop.systemd1', '/org/freedesktop/systemd1'],
      ...['org.freedesktop.systemd1.Manager', 'StartTransientUnit', 'ssa(sv)a(sa(sv))', unit],
    ]);
    t.match(
      words.join(' '),
      / replace 9 PIDs au 1 \d+ Slice s ch-oci-ts-scope.slice Description s container a Delegate b true /,
    );
    t.match(words.join(' '), / MemoryMax t 67108864 CPUQuotaPerSecUSec t 500000 TasksMax t 30 0 $/);
    // before the group is removed: systemd would not notice that it is gone
    t.match(readFileSync(`${notes}.StopUnit`, 'utf8'), `StopUnit\nss\n${unit}\nreplace\n`);
    start(user, 'sh', ['-c', 'rmdir /sys/fs/cgroup/*/ch-oci-ts-scope.slice']);
    t.equal(start(user, 'sh', ['-c', 'ls -d /sys/fs/cgroup/*/ch-oci-ts-scope.slice 2>/dev/null']).stdout, '');

    fileIn(bundle, 'notes.refuse', '');
    t.match(run(), {
      status: 1,
      stderr: `error: systemd made no scope ${unit}: Call failed: Interactive authentication required.`,
    });
    bundle.write((config: Config) => {
      config.process.args = ['echo', 'without'];
      delete config.linux.resources;
    });
    t.match(run(), {
      status: 0,
      stdout: 'without\n',
      stderr: /warning: the container stays in the control group of its caller: systemd made no/,
    });
    t.end();
  },
);

t.test('update has systemd change the scope, before the control files', (t) => {
  const [user] = users;
  if (!isRoot || !user || !hierarchy) return skip(t, 'there is no hierarchy of systemd that root can change');
  const bundle = makeBundle(t, user, ({ process, linux }) => {
    process.args = ['sleep', '1000'];
    linux.cgroupsPath = `ch-oci-ts-scope.slice:update:${globalThis.process.pid}`;
    linux.resources = { pids: { limit: 30 } };
  });
  fileIn(bundle, 'bin/busctl', busctl, 0o755);
  const notes = join(bundle.path, 'notes');
  const path = { PATH: `${join(bundle.path, 'bin')}:/usr/bin:/bin`, NOTES: notes, HIERARCHY: hierarchy };
  const words = ['--root', bundle.root, '--systemd-cgroup', 'run', '--detach', 'u'];
  const made = start(user, 'unshare', ['--mount', 'sh', '-c', script, 'sh', runtime, ...words], {
    cwd: bundle.path,
    env: path,
    stdio: 'ignore',
  });
  t.equal(made.status, 0);
  const limit = () => {
    const { stdout } = bundle.oci(['exec', 'u', 'cat', '/proc/self/cgroup']);
    const [, group = ''] = /^\d+:(?:.*,)?pids(?:,.*)?:(.*)$/m.exec(stdout) ?? [];
    return readFileSync(`/sys/fs/cgroup/pids${group}/pids.max`, 'utf8').trim();
  };
  t.equal(limit(), '30');
  const update = (...options: readonly string[]) => bundle.oci(['update', ...options, 'u'], { env: path });
  t.match(update('--pids-limit', '40', '--memory', '64M'), { status: 0, stderr: '' });
  t.match(
    readFileSync(`${notes}.SetUnitProperties`, 'utf8').replaceAll('\n', ' '),
    ` SetUnitProperties sba(sv) update-${process.pid}.scope true 2 MemoryMax t 67108864 TasksMax t 40 `,
  );
  t.equal(limit(), '40');
  fileIn(bundle, 'notes.refuse', '');
  t.match(update('--pids-limit', '50'), {
    status: 1,
    stderr: `error: systemd did not change the scope update-${process.pid}.scope: Call failed: Interactive`,
  });
  t.equal(limit(), '40', 'what systemd refuses is not changed behind its back');
  t.match(update('--cpuset-cpus', '0'), { status: 0, stderr: '' }, 'what is no property needs no systemd');
  t.equal(bundle.oci(['delete', '--force', 'u']).status, 0);
  start(user, 'sh', ['-c', 'rmdir /sys/fs/cgroup/*/ch-oci-ts-scope.slice']);
  t.end();
});

t.test('names of scopes, and their properties', (t) => {
  t.same(scopeOf('a.slice:x:y', 'id', true), { unit: 'x-y.scope', slice: 'a.slice' });
  t.same(scopeOf(':x:y', 'id', true), { unit: 'x-y.scope', slice: 'system.slice' });
  t.same(scopeOf('::y', 'id', false), { unit: 'y.scope', slice: 'user.slice' });
  t.same(scopeOf(undefined, 'id', false), { unit: 'ch-oci-ts-id.scope', slice: 'user.slice' });
  for (const path of ['/a/b', 'a:b', 'a:b:', 'a:b:c:d', 'a:b:c.slice', 'a:b/../c:d', 'a b:c:d'])
    t.throws(() => scopeOf(path, 'id', true), { message: /expected SLICE:PREFIX:NAME/ }, path);
  const infinity = '18446744073709551615';
  const second = () => 2 as const;
  t.same(
    scopeProperties(
      { memory: { limit: -1, reservation: 5 }, pids: { limit: 0 }, cpu: { shares: 1024, quota: -1 } },
      second,
    ),
    [
      ['MemoryMax', 't', infinity],
      ['MemoryLow', 't', '5'],
      ['CPUWeight', 't', '100'],
      ['CPUQuotaPerSecUSec', 't', infinity],
      ['TasksMax', 't', infinity],
    ],
  );
  t.same(scopeProperties({ cpu: { quota: 50_000 } }, second), [['CPUQuotaPerSecUSec', 't', '500000']]);
  const memory = { limit: 10, swap: 30 };
  t.same(scopeProperties({ memory }, second).at(-1), ['MemorySwapMax', 't', '20']);
  t.same(
    scopeProperties({ memory }, () => 1),
    [['MemoryMax', 't', '10']],
    'of version 1, there is no limit of swap',
  );
  t.end();
});
