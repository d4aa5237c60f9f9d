import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ExitStatus, LaunchError, usageError, valueError } from '../../../src/base/errors.js';
import { guessLog } from '../../../src/cli/words.js';
import { describeError, renderError, setProgram, setStyle } from '../../../src/host/messages.js';
import { makePainter } from '../../../src/host/painter.js';
import { ordinaryUser, probe, scratch, start } from '../../helpers/support.js';

/** Runs a script with the messages module in a process of its own, and returns what it printed. */
function printed(script: string, env: NodeJS.ProcessEnv = {}): string {
  const modules = [
    `import * as messages from '${process.cwd()}/dist/host/messages.js';`,
    `import * as errors from '${process.cwd()}/dist/base/errors.js';`,
  ];
  const self = { ...ordinaryUser, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const words = ['--input-type=module', '-e', `${modules.join('\n')}\n${script}`];
  return start(self, process.execPath, words, { env, cwd: process.cwd() }).stderr;
}

t.test('an error is one line with program and process number, its hint the next', (t) => {
  const script = "messages.printError(new errors.LaunchError('it broke', { hint: 'mend it' }))";
  t.match(printed(script), /^ch-run-ts\[\d+\]: error: it broke\nch-run-ts\[\d+\]: hint: mend it\n$/);
  t.match(printed(`messages.setProgram('/a/b/ch-run'); ${script}`), /^ch-run\[\d+\]: error: .*\nch-run\[/);
  t.match(printed(`messages.setProgram(''); ${script}`), /^ch-run-ts\[/);
  t.end();
});

t.test('an error of ours without a hint is one line', (t) => {
  t.match(printed("messages.printError(new errors.LaunchError('it broke'))"), /^\S+ error: it broke\n$/);
  t.end();
});

t.test('an error that is not ours is called internal, and shows where', (t) => {
  t.match(
    printed("messages.printError(new TypeError('x is not y'))"),
    /error: internal error: TypeError: x is not y\n +at /,
  );
  t.match(printed("messages.printError('text')"), /error: internal error: text\n$/);
  t.end();
});

t.test('colour is given when asked for, and with --color=auto not to a pipe', (t) => {
  const script = (color: string) =>
    `messages.setStyle({ color: '${color}' }); messages.printError(new errors.LaunchError('x'))`;
  t.match(printed(script('always')), '\x1b[31merror:');
  t.notMatch(printed(script('never')), '\x1b');
  t.notMatch(printed(script('auto')), '\x1b');
  t.match(printed(script('always'), { NO_COLOR: '1' }), '\x1b[31m');
  t.end();
});

const plain = { red: (text: string) => text, cyan: (text: string) => text } as Parameters<
  typeof renderError
>[1];

t.test('the words for people, and the object for programs, say the same', (t) => {
  const cause = Object.assign(new Error('no'), { code: 'ENOENT', syscall: 'open', errno: 2 });
  const error = new LaunchError('it broke', { hint: 'mend it', path: '/p', cause, exitStatus: 64 });
  setProgram('/usr/bin/ch-run');
  t.equal(
    renderError(error, plain),
    `ch-run[${process.pid}]: error: it broke\nch-run[${process.pid}]: hint: mend it`,
  );
  const object = { time: 5, program: 'ch-run', pid: process.pid, level: 'error', message: 'it broke' };
  t.strictSame(JSON.parse(JSON.stringify(describeError(error, 5))), {
    ...object,
    hint: 'mend it',
    status: 64,
    call: 'open',
    errno: 2,
    path: '/p',
  });
  const bare = describeError(new LaunchError('it broke'), 5);
  t.strictSame(JSON.parse(JSON.stringify(bare)), { ...object, status: 31 });
  t.match(describeError(new TypeError('bug'), 5), {
    message: /^internal error: TypeError: bug\n +at /,
    status: 31,
  });
  t.match(describeError(undefined, 5), { message: 'internal error: undefined' });
  setStyle({ log: 'text' });
  t.end();
});

t.test('--log=json is found before the words are parsed, but not after the image', (t) => {
  const rows: readonly [readonly string[], 'text' | 'json'][] = [
    [[], 'text'],
    [['--log=json', 'img', 'cmd'], 'json'],
    [['--log', 'json', 'img', 'cmd'], 'json'],
    [['--log'], 'text'],
    [['-b', '/a', '--log=json', 'img', '--', 'cmd'], 'json'],
    [['--log=json', '--log=text', 'img', '--', 'cmd'], 'text'],
    [['img', 'cmd', '--log=json'], 'text'],
    [['img', '--', 'cmd', '--log=json'], 'text'],
    [['--log=xml', 'img'], 'text'],
  ];
  for (const [words, format] of rows) t.equal(guessLog(words), format, words.join(' '));
  t.equal(guessLog(['img'], 'json'), 'json', 'by CH_RUN_LOG');
  t.equal(guessLog(['--log=text', 'img'], 'json'), 'text', 'which the command line outranks');
  t.end();
});

t.test('only a terminal is painted by itself', (t) => {
  t.equal(makePainter('always').red('x'), '\x1b[31mx\x1b[39m');
  t.equal(makePainter('never').red('x'), 'x');
  const { NO_COLOR } = process.env;
  process.env.NO_COLOR = '1';
  t.equal(makePainter('auto').red('x'), 'x');
  if (NO_COLOR === undefined) delete process.env.NO_COLOR;
  t.end();
});

t.test('bytes that are not UTF-8 are printed as they came', (t) => {
  const place = join(scratch(t), 'out');
  const self = { ...ordinaryUser, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const out = openSync(place, 'w');
  const script = `import { print } from '${process.cwd()}/dist/host/messages.js'; print(1, 'caf\\udce9 \\udcff');`;
  start(self, process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', out, 'inherit'] });
  closeSync(out);
  t.same(readFileSync(place), Buffer.from('caf\xe9 \xff', 'latin1'));
  t.end();
});

t.test('output waits for a slow reader, also on a non-blocking pipe', (t) => {
  const script = `import { print } from '${process.cwd()}/dist/host/messages.js'; print(1, 'x'.repeat(300000));`;
  const self = { ...ordinaryUser, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const words = ['-c', '"$0" with nonblock=1 -- "$1" --input-type=module -e "$2" | { sleep 0.5; wc -c; }'];
  const { stdout } = start(self, 'bash', [...words, probe, process.execPath, script]);
  t.equal(stdout.trim(), '300000');
  t.end();
});

t.test('errors carry what programs need: status, path, hint, code and call of the cause', (t) => {
  const cause = Object.assign(new Error('no'), { code: 'ENOENT', syscall: 'open' });
  t.match(new LaunchError('x', { path: '/p', hint: 'h', cause }), {
    name: 'LaunchError',
    message: 'x',
    path: '/p',
    hint: 'h',
    code: 'ENOENT',
    syscall: 'open',
    exitStatus: 31,
    cause,
  });
  t.match(usageError('x'), { exitStatus: 64, hint: undefined });
  t.match(renderError(usageError('x'), plain), "hint: try 'ch-run-ts --help'");
  t.match(usageError('x', 'y'), { exitStatus: 64, hint: 'y' });
  t.match(valueError('bind', 'a path', 'x'), {
    message: "expected a path for --bind, got 'x'",
    exitStatus: 64,
  });
  t.end();
});

t.test('both sides have the same exit statuses', (t) => {
  const header = readFileSync('addon/base/error.h', 'utf8');
  const native = Object.fromEntries(
    [...header.matchAll(/^ {2}(\w+) = (\d+),/gm)].map(([, name, number]) => [name, Number(number)]),
  );
  t.equal(native.failure, ExitStatus.failure);
  t.equal(native.command, ExitStatus.command);
  t.equal(native.usage, ExitStatus.usage);
  t.equal(native.feature, ExitStatus.featureAbsent);
  t.end();
});
