/** --seccomp: calls that need privilege do nothing and succeed, and nothing else changes. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { RealHost } from '../../src/host/host.js';
import type { Step } from '../../src/plan/launch-plan.js';
import { parseCommandLine } from '../../src/run/command-line.js';
import { makePlan } from '../../src/run/plan/make-plan.js';
import { createSteps, encode, enterSteps, planOf, writePlan } from '../helpers/plans.js';
import {
  checkout,
  failsWith,
  image,
  launcher,
  makeImage,
  ordinaryUser,
  run,
  runQuietly,
  runShell,
  scratch,
  skip,
  start,
  users,
} from '../helpers/support.js';

function planned(words: readonly string[]): readonly Step[] {
  const line = parseCommandLine([...words, image, '--', 'true']);
  if (line.kind !== 'launch') throw new Error(`not a launch: ${line.kind}`);
  const { create, enter } = makePlan(line.request, new RealHost());
  return [...create, ...enter];
}

const present = run(ordinaryUser, ['--feature=seccomp']).status === 0;

t.test('the plan has the filter behind no-new-privileges', (t) => {
  if (!present) return skip(t, 'built without libseccomp');
  const steps = planned(['--seccomp']);
  const kinds = steps.map(({ kind }) => kind);
  t.same(kinds.slice(-4), ['no-new-privileges', 'terminal', 'seccomp', 'command']);
  const { program } = steps.at(-2) as Extract<Step, { kind: 'seccomp' }>;
  t.match(program, /^([0-9a-f]{16})+$/, 'whole instructions');
  t.notOk(planned([]).some(({ kind }) => kind === 'seccomp'));
  t.end();
});

/** Words, whether passwd is made for the container, and whether apt is told. */
const plans: readonly [readonly string[], boolean, boolean][] = [
  [[], true, false],
  [['-W', '-u0'], true, false],
  [['--seccomp'], true, false],
  [['--seccomp', '-W'], true, true],
  [['--seccomp', '-w', '-u5'], true, true],
  [['--seccomp', '-u0'], false, false],
  [['--seccomp', '-u', '0', '-g0', '-W'], false, true],
];
for (const [words, identity, apt] of plans) {
  t.test(`${words.join(' ') || 'no option'}: passwd is ${identity ? 'made' : "the image's"}`, (t) => {
    if (!present) return skip(t, 'built without libseccomp');
    const kinds = planned(words).map(({ kind }) => kind);
    t.same([kinds.includes('identity'), kinds.includes('file')], [identity, apt]);
    t.end();
  });
}

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`each call succeeds and does nothing${as}`, (t) => {
    if (!present) return skip(t, 'built without libseccomp');
    const place = scratch(t, user);
    const program = join(scratch(t, user), 'calls');
    const words = ['-std=c++20', '-O1', '-static', '-Wall', '-Wextra', '-Werror', '-o', program];
    const built = spawnSync('g++', [...words, join(checkout, 'test/launch/calls.cc')], { encoding: 'utf8' });
    t.equal(built.stderr, '');
    const own = makeImage(t, { calls: readFileSync(program) }, user);
    for (const id of [0, 1234]) {
      const words = ['--seccomp', '-u', String(id), '-g', String(id), '-b', `${place}:/mnt`, '-c', '/mnt'];
      const said = runQuietly(t, user, [...words, own, '--', '/calls', '/calls']);
      const { ids, made, pipe, ...calls } = JSON.parse(said);
      for (const [call, result] of Object.entries(calls)) t.equal(result, 0, call);
      t.ok(Object.keys(calls).length >= 15);
      t.same(ids, Array(8).fill(id), 'ids and owner are what they were');
      t.same([made, pipe], [0, 1], 'no device, but a pipe');
      start(user, 'rm', [join(place, 'pipe')]);
    }
    const { fchownat } = JSON.parse(
      runQuietly(t, user, ['-b', `${place}:/mnt`, '-c', '/mnt', own, '--', '/calls', '/calls']),
    );
    t.not(fchownat, 0, 'without the option it fails');
    t.end();
  });

  t.test(`a second launch remembers the filter, and speculation stays as it is${as}`, (t) => {
    if (!present) return skip(t, 'built without libseccomp');
    const memo = join(scratch(t, user), 'memo');
    const words = [
      '-v',
      '--seccomp',
      image,
      '--',
      'grep',
      '-E',
      '^(Seccomp|Speculation)',
      '/proc/self/status',
    ];
    const env = { CH_RUN_MEMO_DIR: memo };
    const plain = run(user, ['--no-memo', image, ...words.slice(3)]).stdout;
    run(user, words, { env });
    const { stdout, stderr } = run(user, words, { env });
    t.match(stderr, 'remembered plan');
    t.match(stdout, /^Seccomp:\t2$/m);
    const mitigations = (text: string) => text.split('\n').filter((line) => line.startsWith('Spec'));
    t.same(mitigations(stdout), mitigations(plain));
    t.end();
  });
}

/** A filter in a plan, and why the launcher refuses it. */
const malformed: readonly [string, string][] = [
  ['', 'has a wrong length: 0'],
  ['06000000', 'has a wrong length: 8'],
  ['0600000000000000'.repeat(4097), 'has a wrong length'],
  ['060000000000000x', 'is not hexadecimal'],
  ['0600000000000FFF', 'is not hexadecimal'],
  ['ffffffffffffffff', "can't install the filter of system calls: seccomp: invalid argument"],
];
for (const [program, message] of malformed) {
  t.test(`a filter is refused: ${message}`, (t) => {
    const steps = [...createSteps(ordinaryUser), ...enterSteps.slice(0, -1)];
    const words = [...steps, ['enter', 'seccomp', program], ['enter', 'command']];
    const path = writePlan(t, ordinaryUser, encode(planOf(ordinaryUser, words)));
    failsWith(t, start(ordinaryUser, launcher, ['--plan', path, 'true']), 31, message);
    t.end();
  });
}

t.test('what apt reads is written only where there is apt, and never over a file', (t) => {
  if (!present) return skip(t, 'built without libseccomp');
  const cat = 'cat /etc/apt/apt.conf.d/* 2>/dev/null';
  t.equal(runShell(t, ordinaryUser, ['-W', '--seccomp', image], `${cat}; ls -d /etc/apt 2>&1 | wc -l`), '1');
  const conf = 'etc/apt/apt.conf.d/00ch-run-ts';
  for (const [tree, expected] of [
    [{ 'etc/apt/apt.conf.d/': null }, 'APT::Sandbox::User "root";\n'],
    [{ [conf]: 'mine\n' }, 'mine\n'],
  ] as const) {
    const own = makeImage(t, tree);
    mkdirSync(join(own, 'bin'));
    copyFileSync('/bin/cat', join(own, 'bin/cat'));
    const text = run(ordinaryUser, [
      '-W',
      '--seccomp',
      '-b',
      '/lib',
      '-b',
      '/lib64',
      own,
      '--',
      'cat',
      `/${conf}`,
    ]);
    t.same([text.stdout, text.stderr], [expected, '']);
  }
  t.end();
});
