import t from 'tap';
import { LaunchError } from '../../../../src/base/errors.js';
import { version } from '../../../../src/base/version.js';
import { renderPlan } from '../../../../src/plan/render.js';
import type { FakeMachine } from '../../../helpers/fake-host.js';
import { type Change, changed, lines, machine, plain, planOf } from './plain-plan.js';

t.test('the plainest command line gives the whole default plan', (t) => {
  const plan = planOf(['/img']);
  t.same(lines(plan), plain);
  t.same([plan.verbosity, plan.color], [0, 'auto']);
  t.equal(plan.create.at(-1)?.kind, 'user-namespace', 'what is done once ends there');
  t.same(plan.warnings, []);
  t.same(plan.facts, [
    { kind: 'user', uid: 1001, gid: 100 },
    { kind: 'variable', name: 'CH_IMAGE_STORAGE' },
    { kind: 'variable', name: 'USER', value: 'alice' },
    { kind: 'owner', path: '/var/tmp/alice.ch', links: 'no-follow', found: 'directory 1001 100 644' },
    { kind: 'owner', path: '/var/tmp/alice.ch/img', links: 'no-follow', found: 'directory 1001 100 644' },
    { kind: 'path', path: '/img', found: 'directory' },
  ]);
  t.end();
});

const root = 'root /img read-only';
const identity = 'identity 1001 100';

const changes: readonly [readonly string[], Change][] = [
  [['-w', '/img'], { replace: { [root]: 'root /img writable' } }],
  [['img'], { replace: { [root]: 'root /work/img read-only' } }],
  [['a b'], { replace: { [root]: 'root /work/a b read-only' } }],
  [['--no-passwd', '/img'], { replace: { [identity]: null } }],
  [['-t', '/img'], { replace: { 'bind-variable TMPDIR /tmp /tmp': 'tmpfs /tmp mode=1777' } }],
  [['-c', '/a', '/img'], { replace: { 'directory /': 'directory /a' } }],
  [
    ['-u', '0', '/img'],
    {
      replace: {
        'user-namespace 1001:0 100:0': 'user-namespace 0:0 100:0',
        [identity]: 'identity 0 100',
      },
    },
  ],
  [
    ['-g', '4294967294', '/img'],
    {
      replace: {
        'user-namespace 1001:0 100:0': 'user-namespace 1001:0 4294967294:0',
        [identity]: 'identity 1001 4294967294',
      },
    },
  ],
  [
    ['--hostname=n1', '/img'],
    {
      replace: { 'user-namespace 1001:0 100:0': 'user-namespace 1001:0 100:0 uts' },
      before: { 'environment default HOME PATH TMPDIR': ['hostname n1'] },
    },
  ],
  [['--syslog', '/img'], { before: { 'no-new-privileges': [`syslog ${version} /img`] } }],
  [['-b', '/a', '/img'], { before: { [identity]: ['destinations /a /a'], pivot: ['bind /a /a'] } }],
  [
    ['-b', '/a:/b', '-b', '/c:/d', '/img'],
    { before: { [identity]: ['destinations /a /b /c /d'], pivot: ['bind /a /b', 'bind /c /d'] } },
  ],
  [
    ['-b', 'x', '/img'],
    { before: { [identity]: ['destinations /work/x /work/x'], pivot: ['bind /work/x /work/x'] } },
  ],
  [
    ['-b', 'x:/y', '/img'],
    { before: { [identity]: ['destinations /work/x /y'], pivot: ['bind /work/x /y'] } },
  ],
  // nothing can be made below what is bound before
  [['-b', '/a:/dev/x', '/img'], { before: { pivot: ['bind /a /dev/x'] } }],
  [
    ['-b', '/a', '-b', '/c:/a/c', '/img'],
    { before: { [identity]: ['destinations /a /a'], pivot: ['bind /a /a', 'bind /c /a/c'] } },
  ],
  [
    ['-w', '-b', '/a', '/img'],
    {
      replace: { [root]: 'root /img writable' },
      before: { [identity]: ['destinations /a /a'], pivot: ['bind /a /a'] },
    },
  ],
  // nothing is made on the host unless a bind says so, but in a /tmp of the container's own
  [
    ['-w', '-b', '/a', '-b', '/c:/a/c', '-b', '/d:/a/d:create', '/img'],
    {
      replace: { [root]: 'root /img writable' },
      before: {
        [identity]: ['destinations /a /a'],
        pivot: ['bind /a /a', 'bind /c /a/c', 'bind /d /a/d create'],
      },
    },
  ],
  [
    ['-t', '-b', '/a:/tmp/a', '-b', '/c:/tmp/a/c', '/img'],
    {
      replace: { 'bind-variable TMPDIR /tmp /tmp': 'tmpfs /tmp mode=1777' },
      before: { pivot: ['bind /a /tmp/a create', 'bind /c /tmp/a/c'] },
    },
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

for (const [words, change] of changes) {
  t.test(`${words.join(' ')} changes only what it is about`, (t) => {
    t.same(lines(planOf(words)), changed(change));
    t.end();
  });
}

t.test('root of the machine gets settings in /proc and /sys read-only, unless they are left open', (t) => {
  const on = (unmapped: boolean): FakeMachine => ({
    uid: 0,
    variables: {},
    paths: { '/img': 'directory', '/proc/sys': 'directory' },
    owners: { '/proc/sys': { uid: unmapped ? 65534 : 0, unmapped } },
  });
  const masks = (words: readonly string[], unmapped = false) =>
    lines(planOf(words, on(unmapped))).filter((line) => /^(bind|protect|mask) (\/sys|\/proc\/).*/.test(line));
  const [sys, readOnly, hidden] = masks(['/img']);
  t.equal(sys, 'bind /sys /sys read-only');
  t.equal(readOnly, 'protect /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger');
  for (const path of ['/sys/firmware', '/proc/keys', '/proc/kcore']) t.ok(hidden?.split(' ').includes(path));
  t.same(masks(['--unmask', '/img']), ['bind /sys /sys']);
  t.same(masks(['/img'], true), ['bind /sys /sys'], 'root of a user namespace can change nothing anyway');
  t.end();
});

t.test('z and Z of binds are told of once, where SELinux is enforcing, and the plan rests on that', (t) => {
  const words = ['-b', '/a:/b:z', '-b', '/c:/d:Z', '/img'];
  const on = (text: string) =>
    planOf(words, { ...machine, paths: { ...machine.paths, '/sys/fs/selinux/enforce': Buffer.from(text) } });
  t.match(on('1').warnings, [/SELinux is enforcing: \/a keeps its labels/]);
  t.equal(on('1').warnings.length, 1);
  t.same([on('0').warnings, planOf(words).warnings], [[], []]);
  const fact = { kind: 'path', path: '/sys/fs/selinux/enforce', found: 'absent' };
  t.match(planOf(words).facts.at(-1), fact);
  t.end();
});

t.test('verbosity and colour are part of the plan', (t) => {
  t.match(planOf(['-vv', '--color', '/img']), { verbosity: 2, color: 'always' });
  t.match(planOf(['-q', '/img']), { verbosity: -1, color: 'auto' });
  t.match(planOf(['--log=json', '/img']), { log: 'json' });
  t.end();
});

t.test('a relative path makes the working directory a fact', (t) => {
  t.match(planOf(['img']).facts, [
    { kind: 'user' },
    { kind: 'variable', name: 'CH_IMAGE_STORAGE' },
    { kind: 'variable', name: 'USER' },
    { kind: 'owner', path: '/var/tmp/alice.ch', links: 'no-follow' },
    { kind: 'owner', path: '/var/tmp/alice.ch/img', links: 'no-follow' },
    ...['', '.sqfs', '.squashfs'].map((ending) => ({ path: `/var/tmp/alice.ch/img/img${ending}` })),
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
  [['/f'], { '/f': 'unreadable' }, "can't examine /f: stat: permission denied", 31],
  [['-b', '/', '/img'], { '/img': 'directory' }, "can't bind / to /: the image is mounted there", 64],
  [['-b', '//', '/img'], { '/img': 'directory' }, "can't bind // to /: the image is mounted there", 64],
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
  t.match(text, /\npivot\nuser-namespace .*\n# enter/);
  t.match(text, /\ncommand\n$/);
  t.notMatch(text, / \n/);
  t.end();
});
