import t from 'tap';
import { parseCommandLine } from '../../src/command-line.js';
import { LaunchError } from '../../src/errors.js';
import { stepWords } from '../../src/plan/encode.js';
import type { LaunchPlan } from '../../src/plan/launch-plan.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { renderPlan } from '../../src/plan/render.js';
import { type FakeMachine, fakeHost } from '../fake-host.js';

const machine: FakeMachine = {
  paths: { '/img': 'directory', '/work/img': 'directory', '/work/a b': 'directory' },
};

/** The plan of a command line, on a machine that exists here only. */
function planOf(words: readonly string[], on: FakeMachine = machine): LaunchPlan {
  const line = parseCommandLine([...words, '--', 'true']);
  if (line.kind !== 'launch') throw new Error(`not a launch: ${line.kind}`);
  return makePlan(line.request, fakeHost(on));
}

const lines = (plan: LaunchPlan) => [...plan.create, ...plan.enter].map((step) => stepWords(step).join(' '));
/** What a step announces, binds do: rows name the binds only. */
const withoutDestinations = (words: readonly string[]) =>
  words.filter((line) => !line.startsWith('destinations '));
const optional = ['/etc/hosts', '/etc/machine-id', '/etc/resolv.conf'];

/** The whole plan of the plainest command line. */
const plain = [
  'user-namespace 0:1001 0:100',
  'user-namespace 1001:0 100:0',
  'root /img read-only',
  'bind /dev /dev',
  'bind /proc /proc',
  'bind /sys /sys',
  ...[
    ...optional,
    '/var/lib/hugetlbfs',
    '/etc/opt/cray/wlm_detect',
    ...['wlm_detect', 'alps', 'udreg', 'ugni', 'xpmem'].map((name) => `/opt/cray/${name}`),
    '/var/opt/cray/alps',
    '/var/spool/slurmd',
  ].map((path) => `bind ${path} ${path} optional`),
  'identity 1001 100',
  'bind-variable TMPDIR /tmp /tmp',
  'pivot',
  'environment default HOME PATH TMPDIR',
  'environment set CH_RUNNING=ch-run-ts literal',
  'directory /',
  'no-new-privileges',
  'command',
];

t.test('the plainest command line gives the whole default plan', (t) => {
  const plan = planOf(['/img']);
  t.same([...lines(plan)].sort(), [...plain].sort());
  const at = (line: string) => lines(plan).indexOf(line);
  const order = ['user-namespace 0:1001 0:100', 'root /img read-only', 'bind /dev /dev', 'bind /proc /proc'];
  order.push(
    'bind-variable TMPDIR /tmp /tmp',
    'pivot',
    'environment default HOME PATH TMPDIR',
    'directory /',
  );
  order.push('no-new-privileges', 'command');
  t.same(
    order.map(at),
    order.map(at).sort((one, other) => one - other),
    'in their order',
  );
  t.same([plan.verbosity, plan.color], [0, 'auto']);
  t.same(plan.facts.slice(0, 2), [
    { kind: 'user', uid: 1001, gid: 100 },
    { kind: 'path', path: '/img', found: 'directory' },
  ]);
  t.end();
});

/** Words, lines that are in place of others of the plain plan, and lines that are added before the other. */
const changes: readonly [
  readonly string[],
  { readonly replace?: Record<string, string | null>; readonly before?: Record<string, readonly string[]> },
][] = [
  [['-w', '/img'], { replace: { 'root /img read-only': 'root /img writable' } }],
  [['img'], { replace: { 'root /img read-only': 'root /work/img read-only' } }],
  [['a b'], { replace: { 'root /img read-only': 'root /work/a b read-only' } }],
  [['--no-passwd', '/img'], { replace: { 'identity 1001 100': null } }],
  [['-t', '/img'], { replace: { 'bind-variable TMPDIR /tmp /tmp': 'tmpfs /tmp mode=1777' } }],
  [['-c', '/a', '/img'], { replace: { 'directory /': 'directory /a' } }],
  [
    ['-u', '0', '/img'],
    {
      replace: {
        'user-namespace 1001:0 100:0': 'user-namespace 0:0 100:0',
        'identity 1001 100': 'identity 0 100',
      },
    },
  ],
  [
    ['-g', '4294967294', '/img'],
    {
      replace: {
        'user-namespace 1001:0 100:0': 'user-namespace 1001:0 4294967294:0',
        'identity 1001 100': 'identity 1001 4294967294',
      },
    },
  ],
  [['-b', '/a', '/img'], { before: { pivot: ['bind /a /a'] } }],
  [['-b', '/a:/b', '-b', '/c:/d', '/img'], { before: { pivot: ['bind /a /b', 'bind /c /d'] } }],
  [['-b', 'x', '/img'], { before: { pivot: ['bind /work/x /work/x'] } }],
  [['-b', 'x:/y', '/img'], { before: { pivot: ['bind /work/x /y'] } }],
  [
    ['-w', '-b', '/a', '/img'],
    { replace: { 'root /img read-only': 'root /img writable' }, before: { pivot: ['bind /a /a create'] } },
  ],
  [
    ['--set-env=A=1', '--unset-env=B*', '--set-env', '/img'],
    {
      before: {
        'environment set CH_RUNNING=ch-run-ts literal': [
          'environment set A=1 expand',
          'environment unset B*',
          'environment guest-file /ch/environment lines expand',
        ],
      },
    },
  ],
  [
    ['--set-env=f', '--set-env0=/g', '--env-no-expand', '/img'],
    {
      before: {
        'environment set CH_RUNNING=ch-run-ts literal': [
          'environment host-file /work/f lines literal',
          'environment host-file /g nul literal',
        ],
      },
    },
  ],
];

for (const [words, { replace = {}, before = {} }] of changes) {
  t.test(`${words.join(' ')} changes only what it is about`, (t) => {
    const expected = lines(planOf(['/img'])).flatMap((line) => {
      const changed = line in replace ? replace[line] : line;
      return [...(before[line] ?? []), ...(typeof changed === 'string' ? [changed] : [])];
    });
    t.same(withoutDestinations(lines(planOf(words))), expected);
    t.end();
  });
}

t.test('verbosity and colour are part of the plan', (t) => {
  t.match(planOf(['-vv', '--color', '/img']), { verbosity: 2, color: 'always' });
  t.match(planOf(['-q', '/img']), { verbosity: -1, color: 'auto' });
  t.end();
});

t.test('a relative path makes the working directory a fact', (t) => {
  t.match(planOf(['img']).facts, [
    { kind: 'user' },
    { kind: 'directory', path: '/work' },
    { kind: 'path', path: '/work/img' },
  ]);
  t.ok(planOf(['-b', 'x', '/img']).facts.some(({ kind }) => kind === 'directory'));
  t.notOk(planOf(['-b', '/x', '/img']).facts.some(({ kind }) => kind === 'directory'));
  t.end();
});

t.test('a plan is plain data: it survives JSON', (t) => {
  const plan = planOf(['-w', '-b', '/a', '--set-env=A=b', '/img']);
  t.same(JSON.parse(JSON.stringify(plan)), plan);
  t.end();
});

const errors: readonly [readonly string[], FakeMachine['paths'], string, number][] = [
  [['/none'], {}, 'there is no image /none', 31],
  [[''], {}, 'the image reference is empty', 31],
  [['/dev/sda'], { '/dev/sda': 'other' }, 'unknown image type: /dev/sda is a device, pipe or socket', 31],
  [
    ['/f'],
    { '/f': Buffer.from('\x1f\x8b', 'latin1') },
    'unknown image type: /f is a gzip-compressed file',
    31,
  ],
  [['/f'], { '/f': 'file' }, 'unknown image type: /f is an empty file', 31],
  [['/f'], { '/f': 'unreadable' }, "can't look at /f: stat: permission denied", 31],
  [['-b', '/', '/img'], { '/img': 'directory' }, "can't bind / to /: the image is already there", 64],
  [['-b', '//', '/img'], { '/img': 'directory' }, "can't bind // to /: the image is already there", 64],
];
for (const [words, paths = {}, message, exitStatus] of errors) {
  t.test(`${words.join(' ') || 'an empty image'} is refused: ${message}`, (t) => {
    try {
      planOf(words, { paths });
      t.fail('no error');
    } catch (error) {
      t.type(error, LaunchError);
      t.match(error, { message, exitStatus });
    }
    t.end();
  });
}

t.test('a plan for people has one step a line, in columns', (t) => {
  const text = renderPlan(planOf(['-b', '/a b:/c', '--set-env=A="x"', '/img']));
  t.match(text, /^# facts/);
  t.match(text, '\nuser-namespace     0:1001 0:100\n');
  t.match(text, '\nbind               "/a b" /c\n');
  t.match(text, '\nenvironment        set "A=\\"x\\"" expand\n');
  t.match(text, /\npivot\n/);
  t.match(text, /\n# enter/);
  t.match(text, /\ncommand\n$/);
  t.notMatch(text, / \n/);
  t.end();
});
