/** Filters of system calls: agents that decide in place of the kernel, and calls that a filter does not know. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Bundle, type Config, makeBundle, shellOf, until } from '../helpers/bundles.js';
import { checkout, isRoot, ordinaryUser, users } from '../helpers/support.js';

/** Starts an agent that answers mkdir by `errno`; returns its socket, and what it has been sent so far. */
async function startAgent(t: Test, bundle: Bundle, errno: number) {
  // longer than the address of a socket can be
  const socket = join(bundle.path, 'long'.repeat(30), 'agent');
  const { uid, gid } = bundle.user;
  const words = [join(checkout, 'test/oci/agent.py'), socket, String(errno)];
  const agent: ChildProcess = spawn('python3', words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(isRoot ? { uid, gid } : {}),
  });
  t.teardown(() => agent.kill());
  let text = '';
  agent.stdout?.on('data', (data) => {
    text += data;
  });
  await until(() => text.startsWith('ready\n'), 'the agent listens');
  return { socket, messages: () => text.split('\n').slice(1, -1) };
}

/** Even what this runtime itself needs while it hands over the descriptor is the agent's to decide. */
const notified = ['mkdir', 'mkdirat', 'sendmsg', 'write', 'close', 'futex', 'execve', 'ioctl', 'poll'];

const withAgent = (socket: string) => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV', 'SECCOMP_FILTER_FLAG_LOG'],
  listenerPath: socket,
  listenerMetadata: 'a "name"',
  syscalls: [{ names: notified, action: 'SCMP_ACT_NOTIFY' }],
});

for (const user of users)
  for (const noNewPrivileges of user.uid === 0 ? [true, false] : [true])
    t.test(
      `an agent gets the state and a descriptor, of exec too, and decides, as ${user.name}, ${noNewPrivileges ? 'without' : 'with'} new privileges`,
      async (t) => {
        const bundle = makeBundle(t, user);
        const { socket, messages } = await startAgent(t, bundle, 71);
        bundle.write(({ process, linux }) => {
          process.args = ['sh', '-c', 'mkdir /tmp/x; sleep 100'];
          process.noNewPrivileges = noNewPrivileges;
          linux.seccomp = withAgent(socket);
        });
        t.equal(bundle.oci(['run', '-d', 'a']).status, 0);
        await until(() => messages().length > 0, 'the agent is asked');
        const { pid } = bundle.state('a');
        const state = { id: 'a', pid, bundle: bundle.path };
        const message = { fds: ['seccompFd'], metadata: 'a "name"', pid };
        t.match(JSON.parse(messages()[0] ?? ''), { ...message, state: { ...state, status: 'creating' } });
        t.match(bundle.oci(['exec', 'a', 'mkdir', '/tmp/y']), { status: 1, stderr: /Protocol error/ });
        await until(() => messages().length === 2, 'the agent is asked by exec');
        const second = JSON.parse(messages()[1] ?? '');
        t.match(second, { ...message, pid: Number, state: { ...state, status: 'running' } });
        t.not(second.pid, pid);
        t.equal(bundle.oci(['exec', 'a', 'true']).status, 0);
      },
    );

t.test('an agent that is missing or hangs up is an error, and nothing is left', async (t) => {
  const bundle = makeBundle(t, ordinaryUser);
  bundle.write(({ linux }) => {
    linux.seccomp = withAgent(join(bundle.path, 'nobody'));
  });
  t.match(bundle.oci(['run', 'a']), {
    status: 1,
    stderr:
      /^ch-oci-ts: error: can't reach the seccomp agent at \S+nobody: connect: no such file or directory\n$/,
  });
  const { socket } = await startAgent(t, bundle, 0);
  bundle.write(({ linux }) => {
    linux.seccomp = withAgent(socket);
  });
  t.match(bundle.oci(['run', 'a']), {
    status: 1,
    stderr: /^ch-oci-ts: error: the seccomp agent has gone away, and took no descriptor\n$/,
  });
  t.equal(bundle.oci(['list', '-q']).stdout, '');
});

const refused: readonly [object, RegExp][] = [
  [{ defaultAction: 'SCMP_ACT_NOTIFY' }, /the action SCMP_ACT_NOTIFY needs listenerPath/],
  [{ flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] }, /WAIT_KILLABLE_RECV needs listenerPath/],
  [{ flags: ['SECCOMP_FILTER_FLAG_X'] }, /the flag SECCOMP_FILTER_FLAG_X is not handled/],
  [{ defaultAction: 'SCMP_ACT_X' }, /the action SCMP_ACT_X is not handled/],
];
t.test('what a filter can not have is refused by name', (t) => {
  const bundle = makeBundle(t, ordinaryUser);
  for (const [part, message] of refused) {
    bundle.write(({ linux }) => {
      linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', ...part };
    });
    t.match(bundle.oci(['run', 'a']), { status: 1, stderr: message });
  }
  t.end();
});

/** What the probe needs. */
const names =
  'read write open openat close fstat newfstatat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask ioctl access ' +
  'execve exit exit_group arch_prctl set_tid_address set_robust_list prlimit64 getrandom readlink readlinkat uname rseq ' +
  'futex close_range chdir fcntl';

t.test(
  'a call that is newer than those of a filter that denies does not exist; an older one is denied',
  (t) => {
    const bundle = makeBundle(t, ordinaryUser);
    // reboot(2), with arguments that mean nothing; close_range(2) has 436; 1000 no kernel has
    const script = ['/probe', 'call', process.arch === 'arm64' ? '142' : '169', '437', '1000'];
    const answers = (defaultAction: string, more: object = {}) =>
      shellOf(t, bundle, '', ({ process, linux }: Config) => {
        process.args = script;
        process.noNewPrivileges = true;
        linux.seccomp = {
          defaultAction,
          ...more,
          syscalls: [{ names: names.split(' '), action: 'SCMP_ACT_ALLOW' }],
        };
      });
    t.equal(answers('SCMP_ACT_ERRNO'), '1 38 38');
    t.equal(answers('SCMP_ACT_ERRNO', { defaultErrnoRet: 5 }), '5 38 38');
    const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64'];
    t.equal(answers('SCMP_ACT_ERRNO', { architectures }), '1 38 38', 'with other architectures');
    t.match(answers('SCMP_ACT_LOG'), /^\d+ \d+ 38$/, 'what is allowed anyway is left to the kernel');
    t.end();
  },
);
