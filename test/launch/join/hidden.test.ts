/** Nobody in a container looks into a process of the host that is on its way in, not even root of the container. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import t, { type Test } from 'tap';
import {
  environmentOf,
  image,
  isRoot,
  launcher,
  probe,
  run,
  start,
  type User,
  users,
} from '../../helpers/support.js';

/** A file of the host that the image lacks. */
const secret = process.execPath;

/** Looks for a process whose root is the host's, or whose program is ours, until its standard input ends. */
const spy = `
echo ready
(while :; do
  for process in /proc/[0-9]*; do
    [ -e $process/root${secret} ] && echo "the root of $process"
    [ -e $process/exe ] || continue
    case $(readlink $process/exe) in */bin/ch-run-ts*) echo "the program of $process" ;; esac
  done
done) &
read -r _
kill $!`;

/** Starts a container with somebody in it who is root there, and spies. */
async function startSpy(user: User, options: readonly string[]): Promise<ChildProcess & { pid: number }> {
  const child = spawn(launcher, [...options, '--uid=0', image, '--', 'sh', '-c', spy], {
    env: environmentOf(user),
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child as ChildProcess & { pid: number };
}

async function endSpy(child: ChildProcess): Promise<string> {
  let seen = '';
  child.stdout?.on('data', (part) => {
    seen += part;
  });
  child.stdin?.end('\n');
  await new Promise((resolve) => child.once('close', resolve));
  return seen;
}

/** Enters slowly: half a second after each call that takes a process into a namespace. */
function enterSlowly(t: Test, user: User, words: readonly string[]): void {
  const slowly = ['-o', '/dev/null', '-e', 'trace=setns', '-e', 'inject=setns:delay_exit=500000'];
  const { status, stderr } = start(user, 'strace', [
    ...slowly,
    launcher,
    ...words,
    '--uid=0',
    image,
    '--',
    'true',
  ]);
  t.same({ status, stderr }, { status: 0, stderr: '' }, 'it gets in');
}

for (const user of users) {
  t.test(
    `root of a container sees nothing of a --join-pid process on its way in, as ${user.name}`,
    async (t) => {
      const child = await startSpy(user, []);
      enterSlowly(t, user, [`--join-pid=${child.pid}`]);
      t.equal(await endSpy(child), '');
    },
  );

  t.test(`root of a container sees nothing of a --join peer on its way in, as ${user.name}`, async (t) => {
    const group = ['--join-ct=2', `--join-tag=hidden-${process.pid}`];
    const child = await startSpy(user, group);
    enterSlowly(t, user, group);
    t.equal(await endSpy(child), '');
  });

  for (const uid of ['0', '4711']) {
    t.test(
      `a process that enters a container of user ${uid} has its capabilities there, as ${user.name}`,
      async (t) => {
        const capabilities = ['--', 'grep', '^Cap[IPE]', '/proc/self/status'];
        const child = spawn(launcher, [`--uid=${uid}`, image, '--', 'sh', '-c', 'echo ready; read -r _'], {
          env: environmentOf(user),
          ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
        });
        await new Promise((resolve) => child.stdout.once('data', resolve));
        const { stdout, stderr } = run(user, [`--join-pid=${child.pid}`, image, ...capabilities]);
        child.stdin.end('\n');
        t.equal(stderr, '');
        t.equal(stdout, run(user, [`--uid=${uid}`, image, ...capabilities]).stdout, 'as who created it');
        await new Promise((resolve) => child.once('close', resolve));
      },
    );
  }

  t.test(`--join-pid enters where the kernel has no pidfd_open, as ${user.name}`, async (t) => {
    const child = await startSpy(user, []);
    const old = ['with', 'forget=pidfd_open', '--', launcher];
    const words = [...old, `--join-pid=${child.pid}`, image, '--', 'readlink', '/proc/self/ns/mnt'];
    const inside = readlinkSync(`/proc/${child.pid}/ns/mnt`);
    t.match(start(user, probe, words), { status: 0, stderr: '', stdout: inside });
    await endSpy(child);
  });
}
