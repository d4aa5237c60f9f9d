/** Bad input gets a clear error and changes nothing. */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import {
  failsWith,
  image,
  isRoot,
  launcher,
  makeImage,
  ordinaryUser,
  plant,
  probe,
  run,
  sanitizedLauncher,
  scratch,
  start,
  users,
} from '../helpers/support.js';

/** Files that are no images: bytes, what they look like, what to do. */
const files: readonly [string, Uint8Array, string, string | undefined][] = [
  ['empty', Buffer.of(), 'an empty file', 'copied or downloaded to the end'],
  ['one byte', Buffer.from('x'), 'an unknown kind of file', undefined],
  ['text', Buffer.from('hello\n'), 'an unknown kind of file', undefined],
  ['a tar archive', tarHeader(), 'a tar archive', 'unpack it into a directory'],
  ['a gzip file', gzipSync('x'), 'a gzip-compressed file', 'unpack it'],
  ['a zstd file', Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0), 'a zstd-compressed file', 'unpack it'],
  ['an xz file', Buffer.from('\xfd7zXZ\0', 'latin1'), 'an xz-compressed file', 'unpack it'],
  ['a bzip2 file', Buffer.from('BZh91AY'), 'a bzip2-compressed file', 'unpack it'],
  ['a zip archive', Buffer.from('PK\x03\x04'), 'a zip archive', 'unpack it'],
  [
    'a program',
    readFileSync(probe).subarray(0, 4096),
    'a program (ELF)',
    'the image comes before the command',
  ],
  ['a script', Buffer.from('#!/bin/sh\n'), 'a script', 'the image comes before the command'],
  ['JSON', Buffer.from('{"a": 1}'), 'JSON text', 'OCI'],
  ['a qcow2 disk', Buffer.from('QFI\xfb', 'latin1'), 'a qcow2 disk image', 'virtual machine'],
];

function tarHeader(): Buffer {
  const header = Buffer.alloc(1024);
  header.write('file', 0);
  header.write('ustar\x0000', 257);
  return header;
}

/** The header of an ELF program for `machine`, and nothing after it. */
function elfHeader(machine: number, bits: 32 | 64 = 64): Buffer {
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 0, 'latin1');
  header.set([bits === 64 ? 2 : 1, 1, 1], 4);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  return header;
}

/** The probe, which is static, turned into a program that asks for a dynamic loader that is not there. */
function withoutLoader(): Buffer {
  const program = Buffer.from(readFileSync(probe));
  const table = Number(program.readBigUInt64LE(32));
  const name = Buffer.from('/lib/ld-nowhere.so.1\0');
  // the second program header becomes PT_INTERP; its name lies in the padding behind the headers
  const at = table + 56;
  const where = 0x3c0;
  name.copy(program, where);
  program.writeUInt32LE(3, at);
  program.writeBigUInt64LE(BigInt(where), at + 8);
  program.writeBigUInt64LE(BigInt(name.length), at + 32);
  program.writeBigUInt64LE(BigInt(name.length), at + 40);
  return program;
}

const host = process.arch === 'arm64' ? '64-bit ARM (aarch64)' : 'x86-64';
const other = process.arch === 'arm64' ? 62 : 183;
const otherName = process.arch === 'arm64' ? 'x86-64' : '64-bit ARM (aarch64)';

for (const user of users) {
  const as = `, as ${user.name}`;

  for (const [what, bytes, looks, hint] of files) {
    t.test(`${what} is no image: it is recognized as ${looks}${as}`, (t) => {
      const path = join(scratch(t, user), 'thing');
      writeFileSync(path, bytes);
      failsWith(t, run(user, [path, '--', 'true']), 31, `unknown image type: ${path} is ${looks}`, hint);
      t.end();
    });
  }

  t.test(`a missing image, a broken link and an empty reference are reported${as}`, (t) => {
    const place = scratch(t, user);
    symlinkSync('nowhere', join(place, 'broken'));
    symlinkSync('loop', join(place, 'loop'));
    failsWith(
      t,
      run(user, ['/no/image', '--', 'true']),
      31,
      'there is no image /no/image',
      'the path of a directory',
    );
    failsWith(t, run(user, ['rel/image', '--', 'true']), 31, 'there is no image rel/image');
    failsWith(t, run(user, [join(place, 'broken'), '--', 'true']), 31, `there is no image ${place}/broken`);
    failsWith(
      t,
      run(user, [join(place, 'loop'), '--', 'true']),
      31,
      `can't examine ${place}/loop: stat: too many`,
    );
    failsWith(t, run(user, ['', '--', 'true']), 31, 'the image reference is empty');
    failsWith(t, run(user, ['/etc/passwd/x', '--', 'true']), 31, 'there is no image /etc/passwd/x');
    t.end();
  });

  t.test(`a device, a pipe and a socket are no images${as}`, async (t) => {
    const place = scratch(t, user);
    start(user, 'mkfifo', [join(place, 'fifo')]);
    const server = createServer().listen(join(place, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    for (const path of ['/dev/null', join(place, 'fifo'), join(place, 'socket')]) {
      failsWith(
        t,
        run(user, [path, '--', 'true']),
        31,
        `unknown image type: ${path} is a device, pipe or socket`,
      );
    }
    server.close();
  });

  t.test(`an image that can't be read is reported as that${as}`, (t) => {
    if (user.uid === 0 || !isRoot) return t.end();
    const place = scratch(t, user);
    // of another owner: to those of one's own, one has all rights in one's user namespace
    plant(place, { 'closed/img/': null, 'mute/': null, file: 'x' }, { name: 'root', uid: 0, gid: 0 });
    for (const name of ['closed', 'mute', 'file']) chmodSync(join(place, name), 0);
    const start = (path: string) => run(user, [join(place, path), '--', 'true']);
    failsWith(t, start('closed/img'), 31, `can't examine ${place}/closed/img: stat: permission denied`);
    failsWith(t, start('mute'), 31, `can't use the image ${place}/mute: access: permission denied`);
    failsWith(t, start('file'), 31, `can't read ${place}/file: open: permission denied`);
    for (const name of ['closed', 'mute']) chmodSync(join(place, name), 0o755);
    return t.end();
  });

  t.test(`a command that is not there is not found, with the PATH that was searched${as}`, (t) => {
    const ending = run(user, [image, '--', 'no-such-command']);
    failsWith(
      t,
      ending,
      49,
      "can't start no-such-command: command not found",
      "no directory of the container's PATH has it (",
    );
    failsWith(
      t,
      run(user, [image, '--', '/no/such']),
      49,
      "can't start /no/such: execve: no such file or directory",
    );
    failsWith(t, run(user, [image, '--', './no']), 49, "can't start ./no: execve: no such file or directory");
    failsWith(
      t,
      run(user, [image, '--', '/etc/passwd/x']),
      49,
      "can't start /etc/passwd/x: execve: not a directory",
    );
    failsWith(t, run(user, [image, '--', '']), 49, "can't start '': the command is empty");
    t.end();
  });

  const commands: readonly [string, string | Uint8Array, number, string, string | RegExp][] = [
    [
      'a file without the mode bit',
      'echo hi\n',
      0o644,
      'execve: permission denied',
      'not marked as executable (chmod +x)',
    ],
    ['a program without the mode bit', readFileSync(probe), 0o644, 'execve: permission denied', 'chmod +x'],
    [
      'another architecture',
      elfHeader(other),
      0o755,
      'execve: exec format error',
      `built for ${otherName}, this machine is ${host}`,
    ],
    [
      'an unknown architecture',
      elfHeader(9999),
      0o755,
      'execve: exec format error',
      'built for machine type 9999',
    ],
    ['PowerPC', elfHeader(21), 0o755, 'execve: exec format error', 'built for 64-bit PowerPC'],
    ['RISC-V', elfHeader(243), 0o755, 'execve: exec format error', 'built for RISC-V'],
    ['32-bit ARM', elfHeader(40, 32), 0o755, 'execve: exec format error', 'built for 32-bit ARM'],
    [
      'a damaged program',
      elfHeader(process.arch === 'arm64' ? 183 : 62).subarray(0, 30),
      0o755,
      'execve: exec format error',
      'the program is damaged',
    ],
    [
      'a script whose interpreter is missing',
      '#!/no/python3\n',
      0o755,
      'execve: no such file',
      'its interpreter /no/python3 is not in the image',
    ],
    [
      'such a script with arguments',
      '#! /no/env  python3 -x\n',
      0o755,
      'execve: no such file',
      'its interpreter /no/env is not',
    ],
    [
      'a script from Windows',
      '#!/bin/sh\r\necho\n',
      0o755,
      'execve: no such file',
      'its first line ends in a carriage return',
    ],
    [
      'a program whose dynamic loader is missing',
      withoutLoader(),
      0o755,
      'execve: no such file',
      'its interpreter /lib/ld-nowhere.so.1 is not',
    ],
  ];
  for (const [what, bytes, mode, message, hint] of commands) {
    for (const word of ['/tool', 'tool']) {
      t.test(`${what} can't be started as ${word}${as}`, (t) => {
        const own = makeImage(t, {}, user);
        writeFileSync(join(own, 'tool'), bytes);
        chmodSync(join(own, 'tool'), mode);
        const ending = run(user, ['--set-env=PATH=/', own, '--', word]);
        failsWith(t, ending, 49, new RegExp(`can't start /+tool: ${message}`), hint);
        t.end();
      });
    }
  }

  t.test(`a directory as command is refused as one${as}`, (t) => {
    failsWith(
      t,
      run(user, [image, '--', '/usr']),
      49,
      "can't start /usr: execve: permission denied",
      'it is a directory',
    );
    t.end();
  });

  t.test(`-qqq hides why a command could not be started, but nothing else${as}`, (t) => {
    t.match(run(user, ['-qqq', image, '--', '/none']), { status: 49, stderr: '' });
    failsWith(t, run(user, ['-qqq', '/none', '--', 'true']), 31, 'there is no image /none');
    failsWith(t, run(user, ['-qqq', '-c', '/none', image, '--', 'true']), 31, 'change to directory /none');
    t.end();
  });

  t.test(`text without #! is run by the shell, as execvp has it${as}`, (t) => {
    const place = scratch(t, user);
    plant(place, { script: 'echo "$0" "$@"; exit 5\n' }, user);
    const { status, stdout, stderr } = run(user, [
      '-b',
      `${place}:/mnt`,
      image,
      '--',
      '/mnt/script',
      'a b',
      'c',
    ]);
    t.same([status, stdout, stderr], [5, '/mnt/script a b c\n', '']);
    t.end();
  });

  t.test(`a file without permission does not hide one further down PATH${as}`, (t) => {
    const own = makeImage(t, { 'a/tool': 'x', 'b/': null }, user);
    chmodSync(join(own, 'a/tool'), 0o644);
    copyFileSync(probe, join(own, 'b/tool'));
    t.match(run(user, ['--set-env=PATH=/a:/b', own, '--', 'tool', 'status', '4']), { status: 4, stderr: '' });
    t.end();
  });

  t.test(`usage errors exit with 64, from the first launcher process to the last${as}`, (t) => {
    failsWith(t, run(user, []), 64, 'expected IMAGE -- COMMAND', "try 'ch-run-ts --help'");
    failsWith(t, run(user, [image]), 64, 'no command to run in the container');
    failsWith(
      t,
      run(user, ['--wirte', image, '--', 'true']),
      64,
      'unknown option --wirte',
      'did you mean --write?',
    );
    failsWith(t, run(user, ['-b', '/', image, '--', 'true']), 64, "can't bind / to /");
    failsWith(t, run(user, ['--plan']), 64, '--plan needs a value');
    t.end();
  });
}

const [user] = users.slice(-1);
if (!user) throw new Error('there is nobody to test as');

t.test('messages begin with the name that the program was called by, and its process number', (t) => {
  const place = scratch(t, user);
  symlinkSync(launcher, join(place, 'ch-run'));
  for (const words of [
    ['/none', '--', 'true'],
    [image, '--', '/none'],
    ['--plan', '/none', '--', 'true'],
    ['--nope'],
  ]) {
    const { stderr, pid } = start(user, join(place, 'ch-run'), words);
    t.ok(stderr.startsWith(`ch-run[${pid}]: error: `), stderr);
    for (const line of stderr.trimEnd().split('\n')) t.ok(line.startsWith(`ch-run[${pid}]: `), line);
  }
  t.match(run(user, ['/none', '--', 'true'], { argv0: 'other name' }).stderr, /^other name\[\d+\]: error/);
  t.end();
});

t.test('a link named ch-run finds its parts, and runs', (t) => {
  const place = scratch(t, user);
  symlinkSync(launcher, join(place, 'ch-run'));
  t.match(start(user, join(place, 'ch-run'), [image, '--', 'echo', 'hi']), {
    status: 0,
    stdout: 'hi\n',
    stderr: '',
  });
  const env = { PATH: `${place}:${process.execPath.replace(/\/[^/]*$/, '')}:/usr/bin:/bin` };
  t.match(
    start(user, 'sh', ['-c', 'ch-run "$0" -- echo hi', image], { env }),
    { stdout: 'hi\n', stderr: '' },
    'on PATH',
  );
  t.end();
});

t.test('colour comes when it is asked for, and never by itself into a file', (t) => {
  const colored = '\x1b[31merror:';
  const error = (words: readonly string[], env = {}) =>
    run(user, [...words, image, '--', '/none'], { env }).stderr;
  t.notMatch(error([]), '\x1b');
  t.match(error(['--color']), colored);
  t.match(error(['--color=always']), colored);
  t.match(error(['--color=always'], { NO_COLOR: '1' }), colored, 'an option is stronger than NO_COLOR');
  t.notMatch(error(['--color=never'], { FORCE_COLOR: '1' }), '\x1b');
  t.notMatch(
    run(user, ['--color=never', '/none', '--', 'true'], { env: { FORCE_COLOR: '1' } }).stderr,
    '\x1b',
  );
  t.match(run(user, ['--color=always', '/none', '--', 'true']).stderr, colored);
  t.end();
});

t.test('--verbose tells the steps, on standard error', (t) => {
  const { stdout, stderr, status } = run(user, ['-v', image, '--', 'echo', 'hi']);
  t.same([stdout, status], ['hi\n', 0]);
  for (const step of ['user-namespace', 'root', 'bind /dev /dev', 'pivot', 'command']) t.match(stderr, step);
  t.match(run(user, ['-v', image, '--', '/none']), { status: 49 });
  t.end();
});

t.test('a failed launch changes nothing in the image', (t) => {
  const own = makeImage(t, {}, user);
  const list = () => start(user, 'find', [own, '-printf', '%p %m %s %T@\n']).stdout;
  const before = list();
  for (const words of [
    ['-b', '/none:/mnt'],
    ['-c', '/none'],
    ['-b', '/etc:/etc/passwd'],
    ['--set-env=/none'],
  ]) {
    t.equal(run(user, [...words, own, '--', '/probe']).status, 31, words.join(' '));
  }
  t.equal(list(), before);
  t.end();
});

t.test('the program file alone, copied anywhere, decides and launches', (t) => {
  const place = scratch(t, user);
  const copy = join(place, 'elsewhere');
  copyFileSync(launcher, copy);
  t.match(start(user, copy, ['--no-memo', image, '--', 'echo', 'here']), { status: 0, stdout: 'here\n' });
  t.match(start(user, copy, ['--help']), { status: 0, stdout: /^Usage: / });
  t.end();
});

t.test('built without the engine, a program without its JavaScript says what to do', (t) => {
  const place = scratch(t, user);
  mkdirSync(join(place, 'package/bin'), { recursive: true });
  copyFileSync(sanitizedLauncher, join(place, 'package/bin/ch-run-ts'));
  const ending = start(user, join(place, 'package/bin/ch-run-ts'), [image, '--', 'true']);
  failsWith(
    t,
    ending,
    31,
    /interpreter .*cli\.cjs: access: no such file or directory/,
    /install ch-run-ts again/,
  );
  t.end();
});

t.test('without Node all works, and a program built without the engine says what to install', (t) => {
  const place = scratch(t, user);
  const { stdout: plan } = start(user, 'unshare', ['-Ur', launcher, '--dry-run=plan', image]);
  plant(place, { plan }, user);
  const hide = `mount --bind /dev/null ${realpathSync(process.execPath)} && exec "$@"`;
  const startWithout = (program: string, words: readonly string[]) =>
    start(user, 'unshare', ['-Urm', 'sh', '-c', hide, 'sh', program, ...words]);
  const words = ['--no-memo', image, '--', 'echo', 'here'];
  t.match(startWithout(launcher, words), { status: 0, stdout: 'here\n' });
  failsWith(
    t,
    startWithout(sanitizedLauncher, words),
    31,
    /can't start the command-line interpreter .*node: execve: /,
    /install Node\.js .* --plan FILE/,
  );
  t.match(startWithout(sanitizedLauncher, ['--version']), { status: 0, stdout: /^engine: Node\.js$/m });
  t.match(startWithout(sanitizedLauncher, ['--doctor']), {
    status: 31,
    stdout: /^yes {2}user-namespace$/m,
    stderr: /can't start the command-line interpreter/,
  });
  t.match(startWithout(sanitizedLauncher, ['--plan', join(place, 'plan'), '--', 'echo', 'here']), {
    status: 0,
    stdout: 'here\n',
  });
  t.end();
});

for (const words of [
  ['--help'],
  ['--version'],
  ['--list=json'],
  ['--dry-run', image],
  ['--completion=bash'],
  ['--memo-clear'],
]) {
  t.test(`${words.join(' ')} ends quietly where nobody reads on, and says what a full device is`, (t) => {
    const shell = (script: string) => start(ordinaryUser, 'bash', ['-c', script, 'bash', launcher, ...words]);
    // Node ignores SIGPIPE, and the launcher dies by it
    const closed = shell('set -o pipefail; { sleep 0.3; "$@"; echo $? >&2; } | true');
    t.match(closed.stderr, /^(0|141)\n$/, 'nothing but the status');
    const full = shell('"$@" >/dev/full');
    failsWith(t, full, 31, /can't write (to )?standard output: write: no space left on device/i);
    t.equal(shell('"$@" 2>/dev/full >/dev/full').status, 31);
    t.end();
  });
}
