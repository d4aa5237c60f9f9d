/** --hostname: the machine's name in a UTS namespace of the container's own, for all who end up in it. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import t from 'tap';
import { encode, enterSteps, planOf, writePlan } from '../helpers/plans.js';
import {
  failsWith,
  image,
  launcher,
  noSquashfs,
  ordinaryUser,
  probeIn,
  run,
  runShell,
  skip,
  squashed,
  start,
  users,
  variables,
} from '../helpers/support.js';
import { startWaiting } from './servers.js';

/** The name by the system call, by a program, and as a variable; and whether the namespace is another one. */
const script = 'echo "$(uname -n) $(hostname) $HOSTNAME $(readlink /proc/self/ns/uts)"';
const outside = hostname();
let groups = 0;

for (const user of users) {
  const as = `, as ${user.name}`;

  for (const [kind, path] of [
    ['directory', image],
    ['SquashFS', squashed],
  ] as const) {
    t.test(`a ${kind} image has the host name that was asked for, and the host keeps its own${as}`, (t) => {
      if (kind === 'SquashFS' && noSquashfs) return skip(t, noSquashfs);
      const [first, second, variable, uts] = runShell(t, user, ['--hostname=n1.example', path], script).split(
        ' ',
      );
      t.same([first, second, variable], ['n1.example', 'n1.example', 'n1.example']);
      t.not(uts, runShell(t, user, [path], script).split(' ').at(-1), 'a namespace of its own');
      t.equal(hostname(), outside);
      t.equal(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim(), outside);
      t.end();
    });
  }

  t.test(`without it the name, the namespace and HOSTNAME are those of the host${as}`, (t) => {
    const uts = start(user, 'readlink', ['/proc/self/ns/uts']).stdout.trim();
    t.equal(runShell(t, user, [image], 'uname -n; readlink /proc/self/ns/uts'), `${outside}\n${uts}`);
    t.equal(variables(probeIn(t, user, [image])).HOSTNAME, undefined);
    t.equal(variables(probeIn(t, user, [image], { env: { HOSTNAME: 'x' } })).HOSTNAME, 'x');
    t.end();
  });

  t.test(`HOSTNAME follows, and the user's own change comes after that${as}`, (t) => {
    const name = (words: readonly string[]) =>
      variables(probeIn(t, user, ['--hostname=n1', ...words, image], { env: { HOSTNAME: 'x' } })).HOSTNAME;
    t.same(
      [name([]), name(['--set-env=HOSTNAME=y']), name(['--unset-env=HOSTNAME'])],
      ['n1', 'y', undefined],
    );
    t.end();
  });

  t.test(`peers are in the same UTS namespace${as}`, async (t) => {
    const words = ['--join-ct=3', `--join-tag=hostname-${process.pid}-${groups++}`, '--hostname=n2', image];
    // the first one stays, so that the others enter it; then the keeper alone has it
    const first = await startWaiting(t, user, words, script);
    const second = runShell(t, user, words, script);
    const { text } = await first.finish();
    const third = runShell(t, user, words, script);
    t.match(second, /^n2 n2 n2 uts:\[\d+\]$/);
    t.same([text.trim().split('\n').at(-1), third], [second, second]);
  });

  t.test(`peers that did not ask for it find it, with a warning${as}`, (t) => {
    const words = ['--join-ct=2', `--join-tag=hostname-${process.pid}-${groups++}`];
    const first = runShell(t, user, [...words, '--hostname=n3', image], script);
    const { status, stdout, stderr } = run(user, [...words, image, '--', 'sh', '-c', script]);
    t.same([status, stdout.trim()], [0, first]);
    t.match(stderr, /warning: --join: .* it has .*'hostname n3'/);
    t.end();
  });

  t.test(`--join-pid enters the container's UTS namespace, where it has its own${as}`, async (t) => {
    const named = await startWaiting(t, user, ['--hostname=n4', image], script);
    const inside = runShell(t, user, [`--join-pid=${named.pid}`, image], script);
    t.equal(inside, (await named.finish()).text.trim().split('\n').at(-1));
    t.match(inside, /^n4 n4 n4 /);
    const plain = await startWaiting(t, user, [image], script);
    const [name, , , uts] = runShell(t, user, [`--join-pid=${plain.pid}`, image], script).split(' ');
    t.same([name, uts], [outside, start(user, 'readlink', ['/proc/self/ns/uts']).stdout.trim()]);
    t.equal(variables(probeIn(t, user, [`--join-pid=${plain.pid}`, image])).HOSTNAME, undefined);
    await plain.finish();
  });

  t.test(`--join-pid enters it one by one, too, where the kernel has no pidfd_open${as}`, async (t) => {
    const named = await startWaiting(t, user, ['--hostname=n5', image], script);
    const old = [
      '-f',
      '-qq',
      '-e',
      'trace=pidfd_open',
      '-e',
      'inject=pidfd_open:error=ENOSYS',
      '-o',
      '/dev/null',
    ];
    const words = [...old, launcher, `--join-pid=${named.pid}`, image, '--', 'uname', '-n'];
    t.match(start(user, 'strace', words), { status: 0, stdout: 'n5\n', stderr: '' });
    await named.finish();
  });

  t.test(`a plan can't change the host's name${as}`, (t) => {
    for (const steps of [[], [['create', 'user-namespace', `0:${user.uid}`, `0:${user.gid}`]]]) {
      const plan = writePlan(
        t,
        user,
        encode(planOf(user, [...steps, ['create', 'hostname', 'mine'], ...enterSteps])),
      );
      const message = 'the plan has a hostname step that is not in a UTS namespace of its own';
      failsWith(t, run(user, ['--plan', plan, '--', 'true']), 31, message);
      t.equal(hostname(), outside);
    }
    t.end();
  });
}

t.test('a name has 1 to 64 bytes, which hostname(7) allows', (t) => {
  const longest = `${'a'.repeat(63)}.`;
  for (const name of ['', 'a b', 'a_b', 'ä', '-a', '.a', 'a..b', longest, `${longest}ab`, 'a/b', 'a\nb'])
    failsWith(t, run(ordinaryUser, [`--hostname=${name}`, image, '--', 'true']), 64, 'for --hostname');
  for (const name of ['a', 'A-1.b', '10', `${'a'.repeat(31)}.${'b'.repeat(32)}`, 'a-'])
    t.equal(runShell(t, ordinaryUser, [`--hostname=${name}`, image], 'uname -n'), name);
  t.end();
});

t.test('an existing container can not be given another name', (t) => {
  failsWith(
    t,
    run(ordinaryUser, ['--join-pid=1', '--hostname=n', image, '--', 'true']),
    64,
    '--hostname and --join-pid exclude each other',
  );
  t.end();
});
