/** How the command ends is how the launcher ends, and signals reach the command itself. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import t from 'tap';
import { writePlan } from '../helpers/plans.js';
import {
  committed,
  environmentOf,
  image,
  isRoot,
  launcher,
  run,
  scratch,
  start,
  type User,
  users,
} from '../helpers/support.js';

const numbers: Readonly<Record<string, number>> = constants.signals;

/** Signals whose default is to end the process; each name once. */
const deadly = Object.keys(numbers).filter(
  (name) => !/^SIG(CHLD|CLD|CONT|STOP|TSTP|TTIN|TTOU|URG|WINCH|IOT|POLL|UNUSED)$/.test(name),
);

function spawnAs(user: User, words: readonly string[]) {
  return spawn(launcher, words, {
    env: environmentOf(user),
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
}

for (const user of users) {
  t.test(`every exit status from 0 to 255 comes out, as ${user.name}`, (t) => {
    const plan = writePlan(t, user);
    for (let status = 0; status <= 255; status++) {
      const ending = run(user, ['--plan', plan, '--', '/probe', 'status', String(status)]);
      if (ending.status !== status || ending.stderr) t.match(ending, { status, stderr: '' });
    }
    t.pass('256 of them');
    t.end();
  });

  for (const status of [0, 1, 31, 49, 64, 84, 127, 255]) {
    t.test(`exit status ${status} comes out by way of the CLI, as ${user.name}`, (t) => {
      t.match(run(user, [image, '--', '/probe', 'status', String(status)]), { status, stderr: '' });
      t.end();
    });
  }

  t.test(`death by each signal is death by that signal, as ${user.name}`, (t) => {
    const plan = writePlan(t, user);
    for (const signal of deadly) {
      const ending = run(user, ['--plan', plan, '/probe', 'die', String(numbers[signal])]);
      t.match(ending, { status: null, signal, stderr: '' }, signal);
    }
    t.end();
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL', 'SIGUSR1', 'SIGQUIT'] as const) {
    t.test(`${signal} sent to what was started ends the command, as ${user.name}`, async (t) => {
      const child = spawnAs(user, [image, '--', '/probe', 'wait']);
      await new Promise((resolve) => child.stdout.once('data', resolve));
      t.ok(child.kill(signal));
      const [status, by] = await new Promise<[number | null, string | null]>((resolve) =>
        child.once('exit', (...how) => resolve(how)),
      );
      t.same([status, by], [null, signal]);
    });
  }

  t.test(`a trap of the command's own answers a signal, as ${user.name}`, async (t) => {
    const script = 'trap "echo caught; exit 5" TERM; echo ready; while :; do sleep 0.05; done';
    const child = spawnAs(user, [image, '--', 'sh', '-c', script]);
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
      if (String(part).includes('ready')) child.kill('SIGTERM');
    });
    const status = await new Promise((resolve) => child.once('close', resolve));
    t.equal(status, 5);
    t.equal(text, 'ready\ncaught\n');
  });

  t.test(`standard input, output and error are the command's own, as ${user.name}`, (t) => {
    const ending = run(user, [image, '--', 'sh', '-c', 'cat; echo oops >&2; exit 3'], { input: 'a\0b\n' });
    t.match(ending, { status: 3, stdout: 'a\0b\n', stderr: 'oops\n' });
    t.end();
  });

  t.test(`output of a megabyte arrives whole, as ${user.name}`, (t) => {
    const { stdout } = run(user, [image, '--', 'head', '-c', '1000000', '/dev/zero']);
    t.equal(stdout.length, 1_000_000);
    t.end();
  });

  t.test(`a reader that leaves early ends the command by SIGPIPE, as ${user.name}`, (t) => {
    const script = `{ "$@"; echo $? >&2; } | head -c 3 >/dev/null`;
    const ending = start(user, 'bash', [
      '-c',
      script,
      'bash',
      launcher,
      image,
      '--',
      'sh',
      '-c',
      'yes; exit 9',
    ]);
    t.notMatch(ending.stderr, /error/);
    t.match(ending.stderr, /^(141|9)\n$/);
    t.end();
  });
}

// read by us: the checkout may be out of the user's reach
const terminal = committed('test/launch/terminal.py');
const python = start(users[0] as User, 'python3', ['-c', 'print(1)']).status === 0;
for (const user of users) {
  for (const [action, answer] of [
    ['ctrl-c', 'died by signal 2'],
    ['ctrl-backslash', 'died by signal 3'],
    ['ctrl-z', 'stopped by signal 20, then exited with 0'],
    ['foreground', '1 1 exited with 0'],
    ['size', '33 77 exited with 0'],
  ] as const) {
    t.test(`${action} at a terminal does what it does without a container, as ${user.name}`, (t) => {
      t.ok(python, 'python3 plays the terminal');
      const place = scratch(t, user);
      const words = (command: readonly string[]) =>
        start(user, 'python3', ['-', action, ...command], { cwd: place, input: terminal });
      const inside = words([launcher, image, '--']);
      const outside = words([]);
      t.match(inside, { status: 0, stdout: `${answer}\n`, stderr: '' });
      t.same([inside.stdout, inside.status], [outside.stdout, outside.status]);
      t.end();
    });
  }
}
