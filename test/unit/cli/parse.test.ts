import t from 'tap';
import { LaunchError } from '../../../src/base/errors.js';
import { type CommandLine, parseCommandLine } from '../../../src/run/command-line.js';
import { program } from '../../../src/run/program.js';
import type { LaunchRequest } from '../../../src/run/request.js';

const plainLine = parseCommandLine(['img', '--', 'true']) as Extract<CommandLine, { kind: 'launch' }>;
/** What is asked for without any option. */
const plain: LaunchRequest = plainLine.request;

t.test('without options the image is read-only, and as little as possible is changed', (t) => {
  t.match(plain, { image: 'img', writable: false, directory: '/', tmp: 'host', identity: 'host' });
  t.match(plain, { verbosity: 0, color: 'auto', log: 'text', syslog: false });
  t.same([plain.binds, plain.environment, plain.uid, plain.gid], [[], [], undefined, undefined]);
  t.equal(plainLine.commandIndex, 2);
  t.end();
});

const set = (assignment: string, expand = true) => ({ kind: 'set', assignment, expand }) as const;
const hostFile = (path: string, delimiter: 'lines' | 'nul' = 'lines') =>
  ({ kind: 'host-file', path, delimiter, expand: true }) as const;
const guestFile = (delimiter: 'lines' | 'nul') =>
  ({ kind: 'guest-file', path: '/ch/environment', delimiter, expand: true }) as const;
const unset = (glob: string) => ({ kind: 'unset', glob }) as const;

/** Words of the options, separated by | where they hold spaces, and what they change in the request. */
const requests: readonly [string | readonly string[], Partial<LaunchRequest>][] = [
  [[], {}],
  ['-w', { writable: true }],
  ['--write', { writable: true }],
  ['--write-f', { overlay: { memory: '12%' } }],
  ['-w -w', { writable: true }],
  // what lies on top of the image, and where it comes from
  ['-W', { overlay: { memory: '12%' } }],
  ['-W -t', { overlay: { memory: '12%' }, tmp: 'private' }],
  ['-tW', { overlay: { memory: '12%' }, tmp: 'private' }],
  ['-W5%', { overlay: { memory: '5%' } }],
  ['-W1073741824', { overlay: { memory: '1073741824' } }],
  ['-W150%', { overlay: { memory: '150%' } }],
  ['-W512k', { overlay: { memory: '512k' } }],
  ['-tW20m', { overlay: { memory: '20m' }, tmp: 'private' }],
  ['--write-fake', { overlay: { memory: '12%' } }],
  ['--write-fake=', { overlay: { memory: '12%' } }],
  ['--write-fake=2G', { overlay: { memory: '2G' } }],
  ['--overlay=/o', { overlay: { directory: '/o' } }],
  ['--overlay o', { overlay: { directory: 'o' } }],
  ['--ov o', { overlay: { directory: 'o' } }],
  ['--home', { home: true, overlay: { memory: '12%' } }],
  ['--home -W30%', { home: true, overlay: { memory: '30%' } }],
  ['--home --overlay=o', { home: true, overlay: { directory: 'o' } }],
  ['-s /s', { storage: '/s' }],
  ['-s/s', { storage: '/s' }],
  ['--storage=s', { storage: 's' }],
  ['--st s', { storage: 's' }],
  ['-m /m', { mountPoint: '/m' }],
  ['--mount=m', { mountPoint: 'm' }],
  ['--mo m', { mountPoint: 'm' }],
  ['--no-share', { share: false }],
  ['--no-s', { share: false }],
  ['-t', { tmp: 'private' }],
  ['--private-tmp', { tmp: 'private' }],
  ['--priv', { tmp: 'private' }],
  ['--no-passwd', { identity: 'image' }],
  ['--no-p', { identity: 'image' }],
  ['--unsafe', { unsafe: true }],
  ['--no-home', { noHome: true }],
  ['-w -W', { overlay: { memory: '12%' } }],
  ['--write-fake=5% -w', { overlay: { memory: '5%' } }],
  ['-w --home', { home: true, overlay: { memory: '12%' } }],
  ['-wt', { writable: true, tmp: 'private' }],
  ['-tw', { writable: true, tmp: 'private' }],
  ['-wtvv', { writable: true, tmp: 'private', verbosity: 2 }],
  // values: attached, behind `=`, in the next word
  ['-c /a', { directory: '/a' }],
  ['-c/a', { directory: '/a' }],
  ['-c=/a', { directory: '=/a' }],
  ['--cd /a', { directory: '/a' }],
  ['--cd=/a', { directory: '/a' }],
  ['--cd=', { directory: '' }],
  ['-wc /a', { writable: true, directory: '/a' }],
  ['-wc/a', { writable: true, directory: '/a' }],
  [['-c', '/a b'], { directory: '/a b' }],
  [['--cd=/a=b c'], { directory: '/a=b c' }],
  [['-c', '--'], { directory: '--' }],
  [['-c', '-w'], { directory: '-w' }],
  [['--cd', '--write'], { directory: '--write' }],
  [['-c', ''], { directory: '' }],
  [['-c', '/caf\udce9'], { directory: '/caf\udce9' }],
  [['-c', '/é 😀'], { directory: '/é 😀' }],
  ['-c 0', { directory: '0' }],
  ['-c 007', { directory: '007' }],
  ['-c 1e3', { directory: '1e3' }],
  ['-c true', { directory: 'true' }],
  ['-c a.b.c', { directory: 'a.b.c' }],
  [['-c', '"x"'], { directory: '"x"' }],
  // binds
  ['-b /a', { binds: [{ source: '/a' }] }],
  ['-b/a', { binds: [{ source: '/a' }] }],
  ['--bind /a', { binds: [{ source: '/a' }] }],
  ['--bind=/a', { binds: [{ source: '/a' }] }],
  ['--b /a', { binds: [{ source: '/a' }] }],
  ['-b /a:/b', { binds: [{ source: '/a', destination: '/b' }] }],
  ['-b a:/b', { binds: [{ source: 'a', destination: '/b' }] }],
  ['-b .', { binds: [{ source: '.' }] }],
  ['-b ../x:/b/', { binds: [{ source: '../x', destination: '/b/' }] }],
  ['-b /a --bind=/b -b/c', { binds: [{ source: '/a' }, { source: '/b' }, { source: '/c' }] }],
  ['-b /a -b /a', { binds: [{ source: '/a' }, { source: '/a' }] }],
  [['-b', '/a b:/c d'], { binds: [{ source: '/a b', destination: '/c d' }] }],
  [['-b', '/\udcff:/\udcfe'], { binds: [{ source: '/\udcff', destination: '/\udcfe' }] }],
  [['-b', '/a=b'], { binds: [{ source: '/a=b' }] }],
  [['-b', '/a,b'], { binds: [{ source: '/a,b' }] }],
  [['-b', 'a\\:b'], { binds: [{ source: 'a:b' }] }],
  [['-b', '/a\\:b:/c\\:\\:d'], { binds: [{ source: '/a:b', destination: '/c::d' }] }],
  [['-b', '/a\\:b\\::/c:ro'], { binds: [{ source: '/a:b:', destination: '/c', flags: ['ro'] }] }],
  [['-b', '/a\\\\:/b'], { binds: [{ source: '/a\\', destination: '/b' }] }],
  [['-b', '/a\\\\\\:b'], { binds: [{ source: '/a\\:b' }] }],
  [['-b', '/a\\b\\\\c:/d\\'], { binds: [{ source: '/a\\b\\\\c', destination: '/d\\' }] }],
  ['-b /a:/b:z', { binds: [{ source: '/a', destination: '/b', flags: ['z'] }] }],
  ['-b /a:/b:ro,Z', { binds: [{ source: '/a', destination: '/b', flags: ['ro', 'Z'] }] }],
  [['-b', '-x'], { binds: [{ source: '-x' }] }],
  ['-b 1:/2', { binds: [{ source: '1', destination: '/2' }] }],
  // ids
  ['-u 0', { uid: 0 }],
  ['-u0', { uid: 0 }],
  ['--uid=1000', { uid: 1000 }],
  ['--uid 1000', { uid: 1000 }],
  ['--ui 1', { uid: 1 }],
  ['-u 2147483648', { uid: 2 ** 31 }],
  ['-u 4294967294', { uid: 2 ** 32 - 2 }],
  ['-u 007', { uid: 7 }],
  ['-g 0', { gid: 0 }],
  ['-g4294967294', { gid: 2 ** 32 - 2 }],
  ['--gid=5', { gid: 5 }],
  ['--g 5', { gid: 5 }],
  ['-u 1 -g 2', { uid: 1, gid: 2 }],
  // environment, in order
  ['--set-env=A=B', { environment: [set('A=B')] }],
  ['--set-env=A=', { environment: [set('A=')] }],
  ['--set-env=A=B=C', { environment: [set('A=B=C')] }],
  [['--set-env=A=b c'], { environment: [set('A=b c')] }],
  [["--set-env=A='b c'"], { environment: [set("A='b c'")] }],
  [['--set-env=A=\udce9'], { environment: [set('A=\udce9')] }],
  [['--set-env=A=\n'], { environment: [set('A=\n')] }],
  ['--set-env', { environment: [guestFile('lines')] }],
  ['--set-env=', { environment: [guestFile('lines')] }],
  ['--set-env0', { environment: [guestFile('nul')] }],
  ['--set-env=file', { environment: [hostFile('file')] }],
  ['--set-env0=/file', { environment: [hostFile('/file', 'nul')] }],
  ['--set-env0=A=B', { environment: [set('A=B')] }],
  ['--unset-env=A', { environment: [unset('A')] }],
  ['--unset-env A*', { environment: [unset('A*')] }],
  ['--unset A', { environment: [unset('A')] }],
  ['--unset-env=!(A*|B)', { environment: [unset('!(A*|B)')] }],
  ['--unset-env A=B', { environment: [unset('A=B')] }],
  ['--set-env=A=1 --unset-env=A --set-env=B=2', { environment: [set('A=1'), unset('A'), set('B=2')] }],
  [
    '--unset-env=* --set-env --set-env0=f',
    { environment: [unset('*'), guestFile('lines'), hostFile('f', 'nul')] },
  ],
  ['--env-no-expand --set-env=A=$B', { environment: [set('A=$B', false)] }],
  ['--set-env=A=$B --env-no-expand', { environment: [set('A=$B', false)] }],
  ['--env --set-env=A=$B', { environment: [set('A=$B', false)] }],
  // messages
  ['-v', { verbosity: 1 }],
  ['-vv', { verbosity: 2 }],
  ['-vvv', { verbosity: 3 }],
  ['-vvvv', { verbosity: 3 }],
  ['-v --verbose -v', { verbosity: 3 }],
  ['--verb', { verbosity: 1 }],
  ['-q', { verbosity: -1 }],
  ['-qq --quiet', { verbosity: -3 }],
  ['-qqqq', { verbosity: -3 }],
  ['--color', { color: 'always' }],
  ['--color=', { color: 'always' }],
  ['--color=always', { color: 'always' }],
  ['--color=never', { color: 'never' }],
  ['--color=auto', { color: 'auto' }],
  ['--col=never', { color: 'never' }],
  ['--log=text', { log: 'text' }],
  ['--log json', { log: 'json' }],
  ['--syslog', { syslog: true }],
];

const toWords = (words: string | readonly string[]) =>
  typeof words === 'string' ? words.split(' ') : [...words];
const show = (words: readonly string[]) => (words.length ? JSON.stringify(words.join(' ')) : 'no option');

for (const [written, change] of requests) {
  const words = toWords(written);
  for (const separator of [['--'], []]) {
    const line = [...words, 'img', ...separator, 'cmd', '-x'];
    t.test(`${show(words)} ${separator.length ? 'with' : 'without'} -- is understood`, (t) => {
      t.same(parseCommandLine(line), {
        kind: 'launch',
        request: { ...plain, ...change },
        commandIndex: line.length - 2,
        keyWords: words.length + 1,
      });
      t.end();
    });
  }
}

/** Words, and the beginning of what is said about them. */
const errors: readonly [string | readonly string[], string][] = [
  [[], 'expected IMAGE -- COMMAND after the options'],
  ['-w', 'expected IMAGE -- COMMAND after the options'],
  ['--', 'expected IMAGE -- COMMAND after the options'],
  ['img', 'no command to run in the container'],
  ['img --', 'no command to run in the container'],
  ['-- img', 'no command to run in the container'],
  ['-- img --', 'no command to run in the container'],
  ['--plan p', 'no command to run in the container'],
  ['--plan p --', 'no command to run in the container'],
  ['-b', '--bind needs a value: SRC[:DST[:OPT,...]]'],
  ['--bind', '--bind needs a value: SRC[:DST[:OPT,...]]'],
  ['--cd', '--cd needs a value: DIR'],
  ['-wc', '--cd needs a value: DIR'],
  ['-u', '--uid needs a value: UID'],
  ['-g', '--gid needs a value: GID'],
  ['--unset-env', '--unset-env needs a value: GLOB'],
  ['--plan', '--plan needs a value: FILE'],
  ['--feature', '--feature needs a value: F'],
  ['--write=yes img -- true', "--write takes no value, got 'yes'"],
  ['--write= img -- true', "--write takes no value, got ''"],
  ['--no-passwd=1 img -- true', "--no-passwd takes no value, got '1'"],
  ['--help=1', "--help takes no value, got '1'"],
  ['-c /a -c /b img -- true', '--cd was given more than once'],
  ['-c /a --cd=/a img -- true', '--cd was given more than once'],
  ['-u 1 -u 1 img -- true', '--uid was given more than once'],
  ['-g 1 --gid=2 img -- true', '--gid was given more than once'],
  ['--color --color img -- true', '--color was given more than once'],
  ['--dry-run --dry-run=json img', '--dry-run was given more than once'],
  ['--plan a --plan b cmd', '--plan was given more than once'],
  ['-w --plan a cmd', '--plan takes no other option'],
  ['--plan=a -v cmd', '--plan takes no other option'],
  ['-x img -- true', 'unknown option -x'],
  ['-wx img -- true', 'unknown option -x in -wx'],
  ['-- -x', 'no command to run in the container'],
  ['--frobnicate img -- true', 'unknown option --frobnicate'],
  ['--wrote img -- true', 'unknown option --wrote'],
  ['--no-write img -- true', 'unknown option --no-write'],
  ['--= img', 'is ambiguous'],
  ['--u 1 img -- true', '--u is ambiguous: --unsafe, --unset-env, --uid, --unmask, --usage'],
  ['--set img -- true', '--set is ambiguous: --set-env, --set-env0'],
  ['--c /a img -- true', '--c is ambiguous: --cdi-dirs, --cdi-run-hooks, --cd, --color, --config'],
  ['--ver img -- true', '--ver is ambiguous: --verbose, --version'],
  ['--p img -- true', '--p is ambiguous: --private-tmp, --profile, --plan'],
  ['-b : img -- true', "expected SRC[:DST[:OPT,...]] for --bind, got ':': SRC is empty"],
  [['-b', '', 'img', '--', 'true'], "expected SRC[:DST[:OPT,...]] for --bind, got '': SRC is empty"],
  ['-b :/b img -- true', "expected SRC[:DST[:OPT,...]] for --bind, got ':/b': SRC is empty"],
  ['-b /a: img -- true', "expected SRC[:DST[:OPT,...]] for --bind, got '/a:': DST is empty"],
  ['-b /a:b img -- true', "expected SRC[:DST[:OPT,...]] for --bind, got '/a:b': DST must be absolute"],
  ['-b /a:./b img -- true', "expected SRC[:DST[:OPT,...]] for --bind, got '/a:./b': DST must be absolute"],
  ['-b /a:/ img -- true', "expected SRC[:DST[:OPT,...]] for --bind, got '/a:/': DST can't be /"],
  ['-b /a:// img -- true', "expected SRC[:DST[:OPT,...]] for --bind, got '/a://': DST can't be /"],
  ['-b /a:/.. img -- true', "expected SRC[:DST[:OPT,...]] for --bind, got '/a:/..': DST can't be /"],
  ['-b /a:/./../ img -- true', "expected SRC[:DST[:OPT,...]] for --bind, got '/a:/./../': DST can't be /"],
  [
    '-b /a:/b:/c img -- true',
    "expected SRC[:DST[:OPT,...]] for --bind, got '/a:/b:/c': OPT must be one of ro, rw, optional, create",
  ],
  ...['-1', '1a', 'a', '0x10', '1e3', '+1', '1.5', '4294967295', '99999999999999999999', '１'].flatMap(
    (id): [string, string][] => [
      [`-u ${id} img -- true`, `expected a number from 0 to 4294967294 for --uid, got '${id}'`],
      [`--gid=${id} img -- true`, `expected a number from 0 to 4294967294 for --gid, got '${id}'`],
    ],
  ),
  [['-u', '', 'img', '--', 'true'], "expected a number from 0 to 4294967294 for --uid, got ''"],
  [['-u', ' 1', 'img', '--', 'true'], "expected a number from 0 to 4294967294 for --uid, got ' 1'"],
  [['-u', '1\n', 'img', '--', 'true'], "expected a number from 0 to 4294967294 for --uid, got '1\n'"],
  ['--unset-env= img -- true', "expected a pattern for --unset-env, got ''"],
  ['--set-env==x img -- true', "expected a variable name before = for --set-env, got '=x'"],
  ['--set-env0==x img -- true', "expected a variable name before = for --set-env0, got '=x'"],
  ['--log=xml img -- true', "expected text or json for --log, got 'xml'"],
  ['--color=pink img -- true', "expected auto, always or never for --color, got 'pink'"],
  ['--dry-run=yaml img', "expected text, json or plan for --dry-run, got 'yaml'"],
  ['-w --overlay=o img -- true', '--write and --overlay exclude each other'],
  ['--home --no-home img -- true', '--home and --no-home exclude each other'],
  ['-W --overlay=o img -- true', '--write-fake and --overlay exclude each other'],
  ...['5x', '5%%', '-1', '1.5g', '1gb', 'x', '5 %', '0', '0%', '00m', '12,size=1'].map(
    (size): [readonly string[], string] => [
      [`-W${size}`, 'img', '--', 'true'],
      `expected a size such as 12%, 500m or 2g for --write-fake, got '${size}'`,
    ],
  ),
  ['-W -W img -- true', '--write-fake was given more than once'],
  ['--overlay', '--overlay needs a value: DIR'],
  ['--overlay=a --overlay=b img -- true', '--overlay was given more than once'],
  ['--overlay= img -- true', "expected a directory for --overlay, got ''"],
  ['-s', '--storage needs a value: DIR'],
  ['-s a -s b img -- true', '--storage was given more than once'],
  ['--storage= img -- true', "expected a directory for --storage, got ''"],
  ['-m', '--mount needs a value: DIR'],
  ['-m a -m b img -- true', '--mount was given more than once'],
  ['--mount= img -- true', "expected a directory for --mount, got ''"],
  ['--home=x img -- true', "--home takes no value, got 'x'"],
  ['--no-share=1 img -- true', "--no-share takes no value, got '1'"],
  ['--list=yaml', "expected text or json for --list, got 'yaml'"],
  ['--list --list', '--list was given more than once'],
  ['--no img -- true', '--no is ambiguous: --no-share, --no-home, --no-passwd, --no-config, --no-memo'],
  ['-q -v img -- true', '--quiet and --verbose exclude each other'],
  ['-qv img -- true', '--quiet and --verbose exclude each other'],
];

for (const [written, message] of errors) {
  const words = toWords(written);
  t.test(`${show(words)} is wrong usage`, (t) => {
    try {
      t.fail(JSON.stringify(parseCommandLine(words)));
    } catch (error) {
      t.type(error, LaunchError);
      t.match((error as LaunchError).message, message);
      t.equal((error as LaunchError).exitStatus, 64);
    }
    t.end();
  });
}

const nearest: readonly [string, string | undefined][] = [
  ['--wirte', '--write'],
  ['--bnid', '--bind'],
  ['--colour', '--color'],
  ['--setenv', '--set-env'],
  ['--unsetenv', '--unset-env'],
  ['--no-password', '--no-passwd'],
  ['--dryrun', '--dry-run'],
  ['--vebrose', '--verbose'],
  ['--frobnicate', undefined],
];
for (const [word, near] of nearest) {
  t.test(`the unknown option ${word} ${near ? `suggests ${near}` : 'suggests nothing'}`, (t) => {
    t.throws(
      () => parseCommandLine([word, 'img', '--', 'true']),
      Object.assign(new Error(`unknown option ${word}`), {
        name: 'LaunchError',
        hint: near && `did you mean ${near}?`,
      }),
    );
    t.end();
  });
}

const others: readonly [string, CommandLine][] = [
  ['--help', { kind: 'help' }],
  ['-?', { kind: 'help' }],
  ['--he', { kind: 'help' }],
  ['-w --help img', { kind: 'help' }],
  ['--list', { kind: 'list', format: 'text' }],
  ['--list=text', { kind: 'list', format: 'text' }],
  ['--list=json', { kind: 'list', format: 'json' }],
  ['--li=json', { kind: 'list', format: 'json' }],
  ['-s /s --list', { kind: 'list', format: 'text', storage: '/s' }],
  ['--list=json --storage /s', { kind: 'list', format: 'json', storage: '/s' }],
  ['--usage', { kind: 'usage' }],
  ['--us', { kind: 'usage' }],
  ['--version', { kind: 'version' }],
  ['-V', { kind: 'version' }],
  ['--feature=extglob', { kind: 'feature', feature: 'extglob' }],
  ['--feature extglob', { kind: 'feature', feature: 'extglob' }],
  ['--feat x', { kind: 'feature', feature: 'x' }],
  ['--plan p cmd', { kind: 'run-plan', file: 'p', commandIndex: 2 }],
  ['--plan=p cmd', { kind: 'run-plan', file: 'p', commandIndex: 1 }],
  ['--plan p -- cmd', { kind: 'run-plan', file: 'p', commandIndex: 3 }],
  ['--plan p -- -x', { kind: 'run-plan', file: 'p', commandIndex: 3 }],
];
for (const [written, line] of others) {
  t.test(`${written} is a request for ${line.kind}`, (t) => {
    t.same(parseCommandLine(written.split(' ')), line);
    t.end();
  });
}

const dryRuns: readonly [string, 'text' | 'json' | 'plan'][] = [
  ['--dry-run', 'text'],
  ['--dry-run=', 'text'],
  ['--dry', 'text'],
  ['--dry-run=text', 'text'],
  ['--dry-run=json', 'json'],
  ['--dry-run=plan', 'plan'],
];
for (const [word, dryRun] of dryRuns) {
  t.test(`${word} plans with and without a command`, (t) => {
    t.same(parseCommandLine([word, 'img']), {
      kind: 'launch',
      request: plain,
      commandIndex: 2,
      keyWords: 0,
      dryRun,
    });
    t.match(parseCommandLine([word, 'img', '--', 'true']), { kind: 'launch', dryRun });
    t.end();
  });
}

/** Words behind the options; where the image and the command lie. */
const commands: readonly [readonly string[], string, number][] = [
  [['img', '--', 'cmd'], 'img', 2],
  [['img', 'cmd'], 'img', 1],
  [['img', 'cmd', '--', 'x'], 'img', 1],
  [['img', '--', '--'], 'img', 2],
  [['img', '--', '--', 'x'], 'img', 2],
  [['img', '-w', 'x'], 'img', 1],
  [['img', '--', '-w'], 'img', 2],
  [['--', 'img', 'cmd'], 'img', 2],
  [['--', '-img', '--', 'cmd'], '-img', 3],
  [['-', '--', 'cmd'], '-', 2],
  [['./img', '--', 'cmd', '-b', '/x'], './img', 2],
  [['img', '--', ''], 'img', 2],
  [['', '--', 'cmd'], '', 2],
  [['a b', '--', 'cmd'], 'a b', 2],
  [['\udce9', '--', '\udcff'], '\udce9', 2],
];
for (const [words, imageWord, commandIndex] of commands) {
  t.test(`in ${JSON.stringify(words)} image and command are found`, (t) => {
    t.same(parseCommandLine(words), {
      kind: 'launch',
      request: { ...plain, image: imageWord },
      commandIndex,
      keyWords: words.indexOf(imageWord) + 1,
    });
    t.end();
  });
}

function isAccepted(word: string): boolean {
  try {
    return parseCommandLine([word, 'img', 'true']) !== undefined;
  } catch {
    return false;
  }
}

for (const option of program.common.filter(({ name }) => name !== 'completion')) {
  // each option has its own idea of a value
  const value =
    option.value === 'required'
      ? ['=1', '=/x', '=json'].find((text) => isAccepted(`--${option.name}${text}`))
      : '';
  const prefixes = [...option.name].map((_, end) => option.name.slice(0, end + 1));
  const unique = prefixes.filter(
    (prefix) =>
      program.common.filter(({ name }) => name.startsWith(prefix)).length === 1 || prefix === option.name,
  );
  t.test(`--${option.name} can be shortened to each of ${unique.length} beginnings`, (t) => {
    const parse = (name: string) =>
      parseCommandLine([`--${name}${value}`, ...(option.name === 'plan' ? [] : ['img']), '--', 'true']);
    for (const prefix of unique) t.same(parse(prefix), parse(option.name), `--${prefix}`);
    t.end();
  });
}

t.test('the table has no name and no letter twice', (t) => {
  const names = program.common.map(({ name }) => name);
  const letters = program.common.flatMap((option) => option.short ?? []);
  t.equal(new Set(names).size, names.length);
  t.equal(new Set(letters).size, letters.length);
  t.end();
});
