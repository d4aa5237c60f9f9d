import t from 'tap';
import { LaunchError } from '../../../src/base/errors.js';
import { type CommandLine, parseCommandLine } from '../../../src/run/command-line.js';
import { program } from '../../../src/run/program.js';
import type { LaunchRequest } from '../../../src/run/request.js';
import { bare, commands, dryRuns, errors, nearest, others, requests, toWords } from './command-lines.js';

const plainLine = parseCommandLine(['img', '--', 'true']) as Extract<CommandLine, { kind: 'launch' }>;
/** What is asked for without any option. */
const plain: LaunchRequest = plainLine.request;

t.test('without options the image is read-only, and as little as possible is changed', (t) => {
  t.match(plain, { image: 'img', writable: false, tmp: 'host', identity: 'host' });
  t.match(plain, { verbosity: 0, color: 'auto', log: 'text', syslog: false });
  t.same([plain.binds, plain.environment, plain.uid, plain.gid], [[], [], undefined, undefined]);
  t.equal(plainLine.commandIndex, 2);
  t.end();
});

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

for (const [written, reference, keyWords] of bare) {
  t.test(`${written} is a request for what the image says`, (t) => {
    const words = toWords(written);
    t.same(parseCommandLine(words), {
      kind: 'launch',
      request: { ...plain, image: reference, imageConfig: 'run' },
      commandIndex: words.length,
      keyWords,
    });
    t.end();
  });
}

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

for (const [written, line] of others) {
  t.test(`${written} is a request for ${line.kind}`, (t) => {
    t.same(parseCommandLine(written.split(' ')), line);
    t.end();
  });
}

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
