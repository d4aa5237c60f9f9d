/** The built-in engine and Node decide alike, byte for byte: what they print, and the plans that they make. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { options } from '../../src/run/options.js';
import { blocksOf, pages, read } from '../docs/command-lines.js';
import {
  image,
  launcher,
  ordinaryUser,
  plant,
  sanitizedLauncher,
  scratch,
  start,
  users,
} from '../helpers/support.js';
import { bare, commands, errors, nearest, others, requests, toWords } from '../unit/cli/command-lines.js';

const [user = ordinaryUser] = users.filter(({ uid }) => uid === process.getuid?.());

t.setTimeout(600_000);

/** A program's answer, without what differs between two processes and two program files. */
function answer(program: string, words: readonly string[], env: NodeJS.ProcessEnv, cwd: string) {
  const { status, signal, stdout, stderr } = start(user, program, [...words], { env, cwd });
  const plain = (text: string) =>
    text
      .replace(/\[\d+\]/g, '[PID]')
      .replace(/"(time|pid)":\d+/g, '"$1":0')
      .replaceAll(program, 'PROGRAM');
  return { status, signal, stdout: plain(stdout), stderr: plain(stderr) };
}

/** Both engines' answers are the same. */
function compare(t: Test, words: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = '/'): void {
  const wanted = answer(sanitizedLauncher, words, env, cwd);
  t.strictSame(answer(launcher, words, env, cwd), wanted, words.join(' ').slice(0, 200));
}

t.test('the two programs have the two engines', async (t) => {
  t.match(start(user, launcher, ['--version']).stdout, /^engine: +QuickJS \d/m);
  t.match(start(user, sanitizedLauncher, ['--version']).stdout, /^engine: +Node\.js/m);
});

t.test('what is printed is the same', async (t) => {
  for (const words of [
    ['--help'],
    [],
    ['-v', '--help'],
    ...options.map(({ name }) => ['--help', name]),
    ['--help', 'nonsense'],
    ['--list', `--storage=${image}`],
    ['--list=json'],
    ...['bash', 'zsh', 'fish', 'nothing', 'images', `commands:${image}`].map((shell) => [
      `--completion=${shell}`,
    ]),
    ...['squash', 'seccomp', 'nonsense'].map((name) => [`--feature=${name}`]),
  ])
    compare(t, words);
});

const formats = ['text', 'json', 'plan'] as const;

t.test('the command lines of the documents make the same plans', async (t) => {
  const lines = pages
    .flatMap((page) => blocksOf(read(page)))
    .flatMap(({ script }) => script.split('\n'))
    .flatMap(
      (line) => /^ *(?:\$ )?(?:srun |mpirun )?ch-run-ts ((?:-[^ '"`$|<>;&]+ )*)[^- ]/.exec(line)?.[1] ?? [],
    )
    .map((text) => text.split(' ').filter(Boolean));
  const unique = [...new Map(lines.map((words) => [words.join(' '), words])).values()];
  t.ok(unique.length > 10, `${unique.length} lines`);
  for (const words of unique) compare(t, ['--dry-run=json', ...words, image, '--', 'true']);
});

t.test('what the parser is tested with is understood the same', async (t) => {
  const launches = [
    ...requests.map(([written]) => [...toWords(written), image, '--', 'true']),
    ...bare.map(([written]) => toWords(written.replace('img', image))),
    ...nearest.map(([word]) => [word, image, '--', 'true']),
    ...commands.map(([words]) => words),
  ];
  const lines = [
    ...launches.map((words) => ['--dry-run=json', ...words]),
    ...errors.map(([written]) => toWords(written)),
    ...others
      .filter(([, { kind }]) => kind !== 'version' && kind !== 'doctor')
      .map(([line]) => toWords(line)),
  ];
  // start() can't pass on bytes that are not UTF-8
  for (const words of lines.filter((words) => words.every((word) => word.isWellFormed()))) compare(t, words);
});

/** Values that fit some option each, and some that fit none. */
const value = fc.oneof(
  fc.constantFrom(
    '/usr',
    '/tmp:/mnt',
    '/usr:/mnt/x',
    '0',
    '1000',
    'A=$HOME',
    'A=1:$B',
    '/dev/null',
    'json',
    'auto',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => !text.includes('\0')),
);

/** All but those which tell what is built in. */
const compared = options.filter(({ name }) => name !== 'version' && name !== 'doctor');

const word = fc.oneof(
  fc
    .tuple(fc.constantFrom(...compared), value)
    .map(([{ name, value: kind }, text]) => (kind === 'none' ? `--${name}` : `--${name}=${text}`)),
  fc.tuple(fc.constantFrom(...compared), fc.nat(4)).map(([{ name }, cut]) => `--${name.slice(0, cut + 2)}`),
  fc.constantFrom('-v', '-q', '-w', '-W', '-wq', '-b/usr', '-c/', '-u0', '-g0', '--no-such', '-x', '--', '-'),
);

t.test('whatever stands on a command line, the plan and the messages are the same', async (t) => {
  const property = fc.property(
    fc.array(word, { maxLength: 4 }),
    fc.constantFrom(...formats),
    (words, format) => compare(t, [`--dry-run=${format}`, ...words, image, '--', 'true']),
  );
  fc.assert(property, { numRuns: process.env.CI === 'true' ? 200 : 60 });
});

t.test('configuration files say the same, right or wrong', async (t) => {
  const place = scratch(t, user);
  const texts = [
    '[options]\nbind = ["/usr:/mnt", "/tmp"]\nset-env = "A=é"\n[profile.p]\nwhen = "/usr"\ncd = "/tmp"\n',
    '\ufeff[options]\nwrite-fake = true\n',
    '[options\n',
    '[options]\nbind = 1979-05-27T07:32:00Z\n',
    '[options]\nbind = 1.5\n',
    '[options]\ncd = """\n/a\\u00e9"""\n',
    '[options]\nunknown = 1\n',
    `[options]\nset-env = ${'['.repeat(300)}${']'.repeat(300)}\n`,
    `[${Array(500).fill('a').join('.')}]\nb = 1\n`,
    'x = '.repeat(1000),
    `[options]\nset-env = ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`,
  ];
  texts.forEach((text, at) => {
    const path = join(place, `${at}.toml`);
    writeFileSync(path, text);
    for (const log of ['text', 'json']) compare(t, [`--config=${path}`, `--log=${log}`, '--dry-run', image]);
  });
  writeFileSync(join(place, 'latin1.toml'), Buffer.from('[options]\ncd = "/\xe9"\n', 'latin1'));
  compare(t, [`--config=${join(place, 'latin1.toml')}`, '--dry-run', image]);
});

t.test('devices are described the same', async (t) => {
  const place = scratch(t, user);
  plant(place, {
    'a.yaml':
      'cdiVersion: 0.6.0\nkind: v.com/d\ndevices:\n- name: a\n  containerEdits:\n    env: ["A=1", "B=é"]\n    mounts:\n    - {hostPath: /usr, containerPath: /mnt, options: [ro]}\n',
    'b.json':
      '{"cdiVersion": "0.6.0", "kind": "v.com/e", "devices": [{"name": "b", "containerEdits": {"env": ["C=1"]}}]}',
    'broken.yaml': 'a: [\n',
    'broken.json': '{"a": }',
    'yaml.json': 'a: 1\n',
    'deep.json': `{"cdiVersion":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    'deep.yaml': `a: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`,
    'binary.yaml': 'cdiVersion: !!binary aGk=\nkind: v.com/f\n',
  });
  for (const device of ['v.com/d=a', 'v.com/e=b', 'v.com/f=c', 'v.com/d=none', 'nonsense'])
    compare(t, [`--cdi-dirs=${place}`, `--device=${device}`, '--dry-run=json', image]);
});

t.test('names that are no UTF-8 are the same, and the working directory', async (t) => {
  const place = scratch(t, user);
  mkdirSync(Buffer.concat([Buffer.from(`${place}/caf`), Buffer.of(0xe9)]));
  for (const program of [launcher, sanitizedLauncher]) {
    const script = `cd ${place}/caf* && exec ${program} --dry-run=plan . -- true | od -An -c | grep -c 351`;
    t.match(start(user, 'sh', ['-c', script]).stdout, /^[1-9]/, program);
  }
  compare(t, ['--dry-run', 'none'], {}, place);
});

t.test('arguments as large as the kernel allows are decided about', async (t) => {
  const words = Array(15).fill('x'.repeat(128 * 1024 - 1));
  compare(t, ['--dry-run', image, '--', 'true', ...words]);
  compare(t, ['--dry-run', ...words.map((text) => `--set-env=A=${text.slice(20)}`), image]);
});

t.test('5,000 specifications of devices are read', async (t) => {
  const place = scratch(t, user);
  const spec = (at: number) =>
    JSON.stringify({
      cdiVersion: '0.6.0',
      kind: `v${at}.com/d`,
      devices: [{ name: 'a', containerEdits: { env: ['A=1'] } }],
    });
  plant(place, Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`${at}.json`, spec(at)])));
  compare(t, [`--cdi-dirs=${place}`, '--device=v4321.com/d=a', '--dry-run=plan', image]);
});

t.test('an internal error shows where it happened, by file and line of the TypeScript', async (t) => {
  // the bundle that both engines run, started wrongly
  const bundle = join(dirname(launcher), '../dist/ch-run-ts.bundle.js');
  const script = `const fs = require('node:fs'), vm = require('node:vm'), url = require('node:url');
const load = new vm.Script(fs.readFileSync(process.argv[1], 'utf8'), { filename: process.argv[1] }).runInThisContext();
load(url.pathToFileURL(process.argv[1]).href).main('ch-run-ts', null);`;
  const { stderr } = start(user, process.execPath, ['-e', script, bundle]);
  t.match(stderr, /internal error: TypeError: .*\n +at \w+ \(src\/run\/run\.ts:\d+\)\n/);
});
