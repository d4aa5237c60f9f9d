/** Terminals: in the foreground, and by a console socket. */
import { join } from 'node:path';
import t from 'tap';
import { type Bundle, makeBundle, runtimeWords } from '../helpers/bundles.js';
import { committed, start, users } from '../helpers/support.js';

interface Played {
  readonly text: string;
  readonly status: number;
  readonly raw: boolean;
  readonly same: boolean;
  readonly job: boolean | null;
}

function play(bundle: Bundle, words: readonly string[]): Played {
  const { stdout, stderr } = start(bundle.user, 'python3', ['-', ...words], {
    input: committed('test/oci/terminal.py'),
    cwd: bundle.path,
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Played;
}

const playSocket = (bundle: Bundle, socket: string): Played =>
  play(bundle, [
    'socket',
    socket,
    ...runtimeWords,
    '--root',
    bundle.root,
    'create',
    '--console-socket',
    socket,
    'a',
  ]);

for (const user of users) {
  t.test(`run in the foreground has a terminal of its own, as ${user.name}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.terminal = true;
      process.args = ['sh', '-c', 'tty; read line; stty size; echo got $line; exit 4'];
    });
    const run = [...runtimeWords, '--root', bundle.root, 'run', 'a'];
    const { text, status, raw, same } = play(bundle, ['run', ...run]);
    t.match(text, /^\/dev\/pts\/0\r\nhello\r\n30 100\r\ngot hello\r\n$/);
    t.same([status, raw, same], [4, true, true], 'our terminal is raw meanwhile, and restored');
    bundle.write(({ process }) => {
      process.args = ['sh', '-c', 'tty; until stty size | grep "^40 120"; do sleep 0.05; done; read line'];
    });
    t.match(
      play(bundle, ['resize', ...run]).text,
      /\r\n40 120\r\n/,
      'a new size is that of the container, too',
    );
    bundle.write(({ process }) => {
      process.args = ['sh', '-c', 'tty; read line; exit 4'];
    });
    const stopped = play(bundle, ['stop', ...run]);
    t.same(
      [stopped.job, stopped.status, stopped.same],
      [true, 4, true],
      'stopped as a job, our terminal is as it was; it is raw again when it goes on',
    );
    t.end();
  });

  t.test(`the terminal of a created container goes to who listens at the socket, as ${user.name}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.terminal = true;
      process.consoleSize = { width: 90, height: 20 };
      process.args = ['sh', '-c', 'stty size; test /dev/console -ef /proc/self/fd/0 && echo same'];
    });
    const socket = join(bundle.path, 'socket');
    const { text, status } = playSocket(bundle, socket);
    t.same([text, status], ['20 90\r\nsame\r\n', 0]);
    t.match(bundle.oci(['create', '--console-socket', join(bundle.path, 'nobody'), 'b']), {
      status: 1,
      stderr: /can't connect to the console socket .*nobody: connect: no such file or directory/,
    });
    t.equal(bundle.oci(['list', '-q']).stdout, 'a\n', 'nothing is left of that');
    t.end();
  });

  t.test(`a terminal is /dev/console in a read-only /dev, too, as ${user.name}`, (t) => {
    const bundle = makeBundle(t, user, ({ process, mounts }) => {
      process.terminal = true;
      process.args = [
        'sh',
        '-c',
        'test /dev/console -ef /proc/self/fd/0 && ! mkdir /dev/new 2>/dev/null && echo same',
      ];
      mounts.find(({ destination }: { destination: string }) => destination === '/dev').options.push('ro');
    });
    const { text, status } = playSocket(bundle, join(bundle.path, 'socket'));
    t.same([text, status], ['same\r\n', 0]);
    t.end();
  });
}
