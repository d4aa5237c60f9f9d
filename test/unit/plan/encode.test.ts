import fc from 'fast-check';
import t from 'tap';
import { encodePlan, factWords, planFormat, stepWords } from '../../../src/plan/encode.js';
import type { CreateStep, EnterStep, LaunchPlan, Step } from '../../../src/plan/launch-plan.js';
import { fromBytes } from '../../helpers/bytes.js';
import { committed } from '../../helpers/support.js';

/** The records in an encoded plan, in order: also those with the same name. */
function recordsOf(text: string): string[][] {
  const words = text.split('\0');
  const records: string[][] = [];
  for (let at = 0; at < words.length - 1; ) {
    const count = Number(words[at + 1]);
    records.push([words[at] as string, ...words.slice(at + 2, at + 2 + count)]);
    at += 2 + count;
  }
  return records;
}

const id = fc.integer({ min: 0, max: 2 ** 32 - 2 });
const idMap = fc.record({ inside: id, outside: id });
// any path that the kernel accepts: bytes but NUL
const path = fc.uint8Array({ min: 1, maxLength: 40 }).map((bytes) => `/${fromBytes(bytes)}`);
const createStep: fc.Arbitrary<CreateStep> = fc.oneof(
  fc.record({ kind: fc.constant('user-namespace' as const), uid: idMap, gid: idMap }),
  fc.record({
    kind: fc.constant('bind' as const),
    source: path,
    destination: path,
    options: fc.subarray(['optional', 'create'] as const),
  }),
  fc.record({
    kind: fc.constant('squashfs' as const),
    path,
    server: fc.constantFrom('shared', 'private'),
    offset: fc.nat(),
    remember: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('attach' as const), place: path }),
  fc.record({ kind: fc.constant('overlay' as const), upper: fc.constant('directory' as const), path }),
  fc.record({
    kind: fc.constant('destinations' as const),
    binds: fc.array(fc.record({ source: path, destination: path })),
  }),
  fc.record({ kind: fc.constant('pivot' as const) }),
);
const enterStep: fc.Arbitrary<EnterStep> = fc.oneof(
  fc.record({ kind: fc.constant('directory' as const), path }),
  fc.record({ kind: fc.constant('terminal' as const) }),
);

t.test('whatever a plan holds, its records hold the same words', (t) => {
  fc.assert(
    fc.property(
      fc.array(createStep),
      fc.array(enterStep),
      fc.integer({ min: -3, max: 3 }),
      fc.array(path, { maxLength: 3 }),
      (create, enter, verbosity, warnings) => {
        const plan: LaunchPlan = {
          verbosity,
          color: 'auto',
          log: 'json',
          warnings,
          facts: [{ kind: 'user', uid: 1, gid: 2 }],
          outside: [{ kind: 'meet', name: 'half-way' }],
          create,
          enter,
        };
        const records = [
          ['ch-run-ts-plan', planFormat],
          ['messages', String(verbosity + 3), 'auto', 'json'],
          ...warnings.map((text) => ['warning', text]),
          ['fact', 'user', '1', '2'],
          ['outside', 'meet', 'half-way'],
          ...create.map((each) => ['create', ...stepWords(each)]),
          ...enter.map((each) => ['enter', ...stepWords(each)]),
        ];
        const words = records.reduce((sum, record) => sum + record.length + 1, 0);
        t.strictSame(recordsOf(encodePlan(plan)), [...records, ['end', String(words)]]);
      },
    ),
    { numRuns: 100 },
  );
  t.end();
});

/** Each kind of step, and its words. */
const steps: readonly [Step, string][] = [
  [
    { kind: 'user-namespace', uid: { inside: 0, outside: 1 }, gid: { inside: 2, outside: 3 } },
    'user-namespace 0:1 2:3',
  ],
  [{ kind: 'root', path: '/i', access: 'writable' }, 'root /i writable'],
  [
    { kind: 'root', path: '/s/img/i', access: 'read-only', way: [{ path: '/s', inode: '1:2' }] },
    'root /s/img/i read-only /s 1:2',
  ],
  [
    { kind: 'squashfs', path: '/i.sqfs', server: 'shared', remember: true },
    'squashfs /i.sqfs shared 0 remember-reads',
  ],
  [
    { kind: 'squashfs', path: '/i.sif', server: 'shared', offset: 4096, remember: true },
    'squashfs /i.sif shared 4096 remember-reads',
  ],
  [{ kind: 'squashfs', path: '/i.sqfs', server: 'private', remember: false }, 'squashfs /i.sqfs private 0 -'],
  [{ kind: 'attach', place: '/' }, 'attach /'],
  [{ kind: 'upper', upper: 'memory', size: '64m' }, 'upper memory 64m'],
  [{ kind: 'upper', upper: 'directory', path: '/o' }, 'upper directory /o'],
  [{ kind: 'overlay', upper: 'memory', size: '12%' }, 'overlay memory 12%'],
  [{ kind: 'overlay', upper: 'directory', path: '/o' }, 'overlay directory /o'],
  [
    {
      kind: 'destinations',
      binds: [
        { source: '/a', destination: '/b' },
        { source: '/c', destination: '/d' },
      ],
    },
    'destinations /a /b /c /d',
  ],
  [{ kind: 'join', count: 4, timeout: 30 }, 'join 4 30'],
  [{ kind: 'join', count: 'environment', timeout: 5, tag: 'x' }, 'join environment 5 x'],
  [{ kind: 'join-pid', pid: 7 }, 'join-pid 7'],
  [{ kind: 'bind', source: '/a', destination: '/b', options: [] }, 'bind /a /b'],
  [
    { kind: 'bind', source: '/a', destination: '/b', options: ['optional', 'create'] },
    'bind /a /b optional create',
  ],
  [
    { kind: 'bind-variable', variable: 'V', fallback: '/f', destination: '/d', options: ['create'] },
    'bind-variable V /f /d create',
  ],
  [{ kind: 'tmpfs', destination: '/t', options: 'size=1' }, 'tmpfs /t size=1'],
  [{ kind: 'identity', uid: 1, gid: 2 }, 'identity 1 2'],
  [{ kind: 'identity', uid: 1, gid: 2, home: '/h' }, 'identity 1 2 /h'],
  [{ kind: 'pivot' }, 'pivot'],
  [{ kind: 'meet', name: 'a' }, 'meet a'],
  [{ kind: 'environment', action: 'default', variables: ['HOME', 'PATH'] }, 'environment default HOME PATH'],
  [{ kind: 'environment', action: 'set', assignment: 'A=b', expand: true }, 'environment set A=b expand'],
  [{ kind: 'environment', action: 'set', assignment: 'A=b', expand: false }, 'environment set A=b literal'],
  [
    { kind: 'environment', action: 'host-file', path: '/f', delimiter: 'nul', expand: true },
    'environment host-file /f nul expand',
  ],
  [
    { kind: 'environment', action: 'guest-file', path: '/f', delimiter: 'lines', expand: false },
    'environment guest-file /f lines literal',
  ],
  [{ kind: 'environment', action: 'unset', glob: 'A*' }, 'environment unset A*'],
  [{ kind: 'directory', path: '/d' }, 'directory /d'],
  [{ kind: 'no-new-privileges' }, 'no-new-privileges'],
  [{ kind: 'terminal' }, 'terminal'],
  [{ kind: 'syslog', version: '1', image: '/i' }, 'syslog 1 /i'],
  [{ kind: 'command' }, 'command'],
];
for (const [each, words] of steps) {
  t.test(`a step is written as: ${words}`, (t) => {
    t.equal(stepWords(each).join(' '), words);
    t.end();
  });
}

t.test('each kind of fact has its words', (t) => {
  t.same(factWords({ kind: 'user', uid: 1, gid: 2 }), ['user', '1', '2']);
  t.same(factWords({ kind: 'directory', path: '/d' }), ['directory', '/d']);
  t.same(factWords({ kind: 'variable', name: 'V', value: '' }), ['variable', 'V', ''], 'set and empty');
  t.same(factWords({ kind: 'variable', name: 'V' }), ['variable', 'V'], 'not set');
  const entries = ['CH_A=', 'CH_B=1'];
  t.same(factWords({ kind: 'variables', prefix: 'CH_', entries }), ['variables', 'CH_', ...entries]);
  t.same(factWords({ kind: 'path', path: '/p', found: 'absent' }), ['path', '/p', 'absent']);
  const file = { device: '1', inode: '2', size: '3', modified: '4', changed: '5' };
  t.same(factWords({ kind: 'inode', path: '/s', inode: '1:2' }), ['inode', '/s', '1:2']);
  t.same(factWords({ kind: 'file', path: '/f', ...file }), ['file', '/f', '1', '2', '3', '4', '5']);
  t.end();
});

/** A plan without steps. */
const empty: LaunchPlan = {
  verbosity: 0,
  color: 'auto',
  log: 'text',
  warnings: [],
  facts: [],
  outside: [],
  create: [],
  enter: [],
};

t.test('both sides have the same plan format', (t) => {
  t.equal(/kPlanFormat = "(\d+)"/.exec(committed('addon/launcher/plan/plan.h'))?.[1], planFormat);
  t.end();
});

t.test('a step in a list that is not its own is refused', (t) => {
  const misplaced: readonly [object, string][] = [
    [{ create: [{ kind: 'command' }] }, "unknown step 'command' in the list 'create' of the plan"],
    [{ outside: [{ kind: 'pivot' }] }, "unknown step 'pivot' in the list 'outside' of the plan"],
    [{ enter: [{ kind: 'meet', name: 'a' }] }, "unknown step 'meet' in the list 'enter' of the plan"],
    [{ enter: [{ kind: 'pivot' }] }, "unknown step 'pivot' in the list 'enter' of the plan"],
    [{ enter: [{ kind: 'toString' }] }, "unknown step 'toString' in the list 'enter' of the plan"],
  ];
  for (const [lists, message] of misplaced) t.throws(() => encodePlan({ ...empty, ...lists }), { message });
  t.end();
});

t.test('a NUL is refused wherever it stands, and said where', (t) => {
  const attack = '/mnt\0create\0hook\0';
  const rows: readonly [Partial<LaunchPlan>, string][] = [
    [
      { create: [{ kind: 'bind', source: '/a', destination: attack, options: [] }] },
      'NUL in the plan: create bind, field 2: "/mnt\\u0000create',
    ],
    [{ enter: [{ kind: 'directory', path: attack }] }, 'NUL in the plan: enter directory, field 1'],
    [{ warnings: [attack] }, 'NUL in the plan: warning'],
    [{ facts: [{ kind: 'glob', pattern: '/a', paths: [attack] }] }, 'NUL in the plan: fact glob, field 2'],
  ];
  for (const [part, message] of rows) {
    t.throws(() => encodePlan({ ...empty, ...part }), {
      message: new RegExp(`^${message.replace(/[\\]/g, '\\\\')}`),
    });
  }
  t.end();
});
