/** Who dies, and who sends what: the caller, the process outside, and the container's first process. */
import { spawn } from 'node:child_process';
import t from 'tap';
import { makeBundle, onHost, runtimeWords, until } from '../helpers/bundles.js';
import { environmentOf, isRoot, probe, root, skip, users } from '../helpers/support.js';

for (const user of users) {
  t.test(`what the caller has sent at its own death reaches the container, as ${user.name}`, async (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sh', '-c', 'trap "exit 7" TERM; : > /dev/shm/up; while :; do sleep 0.1; done'];
    });
    // PR_SET_PDEATHSIG, which execve(2) keeps
    const words = [probe, 'with', 'deathsig=15', '--', ...runtimeWords, '--root', bundle.root, 'run', 'a'];
    const caller = spawn('sh', ['-c', '"$@" & wait', 'sh', ...words], {
      cwd: bundle.path,
      env: environmentOf(user),
      stdio: 'ignore',
      ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
    });
    t.teardown(() => caller.kill('SIGKILL'));
    await until(() => bundle.oci(['exec', 'a', 'test', '-e', '/dev/shm/up']).status === 0, 'it runs');
    caller.kill('SIGKILL');
    await until(() => bundle.oci(['list', '-q']).stdout === '', 'it ends, and is deleted');
  });

  t.test(`exec in a missing directory is 127, with a terminal and without, as ${user.name}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sleep', '1000'];
    });
    t.equal(bundle.oci(['run', '--detach', 'a']).status, 0);
    for (const options of [[], ['--tty']])
      t.match(bundle.oci(['exec', ...options, '--cwd', '/missing', 'a', 'true']), {
        status: 127,
        stderr: /^ch-oci-ts: error: .*\/missing: .*no such file or directory\n$/,
      });
    t.end();
  });
}

/** A hook inside that takes the connection of the first process to the side outside, and sends something there. */
const forge = `
import ctypes, os, socket, stat, sys
libc, first = ctypes.CDLL(None), os.pidfd_open(os.getppid())
for number in range(3, 64):
    copy = libc.syscall(438, first, number, 0)  # pidfd_getfd(2)
    if copy < 0 or not stat.S_ISSOCK(os.fstat(copy).st_mode):
        continue
    connection = socket.socket(fileno=copy)
    try:
        connection.getpeername()
    except OSError:
        continue
    # before it: whoever refuses it kills this process, too
    print('sends it', file=sys.stderr, flush=True)
    connection.send(eval(sys.argv[1]))
`;

t.test('what the side outside does not expect from inside ends the creation, and nothing is left', (t) => {
  if (!isRoot) return skip(t, 'only root may take a descriptor of that process');
  for (const [message, said] of [
    ["b'?'", /the two sides of the container do not understand each other/],
    ["b'?' * 100000", /the two sides of the container do not understand each other/],
    ["b'e' + b'x' * 100000", /the two sides of the container do not understand each other/],
    ["b'e31' + bytes([10]) + b'x' * 100000", /the report of the container's side/],
  ] as const) {
    const bundle = makeBundle(t, root, (config) => {
      onHost(config);
      config.process.args = ['true'];
      config.hooks = {
        createContainer: [{ path: '/usr/bin/python3', args: ['python3', '-c', forge, message] }],
      };
    });
    const { status, stderr } = bundle.oci(['create', 'a']);
    t.equal(status, 1, message);
    t.match(stderr, /^sends it$/m);
    t.match(stderr, said);
    t.ok(stderr.length < 1000, 'the message is short');
    t.equal(bundle.oci(['list', '-q']).stdout, '', 'nothing is left');
  }
  t.end();
});
