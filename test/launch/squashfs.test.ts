/** SquashFS images: what the user sees of the file-system server, which should be nothing. */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  committed,
  copyImage,
  eventually,
  failsWith,
  image,
  isRoot,
  launcher,
  noSquashfs,
  probeIn,
  run,
  runQuietly,
  runShell,
  scratch,
  skip,
  squashed,
  stage,
  start,
  type User,
  users,
  variables,
} from '../helpers/support.js';
import { pack, packImage, serversOf, startWaiting } from './servers.js';

t.setTimeout(300_000);

/** A copy: an image of its own to the servers. */
function ownImage(t: Test, user: User): string {
  const file = join(scratch(t, user), 'img.sqfs');
  copyFileSync(squashed, file);
  return file;
}

const statusLine = (pid: number, name: string) =>
  new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];

function test(title: string, body: (t: Test, user: User) => unknown): void {
  for (const user of users) {
    t.test(`${title}, as ${user.name}`, async (t) => {
      if (noSquashfs) skip(t, noSquashfs);
      else await body(t, user);
    });
  }
}

test('a SquashFS image is run like a directory, read-only', (t, user) => {
  const show = 'ls -R /etc /usr/bin /var; cat /etc/os-release /usr/bin/*';
  const words = (reference: string) => [reference, '--', 'sh', '-c', show];
  const outputs = [squashed, image].map((reference) => run(user, words(reference)).stdout);
  t.ok(outputs[0] === outputs[1] && outputs[0], 'the same names and contents');
  t.match(run(user, [squashed, '--', 'touch', '/file']), { status: 1, stderr: 'Read-only file system' });
  t.equal(run(user, [squashed, '--', '/probe', 'status', '42']).status, 42);
});

test('the command keeps the process, and gets no descriptor of ours', (t, user) => {
  const { status, stdout, pid } = run(user, [squashed, '--', '/probe']);
  t.match(JSON.parse(stdout), { pid, ppid: process.pid });
  t.equal(status, 0);
  const numbers = (reference: string) => Object.keys(probeIn(t, user, [reference]).descriptors);
  t.same(numbers(squashed), numbers(image));
});

test('the server is not the launcher’s child, and has its own session and no descriptor of the user', async (t, user) => {
  const file = ownImage(t, user);
  const running = await startWaiting(t, user, [file], 'wait; echo nothing to wait for');
  const [server = 0, ...others] = serversOf(file);
  t.same(others, []);
  t.equal(readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8'), '');
  t.not(statusLine(server, 'PPid'), String(running.pid));
  t.equal(statusLine(server, 'NSsid')?.split('\t')[0], String(server));
  t.equal(statusLine(server, 'Uid')?.split('\t')[0], String(user.uid));
  if (isRoot) {
    const target = (number: string) => {
      try {
        return readlinkSync(`/proc/${server}/fd/${number}`);
      } catch {
        return 'closed meanwhile';
      }
    };
    t.notMatch(readdirSync(`/proc/${server}/fd`).map(target).join(' '), 'pipe:');
    t.same(['0', '1', '2'].map(target), ['/dev/null', '/dev/null', '/dev/null']);
  }
  t.match(await running.finish(), { status: 0, text: 'nothing to wait for\n' });
  t.ok(await eventually(() => serversOf(file).length === 0), 'and goes after the container');
});

test('Ctrl-C to the process group ends the command, not the server of others', async (t, user) => {
  const file = ownImage(t, user);
  const other = await startWaiting(t, user, [file], 'grep -c NAME= /etc/os-release');
  const running = await startWaiting(t, user, [file], 'true');
  process.kill(-running.pid, 'SIGINT');
  t.match(await running.finish(), { signal: 'SIGINT' });
  t.match(await other.finish(), { status: 0, text: '1\n' });
});

for (const [action, answer] of [
  ['ctrl-c', 'died by signal 2'],
  ['ctrl-z', 'stopped by signal 20, then exited with 0'],
]) {
  test(`${action} at a terminal does what it does without a container`, (t, user) => {
    const words = ['-', String(action), launcher, squashed, '--'];
    const { stdout } = start(user, 'python3', words, {
      cwd: scratch(t, user),
      input: committed('test/launch/terminal.py'),
    });
    t.equal(stdout, `${answer}\n`);
  });
}

test('a daemon that the command left behind keeps the server until it ends', async (t, user) => {
  const file = ownImage(t, user);
  for (const options of [[], ['--no-share']]) {
    const script = '(sleep 2.5; grep -c NAME= /etc/os-release) & exit 7';
    const began = Date.now();
    const { status, stdout } = run(user, [...options, file, '--', 'sh', '-c', script]);
    t.same([status, stdout], [7, '1\n'], 'the daemon could read');
    t.ok(Date.now() - began >= 2500, 'after the command and the door’s closing');
    t.ok(await eventually(() => serversOf(file).length === 0), 'nothing is left');
  }
});

test('a killed server gives errors inside, not a hang', async (t, user) => {
  const file = ownImage(t, user);
  const running = await startWaiting(
    t,
    user,
    [file],
    'while read x; do :; done </etc/os-release || exit 5; exit 6',
  );
  for (const server of serversOf(file)) process.kill(server, 'SIGKILL');
  const { status, signal } = await running.finish();
  t.ok(status === 5 || status === 2 || signal === 'SIGBUS', `${status} ${signal}`);
  t.equal(runShell(t, user, [file], 'echo again'), 'again', 'and the next launch starts another one');
});

test('a server that is missing, or ends before the command starts, is status 84', (t, user) => {
  const place = join(scratch(t, user), 'package');
  cpSync(join(stage, 'package'), place, { recursive: true });
  const server = join(place, 'build/Release/ch-run-ts-squashfs');
  const launch = () => start(user, join(place, 'bin/ch-run-ts'), ['--no-share', squashed, '--', 'true']);
  rmSync(server);
  failsWith(
    t,
    launch(),
    84,
    'this ch-run-ts was built without SquashFS: there is no ',
    /install a release with SquashFS .* unsquashfs/,
  );
  writeFileSync(server, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  failsWith(t, launch(), 84, /the file-system server of image .* ended before it was ready/);
  writeFileSync(server, 'no program\n', { mode: 0o755 });
  failsWith(t, launch(), 31, /can't start the file-system server .*: execve: exec format error/);
});

test('an overlay refused because the server is gone is status 84, with call and errno in the log', (t, user) => {
  const words = [launcher, '--log=json', '-W', squashed, '--', 'true'];
  run(user, words.slice(1));
  const refuse = (number: number) => {
    const inject = `inject=mount:error=ENOTCONN:when=${number}`;
    return start(user, 'strace', ['-o', '/dev/null', '-e', 'trace=mount', '-e', inject, ...words]);
  };
  const endings = [1, 2, 3, 4, 5, 6].map(refuse);
  const overlay = endings.find(({ stderr }) => stderr.includes('mount an overlay'));
  t.equal(overlay?.status, 84);
  t.match(JSON.parse(overlay?.stderr.trim().split('\n').at(-1) ?? '{}'), {
    message: /file-system server ended before the command could start: can't mount an overlay/,
    call: 'mount',
    errno: constants.errno.ENOTCONN,
    status: 84,
  });
});

test('so are the mounts that would stand for that overlay', (t, user) => {
  const words = [launcher, '--log=json', '-b', '/etc/hostname:/made/here', squashed, '--', 'true'];
  run(user, words.slice(1));
  const refuse = (number: number) => {
    const inject = `inject=mount:error=ENOTCONN:when=${number}+`;
    return start(user, 'strace', ['-o', '/dev/null', '-e', 'trace=mount', '-e', inject, ...words]);
  };
  const told = [1, 2, 3, 4, 5, 6].map((number) => refuse(number).stderr.trim().split('\n').at(-1) ?? '');
  t.match(JSON.parse(told.find((line) => line.includes("and can't mount an overlay")) ?? '{}'), {
    call: 'mount',
    errno: constants.errno.ENOTCONN,
    status: 84,
  });
});

test('a mount that the kernel takes away again is an error, not missing data', (t, user) => {
  runQuietly(t, user, [squashed, '--', 'true']);
  // the last one is said to be made, and is not
  const words = ['-o', '/dev/null', '-e', 'trace=move_mount', '-e', 'inject=move_mount:retval=0:when=6'];
  const ending = start(user, 'strace', [...words, launcher, '--unmask', squashed, '--', 'true']);
  failsWith(t, ending, 31, /can't mount at \/\w+: the kernel has removed the mount again/, /Linux 6\.16/);
});

test('where /dev/fuse or a system call is refused, the error says so', (t, user) => {
  const refuse = (what: string) =>
    start(user, 'strace', [
      '-f',
      '-o',
      '/dev/null',
      '-e',
      what,
      launcher,
      '--no-share',
      squashed,
      '--',
      'true',
    ]);
  failsWith(
    t,
    refuse('inject=fsopen:error=ENODEV'),
    84,
    /this kernel has no FUSE/,
    /load the kernel module fuse/,
  );
});

test('files are right whether or not the listing of their directory came with attributes', (t, user) => {
  const tree = copyImage(t, user);
  for (let each = 0; each < 40; each++) {
    mkdirSync(join(tree, `many/${each}/deep`), { recursive: true });
    writeFileSync(join(tree, `many/${each}/file`), 'x'.repeat(each));
  }
  const file = pack(tree, join(scratch(t, user), 'img.sqfs'));
  // the first listings have attributes, later ones have none until they are asked for; after 0.1 s it starts over
  const round =
    'echo /many/*/* | wc -w; stat -c %s /many/*/file | sort -n | tail -1; cat /many/*/file | wc -c';
  const numbers = runShell(
    t,
    user,
    [file],
    `for i in 1 2; do ${round}; sleep 0.2; done; ls /many/*/* | wc -w`,
  );
  t.same(numbers.split(/\s+/), ['80', '39', '780', '80', '39', '780', '80']);
});

test('64 launches at once have one server; --no-share has its own', async (t, user) => {
  const file = ownImage(t, user);
  const crowd = 'for i in $(seq 64); do "$@" & done; wait';
  const words = (...options: string[]) => [launcher, ...options, file, '--', 'stat', '-c', '%d', '/'];
  start(user, launcher, words().slice(1));
  // it keeps the server, which would else end a second after the last of them
  const running = await startWaiting(t, user, [file], 'true');
  const { stdout, stderr } = start(user, 'bash', ['-c', crowd, 'bash', ...words()]);
  const devices = stdout.trim().split('\n');
  t.same([devices.length, new Set(devices).size, stderr], [64, 1, '']);
  t.equal(serversOf(file).length, 1);
  t.notMatch(devices, [start(user, launcher, words('--no-share').slice(1)).stdout.trim()]);
  t.equal((await running.finish()).status, 0);
});

test('an image that was replaced is never mixed with the old one, also not by a remembered plan', async (t, user) => {
  const place = scratch(t, user);
  const make = (which: string) => {
    const tree = copyImage(t, user);
    writeFileSync(join(tree, 'which'), which);
    return { tree, file: pack(tree, join(place, `${which}.sqfs`)) };
  };
  const { file } = make('old');
  const other = make('new');
  const show = () => {
    const words = ['-v', file, '--', 'cat', '/which'];
    return run(user, words, { env: { CH_RUN_MEMO_DIR: join(place, 'memo') } });
  };
  t.match(show(), { stdout: 'old', stderr: 'remembered the plan' });
  t.match(show(), { stdout: 'old', stderr: 'remembered plan: ' });
  const running = await startWaiting(t, user, [file], 'cat /which');
  renameSync(other.file, file);
  t.match(show(), { stdout: 'new', stderr: `file ${file} is not what it was` });
  t.match(await running.finish(), { text: 'old' });
  rmSync(file);
  renameSync(other.tree, file);
  t.match(show(), { stdout: 'new', stderr: `path ${file} is not what it was` }, 'now it is a directory');
});

test('two users never share a server', async (t, user) => {
  if (!isRoot) return skip(t, 'being two users needs root');
  const file = ownImage(t, user);
  const running = await Promise.all(
    users.map((each) => startWaiting(t, each, [file], 'cat /proc/self/mountinfo')),
  );
  const owners = serversOf(file).map((server) => statusLine(server, 'Uid')?.split('\t')[0]);
  t.same(owners.sort(), users.map(({ uid }) => String(uid)).sort());
  for (const each of running) t.match(await each.finish(), { status: 0 });
});

const put =
  (at: number, ...values: number[]) =>
  (bytes: Buffer): Buffer => {
    bytes.set(values, at);
    return bytes;
  };

/** What is done to the bytes of an image, and what is said about it. */
const damages: readonly [(bytes: Buffer) => Buffer, RegExp, number?][] = [
  [(bytes) => bytes.subarray(0, bytes.length / 2), /is truncated: superblock says \d+ bytes, file has/],
  [(bytes) => bytes.subarray(0, 50), /has only 50 bytes/],
  [put(28, 3), /is SquashFS 3\.0: only version 4\.0/],
  [put(12, 1, 2, 3), /block size/],
  [put(20, 77), /compressor number 77 does not exist/],
  [put(64, ...Array(7).fill(255)), /inode table is outside/],
  [put(32, ...Array(7).fill(255)), /root inode is outside/],
  [() => Buffer.from('\x1f\x8b', 'latin1'), /is a gzip-compressed file/, 31],
  [() => Buffer.of(), /is an empty file/, 31],
];
test('what is wrong with an image file is said', (t, user) => {
  const file = join(scratch(t, user), 'img.sqfs');
  for (const [damage, message, status = 84] of damages) {
    writeFileSync(file, damage(readFileSync(squashed)));
    failsWith(t, run(user, [file, '--', 'true']), status, message);
  }
});

test('an image cut short while it is mounted gives errors, not a hang', async (t, user) => {
  const file = ownImage(t, user);
  const running = await startWaiting(t, user, [file], 'cat /usr/bin/* >/dev/null 2>&1 || exit 5');
  truncateSync(file, 100_000);
  const { status, signal } = await running.finish();
  t.ok(status !== 0 || signal !== null, `${status} ${signal}`);
});

test('images of every compressor run', (t, user) => {
  for (const compressor of ['gzip', 'xz', 'lzo', 'lz4', 'zstd']) {
    const { file } = packImage(t, { 'ch/environment': `A=${compressor}` }, user, ['-comp', compressor]);
    t.match(variables(probeIn(t, user, ['--set-env', file])), { A: compressor });
  }
});

test('the kernel splits long reads, whatever the size of its pages', (t, user) => {
  for (const words of [[], ['--no-share']]) {
    const { stdout } = run(user, [...words, squashed, '--', 'grep', ' / / ', '/proc/self/mountinfo']);
    t.match(stdout, /fuse\.squashfs .*\bmax_read=1048576\b/);
  }
});

test('--write with a SquashFS file is refused, with what to do instead', (t, user) => {
  failsWith(
    t,
    run(user, ['-w', squashed, '--', 'true']),
    64,
    'is a SquashFS file, which can',
    '--write-fake or --overlay',
  );
});

test('--mount mounts at a directory that exists, and is ignored with a warning for a directory image', (t, user) => {
  const place = scratch(t, user);
  const trace = [
    '-f',
    '-qq',
    '-y',
    '-e',
    'trace=move_mount',
    launcher,
    '-m',
    place,
    squashed,
    '--',
    '/probe',
    'status',
    '3',
  ];
  const { status, stderr } = start(user, 'strace', trace);
  t.equal(status, 3);
  t.match(stderr, /move_mount\(/);
  t.match(stderr, `<${place}>, "", MOVE_MOUNT_F_EMPTY_PATH`);
  t.same(readdirSync(place), [], 'the mount is gone with the container');
  failsWith(t, run(user, ['-m', '/none', squashed, '--', 'true']), 31, 'there is no directory /none');
  t.match(run(user, ['-m', place, image, '--', '/probe', 'status', '4']), {
    status: 4,
    stderr: /warning: --mount is ignored: a directory image needs no mount point\n$/,
  });
  t.match(run(user, ['-qq', '-m', place, image, '--', 'true']), { status: 0, stderr: '' });
});

test('after 200 launches nothing is left: no server, no mount, no file', async (t, user) => {
  const file = ownImage(t, user);
  const loop = 'for i in $(seq 200); do "$@" || exit 1; done';
  t.match(start(user, 'bash', ['-c', loop, 'bash', launcher, file, '--', '/probe', 'status', '0']), {
    status: 0,
  });
  t.ok(await eventually(() => serversOf(file).length === 0));
  t.notMatch(readFileSync('/proc/self/mounts', 'utf8'), file);
});
