/** Plans with a list `outside`: two processes that meet by name, and end with each other. */
import { existsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { createSteps, encode, enterSteps, planOf, type Words, writePlan } from '../../helpers/plans.js';
import {
  failsWith,
  image,
  launcher,
  ordinaryUser,
  probe,
  sanitizedLauncher,
  start,
  type User,
  users,
} from '../../helpers/support.js';

const meet = (list: string, name: string): Words => [list, 'meet', name];
/** A hook: a script that the container's first process runs, and waits for. */
const hook = (script: string): Words => [
  'create',
  'hook',
  '0',
  'exactly',
  '/bin/sh',
  '3',
  'sh',
  '-c',
  script,
];
/** Kills the process outside, from a hook, and waits until it is gone: it is the parent of the hook's parent. */
const killOutside = hook(
  'set -- $(cat /proc/$PPID/stat); kill -9 $4; while kill -0 $4 2>/dev/null; do :; done',
);

/** The words of a plan whose steps up to the root, and from `pivot` on, have others before them. */
function between(
  user: User,
  outside: readonly Words[],
  mounted: readonly Words[],
  pivoted: readonly Words[] = [],
) {
  const create = createSteps(user);
  return planOf(user, [
    ...outside,
    ...create.slice(0, -1),
    ...mounted,
    ...create.slice(-1),
    ...pivoted,
    ...enterSteps,
  ]);
}

function launch(
  t: Test,
  user: User,
  words: readonly Words[],
  command: readonly string[],
  program = launcher,
) {
  const plan = writePlan(t, user, encode(words));
  return start(user, program, ['--plan', plan, '--', ...command]);
}

const twice = ['a', 'b'].map((name) => meet('outside', name));

for (const program of [launcher, sanitizedLauncher].filter((path) => existsSync(path))) {
  for (const user of users) {
    const as = `, as ${user.name}${program === launcher ? '' : ', sanitized'}`;

    t.test(`sides that meet by name: the command runs, and its end is that of both${as}`, (t) => {
      const words = between(user, twice, [meet('create', 'a')], [meet('create', 'b')]);
      const run = (script: string) => launch(t, user, words, ['sh', '-c', script], program);
      t.match(run('echo hi; exit 7'), { status: 7, signal: null, stdout: 'hi\n', stderr: '' });
      t.match(run('kill -9 $$'), { status: null, signal: 'SIGKILL', stderr: '' });
      t.match(run('kill -TERM $$'), { status: null, signal: 'SIGTERM', stderr: '' });
      const { pid, stdout } = run('echo $$ $PPID');
      const [own, parent] = stdout.trim().split(' ');
      t.equal(parent, String(pid), 'the process that was started stays outside');
      t.not(own, String(pid));
      t.end();
    });

    t.test(`the command finds signals as the caller has them, and what is waited for is found${as}`, (t) => {
      const plan = writePlan(t, user, encode(between(user, twice.slice(0, 1), [meet('create', 'a')])));
      const by = (settings: readonly string[], command: readonly string[]) =>
        start(user, probe, ['with', ...settings, '--', program, '--plan', plan, '--', ...command]);
      const { status, stdout } = by(['ignore=17', 'close=0,1'], ['true']);
      t.same([status, stdout], [0, ''], 'no descriptor of ours takes the place of a closed one');
      t.equal(by(['ignore=17'], ['sh', '-c', 'exit 3']).status, 3);
      const ignored = by(['ignore=17'], ['grep', 'SigIgn', '/proc/self/status']).stdout.trim().split('\t')[1];
      t.equal(BigInt(`0x${ignored}`) & (1n << 16n), 1n << 16n, 'SIGCHLD is ignored');
      t.end();
    });

    t.test(`a step that fails is told once, and ends both sides${as}`, (t) => {
      const words = planOf(user, [
        ...twice.slice(0, 1),
        ...createSteps(user, '/nonexistent'),
        meet('create', 'a'),
        ...enterSteps,
      ]);
      failsWith(t, launch(t, user, words, ['true'], program), 31, 'use the image /nonexistent');
      t.end();
    });

    t.test(`where the container's first process is killed, the side outside says so${as}`, (t) => {
      const words = between(user, twice.slice(0, 1), [hook('kill -9 $PPID')], [meet('create', 'a')]);
      const message = "the first process of the container was terminated by signal 9 before 'meet a'";
      failsWith(t, launch(t, user, words, ['true'], program), 31, message);
      t.end();
    });

    t.test(
      `where the side outside is killed, the container's side says so, and runs no command${as}`,
      (t) => {
        const before = launch(
          t,
          user,
          between(user, twice, [meet('create', 'a'), killOutside], [meet('create', 'b')]),
          ['echo', 'hi'],
          program,
        );
        t.match(before, { signal: 'SIGKILL', stdout: '' });
        t.match(before.stderr, "error: the process outside of the container ended before 'meet b'\n");
        const after = launch(
          t,
          user,
          between(user, twice.slice(0, 1), [meet('create', 'a'), killOutside]),
          ['echo', 'hi'],
          program,
        );
        t.match(after, { signal: 'SIGKILL', stdout: '' });
        t.match(
          after.stderr,
          'error: the process outside of the container ended before the container was ready\n',
        );
        t.end();
      },
    );
  }
}

const user = ordinaryUser;

/** Plans that would leave a side waiting, or do outside what is for inside. */
const wrong: readonly [string, readonly Words[], string][] = [
  [
    'a meeting that only the side outside comes to',
    between(user, twice, [meet('create', 'a')]),
    "the plan has 'meet b' in the list 'outside' only",
  ],
  [
    'a meeting that only the container comes to',
    between(user, [], [meet('create', 'a')]),
    "the plan has 'meet a' in the list 'create' only",
  ],
  [
    'a meeting that one side comes to twice',
    between(user, twice.slice(0, 1), [meet('create', 'a'), meet('create', 'a')]),
    "the plan has 'meet a' in the list 'create' only",
  ],
  [
    'meetings in different orders',
    between(user, twice, [meet('create', 'b'), meet('create', 'a')]),
    "the lists 'outside' and 'create' of the plan meet in different orders",
  ],
  [
    'a meeting of all who enter',
    between(user, twice.slice(0, 1), [meet('create', 'a')], [meet('enter', 'a')]),
    "unknown step 'meet' in the list 'enter' of the plan",
  ],
  ...(['pivot', 'command', 'frobnicate'] as const).map((kind): [string, readonly Words[], string] => [
    `a ${kind} step outside`,
    between(user, [...twice.slice(0, 1), ['outside', kind]], [meet('create', 'a')]),
    `unknown step '${kind}' in the list 'outside' of the plan`,
  ]),
  [
    'a join step and something to do outside',
    planOf(user, [...twice.slice(0, 1), ['create', 'join-pid', '1'], meet('create', 'a'), ...enterSteps]),
    'the plan has a join-pid step, by which a process may enter a container that is there already',
  ],
];
for (const [what, words, message] of wrong) {
  t.test(`refused before anything is done: ${what}`, (t) => {
    failsWith(t, launch(t, user, words, ['true']), 31, message);
    t.end();
  });
}

t.test('a plan without anything to do outside starts no process', (t) => {
  const { pid, stdout } = launch(t, user, between(user, [], []), ['sh', '-c', 'echo $$']);
  t.equal(stdout.trim(), String(pid), image);
  t.end();
});
