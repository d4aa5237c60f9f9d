/** Plan → launcher, without Node: plans written by hand, good and malformed, also for the sanitized launcher. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  createSteps,
  encode,
  enterSteps,
  planOf,
  smallPlan,
  type Words,
  writePlan,
} from '../../helpers/plans.js';
import {
  failsWith,
  image,
  isRoot,
  launcher,
  ordinaryUser,
  sanitizedLauncher,
  scratch,
  start,
  users,
} from '../../helpers/support.js';

const launchers = [
  { build: 'the launcher', program: launcher },
  { build: 'the sanitized launcher', program: sanitizedLauncher },
].filter(({ program }) => existsSync(program));
const user = ordinaryUser;

/** Kinds of steps of the list `enter`, as far as they occur here; all others are of `create`. */
const enterKinds = ['environment', 'directory', 'no-new-privileges', 'terminal', 'command'];
const listOf = (kind: string) => (enterKinds.includes(kind) ? 'enter' : 'create');

/** Plans that are whole but wrong, and what is said about them (FILE stands for the plan's path). */
const wrong: readonly [string, readonly Words[] | Buffer, string | RegExp][] = [
  ['an empty file', Buffer.of(), 'FILE is not a launch plan'],
  ['some text', Buffer.from('hello\n'), 'FILE is not a launch plan'],
  ['an ELF program', Buffer.from('\x7fELF\0\0\0'), 'FILE is not a launch plan'],
  ['the magic word alone', Buffer.from('ch-run-ts-plan\0'), 'FILE is truncated'],
  ['the magic word without its end', Buffer.from('ch-run-ts-plan'), 'FILE is not a launch plan'],
  ['a format without a number', Buffer.from('ch-run-ts-plan\x000\0'), 'FILE has plan format ?'],
  ['an older format', [['ch-run-ts-plan', '0'], ['end']], 'FILE has plan format 0, this program reads 10'],
  ['a newer format', [['ch-run-ts-plan', '999'], ['end']], 'FILE has plan format 999, this program reads 10'],
  ['a format that is no number', [['ch-run-ts-plan', 'x'], ['end']], 'FILE has plan format x'],
  ['a field count that is no number', Buffer.from('ch-run-ts-plan\x001\x002\0fact\0x\0'), "got 'x'"],
  ['an empty field count', Buffer.from('ch-run-ts-plan\x001\x002\0fact\0\0'), "got ''"],
  ['a negative field count', Buffer.from('ch-run-ts-plan\x001\x002\0fact\x00-1\0'), "got '-1'"],
  ['a field count with blanks', Buffer.from('ch-run-ts-plan\x001\x002\0fact\x00 1\0a\0'), "got ' 1'"],
  [
    'a huge field count',
    Buffer.from('ch-run-ts-plan\x001\x002\0fact\x004294967295\0a\0'),
    'FILE is truncated',
  ],
  [
    'a field count beyond 64 bits',
    Buffer.from(`ch-run-ts-plan\x001\x002\0fact\x00${'9'.repeat(30)}\0`),
    '999',
  ],
  ['no end record', planOf(user, [...createSteps(user), ...enterSteps]).slice(0, -1), 'FILE is truncated'],
  [
    'data behind the end record',
    [...smallPlan(user), ['create', 'pivot']],
    'FILE: data after the end record',
  ],
  [
    'an end record without a promise',
    [...smallPlan(user).slice(0, -1), ['end', '1', '2']],
    'FILE: malformed end record',
  ],
  [
    'more words than were promised',
    Buffer.from(
      encode(smallPlan(user)).toString('latin1').replace('/dev\0/dev\0', '/dev\0/dev\0create\x001\0pivot\0'),
      'latin1',
    ),
    /has \d+ words, its end promises \d+/,
  ],
  ['an unknown record', planOf(user, [['frobnicate', 'x']]), "FILE: unknown record 'frobnicate'"],
  ['a record with an empty name', planOf(user, [['', 'x']]), "FILE: unknown record ''"],
  ['a step without a kind', planOf(user, [['create']]), 'FILE: a create record without a kind'],
  ['a fact without a kind', planOf(user, [['fact']]), 'FILE: a fact record without a kind'],
  ['a malformed messages record', planOf(user, [['messages', '3']]), 'FILE: malformed messages record'],
  [
    'a verbosity out of range',
    planOf(user, [['messages', '7', 'auto', 'text']]),
    "verbosity in FILE, got '7'",
  ],
  ['no step at all', planOf(user, []), 'the plan has no command step'],
  ['no command step', planOf(user, createSteps(user)), 'the plan has no command step'],
  [
    'an unknown step',
    planOf(user, [['create', 'frobnicate', 'x']]),
    "unknown step 'frobnicate' in the list 'create' of the plan",
  ],
  [
    'an unknown step behind a good one',
    planOf(user, [...createSteps(user), ['enter', 'x']]),
    "unknown step 'x'",
  ],
  ...(
    [
      ['user-namespace', '0:0'],
      ['user-namespace', '0:0', '0:0', 'uts', 'uts', 'uts', 'uts'],
      ['root', '/x'],
      ['root', '/x', 'read-only', 'x'],
      ['squashfs', '/x', 'shared', '0', '-', '/', '1:2', '/x'],
      ['squashfs', '/x', 'shared', '0'],
      ['bind', '/x'],
      ['bind-variable', 'TMPDIR', '/tmp'],
      ['tmpfs', '/tmp'],
      ['tmpfs', '/tmp', 'mode=1', 'x'],
      ['identity', '1'],
      ['identity', '1', '2', '3', '4'],
      ['pivot', 'x'],
      ['environment', 'unset'],
      ['directory'],
      ['directory', '/', '/'],
      ['no-new-privileges', 'x'],
      ['terminal', 'x'],
      ['command', 'x'],
    ] as const
  ).map(([kind, ...fields]): [string, Words[], string] => [
    `a ${kind} step with ${fields.length} field${fields.length === 1 ? '' : 's'}`,
    planOf(user, [[listOf(kind), kind, ...fields], ...enterSteps]),
    `malformed ${kind} step in the plan: it has ${fields.length} fields`,
  ]),
  ...(
    [
      ['create', 'directory', '/'],
      ['create', 'command'],
      ['enter', 'pivot'],
      ['enter', 'seal'],
      ['enter', 'join-pid', '1'],
    ] as const
  ).map(([list, kind, ...fields]): [string, Words[], string] => [
    `a ${kind} step in the list ${list}`,
    planOf(user, [...createSteps(user), [list, kind, ...fields], ...enterSteps]),
    `unknown step '${kind}' in the list '${list}' of the plan`,
  ]),
  ['an id map without a colon', planOf(user, [['create', 'user-namespace', '0', '0:0']]), "got '0'"],
  ['an id map with letters', planOf(user, [['create', 'user-namespace', '0:a', '0:0']]), "got 'a'"],
  [
    'an id above the largest',
    planOf(user, [['create', 'user-namespace', '4294967295:0', '0:0']]),
    '4294967294',
  ],
  [
    'an unknown namespace',
    planOf(user, [['create', 'user-namespace', '0:0', '0:0', 'x']]),
    "unknown namespace 'x' in the plan",
  ],
  [
    "somebody else's id",
    planOf(user, [['create', 'user-namespace', '0:12345', '0:0']]),
    /[ug]id_map.*not permitted/,
  ],
  [
    'an unknown access',
    planOf(user, [...createSteps(user).slice(0, 2), ['create', 'root', image, 'maybe']]),
    "unknown access 'maybe' in the plan",
  ],
  [
    'an unknown bind option',
    planOf(user, [...createSteps(user).slice(0, 3), ['create', 'bind', '/dev', '/dev', 'often']]),
    "unknown bind option 'often' in the plan",
  ],
  [
    'an unknown action on the environment',
    planOf(user, [['enter', 'environment', 'improve', 'x']]),
    "malformed environment step 'improve' in the plan",
  ],
  [
    'too many fields for setting a variable',
    planOf(user, [['enter', 'environment', 'set', 'A=B', 'expand', 'x']]),
    "malformed environment step 'set' in the plan",
  ],
  [
    'a variable without a default',
    planOf(user, [['enter', 'environment', 'default', 'HOME', 'SHELL']]),
    "there is no default for the variable 'SHELL'",
  ],
  ...(
    [
      ['bind', '/dev', '/dev'],
      ['bind-variable', 'TMPDIR', '/tmp', '/tmp'],
      ['tmpfs', '/tmp', 'mode=1777'],
      ['identity', '0', '0'],
      ['pivot'],
    ] as const
  ).map(([kind, ...fields]): [string, Words[], string] => [
    `a ${kind} step before the root step`,
    planOf(user, [['create', kind, ...fields]]),
    `the plan has a ${kind} step that is not between root and pivot`,
  ]),
  [
    "another user's plan",
    planOf({ ...user, uid: user.uid + 1 }, smallPlan(user).slice(3, -1)),
    'the plan was made for',
  ],
  [
    "another group's plan",
    planOf({ ...user, gid: user.gid + 1 }, smallPlan(user).slice(3, -1)),
    'the plan was made for',
  ],
];

for (const { build, program } of launchers) {
  for (const who of users) {
    t.test(`${build} runs a small plan as ${who.name}, in both spellings`, (t) => {
      const plan = writePlan(t, who, encode(smallPlan(who)));
      for (const words of [
        ['--plan', plan],
        ['--plan', plan, '--'],
        [`--plan=${plan}`],
        [`--plan=${plan}`, '--'],
      ]) {
        const { status, stdout, stderr } = start(who, program, [...words, 'echo', 'hi', '--', '-x']);
        t.match({ status, stdout, stderr }, { status: 0, stdout: 'hi -- -x\n', stderr: '' }, words.join(' '));
      }
      t.end();
    });
  }

  for (const [what, content, message] of wrong) {
    t.test(`${build} refuses a plan with ${what}`, (t) => {
      const plan = writePlan(
        t,
        user,
        Buffer.isBuffer(content) ? content : encode(content as readonly Words[]),
      );
      const expected = typeof message === 'string' ? message.replaceAll('FILE', plan) : message;
      failsWith(t, start(user, program, ['--plan', plan, '--', 'true']), 31, expected);
      t.end();
    });
  }

  t.test(`${build} refuses a plan cut off at any byte`, (t) => {
    const whole = encode(planOf(user, enterSteps));
    const plan = writePlan(t, user, whole);
    for (let size = whole.length - 1; size >= 0; size--) {
      truncateSync(plan, size);
      const { status, stderr } = start(user, program, ['--plan', plan, '--', '/nowhere/true']);
      const refused = status === 31 && /error: \S+ is (truncated|not a launch plan)\n/.test(stderr);
      if (!refused) t.fail(`cut at byte ${size}: ${status} ${stderr}`);
    }
    t.pass(`${whole.length} times`);
    t.end();
  });

  t.test(`${build} survives a plan with any one byte changed`, (t) => {
    const whole = encode(planOf(user, enterSteps));
    const plan = writePlan(t, user, whole);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ 0x3f;
      writeFileSync(plan, changed);
      const { status, stderr } = start(user, program, ['--plan', plan, '--', '/nowhere/true']);
      if (!(status === 31 || status === 49)) t.fail(`byte ${at}: ${status} ${stderr}`);
      if (/Sanitizer|runtime error/.test(stderr)) t.fail(stderr);
    }
    t.pass(`${whole.length} times`);
    t.end();
  });

  t.test(`${build} refuses a plan of more than 64 MiB`, (t) => {
    const plan = writePlan(t, user, Buffer.from('ch-run-ts-plan\0'));
    truncateSync(plan, (64 << 20) + 1);
    failsWith(
      t,
      start(user, program, ['--plan', plan, '--', 'true']),
      31,
      `${plan} is larger than 67108864 bytes`,
    );
    t.end();
  });

  t.test(`${build} refuses a plan that is not a regular file`, (t) => {
    const place = scratch(t, user);
    execFileSync('mkfifo', ['-m', '666', join(place, 'fifo')]);
    mkdirSync(join(place, 'directory'));
    // opened without waiting: a fifo without a writer would wait forever
    for (const name of ['directory', 'fifo']) {
      const path = join(place, name);
      failsWith(
        t,
        start(user, program, ['--plan', path, '--', 'true'], { timeout: 60_000 }),
        31,
        'is not a regular file',
      );
    }
    failsWith(
      t,
      start(user, program, ['--plan', '/dev/null', '--', 'true']),
      31,
      '/dev/null is not a regular file',
    );
    t.end();
  });

  t.test(`${build} refuses a plan that is missing or unreadable, by name`, (t) => {
    const place = scratch(t, user);
    failsWith(
      t,
      start(user, program, ['--plan', join(place, 'none'), '--', 'true']),
      31,
      /read the plan .*none: open: no/,
    );
    const plan = writePlan(t, user);
    chmodSync(plan, 0);
    if (user.uid !== 0) {
      failsWith(
        t,
        start(user, program, ['--plan', plan, '--', 'true']),
        31,
        /read the plan .*: open: permission denied/,
      );
    }
    t.end();
  });

  t.test(`${build} refuses a plan that others can write`, (t) => {
    const plan = writePlan(t, user);
    for (const mode of [0o620, 0o602, 0o666]) {
      chmodSync(plan, mode);
      failsWith(
        t,
        start(user, program, ['--plan', plan, '--', 'true']),
        31,
        `${plan} can be written by others`,
        'chmod go-w',
      );
    }
    chmodSync(plan, 0o644);
    t.match(
      start(user, program, ['--plan', plan, '--', 'true']),
      { status: 0, stderr: '' },
      'reading is allowed',
    );
    t.end();
  });

  t.test(
    `${build} refuses a plan of another owner`,
    { skip: isRoot ? false : 'only root can give a file away' },
    (t) => {
      const plan = writePlan(t, user);
      chownSync(plan, 1, 1);
      chmodSync(plan, 0o644);
      failsWith(
        t,
        start(user, program, ['--plan', plan, '--', 'true']),
        31,
        `${plan} belongs to user 1, not to you`,
      );
      t.end();
    },
  );

  t.test(`${build} reads nothing but the plan's own steps: a changed plan is another launch`, (t) => {
    const plan = writePlan(
      t,
      user,
      encode(
        planOf(user, [
          ...createSteps(user),
          ['enter', 'environment', 'set', "A='b c'", 'literal'],
          ...enterSteps,
        ]),
      ),
    );
    const { stdout, stderr } = start(user, program, ['--plan', plan, '--', 'sh', '-c', 'echo "$A"']);
    t.same([stdout, stderr], ['b c\n', '']);
    t.end();
  });

  t.test(`${build} says what is missing on its own command line`, (t) => {
    const plan = writePlan(t, user);
    failsWith(t, start(user, program, ['--plan', plan]), 64, 'no command to run in the container');
    failsWith(t, start(user, program, ['--plan', plan, '--']), 64, 'no command to run in the container');
    t.end();
  });
}

t.test('the sanitized launcher was built with sanitizers', (t) => {
  t.ok(launchers.some(({ program }) => program === sanitizedLauncher));
  t.match(readFileSync(sanitizedLauncher).toString('latin1'), '__asan_init');
  t.end();
});
