/** Examples run as they stand. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout, failsWith, ordinaryUser, run, runShell, scratch, start } from './support.js';

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
