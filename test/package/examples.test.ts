/** Examples run as they stand. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  checkout,
  failsWith,
  image,
  noSquashfs,
  ordinaryUser,
  run,
  runShell,
  scratch,
  skip,
  start,
} from '../helpers/support.js';

const self = { ...ordinaryUser, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
const makeImage = (words: readonly string[]) =>
  start(self, 'bash', [join(checkout, 'examples/make-image'), ...words]);

t.test('make-image makes an image that runs, with mount points and everyday programs', (t) => {
  const path = join(scratch(t, self), 'img');
  t.match(makeImage([path]), { status: 0, stdout: '', stderr: '' });
  for (const name of ['dev', 'proc', 'sys', 'tmp', 'etc', 'root', 'home', 'mnt', 'var/tmp']) {
    t.ok(statSync(join(path, name)).isDirectory(), name);
  }
  t.equal(
    runShell(t, self, [path], 'ls / | grep -c mnt; echo x | cat; id -u >/dev/null && sort </dev/null'),
    '1\nx',
  );
  t.end();
});

t.test('make-image adds a program with its libraries, and a path with everything below it', (t) => {
  const place = scratch(t, self);
  const path = join(place, 'img');
  execFileSync('mkdir', ['-p', join(place, 'data/deep')]);
  execFileSync('cp', ['/etc/hostname', join(place, 'data/deep/file')]);
  t.match(makeImage([path, 'getconf', join(place, 'data')]), { status: 0, stderr: '' });
  t.match(runShell(t, self, [path], 'getconf PAGESIZE'), /^\d+$/);
  t.ok(existsSync(join(path, place, 'data/deep/file')));
  t.end();
});

t.test('make-image adds the interpreter of a script', (t) => {
  const place = scratch(t, self);
  execFileSync('bash', [
    '-c',
    `printf '#!/usr/bin/env bash\\necho script\\n' >"$1/tool"; chmod +x "$1/tool"`,
    'x',
    place,
  ]);
  const path = join(place, 'img');
  t.match(makeImage([path, join(place, 'tool')]), { status: 0, stderr: '' });
  t.match(run(self, [path, '--', join(place, 'tool')]), { stdout: 'script\n', stderr: '' });
  t.end();
});

t.test('make-image says what is wrong', (t) => {
  const place = scratch(t, self);
  t.match(makeImage([place]), { status: 1, stderr: `make-image: ${place} exists already\n` });
  t.match(makeImage([]), { status: 64, stderr: /^Usage: / });
  t.match(makeImage(['--frobnicate']), { status: 64, stderr: /^Usage: / });
  t.match(makeImage(['--help']), { status: 0, stdout: /^Usage: make-image DIR/, stderr: '' });
  t.match(makeImage([join(place, 'a'), 'no-such-program']), {
    status: 1,
    stderr: 'there is no program no-such-program',
  });
  t.match(makeImage([join(place, 'b'), '/no/such/path']), { status: 1, stderr: 'there is no /no/such/path' });
  t.end();
});

t.test('a link that make-image makes leads nowhere outside the image', (t) => {
  const path = join(scratch(t, self), 'img');
  makeImage([path]);
  const links = execFileSync('find', [path, '-maxdepth', '2', '-type', 'l', '-printf', '%l\n'], {
    encoding: 'utf8',
  });
  t.notMatch(links, /^\//m);
  failsWith(t, run(self, [path, '--', 'make']), 49, "can't start make: command not found");
  t.end();
});

const makeSquashfs = (words: readonly string[]) =>
  start(self, 'bash', [join(checkout, 'examples/make-squashfs'), ...words]);

t.test('make-squashfs packs an image directory, which then runs, also by name from storage', (t) => {
  if (noSquashfs) return skip(t, noSquashfs);
  const place = scratch(t, self);
  mkdirSync(join(place, 'img'));
  const file = join(place, 'img/debian+12.sqfs');
  t.match(makeSquashfs([image, file]), { status: 0, stdout: '', stderr: '' });
  t.same(readdirSync(join(place, 'img')), ['debian+12.sqfs']);
  const show = 'grep NAME= /etc/os-release; ls /usr/share/.none 2>/dev/null; [ -x /bin/cat ] && echo cat';
  t.equal(runShell(t, self, [file], show), 'NAME="made by make-image"\ncat');
  t.equal(runShell(t, self, ['-s', place, 'debian:12'], 'echo named'), 'named');
  t.match(makeSquashfs([image, join(place, 'lz4'), '-comp', 'lz4', '-e', 'bin/cat', 'usr/bin/cat']), {
    status: 0,
  });
  t.equal(runShell(t, self, [join(place, 'lz4')], '[ -e /bin/cat ] || echo none'), 'none');
  t.end();
});

t.test('long work shows progress on a terminal, and none in a log', (t) => {
  const place = scratch(t, self);
  const onTerminal = (words: readonly string[]) => {
    const play = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
    const sized = ['-c', 'stty cols 80; exec "$@"', 'sh', ...words];
    return start(self, 'python3', ['-c', play, 'sh', ...sized], { cwd: place });
  };
  const example = (name: string) => join(checkout, 'examples', name);
  const made = onTerminal([example('make-image'), 'img', '/etc/hostname']);
  t.match(made, { status: 0, stdout: '\r\x1b[Kmake-image: /' });
  t.ok(made.stdout.endsWith('\r\x1b[K'), 'which goes in the end');
  t.match(makeImage([join(place, 'quiet')]), { status: 0, stdout: '', stderr: '' });
  if (noSquashfs) return skip(t, noSquashfs);
  t.match(onTerminal([example('make-squashfs'), 'img', 'a.sqfs']), { status: 0, stdout: /100%/ });
  t.match(makeSquashfs([join(place, 'img'), join(place, 'b.sqfs')]), { status: 0, stdout: '', stderr: '' });
  return t.end();
});

t.test('make-squashfs says what is wrong', (t) => {
  if (noSquashfs) return skip(t, noSquashfs);
  const place = scratch(t, self);
  const rows: readonly [readonly string[], number, RegExp][] = [
    [[image, place], 1, /exists already/],
    [['/none', join(place, 'x')], 1, /there is no directory \/none/],
    [[place, join(place, 'x')], 1, /is no image: it has no directory dev/],
    [[image], 64, /^Usage: /],
    [['--frobnicate', 'x'], 64, /^Usage: /],
  ];
  for (const [words, status, stderr] of rows) t.match(makeSquashfs(words), { status, stderr });
  t.match(makeSquashfs(['--help']), { status: 0, stdout: /^Usage: make-squashfs DIR FILE/, stderr: '' });
  t.end();
});

t.test('every example is executable, and begins with what it is for', (t) => {
  const names = readdirSync(join(checkout, 'examples'), { encoding: 'utf8', recursive: true });
  for (const name of names) {
    if (statSync(join(checkout, 'examples', name)).isDirectory()) continue;
    const [first, second] = readFileSync(join(checkout, 'examples', name), 'utf8').split('\n');
    if (first?.startsWith('#!')) {
      t.ok(statSync(join(checkout, 'examples', name)).mode & 0o100, name);
      t.match(second, /^(#|\/\/) [A-Z]/, name);
    }
  }
  t.ok(names.includes('make-image'));
  t.end();
});
