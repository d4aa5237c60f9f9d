/** What is said, and what works all the same, where a machine, an image or a limit leaves little. */
import { chmodSync, chownSync, cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  failsWith,
  image,
  isRoot,
  launcher,
  makeImage,
  noSquashfs,
  ordinaryUser,
  plant,
  run,
  scratch,
  skip,
  squashed,
  stage,
  start,
  users,
} from '../helpers/support.js';

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`a working directory that was removed is called so, and absolute paths need none${as}`, (t) => {
    const script = 'mkdir "$0/d"; cd "$0/d"; rmdir "$0/d"; exec "$@"';
    const from = (...words: string[]) =>
      start(user, 'sh', ['-c', script, scratch(t, user), launcher, ...words, '--', 'true']);
    failsWith(t, from('./img'), 31, /error: the working directory has been removed$/, /absolute paths/);
    for (const words of [['--no-memo', image], [image], [image]])
      t.match(from(...words), { status: 0, stderr: '' });
    t.end();
  });

  t.test(`a TMPDIR that is missing is named as such${as}`, (t) => {
    const ending = run(user, [image, '--', 'true'], { env: { TMPDIR: '/no/where' } });
    failsWith(t, ending, 31, "can't bind /no/where, the value of TMPDIR: ");
    t.end();
  });

  t.test(`without /proc, that is what is said${as}`, (t) => {
    const script = 'mount -t tmpfs none /proc && exec "$@"';
    for (const words of [['--no-memo', image], [image]]) {
      const ending = start(user, 'unshare', [
        '-Urm',
        'sh',
        '-c',
        script,
        'sh',
        launcher,
        ...words,
        '--',
        'true',
      ]);
      failsWith(t, ending, 31, 'there is no /proc: containers need it mounted');
    }
    t.end();
  });

  t.test(`a script without a #! line in an image without a shell is called so${as}`, (t) => {
    const own = makeImage(t, { tool: 'echo hello\n' }, user);
    const ending = run(user, [own, '--', '/tool']);
    failsWith(
      t,
      ending,
      49,
      "can't start /tool: execve: exec format error",
      /without a #! line.* has no \/bin\/sh/,
    );
    plant(own, { 'bin/sh': '#!/probe status\n' }, user);
    t.not(run(user, [own, '--', '/tool']).status, 49, 'with one it is run');
    t.end();
  });
}

t.test('programs that the user may execute but not read (mode 0711) start containers', (t) => {
  if (!isRoot) return skip(t, 'needs root to own them');
  const place = join(scratch(t, { name: 'root', uid: 0, gid: 0 }), 'package');
  cpSync(join(stage, 'package'), place, { recursive: true });
  const programs = readdirSync(join(place, 'build/Release')).filter((name) => name.startsWith('ch-run-ts'));
  for (const name of ['bin/ch-run-ts', ...programs.map((name) => `build/Release/${name}`)]) {
    chownSync(join(place, name), 0, 0);
    chmodSync(join(place, name), 0o711);
  }
  const images = noSquashfs ? [image] : [image, squashed];
  for (const words of [...images.map((path) => ['--no-memo', path]), ...images, ...images].map((each) =>
    [each].flat(),
  ))
    t.match(start(ordinaryUser, join(place, 'bin/ch-run-ts'), [...words, '--', 'true']), {
      status: 0,
      stderr: '',
    });
  t.end();
});

t.test('where the user may have few processes, a file-system server goes on with few threads', (t) => {
  if (noSquashfs) return skip(t, noSquashfs);
  if (!isRoot) return skip(t, 'needs root to become a user who has no process yet');
  const user = { name: 'another', uid: ordinaryUser.uid + 1, gid: ordinaryUser.gid };
  const plan = join(scratch(t, user), 'plan');
  const { stdout } = run(user, ['--no-share', '--dry-run=plan', squashed]);
  writeFileSync(plan, stdout);
  chownSync(plan, user.uid, user.gid);
  // the command's, the server with its first threads, and who mounts for it
  const words = ['--nproc=6:6', launcher, '--plan', plan, '--', 'cat', '/etc/os-release'];
  t.match(start(user, 'prlimit', words), { status: 0, stderr: '', stdout: /NAME=/ });
  t.end();
});
