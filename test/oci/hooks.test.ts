/** Hooks of all six kinds, and namespaces that are joined. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Bundle, type Config, fileIn, makeBundle, runtime, until } from '../helpers/bundles.js';
import { image, isRoot, skip, start, users } from '../helpers/support.js';

const names = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'];

/** Each hook notes its name, the state on its standard input, where it runs, and its environment. */
function hooksInto(bundle: Bundle): Config {
  const log = fileIn(bundle, 'log', '', 0o666);
  // of the state, its status and whether it has a number
  const script = [
    'state=$(tr -d " \\n")',
    'status=$(echo "$state" | sed "s/.*status...//; s/[^a-z].*//")',
    'pid=$(echo "$state" | sed "s/.*pid..//; s/,.*//")',
    'echo $1 $status $((pid > 0)) $(readlink /proc/self/ns/uts) $PWD $A >> $2',
  ].join('; ');
  const hook = (name: string) => ({
    path: '/bin/sh',
    args: ['sh', '-c', script, 'sh', name, log],
    env: ['A=x', 'PATH=/bin:/usr/bin'],
    timeout: 60,
  });
  return Object.fromEntries(names.map((name) => [name, [hook(name)]]));
}

t.test('a hook finds the namespaces made, also where there is none of processes and they take long', (t) => {
  const [user] = users;
  if (!isRoot || !user) return skip(t, 'only root can look into the process that waits');
  const bundle = makeBundle(t, user);
  const log = fileIn(bundle, 'log', '', 0o666);
  const script = `state=$(tr -d ' \\n'); pid=$(echo "$state" | sed 's/.*pid"://; s/,.*//'); readlink /proc/$pid/ns/uts /proc/self/ns/uts > ${log}`;
  bundle.write((config) => {
    config.hooks = { prestart: [{ path: '/bin/sh', args: ['sh', '-c', script] }] };
    config.linux.namespaces = config.linux.namespaces.filter(({ type }: Config) => type !== 'pid');
    // that of /proc belongs to the namespace of processes
    config.mounts = config.mounts.filter(({ type }: Config) => type !== 'proc');
    config.linux.maskedPaths = config.linux.readonlyPaths = [];
    config.process.args = ['true'];
  });
  const slow = ['-f', '-o', '/dev/null', '-e', 'trace=unshare', '-e', 'inject=unshare:delay_enter=500000'];
  const words = [...slow, runtime, '--root', bundle.root, 'run', 'a'];
  t.match(start(user, 'strace', words, { cwd: bundle.path }), { status: 0, stderr: '' });
  const [inside, outside, ...rest] = readFileSync(log, 'utf8').trim().split('\n');
  t.match(inside, /^uts:/);
  t.not(inside, outside);
  t.same(rest, []);
  t.end();
});

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`hooks run in order, in their namespaces, with the state${as}`, async (t) => {
    const bundle = makeBundle(t, user);
    const log = join(bundle.path, 'log');
    bundle.write((config) => {
      config.hooks = hooksInto(bundle);
      // where the hook that runs inside finds the file
      config.root = { path: image, readonly: true };
      config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=1777'] });
      config.mounts.push({ destination: log, type: 'bind', source: log, options: ['bind'] });
      config.process.args = ['sleep', '100'];
    });
    const lines = () =>
      readFileSync(log, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(' '));
    const created = bundle.oci(['create', 'a']);
    t.same([created.status, created.stderr], [0, '']);
    t.same(
      lines().map(([name]) => name),
      names.slice(0, 3),
    );
    t.same(bundle.oci(['start', 'a']).status, 0);
    t.same(
      lines().map(([name]) => name),
      names.slice(0, 5),
    );
    t.match(bundle.oci(['delete', '--force', 'a']), { status: 0, stderr: '' });
    const all = lines();
    t.same(
      all.map(([name]) => name),
      names,
    );
    t.same(
      all.map(([, status]) => status),
      ['creating', 'creating', 'creating', 'creating', 'running', 'stopped'],
    );
    t.same(
      all.map(([, , pid]) => pid),
      ['1', '1', '1', '1', '1', '0'],
      'the first process has a number but at the end',
    );
    const [host, , inside] = all.map(([, , , uts]) => uts);
    t.same(
      all.map(([, , , uts]) => uts),
      [host, host, inside, inside, host, host],
    );
    t.not(host, inside);
    t.same(
      // the root has a place below the host's /sys until it is the root
      all.map(([, , , , directory = '']) => directory.replace(/^\/sys\/.*/, 'root')),
      [bundle.path, bundle.path, 'root', '/', bundle.path, bundle.path],
    );
    t.ok(all.every(([, , , , , variable]) => variable === 'x'));
    t.end();
  });

  t.test(`a hook that fails before the start leaves nothing; one that fails later is a warning${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['true'];
    });
    for (const name of names) {
      bundle.write((config) => {
        config.hooks = { [name]: [{ path: '/bin/false' }] };
      });
      const { status, stderr } = bundle.oci(['run', 'a']);
      const late = ['poststart', 'poststop'].includes(name);
      t.equal(status, late ? 0 : 1, name);
      t.match(
        stderr,
        late ? /^ch-oci-ts: warning: post\w+: the hook / : /^ch-oci-ts: error: the hook \/bin\/false exited/,
      );
      t.equal(bundle.oci(['list', '-q']).stdout, '');
    }
    t.end();
  });

  t.test(`namespaces of another container are joined, in any order in the file${as}`, async (t) => {
    const first = makeBundle(t, user, ({ process, hostname }) => {
      process.args = ['sleep', '100'];
      t.equal(hostname, 'container');
    });
    first.oci(['run', '-d', 'a']);
    const { pid } = first.state('a');
    const files = { pid: 'pid', uts: 'uts', ipc: 'ipc', user: 'user' } as const;
    const second = makeBundle(t, user, (config) => {
      config.process.args = [
        'sh',
        '-c',
        'hostname; readlink /proc/self/ns/uts /proc/self/ns/ipc /proc/self/ns/user; cat /proc/1/comm',
      ];
      config.linux.namespaces = [
        { type: 'mount' },
        ...Object.entries(files).map(([type, file]) => ({ type, path: `/proc/${pid}/ns/${file}` })),
      ];
      config.linux.uidMappings = [];
      config.linux.gidMappings = [];
    });
    const { stdout, stderr } = second.oci(['run', 'b']);
    const inode = (file: string) => `${file}:[${statSync(`/proc/${pid}/ns/${file}`).ino}]`;
    t.same([stdout, stderr], [`container\n${inode('uts')}\n${inode('ipc')}\n${inode('user')}\nsleep\n`, '']);
    second.write(({ linux }) => {
      linux.namespaces[1].path = `/proc/${pid}/ns/uts`;
    });
    t.match(second.oci(['run', 'b']).stderr, /can't join the pid namespace .*: it is not a pid namespace/);
    first.oci(['delete', '--force', 'a']);
    await until(() => first.oci(['list', '-q']).stdout === '', 'it is gone');
    t.end();
  });
}
