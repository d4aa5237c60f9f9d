/** Completion by the shells themselves. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { latin1, toBytes } from '../../../src/base/bytes.js';
import { renderCompletion } from '../../../src/cli/completion/render.js';
import { kindOf, shells } from '../../../src/cli/completion/values.js';
import { RealHost } from '../../../src/host/host.js';
import { program } from '../../../src/run/program.js';
import { listCommands } from '../../../src/store/list-commands.js';
import { toBuffer } from '../../helpers/bytes.js';
import {
  checkout,
  environmentOf,
  failsWith,
  image,
  isRoot,
  launcher,
  ordinaryUser,
  plant,
  run,
  scratch,
  skip,
  squashed,
  stage,
  start,
  users,
} from '../../helpers/support.js';

/** What bash offers behind these words, which it parts at = and : by itself. */
function complete(t: Test, words: readonly string[], env: NodeJS.ProcessEnv = {}): readonly string[] {
  const script = `
    source <(ch-run-ts --completion=bash)
    compopt() { case $2 in default | dirnames) COMPREPLY=("by readline: $2") ;; esac; }
    COMP_WORDS=(ch-run-ts "$@")
    COMP_CWORD=$#
    _ch_run_ts
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const path = `${dirname(launcher)}:${dirname(process.execPath)}:/usr/bin:/bin`;
  const { status, stdout, stderr } = start(ordinaryUser, 'bash', ['--norc', '-c', script, 'bash', ...words], {
    env: { PATH: path, ...env },
    cwd: image,
  });
  t.same([status, stderr], [0, ''], words.join(' '));
  return stdout.split('\n').filter((line) => line !== '');
}

t.test('bash completes options', (t) => {
  t.same(complete(t, ['--join-t']), ['--join-tag=', '--join-timeout=']);
  t.same(complete(t, ['--no-m']), ['--no-memo']);
  const all = complete(t, ['--']);
  t.same(
    all.map((word) => word.replace(/^--|=$/g, '')),
    program.common.map(({ name }) => name),
    'every option',
  );
  t.end();
});

t.test('bash completes values', (t) => {
  t.same(complete(t, ['--dry-run', '=', 'j']), ['json']);
  t.same(complete(t, ['--color', '=']), ['auto', 'always', 'never']);
  t.same(complete(t, ['--feature', 's']), [
    'seccomp',
    'squash',
    ...['gzip', 'xz', 'lzo', 'lz4', 'zstd'].map((name) => `squash-${name}`),
  ]);
  t.same(complete(t, ['-b', 'et']), ['by readline: default']);
  t.same(complete(t, ['--storage', '=', 'et']), ['by readline: dirnames']);
  t.same(complete(t, ['--uid', '=', '']), []);
  t.end();
});

t.test('bash completes images by path and by name in storage', (t) => {
  const storage = scratch(t);
  for (const name of ['debian+12', 'eternal', 'with blank'])
    mkdirSync(join(storage, 'img', name), { recursive: true });
  const env = { CH_IMAGE_STORAGE: storage };
  t.same(complete(t, ['-w', 'et'], env), ['eternal', 'etc/']);
  t.same(complete(t, ['deb'], env), ['debian:12']);
  t.same(complete(t, ['debian', ':'], env), ['12']);
  t.same(complete(t, ['debian', ':', '1'], env), ['12']);
  t.same(complete(t, ['with'], env), ['with\\ blank']);
  t.end();
});

t.test('bash completes the commands of a directory image', (t) => {
  t.same(complete(t, [image, '--', 'tou']), ['touch']);
  t.same(complete(t, ['no-such-image', '--', 'tou']), ['by readline: default']);
  const env = { CH_IMAGE_STORAGE: storageWith(t, 'tools:1') };
  t.same(complete(t, ['tools', ':', '1', '--', 'too'], env), ['tool'], 'of an image by name');
  t.end();
});

/** Whom shells run as that are started without further ado. */
const ourselves = users[0];

/** A storage directory with a small image of that name. */
function storageWith(t: Test, name: string, user = ordinaryUser): string {
  const storage = scratch(t, user);
  plant(storage, { [`img/${name.replace(':', '+')}/usr/bin/tool`]: 'x' }, user);
  return storage;
}

t.test('the commands of an image are those in its directories of programs, each once', (t) => {
  const place = scratch(t);
  plant(place, { 'img/bin/b': '', 'img/usr/bin/b': '', 'img/usr/sbin/a': '', 'img/usr/lib/c': '', file: '' });
  plant(place, { 'img/sbin': { link: '/nowhere' } });
  const commands = (reference: string) => listCommands(reference, undefined, new RealHost());
  t.same(commands(join(place, 'img')), ['a', 'b']);
  for (const none of [join(place, 'file'), join(place, 'none'), '', squashed])
    t.same(commands(none), [], none);
  t.same(run(ordinaryUser, [`--completion=commands:${place}/img`]).stdout, 'a\0b\0');
  t.end();
});

for (const shell of shells) {
  t.test(`${shell} takes the script, and it has every option`, (t) => {
    const script = run(ordinaryUser, [`--completion=${shell}`]);
    t.same([script.status, script.stderr, script.stdout], [0, '', renderCompletion(program, shell)]);
    for (const { name } of program.common)
      t.match(script.stdout, shell === 'fish' ? `-l ${name} ` : `--${name}`);
    const file = join(scratch(t), 'script');
    writeFileSync(file, script.stdout);
    const { error, status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    if (error) return skip(t, `there is no ${shell}`);
    t.same([status, stderr], [0, '']);
    t.end();
  });
}

/** Names as a hostile image has them, each with a first letter of its own; `touch PWNED` is to be run by nobody. */
const hostile = [
  'a$(touch PWNED)',
  'b`touch PWNED`',
  'c\'d"e',
  'd"$(touch PWNED)',
  "e'$(touch PWNED)",
  'f;touch PWNED',
  'g\nh',
  'h\n$(touch PWNED)\n',
  'i*',
  '-j',
  'k\udcff',
  'l m',
  'n!o',
  'p\\q',
  'r#',
  't$HOME',
  'u>PWNED',
  'v{w,x}',
];

/** Types these into an interactive shell, each followed by a tab and a return: the words of ch-run-ts then. */
function pressTab(t: Test, shell: string, lines: readonly string[]): readonly (readonly string[] | null)[] {
  const place = scratch(t);
  const seen = join(place, 'seen');
  plant(place, {
    'bin/ch-run-ts': `#!/bin/sh
case $1 in --completion=*) exec ${launcher} "$@" ;; esac
printf '%s\\0' "$@" >$SEEN.part
mv $SEEN.part $SEEN
`,
    'cwd/': null,
  });
  for (const name of hostile) {
    plant(place, { 'img/usr/bin/': null, 'storage/img/': null });
    writeFileSync(toBuffer(`${place}/img/usr/bin/${name}`), '');
    mkdirSync(toBuffer(`${place}/storage/img/${name}`));
  }
  if (isRoot) execFileSync('chown', ['-R', `${ordinaryUser.uid}:${ordinaryUser.gid}`, place]);
  const { PATH } = environmentOf(ordinaryUser);
  const { stdout, stderr } = start(
    ordinaryUser,
    'python3',
    [join(checkout, 'test/launch/completion/press-tab.py'), shell],
    {
      cwd: join(place, 'cwd'),
      input: JSON.stringify(lines),
      timeout: 300_000,
      env: {
        PATH: `${place}/bin:${PATH}`,
        HOME: place,
        TERM: 'xterm',
        CH_IMAGE_STORAGE: join(place, 'storage'),
        SEEN: seen,
      },
    },
  );
  t.equal(stderr, '');
  t.notOk(readdirSync(join(place, 'cwd')).includes('PWNED'), 'no name was run');
  return JSON.parse(stdout);
}

/** As press-tab.py tells words. */
const told = (name: string) => latin1(toBytes(name));

for (const shell of shells) {
  t.test(`${shell} runs no name, and puts each on the line as it is`, (t) => {
    if (spawnSync(shell, ['-c', ':']).error) return skip(t, `there is no ${shell}`);
    if (spawnSync('python3', ['--version']).error) return skip(t, 'there is no python3');
    const images = hostile.filter((name) => name !== '-j');
    const before = ['ch-run-ts ../img -- ', 'ch-run-ts '];
    const quoted = hostile.flatMap((name) => [`'${name[0]}`, `"${name[0]}`]);
    const typed = [
      ...hostile.map((name) => `ch-run-ts ../img -- ${name[0]}`),
      ...images.map((name) => `ch-run-ts ${name[0]}`),
    ];
    // fish takes the first of several, bash and zsh none: what counts is that nothing was run
    const others = [...before, ...quoted.map((word) => `ch-run-ts ../img -- ${word}`)];
    const results = pressTab(t, shell, [...typed, ...others]);
    const expected = [
      ...hostile.map((name) => ['../img', '--', told(name)]),
      ...images.map((name) => [told(name)]),
    ];
    for (const [at, words] of expected.entries()) t.same(results[at], words, String(typed[at]));
    t.end();
  });
}

/** Where shells find the launcher, and keep nothing. */
function surroundings(t: Test): NodeJS.ProcessEnv {
  return { HOME: scratch(t), PATH: `${dirname(launcher)}:${dirname(process.execPath)}:/usr/bin:/bin` };
}

t.test('fish completes options, values, images, and the commands of a directory image', (t) => {
  const env = { ...surroundings(t), CH_IMAGE_STORAGE: storageWith(t, 'tools:1', ourselves) };
  const ask = (line: string) => {
    const script = `source (ch-run-ts --completion=fish | psub); complete -C '${line}'`;
    return spawnSync('fish', ['-c', script], { encoding: 'utf8', cwd: stage, env });
  };
  if (ask('').error) return skip(t, 'there is no fish');
  t.match(ask('ch-run-ts too').stdout, /^tools:1\timage$/m);
  t.equal(ask('ch-run-ts ./image -- tou').stdout, 'touch\tcommand\n');
  t.equal(ask('ch-run-ts -w tools:1 -- too').stdout, 'tool\tcommand\n');
  t.equal(ask('ch-run-ts ./image -- touch tou').stdout, '', 'arguments are none');
  t.match(ask('ch-run-ts ./image.sqfs -- prob').stdout, /^probe$/m, 'files where nothing else is known');
  t.match(ask('ch-run-ts --join-t').stdout, /^--join-tag=?\t.*\n--join-timeout=?\t/m);
  t.match(ask('ch-run-ts --color=al').stdout, /^--color=always/m);
  t.end();
});

t.test('zsh completes options, values, images, and the commands of a directory image', (t) => {
  const env = { ...surroundings(t), CH_IMAGE_STORAGE: storageWith(t, 'tools:1', ourselves) };
  if (spawnSync('zsh', ['-c', ':']).error) return skip(t, 'there is no zsh');
  const press = (line: string) => {
    const out = join(scratch(t), 'line');
    const words = [join(checkout, 'test/launch/completion/press-tab.zsh'), line, out];
    spawnSync('zsh', words, { cwd: stage, env, timeout: 60_000 });
    return readFileSync(out, 'utf8').trimEnd();
  };
  for (const [typed, completed] of [
    ['--join-ta', '--join-tag='],
    ['--color=al', '--color=always'],
    ['too', 'tools:1'],
    ['./image -- tou', './image -- touch'],
    ['-W -b . ./image tou', '-W -b . ./image touch'],
    ['./image.sqfs -- prob', './image.sqfs -- probe'],
  ])
    t.equal(press(`ch-run-ts ${typed}`).replaceAll('\\', ''), `ch-run-ts ${completed}`);
  t.end();
});

t.test('the words of an option in the table are known to completion', (t) => {
  for (const option of program.common)
    if (option.value === 'none') t.equal(kindOf(option), undefined, option.name);
  for (const option of program.common.filter(({ metavar }) =>
    /^(DIR|FORMAT|WHEN|SHELL|FILE)/.test(metavar ?? ''),
  )) {
    if (option.name !== 'cd') t.not(kindOf(option), undefined, option.name);
  }
  failsWith(
    t,
    run(ordinaryUser, ['--completion=tcsh']),
    64,
    "expected bash, zsh, fish for --completion, got 'tcsh'",
  );
  t.end();
});
