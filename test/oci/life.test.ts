/** The life of a container: created, started, ended, deleted, whoever dies meanwhile. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Bundle, makeBundle, runtimeWords, until } from '../helpers/bundles.js';
import { ordinaryUser, start, users } from '../helpers/support.js';

const sleeping = (t: Test, user = ordinaryUser): Bundle =>
  makeBundle(t, user, ({ process }) => {
    process.args = ['sleep', '100'];
  });

const fails = (bundle: Bundle, words: readonly string[]) => {
  const { status, stderr } = bundle.oci(words);
  return `${status} ${stderr}`;
};

for (const user of users) {
  t.test(`create, start, state, kill, delete, as ${user.name}`, async (t) => {
    const bundle = sleeping(t, user);
    const pidFile = join(bundle.path, 'pid');
    t.match(bundle.oci(['create', '--pid-file', pidFile, 'a']), { status: 0, stdout: '', stderr: '' });
    const { pid, status, bundle: path } = bundle.state('a');
    t.same([status, path], ['created', bundle.path]);
    t.equal(readFileSync(pidFile, 'utf8'), String(pid));
    t.equal(statSync(bundle.root).mode & 0o777, 0o700);
    t.match(fails(bundle, ['create', 'a']), '1 ch-oci-ts: error: container a already exists\n');
    t.equal(bundle.state('a').status, 'created', 'which did not touch it');
    t.match(bundle.oci(['start', 'a']), { status: 0, stdout: '', stderr: '' });
    t.match(bundle.state('a'), { status: 'running', pid });
    t.equal(readFileSync(`/proc/${pid}/comm`, 'utf8'), 'sleep\n', 'the first process is the command');
    t.match(fails(bundle, ['start', 'a']), "1 ch-oci-ts: error: can't start container a: it is running\n");
    t.match(fails(bundle, ['delete', 'a']), "1 ch-oci-ts: error: can't delete container a: it is running");
    t.match(JSON.parse(bundle.oci(['list', '--format', 'json']).stdout), [
      { id: 'a', status: 'running', pid },
    ]);
    t.equal(bundle.oci(['list', '-q']).stdout, 'a\n');
    t.equal(bundle.oci(['kill', 'a', 'SIGKILL']).status, 0);
    await until(() => bundle.state('a').status === 'stopped', 'the container stops');
    t.equal(bundle.state('a').pid, 0);
    t.match(fails(bundle, ['kill', 'a']), /^1 .*container not running\n$/);
    t.match(
      fails(bundle, ['exec', 'a', 'true']),
      "255 ch-oci-ts: error: can't run a process in container a: it is stopped\n",
    );
    t.equal(bundle.oci(['delete', 'a']).status, 0);
    t.match(fails(bundle, ['state', 'a']), '1 ch-oci-ts: error: container a does not exist\n');
    t.match(bundle.oci(['delete', '--force', 'a']), { status: 0, stderr: '' });
    t.end();
  });
}

t.test('kill and delete take expressions; long names may follow one dash', async (t) => {
  const bundle = sleeping(t);
  for (const id of ['a1', 'a2', 'b'])
    t.equal(bundle.oci(['create', '-no-subreaper', `-bundle=${bundle.path}`, id]).status, 0);
  t.match(fails(bundle, ['kill', '--regex', '(', 'KILL']), /^1 .*expected a regular expression/);
  t.match(bundle.oci(['kill', '-r', '^a', 'KILL']), { status: 0, stderr: '' });
  for (const id of ['a1', 'a2'])
    await until(() => bundle.state(id).status === 'stopped', `container ${id} stops`);
  t.equal(bundle.state('b').status, 'created');
  t.equal(bundle.oci(['delete', '-force', '-regex', '.*']).status, 0);
  t.equal(bundle.oci(['list', '-quiet']).stdout, '');
  t.end();
});

t.test('a created container can be killed and deleted', async (t) => {
  const bundle = sleeping(t);
  bundle.oci(['create', 'a']);
  t.equal(bundle.oci(['kill', 'a', '9']).status, 0);
  await until(() => bundle.state('a').status === 'stopped', 'the container stops');
  t.match(fails(bundle, ['start', 'a']), "can't start container a: it is stopped");
  bundle.oci(['create', 'b']);
  t.equal(bundle.oci(['delete', 'b']).status, 0);
  t.equal(bundle.oci(['delete', '--regex', '^[ax]$']).status, 0);
  t.same(readdirSync(bundle.root), []);
  t.end();
});

t.test('a start that fails says why, and the container has stopped by then', (t) => {
  const bundle = makeBundle(t, ordinaryUser, ({ process }) => {
    process.args = ['/etc'];
  });
  t.equal(bundle.oci(['create', 'a']).status, 0);
  t.match(
    fails(bundle, ['start', 'a']),
    /^126 ch-oci-ts: error: can't start \/etc: execve: permission denied/,
  );
  t.equal(bundle.state('a').status, 'stopped');
  t.equal(bundle.oci(['delete', 'a']).status, 0);
  t.end();
});

t.test('create returns, and holds no descriptor of its caller, while the container waits', (t) => {
  const bundle = sleeping(t);
  // `cat` ends when nobody has the other end of its pipe any more
  const script = '{ "$@" >/dev/null 2>&1; } 8>&1 | cat; echo done';
  const { stdout } = start(
    ordinaryUser,
    'sh',
    ['-c', script, 'sh', ...runtimeWords, '--root', bundle.root, 'create', 'a'],
    { cwd: bundle.path },
  );
  t.equal(stdout, 'done\n');
  t.equal(bundle.state('a').status, 'created');
  t.end();
});

t.test('a caller that asks at the gate and dies does not start anything', (t) => {
  const bundle = sleeping(t);
  bundle.oci(['create', 'a']);
  const python = `import socket,sys
for word in (b'', b'x', b'oo'):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1])
    if word: s.send(word[:1] if word != b'oo' else b'x')
    s.close()`;
  start(ordinaryUser, 'python3', ['-c', python, join(bundle.root, 'a/gate')]);
  t.equal(bundle.state('a').status, 'created');
  t.equal(bundle.oci(['start', 'a']).status, 0);
  t.end();
});

t.test('a second start waits for none: it is told that the container runs', (t) => {
  const bundle = sleeping(t);
  bundle.oci(['create', 'a']);
  const script = 'for i in 1 2 3; do "$@" 2>/dev/null && echo started & done; wait';
  const { stdout } = start(ordinaryUser, 'sh', [
    '-c',
    script,
    'sh',
    ...runtimeWords,
    '--root',
    bundle.root,
    'start',
    'a',
  ]);
  t.equal(stdout, 'started\n');
  t.end();
});

t.test(
  'a state of before a reboot, or of a process number that was given away, is that of a stopped container',
  (t) => {
    const bundle = sleeping(t);
    bundle.oci(['create', 'a']);
    const path = join(bundle.root, 'a/state.json');
    const saved = JSON.parse(readFileSync(path, 'utf8'));
    const { pid } = bundle.state('a');
    for (const change of [{ boot: 'another' }, { start: saved.start + 1 }]) {
      writeFileSync(path, JSON.stringify({ ...saved, ...change }));
      t.match(bundle.state('a'), { status: 'stopped', pid: 0 });
      t.match(fails(bundle, ['kill', 'a']), 'container not running');
    }
    t.ok(existsSync(`/proc/${pid}`), 'and nobody else is killed');
    writeFileSync(path, JSON.stringify(saved));
    t.equal(bundle.state('a').status, 'created');
    t.end();
  },
);

t.test('a damaged state is told as such, and can be deleted', (t) => {
  const bundle = sleeping(t);
  start(ordinaryUser, 'mkdir', ['-p', join(bundle.root, 'a')]);
  t.match(bundle.oci(['state', 'a']), { status: 0, stdout: /"stopped"/ }, 'of a creator that died');
  writeFileSync(join(bundle.root, 'a/state.json'), '{"version":1,');
  t.match(fails(bundle, ['state', 'a']), /^1 .*state.json is not JSON, at byte 13\n$/);
  writeFileSync(join(bundle.root, 'a/state.json'), '{"version":2,"pid":1}');
  t.match(fails(bundle, ['state', 'a']), /state.json is damaged, or of another version/);
  t.match(bundle.oci(['list', '-q']), { status: 0, stdout: 'a\n' });
  t.match(fails(bundle, ['delete', 'a']), /^1 /);
  t.equal(bundle.oci(['delete', '--force', 'a']).status, 0);
  t.same(readdirSync(bundle.root), []);
  t.end();
});

t.test('wrong ids are refused by every command', (t) => {
  const bundle = sleeping(t);
  for (const id of ['.', '..', 'a/b', '', 'é', 'x'.repeat(256)])
    for (const verb of ['create', 'start', 'state', 'delete', 'kill'])
      t.match(
        fails(bundle, [verb, id]),
        /^1 ch-oci-ts: error: expected letters, digits and _ \+ - \. for the container's id/,
      );
  t.end();
});

t.test('without a place for containers, that is said; a long one works', (t) => {
  const bundle = sleeping(t);
  const bare = (words: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    start(
      ordinaryUser,
      'sh',
      [
        '-c',
        '"$@" >o 2>e </dev/null; status=$?; cat o; cat e >&2; exit $status',
        'sh',
        ...runtimeWords,
        ...words,
      ],
      {
        cwd: bundle.path,
        env,
      },
    );
  t.match(bare(['state', 'a']).stderr, /there is no place for containers: XDG_RUNTIME_DIR is not set/);
  t.match(bare(['create', 'a']).stderr, /there is no place for containers: XDG_RUNTIME_DIR is not set/);
  t.match(bare(['--root', '', 'state', 'a']).stderr, /expected a directory for --root, got ''/);
  const long = join(bundle.path, 'x'.repeat(200));
  mkdirSync(long, { mode: 0o777 });
  t.equal(bare(['--root', join(long, 'c'), 'create', 'a']).status, 1, 'which is not ours to write');
  const own = join(bundle.path, 'y'.repeat(100), 'z'.repeat(100));
  t.equal(bare(['--root', own, 'create', 'a']).status, 0);
  t.match(bare(['--root', own, 'state', 'a']).stdout, /"created"/);
  t.equal(bare(['--root', own, 'delete', 'a']).status, 0);
  t.equal(bare(['create', 'b'], { XDG_RUNTIME_DIR: own }).status, 0);
  t.same(readdirSync(join(own, 'ch-oci-ts')), ['b']);
  t.equal(bare(['delete', 'b'], { XDG_RUNTIME_DIR: own }).status, 0);
  t.end();
});
