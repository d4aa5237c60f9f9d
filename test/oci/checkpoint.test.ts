/**
 * Checkpoints where CRIU is not there, or can't: what is said, and that nothing is left. What works is tried in the virtual
 * machine (test/vm/jobs/checkpoint): here, Debian's CRIU does not know the kernel, and Python plays it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Bundle, makeBundle } from '../helpers/bundles.js';
import { committed, isRoot, ordinaryUser, root, skip } from '../helpers/support.js';

const sleeping = (t: Test, user = root): Bundle =>
  makeBundle(t, user, ({ process, linux }) => {
    process.args = ['sleep', '1000'];
    linux.namespaces = linux.namespaces.filter(({ type }: { type: string }) => !/user|cgroup/.test(type));
    linux.uidMappings = undefined;
    linux.gidMappings = undefined;
  });

/** A container that runs, and CRIU with these answers on PATH. */
function played(t: Test, answers: string, log = '') {
  const bundle = sleeping(t);
  const folder = join(bundle.path, 'bin');
  mkdirSync(folder);
  writeFileSync(join(folder, 'criu'), committed('test/oci/criu.py'), { mode: 0o755 });
  const images = join(bundle.path, 'images');
  const env = {
    PATH: `${folder}:/usr/bin:/bin`,
    CRIU_PLAY: answers,
    CRIU_LOG: log,
    CRIU_WORK: images,
    CRIU_SAID: join(bundle.path, 'said'),
  };
  t.equal(bundle.oci(['run', '-d', 'a']).status, 0);
  return { bundle, images, env, said: () => readFileSync(env.CRIU_SAID, 'utf8') };
}

t.test('without CRIU, a checkpoint and a restore say what is missing, and leave nothing behind', (t) => {
  if (!isRoot) return skip(t, 'CRIU needs root');
  const bundle = sleeping(t);
  bundle.oci(['run', '-d', 'a']);
  const env = { PATH: bundle.path };
  const missing = /: can't start criu: execve: no such file or directory \(.*the package criu/;
  t.match(bundle.oci(['checkpoint', '--image-path', 'images', 'a'], { env }), { status: 1, stderr: missing });
  t.equal(bundle.state('a').status, 'running');
  mkdirSync(join(bundle.path, 'images'), { recursive: true });
  writeFileSync(join(bundle.path, 'images/descriptors.json'), '["/dev/null"]');
  t.match(bundle.oci(['restore', '-d', '--image-path', 'images', 'b'], { env }), {
    status: 1,
    stderr: missing,
  });
  t.same(readdirSync(bundle.root), ['a']);
  t.end();
});

t.test("CRIU's own words are told, and the container runs on", (t) => {
  if (!isRoot) return skip(t, 'CRIU needs root');
  const { bundle, images, env } = played(t, '08011000', '(00.1) Error (criu/x.c:1): no such luck\n');
  const words = ['checkpoint', '--image-path', images, 'a'];
  t.match(bundle.oci(words, { env }), {
    status: 1,
    stderr:
      /can't checkpoint container a: CRIU: Error \(criu\/x\.c:1\): no such luck \(the rest is in .*dump\.log/,
  });
  t.equal(bundle.state('a').status, 'running');
  const log = join(bundle.path, 'log');
  bundle.oci(['--log', log, '--log-format', 'json', ...words], { env });
  t.match(JSON.parse(readFileSync(log, 'utf8')), { level: 'error', msg: /no such luck.*dump\.log/ });
  t.match(bundle.oci(['restore', '-d', '--image-path', images, 'b'], { env }), {
    status: 1,
    stderr: /can't restore container b: CRIU: Error .*no such luck/,
  });
  t.same(readdirSync(bundle.root), ['a'], 'nothing is left of what was not restored');
  t.notMatch(readFileSync('/proc/mounts', 'utf8'), bundle.root);
  t.end();
});

t.test('a checkpoint deletes the container, unless it is to run on', (t) => {
  if (!isRoot) return skip(t, 'CRIU needs root');
  const { bundle, images, env, said } = played(t, '08011001');
  const words = ['checkpoint', '--image-path', images];
  t.match(bundle.oci([...words, '--leave-running', '--file-locks', 'a'], { env }), { status: 0, stderr: '' });
  t.equal(bundle.state('a').status, 'running');
  t.match(said(), /^080112.*4001.*1801/, 'file_locks and leave_running');
  t.match(JSON.parse(readFileSync(join(images, 'descriptors.json'), 'utf8')), [
    /^file\[/,
    /^file\[/,
    /^file\[/,
  ]);
  t.match(bundle.oci([...words, 'a'], { env }), { status: 0, stderr: '' });
  t.match(bundle.oci(['state', 'a']), { status: 1, stderr: /does not exist/ });
  t.end();
});

t.test('memory alone is asked for by itself, and the checkpoint before by a relative path', (t) => {
  if (!isRoot) return skip(t, 'CRIU needs root');
  const { bundle, images, env, said } = played(t, '08041001');
  t.match(bundle.oci(['checkpoint', '--pre-dump', '--image-path', images, 'a'], { env }), {
    status: 0,
    stderr: '',
  });
  t.match(said(), /^080412.*7801/, 'pre-dump, track_mem');
  t.notOk(existsSync(join(images, 'descriptors.json')));
  for (const [parent, message] of [
    ['/absolute', /--parent-path must be relative to --image-path, got \/absolute/],
    ['../nowhere', /nowhere of --parent-path does not exist/],
  ] as const)
    t.match(bundle.oci(['checkpoint', '--parent-path', parent, '--image-path', 'new/images', 'a'], { env }), {
      status: 1,
      stderr: message,
    });
  t.equal(bundle.state('a').status, 'running');
  t.notOk(existsSync(join(bundle.path, 'new')));
  t.end();
});

t.test('what can not be saved or restored is refused by name', (t) => {
  const user = sleeping(t, ordinaryUser);
  user.write(({ process, linux }) => {
    process.args = ['sleep', '1000'];
    linux.uidMappings = undefined;
    linux.gidMappings = undefined;
    linux.namespaces.push({ type: 'user' });
  });
  user.oci(['run', '-d', 'a']);
  const needed = /container [ab]: CRIU needs root of the machine \(/;
  t.match(user.oci(['checkpoint', 'a']), { status: 1, stderr: needed });
  t.match(user.oci(['restore', '-d', 'b']), { status: 1, stderr: needed });
  t.match(user.oci(['checkpoint', 'nobody']), { status: 1, stderr: /container nobody does not exist/ });
  t.match(user.oci(['checkpoint', '--lazy-pages', 'a']), { status: 1, stderr: /--lazy-pages/ });
  if (!isRoot) return t.end();
  const bundle = sleeping(t);
  bundle.oci(['create', 'a']);
  t.match(bundle.oci(['restore', '-d', '--image-path', bundle.path, 'b']), {
    status: 1,
    stderr: /is not a checkpoint: can't read .*descriptors\.json/,
  });
  bundle.write(({ linux }) => linux.namespaces.push({ type: 'cgroup' }));
  bundle.oci(['create', 'b']);
  t.match(bundle.oci(['checkpoint', 'b']), {
    status: 1,
    stderr: /container b: it has a cgroup namespace, but no control group of its own \(/,
  });
  t.end();
});
