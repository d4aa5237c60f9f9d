/** A program with commands goes through parser, help, documents, completion and configuration by its tables alone. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { renderCompletion } from '../../../src/cli/completion/render.js';
import { shells } from '../../../src/cli/completion/values.js';
import { renderHelp, renderTopic, renderUsage } from '../../../src/cli/help.js';
import { renderManual, renderMarkdown } from '../../../src/cli/manual.js';
import { parseOptions, takesSettings } from '../../../src/cli/parse.js';
import { type Command, type Option, optionsOf, type Program } from '../../../src/cli/program.js';
import { checkValues } from '../../../src/cli/values.js';
import { configure } from '../../../src/config/configure.js';
import type { Subject } from '../../../src/config/subject.js';
import { fakeHost } from '../../helpers/fake-host.js';
import { scratch, skip } from '../../helpers/support.js';

const verbose = {
  name: 'verbose',
  short: 'v',
  value: 'none',
  repeat: 'count',
  group: 'general',
  summary: 'print more',
} as const satisfies Option;
const help = {
  name: 'help',
  value: 'none',
  repeat: 'refuse',
  action: 'plain',
  group: 'general',
  summary: 'print this help',
} as const satisfies Option;
const format = {
  name: 'format',
  short: 'f',
  value: 'required',
  metavar: 'FORMAT',
  repeat: 'refuse',
  choices: ['text', 'json'],
  default: 'text',
  group: 'output',
  summary: 'how boats are listed',
  details: 'Boats are listed by age.',
} as const satisfies Option;
const crew = {
  name: 'crew',
  value: 'required',
  metavar: 'NAME',
  repeat: 'collect',
  completes: ['ann', 'bob'],
  conflicts: ['empty'],
  group: 'boat',
  summary: 'who comes along',
} as const satisfies Option;
const empty = {
  name: 'empty',
  value: 'none',
  repeat: 'refuse',
  group: 'boat',
  summary: 'go without a crew',
} as const satisfies Option;

const list: Command = { name: 'list', summary: 'list the boats', operands: '[HARBOUR]', options: [format] };
const sail: Command = { name: 'sail', summary: 'set sail', operands: 'BOAT', options: [crew, empty] };

const boats: Program = {
  name: 'ch-boat-ts',
  summary: 'sail boats',
  description: 'Sail boats, and list them.',
  groups: { general: 'General', output: 'Output', boat: 'Boat' },
  common: [verbose, help],
  commands: [list, sail],
  prefix: 'CH_BOAT_',
  variables: [],
  examples: [['ch-boat-ts sail dinghy', 'alone']],
  success: '0 on success',
  exitStatuses: [[1, 'the boat has sunk']],
  sections: [],
};

const subject: Subject = {
  program: boats,
  check: (values) => void checkValues(optionsOf(boats), values),
  profiles: [],
};

t.test('common options stand before and behind the command, its own behind it and its arguments', (t) => {
  const words = ['-v', 'sail', '--crew', 'ann', 'dinghy', '-9', '-v', '--crew=bob', '--', '-x'];
  const given = parseOptions(boats, words);
  t.match(given, { values: { verbose: 2, crew: ['ann', 'bob'] }, command: sail });
  t.same(given.words.slice(given.next), ['dinghy', '-9', '-x'], 'what is not an option, in order');
  const pulling = { ...boats, commands: [{ ...sail, startsCommand: true as const }] };
  const started = parseOptions(pulling, ['sail', '-v', 'dinghy', '-v', '--crew=x']);
  t.match(started.values, { verbose: 1 });
  t.same(started.words.slice(started.next), ['dinghy', '-v', '--crew=x'], 'those of another command line');
  t.equal(parseOptions(boats, ['-v']).command, undefined);
  t.throws(() => parseOptions(boats, ['--crew=ann', 'sail']), { message: 'unknown option --crew' });
  t.throws(() => parseOptions(boats, ['list', '--crew=ann']), { message: 'unknown option --crew' });
  t.throws(() => parseOptions(boats, ['sial']), {
    message: "there is no command 'sial'",
    hint: 'did you mean sail?',
  });
  t.end();
});

t.test('where a program wants it, long names may follow one dash', (t) => {
  const inGo: Program = { ...boats, oneDash: true };
  const given = parseOptions(inGo, ['-verbose', 'sail', '-crew', 'ann', '-crew=bob', '-vv', 'dinghy']);
  t.match(given, { values: { verbose: 3, crew: ['ann', 'bob'] }, command: sail });
  t.throws(() => parseOptions(inGo, ['sail', '-cre=ann']), { message: 'unknown option -c in -cre=ann' });
  t.throws(() => parseOptions(boats, ['-verbose']), { message: 'unknown option -e in -verbose' });
  t.end();
});

t.test('values are checked and typed by the tables', (t) => {
  const rows = [format, crew, empty] as const;
  const values = checkValues(rows, parseOptions(boats, ['list', '-f', 'json']).values);
  const typed: 'text' | 'json' | undefined = values.format;
  const names: readonly string[] | undefined = values.crew;
  t.same([typed, names], ['json', undefined]);
  t.throws(() => checkValues(rows, { format: 'xml' }), {
    message: "expected text or json for --format, got 'xml'",
  });
  t.throws(() => checkValues(rows, { crew: ['ann'], empty: true }), {
    message: '--crew and --empty exclude each other',
  });
  t.end();
});

t.test('help lists the commands, and tells about one of them or of the options', (t) => {
  const text = renderHelp(boats);
  t.match(text, 'Usage: ch-boat-ts [OPTION...] COMMAND [ARG...]\nSail boats, and list them.\n\nCommands:\n');
  t.match(text, /\n {2}list {22}list the boats\n {2}sail /);
  t.notMatch(text, '--crew');
  const { topic } = parseOptions(boats, ['--help', 'sail']);
  t.match(renderTopic(boats, topic), 'Usage: ch-boat-ts sail [OPTION...] BOAT\nSet sail.\n');
  t.match(renderTopic(boats, topic), '--crew=NAME');
  t.notMatch(renderTopic(boats, topic), '--format');
  const about = parseOptions(boats, ['--help', '-f']).topic;
  t.match(renderTopic(boats, about), 'how boats are listed; FORMAT: text (default), json\n');
  t.match(renderTopic(boats, about), 'Boats are listed by age.');
  t.match(renderUsage(boats, sail), 'Usage: ch-boat-ts sail [-v|--verbose] [--help] [--crew=NAME]');
  t.end();
});

t.test('manual and documents have every command with its options', (t) => {
  const manual = renderManual(boats);
  const markdown = renderMarkdown(boats);
  for (const { name, operands } of boats.commands) {
    t.match(manual, `.SS ch\\-boat\\-ts ${name}\n`);
    t.match(manual, `.B ch\\-boat\\-ts ${name} [OPTION...] ${operands}`);
    t.match(markdown, `## ch-boat-ts ${name}\n`);
  }
  for (const { name } of optionsOf(boats)) {
    t.equal(manual.split(`\\-\\-${name}`).length, 2, `${name} once`);
    t.equal(markdown.split(`--${name}`).length, name === 'help' ? 3 : 2, `${name} once`);
  }
  t.end();
});

t.test('files and variables set the options of all commands', async (t) => {
  const host = fakeHost({
    variables: { HOME: '/home/alice', CH_BOAT_FORMAT: 'json', CH_BOAT_CERW: 'x' },
    paths: {
      '/etc/ch-boat-ts/config.toml': Buffer.from('[options]\ncrew = ["ann"]'),
      '/home/alice/.config/ch-boat-ts/config.toml': Buffer.from('[options]\ncrew = ["bob"]'),
    },
  });
  const given = parseOptions(boats, ['sail', '--crew=eve', 'dinghy']);
  t.ok(takesSettings(boats, given));
  t.notOk(takesSettings(boats, parseOptions(boats, ['sail', '--help'])));
  const { values, warnings } = await configure(subject, given.values, host);
  t.same(values, { format: 'json', crew: ['ann', 'bob', 'eve'] });
  t.same(warnings, ['CH_BOAT_CERW has no effect: did you mean CH_BOAT_CREW?']);
  t.same(
    checkValues(optionsOf(boats, sail), values),
    { crew: ['ann', 'bob', 'eve'] },
    'those of the command',
  );
  t.same(
    (await configure(subject, { empty: true }, host)).values,
    { format: 'json', empty: true },
    'a stronger place takes precedence',
  );
});

for (const shell of shells) {
  t.test(`${shell} takes the script for a program with commands`, (t) => {
    const file = join(scratch(t), 'script');
    writeFileSync(file, renderCompletion(boats, shell));
    const { error, status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    if (error) return skip(t, `there is no ${shell}`);
    t.same([status, stderr], [0, '']);
    t.end();
  });
}

/** What a shell offers behind these words. */
const asks: Readonly<Record<string, (file: string, words: readonly string[]) => readonly string[]>> = {
  bash: (file, words) => [
    '--norc',
    '-c',
    `source ${file}; compopt() { :; }; COMP_WORDS=(ch-boat-ts "$@"); COMP_CWORD=$#; _ch_boat_ts; printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
    ...words,
  ],
  fish: (file, words) => [
    '--no-config',
    '-c',
    `source ${file}; complete -C '${['ch-boat-ts', ...words].join(' ')}'`,
  ],
};

for (const [shell, ask] of Object.entries(asks)) {
  t.test(`${shell} completes commands, and the options and values of each`, (t) => {
    const file = join(scratch(t), 'script');
    writeFileSync(file, renderCompletion(boats, shell as 'bash' | 'fish'));
    const offered = (...words: readonly string[]) => {
      const { error, stdout } = spawnSync(shell, ask(file, words), { encoding: 'utf8' });
      if (error) return undefined;
      return stdout
        .split('\n')
        .map((line) => (line.split('\t')[0] ?? '').replace(/=$/, ''))
        .filter(Boolean);
    };
    if (offered('') === undefined) return skip(t, `there is no ${shell}`);
    t.same(offered('-v', 's'), ['sail']);
    t.same(offered('sail', '--c'), ['--crew']);
    t.same(offered('sail', '--f'), []);
    t.same(offered('list', '--f'), ['--format']);
    t.same(offered('sail', '--verbose', '--cr'), ['--crew']);
    t.same(offered('sail', '--crew', 'a'), ['ann']);
    t.end();
  });
}
