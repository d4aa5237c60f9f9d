/** What a launch tells: --log=json, -v, --syslog. */
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { version } from '../../src/base/version.js';
import { fromBytes } from '../helpers/bytes.js';
import {
  checkout,
  type Ending,
  image,
  launcher,
  noSquashfs,
  plant,
  probe,
  run,
  scratch,
  squashed,
  start,
  users,
} from '../helpers/support.js';

interface Message {
  readonly time: number;
  readonly program: string;
  readonly pid: number;
  readonly level: 'error' | 'warning' | 'info' | 'step';
  readonly message: string;
  readonly [key: string]: unknown;
}

/** The objects on standard error, one a line and nothing else. */
function messages(t: Test, { stderr, pid }: Pick<Ending, 'stderr' | 'pid'>): readonly Message[] {
  const lines = stderr.split('\n');
  t.equal(lines.pop(), '', 'the last line is ended');
  return lines.map((line) => {
    const message = JSON.parse(line) as Message;
    t.same(Object.keys(message).slice(0, 5), ['time', 'program', 'pid', 'level', 'message']);
    t.match(message, { program: 'ch-run-ts', pid });
    t.ok(Math.abs(message.time / 1000 - Date.now()) < 60_000, 'the time is now, in microseconds');
    return message;
  });
}

const json = '--log=json';

/** Words, status and what the one object says; as the CLI tells it, or the launcher. */
const failures: readonly [string, readonly string[], number, Readonly<Record<string, unknown>>][] = [
  [
    'an image that is not there',
    [json, '/no/image', '--', 'true'],
    31,
    { message: 'there is no image /no/image', path: '/no/image', hint: /^it must be/ },
  ],
  ['a wrong option', [json, '--wirte', image, '--', 'true'], 64, { hint: 'did you mean --write?' }],
  [
    'a wrong option before it',
    ['--wirte', json, image, '--', 'true'],
    64,
    { message: 'unknown option --wirte' },
  ],
  ['no command', [json, image], 64, { message: 'no command to run in the container' }],
  ['a format that there is not', [json, '--list=xml'], 64, { message: /expected text or json for --list/ }],
  [
    'a bind source that is not there',
    [json, '-b', '/none:/mnt', image, '--', 'true'],
    31,
    { message: "can't bind /none: stat: no such file or directory" },
  ],
  [
    'a directory that is not there',
    [json, '-c', '/none', image, '--', 'true'],
    31,
    {
      message: "can't change to directory /none: chdir: no such file or directory",
      call: 'chdir',
      errno: 2,
      step: 'directory /none',
    },
  ],
  [
    'a command that is not there',
    ['--log', 'json', image, '--', 'no-such-command'],
    49,
    { message: "can't start no-such-command: command not found", hint: /PATH/, step: 'command' },
  ],
  [
    'a command that the kernel refuses',
    [json, image, '--', '/no-such-command'],
    49,
    { call: 'execve', errno: constants.errno.ENOENT, step: 'command' },
  ],
];

for (const user of users) {
  const as = `, as ${user.name}`;

  for (const [what, words, status, says] of failures) {
    t.test(`${what} is one JSON object${as}`, (t) => {
      const ending = run(user, words);
      t.equal(ending.status, status);
      const told = messages(t, ending);
      t.equal(told.length, 1);
      t.match(told[0] ?? {}, { level: 'error', status, ...says });
      t.end();
    });
  }

  t.test(`variables and files choose JSON and the system's log, too${as}`, (t) => {
    const env = { CH_RUN_LOG: 'json' };
    const plan = "can't read the plan /none: open: no such file or directory";
    for (const [words, message] of [
      [['/no/image', '--', 'true'], 'there is no image /no/image'],
      [['--wirte', image, '--', 'true'], 'unknown option --wirte'],
      [['--plan', '/none', '--', 'true'], plan],
      [['--plan=/none', '--', 'true'], plan],
    ] as const)
      t.match(messages(t, run(user, words, { env })), [{ level: 'error', message }]);
    t.match(run(user, ['--log=text', '/none', '--', 'true'], { env }).stderr, /^ch-run-ts\[\d+\]: error: /);
    const place = scratch(t, user);
    plant(place, { config: '[options]\nlog = "json"\nsyslog = true\n' }, user);
    const config = ['--config', join(place, 'config')];
    t.match(messages(t, run(user, [...config, image, '--', '/none'])), [{ level: 'error', status: 49 }]);
    t.match(logged(t, [...config, image, '--', 'true']).line, / command=true memo=(hit|miss)$/);
    t.end();
  });

  t.test(`on a terminal messages are coloured, but not with NO_COLOR or on a dumb one${as}`, (t) => {
    const play = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
    const onTerminal = (words: readonly string[], env: NodeJS.ProcessEnv) =>
      start(user, 'python3', ['-c', play, launcher, ...words], { env: { TERM: 'xterm', ...env } }).stdout;
    // told by the CLI, and by the launcher
    for (const words of [
      ['/none', '--', 'true'],
      ['-v', image, '--', '/none'],
    ]) {
      t.match(onTerminal(words, {}), ']: \x1b[31merror:\x1b[');
      for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) t.notMatch(onTerminal(words, env), '\x1b');
      t.match(onTerminal(words, { NO_COLOR: '' }), '\x1b', 'an empty NO_COLOR is none');
      t.notMatch(onTerminal([json, ...words], {}), '\x1b', 'JSON has no colour');
    }
    t.end();
  });

  t.test(`the steps come with the time since the start, that of deciding included${as}`, (t) => {
    const words = ['-v', json, image, '--', 'true'];
    const memo = { CH_RUN_MEMO_DIR: join(scratch(t, user), 'memo') };
    for (const expected of [/^no remembered plan: /, /^remembered plan: /]) {
      const [first, ...rest] = messages(t, run(user, words, { env: memo }));
      t.match(first, { level: 'info', message: expected });
      const steps = rest.filter(({ level }) => level === 'step');
      t.match(steps[0]?.message, /^user-namespace 0:/);
      t.equal(steps.at(-1)?.message, 'command');
      const times = [first, ...rest].map((message) => Number(message?.elapsed));
      t.same(
        times,
        [...times].sort((a, b) => a - b),
        'times do not run backwards',
      );
      if (expected.source.startsWith('^no')) t.ok((times[0] ?? 0) > 1000, 'the first launch decides');
    }
    t.end();
  });

  t.test(`a warning of the launcher is an object, and -qq hides it${as}`, (t) => {
    const bare = (words: readonly string[]) => ['-c', 'exec env -u PATH "$@"', 'sh', launcher, ...words];
    const words = [json, image, '--', '/bin/true'];
    const warned = start(user, 'sh', bare(words));
    t.equal(warned.status, 0);
    const [only = {}, ...others] = messages(t, warned);
    t.match(only, { level: 'warning', message: /^PATH is not set/, step: /^environment default/ });
    t.same(others, []);
    t.match(start(user, 'sh', bare(['-qq', ...words])), { status: 0, stderr: '' });
    t.end();
  });

  t.test(`what the file-system server and join peers say comes as JSON, too${as}`, (t) => {
    const broken = join(scratch(t, user), 'broken\n.sqfs');
    writeFileSync(broken, Buffer.concat([Buffer.from('hsqs'), Buffer.alloc(200)]));
    if (!noSquashfs) {
      const ending = run(user, [json, broken, '--', 'true']);
      const [only = {}, ...others] = messages(t, ending);
      t.same([ending.status, others], [84, []]);
      t.match(only, { level: 'error', status: 84, step: `squashfs ${broken} shared 0 remember-reads` });
      t.match(only, { message: broken });
      const filtered = ['with', 'forget=pivot_root:1', '--', launcher, json, squashed, '--', 'true'];
      const refusal = { status: 84, call: 'pivot_root', errno: 1, hint: /seccomp=unconfined/ };
      t.match(messages(t, start(user, probe, filtered)), [refusal]);
    }
    const words = [json, '--join-ct=2', '--join-timeout=1', '--join-tag=messages', image, '--', 'sleep', '2'];
    const full = 'inject=fallocate:error=ENOSPC';
    const strace = ['-o', '/dev/null', '-e', 'trace=fallocate', '-e', full, launcher, ...words];
    const without = { status: 31, call: 'fallocate', errno: constants.errno.ENOSPC };
    t.match(JSON.parse(start(user, 'strace', strace).stderr), without);
    const lonely = run(user, words);
    const [told] = lonely.stderr.split('\n');
    t.match(JSON.parse(told ?? ''), { level: 'warning', message: /only 1 of 2 peers joined within 1 s/ });
    t.end();
  });

  t.test(`any bytes make the JSON that the CLI makes of them${as}`, (t) => {
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 255 }, (_, at) => at + 1)),
      Buffer.from('é € 😀 \u07ff \u0800 \uffff \u{10ffff} '),
      // overlong, a surrogate, too large, cut off
      ...['c0af', 'c1bf', 'e09fbf', 'eda080', 'f08fbfbf', 'f4908080', 'f5808080', 'e282', 'f09f98', 'c3'].map(
        (hex) => Buffer.from(`20${hex}`, 'hex'),
      ),
    ]);
    // a name can hold no slash, and 255 bytes
    const name = bytes.filter((byte) => byte !== 0x2f);
    for (const part of [name.subarray(0, 200), name.subarray(200)]) {
      const word = join(scratch(t, user), 'word');
      writeFileSync(word, Buffer.concat([part, Buffer.of(0)]));
      const tell = (line: string) => {
        const script = `IFS= read -r -d '' word <'${word}'; exec '${launcher}' ${json} ${line}`;
        return messages(t, start(user, 'bash', ['-c', script]))[0]?.message;
      };
      t.equal(tell(`'${image}' -- "$word"`), `can't start ${fromBytes(part)}: command not found`);
      t.equal(tell('"$word" -- true'), `there is no image ${fromBytes(part)}`);
    }
    t.end();
  });

  t.test(`--syslog sends one line when the container is ready${as}`, (t) => {
    const memo = ['--syslog', image, '--', 'cat', '/dev/null'];
    for (const origin of ['miss', 'hit']) {
      const { line, ending } = logged(t, memo);
      t.match(ending, { status: 0, stderr: '' });
      t.match(line, / ch-run-ts\[\d+\]: launch user=\S+ uid=\d+ version=/);
      t.match(line, /^<14>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ch-run-ts\[\d+\]: /);
      t.match(line, ` version=${version} image=${image} command=cat memo=${origin}`);
    }
    t.match(logged(t, ['--no-memo', ...memo]).line, / memo=none$/);
    t.end();
  });

  t.test(`the line can't be forged, and is not sent for a launch that fails${as}`, (t) => {
    const odd = 'x\n<14>Jan  1 00:00:00 su: root "\\ \x7f';
    t.ok(logged(t, ['--syslog', image, '--', odd]).line?.includes(`command=${JSON.stringify(odd)} memo=`));
    t.equal(logged(t, ['--syslog', '-c', '/none', image, '--', 'true']).line, undefined);
    t.equal(logged(t, [image, '--', 'true']).line, undefined, 'nor without --syslog');
    t.end();
  });

  t.test(`a log service that is slow or absent changes nothing${as}`, (t) => {
    for (const mode of ['full', 'absent'] as const) {
      const { ending, line } = logged(t, ['--syslog', image, '--', 'echo', 'hi'], mode);
      t.match(ending, { status: 0, stdout: 'hi\n', stderr: '' }, mode);
      t.equal(line, undefined);
    }
    t.end();
  });

  /** Runs the launcher where /dev/log is a socket of ours. */
  function logged(t: Test, words: readonly string[], mode = 'listen') {
    const place = scratch(t, user);
    const socket = join(place, 'socket');
    const script = `
      mount -t tmpfs none /mnt
      for name in null zero full tty fuse; do
        [ ! -e /dev/$name ] || { touch /mnt/$name; mount --bind /dev/$name /mnt/$name; }
      done
      ln -s '${socket}' /mnt/log
      mount --rbind /mnt /dev
      exec "$@"`;
    const service = ['python3', join(checkout, 'test/launch/system_log.py'), mode, socket];
    const ending = start(user, 'unshare', [
      '-Urm',
      'sh',
      '-ec',
      script,
      'sh',
      ...service,
      launcher,
      ...words,
    ]);
    const lines = ending.stdout.split('\n').filter((line) => line.startsWith('"'));
    t.ok(lines.length <= 1, 'one line at most');
    return { ending, line: lines[0] === undefined ? undefined : (JSON.parse(lines[0]) as string) };
  }
}
