/** Plans of SquashFS images, names in storage, overlays and --home. */
import t from 'tap';
import { LaunchError } from '../../../../src/base/errors.js';
import type { FakeMachine } from '../../../helpers/fake-host.js';
import { type Change, changed, lines, machine, planOf } from './plain-plan.js';

const namespace = 'user-namespace 0:1001 0:100';
const root = 'root /img read-only';
const identity = 'identity 1001 100';
const running = 'environment set CH_RUNNING=ch-run-ts literal';

/** What a SquashFS image changes: the server comes before the namespaces. */
const served = (path: string, server = 'shared 0 remember-reads', place = '/'): Change => ({
  before: { [namespace]: [`squashfs ${path} ${server}`] },
  replace: { [root]: `attach ${place}` },
});
const directory = (path: string, way = ''): Change => ({
  replace: { [root]: `root ${path} read-only${way}` },
});
/** The directories that were judged, with the inodes that a fake machine has. */
const alices = ' /var/tmp/alice.ch 1:17 /var/tmp/alice.ch/img 1:21';
const others = ' /s 1:2 /s/img 1:6';
const overlay = (words: string): Change => ({ before: { [identity]: [`overlay ${words}`] } });
const home = (source: string, destination: string): Change => ({
  before: {
    [identity]: ['upper memory 12%', `destinations ${source} ${destination}`, 'overlay made'],
    pivot: [`bind ${source} ${destination}`],
    [running]: [`environment set HOME=${destination} literal`],
  },
  replace: { [identity]: `${identity} ${destination}` },
});

const changes: readonly [string, Change, FakeMachine?][] = [
  ['/img.sqfs', served('/img.sqfs')],
  ['--no-share /img.sqfs', served('/img.sqfs', 'private 0 remember-reads')],
  ['--no-share /img', {}],
  ['--no-read-ahead /img.sqfs', served('/img.sqfs', 'shared 0 -')],
  ['--no-memo /img.sqfs', served('/img.sqfs', 'shared 0 -')],
  ['-m /mnt /img.sqfs', served('/img.sqfs', 'shared 0 remember-reads', '/mnt')],
  ['--mount=mnt /img.sqfs', served('/img.sqfs', 'shared 0 remember-reads', '/work/mnt')],
  // storage
  ['debian', directory('/var/tmp/alice.ch/img/debian', alices)],
  ['../debian', directory('/work/../debian')],
  ['reg.example:5000/a/b:tag', directory('/var/tmp/alice.ch/img/reg.example+5000%a%b+tag', alices)],
  ['-s /s busybox:1.36', served('/s/img/busybox+1.36.sqfs', `shared 0 remember-reads${others}`)],
  ['--storage=/s other', served('/s/img/other.squashfs', `shared 0 remember-reads${others}`)],
  ['-s /s mix', directory('/s/img/mix', others)],
  ['-s ../s debian', directory('/work/debian')],
  [
    'busybox:1.36',
    served('/s/img/busybox+1.36.sqfs', `shared 0 remember-reads${others}`),
    { variables: { CH_IMAGE_STORAGE: '/s' } },
  ],
  ['-s /none img', directory('/work/img'), { variables: { CH_IMAGE_STORAGE: '/s' } }],
  [
    'debian',
    directory('/var/tmp/alice.ch/img/debian', alices),
    { variables: { CH_IMAGE_STORAGE: '', USER: 'alice' } },
  ],
  ['debian', directory('/var/tmp/alice.ch/img/debian', alices), { variables: {}, name: 'alice' }],
  ['debian', directory('/work/debian'), { variables: {} }],
  // a file in storage may be named by its path too, as with ch-run
  ['-s /s /s/img/other.squashfs', served('/s/img/other.squashfs')],
  // writing on top
  ['-W /img', overlay('memory 12%')],
  ['-W500m /img', overlay('memory 500m')],
  ['--write-fake=2G /img', overlay('memory 2G')],
  ['--overlay=/o /img', overlay('directory /o')],
  ['--overlay o /img', overlay('directory /work/o')],
  [
    '-W -b /a:/b /img',
    {
      before: {
        [identity]: ['upper memory 12%', 'destinations /a /b', 'overlay made'],
        pivot: ['bind /a /b'],
      },
    },
  ],
  ['--home /img', home('/home/alice', '/home/alice')],
  ['--home /img', home('/h', '/home/bob'), { variables: { HOME: '/h', USER: 'bob' } }],
  ['--home /img', home('/h', '/home/carol'), { variables: { HOME: '/h' }, name: 'carol' }],
];
for (const [words, change, on] of changes) {
  t.test(`${words} changes only what it is about${on ? ` where ${JSON.stringify(on)}` : ''}`, (t) => {
    t.same(lines(planOf(words.split(' '), { ...machine, ...on })), changed(change));
    t.end();
  });
}

t.test('an overlay goes over a SquashFS image as over a directory, also a named one', (t) => {
  const plan = lines(planOf(['-s', '/s', '-W', 'busybox:1.36']));
  t.same(plan.slice(0, 4), [
    `squashfs /s/img/busybox+1.36.sqfs shared 0 remember-reads${others}`,
    namespace,
    'attach /',
    'overlay memory 12%',
  ]);
  t.end();
});

t.test('--home with --overlay takes that, and comes before the binds', (t) => {
  t.equal(lines(planOf(['--home', '--overlay=/o', '/img']))[2], 'upper directory /o');
  const written = lines(planOf(['--home', '-w', '-b', '/b', '/img']));
  t.same(written, lines(planOf(['--home', '-b', '/b', '/img'])), '--write changes nothing');
  t.same(written.slice(written.indexOf('pivot') - 2, written.indexOf('pivot')), [
    'bind /home/alice /home/alice',
    'bind /b /b',
  ]);
  t.end();
});

t.test('peers join before the file-system server is asked for: only one of them needs it', (t) => {
  t.same(lines(planOf(['--join-ct=4', '-W', '/img.sqfs'])).slice(0, 2), [
    'join 4 30',
    'squashfs /img.sqfs shared 0 remember-reads',
  ]);
  t.end();
});

t.test('--no-home is told of with -v, and does nothing', (t) => {
  const { warnings, ...plan } = planOf(['-v', '--no-home', '/img']);
  t.match(warnings, [/^--no-home does nothing/]);
  t.same({ ...plan, warnings: [] }, planOf(['-v', '/img']));
  t.same(planOf(['--no-home', '/img']), planOf(['/img']));
  t.end();
});

t.test('--mount with a directory image is a warning, and the plan has it', (t) => {
  const plan = planOf(['-m', '/mnt', '/img']);
  t.same(plan.warnings, ['--mount is ignored: a directory image needs no mount point']);
  t.same(lines(plan), changed({}));
  t.end();
});

t.test('what was looked up is a fact: variables, names in storage, the SquashFS file', (t) => {
  const found = planOf(['-s', '/s', 'other']).facts.map((fact) => Object.values(fact).join(' '));
  t.same(found.slice(1), [
    'owner /s no-follow directory 1001 100 644',
    'owner /s/img no-follow directory 1001 100 644',
    'path /s/img/other absent',
    'path /s/img/other.sqfs absent',
    'path /s/img/other.squashfs file',
    'inode /s 1:2',
    'inode /s/img 1:6',
  ]);
  t.match(planOf(['--home', '/img']).facts, [
    { kind: 'user' },
    { kind: 'variable', name: 'CH_IMAGE_STORAGE' },
    { kind: 'variable', name: 'USER' },
    ...['', '/img'].map((name) => ({ kind: 'owner', path: `/var/tmp/alice.ch${name}` })),
    { kind: 'path', path: '/img' },
    { kind: 'variable', name: 'HOME' },
  ]);
  t.end();
});

const dots: FakeMachine = { variables: { HOME: '/h', USER: '..' } };
const noUser: FakeMachine = { variables: { HOME: '/h' } };
const errors: readonly [string, string, number, FakeMachine?][] = [
  ['-w /img.sqfs', "the image /img.sqfs is a SquashFS file, which can't be written", 64],
  ['-w debian', "the image debian in storage can't be written", 64],
  [
    '/var/tmp/alice.ch/img/debian',
    '/var/tmp/alice.ch/img/debian is in storage, whose images are run by name',
    31,
  ],
  ['-s /s s/img/mix', 's/img/mix is in storage, whose images are run by name', 31, { directory: '' }],
  ['nothing', 'there is no image nothing', 31],
  ['-m /none /img.sqfs', "can't mount the image: there is no directory /none", 31],
  ['-m /img.sqfs /img.sqfs', "can't mount the image: there is no directory /img.sqfs", 31],
  ['--home /img', "can't bind the home directory: HOME is not set", 31, { variables: { USER: 'alice' } }],
  ['--home /img', "can't bind the home directory: HOME is not set", 31, { variables: { HOME: '' } }],
  ['--home /img', "can't bind the home directory: USER is '..', which is not a user name", 31, dots],
  ['--home /img', "can't bind the home directory: USER is not set, and your user id has no name", 31, noUser],
];
for (const [words, message, exitStatus, on] of errors) {
  t.test(`${words} is refused: ${message}`, (t) => {
    try {
      planOf(words.split(' '), { ...machine, ...on });
      t.fail('no error');
    } catch (error) {
      t.type(error, LaunchError);
      t.match(error, { message, exitStatus });
    }
    t.end();
  });
}
