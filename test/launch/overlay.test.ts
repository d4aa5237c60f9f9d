/** Writing on top of an image, and places for binds that an image lacks: over directories and SquashFS files. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  copyImage,
  environmentOf,
  eventually,
  failsWith,
  isRoot,
  launcher,
  noSquashfs,
  probe,
  probeIn,
  run,
  runShell,
  scratch,
  image as shared,
  skip,
  squashed,
  start,
  type User,
  users,
  variables,
} from '../helpers/support.js';
import { serversOf, startWaiting } from './servers.js';

t.setTimeout(300_000);

/** The user's own copy: nobody, not even with an overlay, can change what belongs to others. */
const copies = new Map(users.map((user) => [user, copyImage(t, user)]));

/** Every test with each user and each kind of image. */
function test(title: string, body: (t: Test, user: User, image: string) => unknown): void {
  for (const user of users) {
    for (const [kind, path] of [
      ['directory', String(copies.get(user))],
      ['SquashFS', squashed],
    ] as const) {
      t.test(`${title}, over a ${kind} image, as ${user.name}`, async (t) => {
        if (path === squashed && noSquashfs) skip(t, noSquashfs);
        else await body(t, user, path);
      });
    }
  }
}

/** Everything in the image, for comparison. */
const listing = (image: string) =>
  execFileSync('find', [image, '-printf', '%p %s %t %m\n'], { encoding: 'utf8' });

const changeMuch =
  'echo new >/new; echo changed >/etc/os-release; rm /bin/cat; rm -r /var/log; mkdir /var/log && touch /var/log/x;' +
  ' mv /usr/bin/cut /usr/bin/cut2; chmod 700 /srv; ln /etc/hosts /hard; ln -s x /soft; mkdir -p /a/b;' +
  ' sed "" /new /etc/os-release; ls /bin/cat /var/log; ls -ld /srv | cut2 -c1-10';

test('with --write-fake everything can be changed, and nothing stays', (t, user, image) => {
  const before = listing(image);
  const { stdout } = run(user, [
    '-W',
    image,
    '--',
    'bash',
    '-c',
    changeMuch.replaceAll('cat /new', 'sed "" /new'),
  ]);
  t.equal(stdout, 'new\nchanged\n/var/log:\nx\ndrwx------\n');
  t.equal(runShell(t, user, ['-W', image], 'ls -d /new /a 2>/dev/null; grep -c NAME= /etc/os-release'), '1');
  t.equal(listing(image), before);
});

test('--write-fake=SIZE is the limit', (t, user, image) => {
  const fill = 'dd if=/dev/zero of=/big bs=64k count=200; stat -c %s /big';
  const limited = run(user, ['-W4m', image, '--', 'sh', '-c', fill]);
  t.match(limited.stderr, /No space left on device/);
  t.ok(Number(limited.stdout) <= 4 << 20, limited.stdout);
  t.equal(runShell(t, user, ['--write-fake=20m', image], `exec 2>/dev/null; ${fill}`), String(200 * 65536));
});

test('an image without an overlay, and one with made destinations, stay read-only', (t, user, image) => {
  const attempt = 'touch /x 2>/dev/null || echo refused';
  t.equal(runShell(t, user, [image], attempt), 'refused');
  t.equal(runShell(t, user, ['-b', '/etc:/made', image], attempt), 'refused');
});

test('--overlay keeps what was written, in a directory that it makes', (t, user, image) => {
  const place = join(scratch(t, user), 'over lay:,=\\');
  const words = ['--overlay', place, image];
  t.equal(runShell(t, user, words, 'echo 1 >/kept; rm /bin/cat; echo done'), 'done');
  t.same(readdirSync(place).sort(), ['upper', 'work']);
  t.equal(
    runShell(t, user, words, 'echo 2 >>/kept; sed "" /kept; ls /bin/cat 2>&1 | grep -c cannot'),
    '1\n2\n1',
  );
  t.equal(
    runShell(t, user, [image], 'ls /kept 2>/dev/null; ls /bin/cat'),
    '/bin/cat',
    'the image is as it was',
  );
  t.equal(readFileSync(join(place, 'upper/kept'), 'utf8'), '1\n2\n');
});

test('a second writer of one overlay directory is refused, and let in after the first', async (t, user, image) => {
  const place = join(scratch(t, user), 'overlay');
  const running = await startWaiting(t, user, ['--overlay', place, image], 'echo first >/file');
  const second = run(user, ['--overlay', place, image, '--', 'true']);
  failsWith(
    t,
    second,
    31,
    `upper directory in ${place}: mount: device or resource busy`,
    'another container is using it',
  );
  t.equal((await running.finish()).status, 0);
  t.equal(runShell(t, user, ['--overlay', place, image], 'cat /file'), 'first');
});

test('an overlay directory that can not be used is an error that names it', (t, user, image) => {
  const place = scratch(t, user);
  writeFileSync(join(place, 'file'), '');
  const attempt = (directory: string) => run(user, ['--overlay', directory, image, '--', 'true']);
  failsWith(
    t,
    attempt('/no/such/dir'),
    31,
    "can't create the overlay directory /no/such/dir: mkdir: no such file",
  );
  failsWith(
    t,
    attempt(join(place, 'file')),
    31,
    `can't use the overlay directory ${place}/file: open: not a dir`,
  );
  if (user.uid === 0) return;
  failsWith(t, attempt('/etc/o'), 31, "can't create the overlay directory /etc/o: mkdir: permission denied");
});

test('a file system that can not hold an upper directory is named', (t, user, image) => {
  if (!isRoot) return skip(t, 'mounting an overlay for everybody needs root');
  const place = scratch(t, user);
  for (const name of ['lower', 'upper', 'work', 'mount']) mkdirSync(join(place, name), { mode: 0o777 });
  for (const name of ['upper', 'mount']) chmodSync(join(place, name), 0o777);
  const script =
    'cd "$1" && mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=work mount && shift && exec "$@"';
  const as =
    user.uid === 0 ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  const words = [...as, launcher, `--overlay=${place}/mount/o`, image, '--', 'true'];
  const root = { name: 'root', uid: 0, gid: 0 };
  const ending = start(root, 'unshare', ['-m', 'bash', '-c', script, 'bash', place, ...words]);
  failsWith(
    t,
    ending,
    31,
    /mount: invalid argument/,
    /it lies on overlayfs, .* choose a directory on a local disk/,
  );
});

test('without user xattrs in the upper directory, files are written, moved and removed', (t, user, image) => {
  // as on tmpfs before Linux 6.6; ramfs has none either. There, a directory can't replace one of the image's.
  if (!isRoot) return skip(t, 'mounting ramfs needs root');
  const place = scratch(t, user);
  const script = 'mount -t ramfs none "$1" && chmod 777 "$1" && shift && exec "$@"';
  const as =
    user.uid === 0 ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  const inside =
    'echo x >/new; echo y >/etc/hosts.x; rm /bin/cut; mv /new /newer; mkdir /n; ls -d /newer /n; ls /bin/cut';
  const words = [...as, launcher, `--overlay=${place}/o`, image, '--', 'sh', '-c', inside];
  const root = { name: 'root', uid: 0, gid: 0 };
  const { stdout, stderr } = start(root, 'unshare', ['-m', 'bash', '-c', script, 'bash', place, ...words]);
  t.equal(stdout, '/n\n/newer\n');
  t.match(stderr, /^ls: cannot access '\/bin\/cut'.*\n$/);
});

for (const [error, words, old] of [
  ['EPERM', 'operation not permitted', true],
  ['ENODEV', 'no such device', false],
  ['EINVAL', 'invalid argument', true],
] as const) {
  test(`where the kernel refuses overlays with ${error}, the hint names kernel or setting`, (t, user, image) => {
    const place = join(scratch(t, user), 'o');
    // the first mount is the place for others; then comes the overlay, but for -W and missing destinations a tmpfs.
    // No -f: the file-system server mounts too
    const attempt = (which: number, ...options: string[]) => {
      const inject = ['-e', 'trace=mount', '-e', `inject=mount:error=${error}:when=${which}`];
      const strace = ['strace', '-o', '/dev/null', ...inject, launcher, ...options, image, '--', 'true'];
      return old ? start(user, 'setarch', ['--uname-2.6', ...strace]) : start(user, 'env', strace);
    };
    const hint = old
      ? /: hint: this is Linux 2\.6\.\d+.*, and overlays for unprivileged users need 5\.11 or later; use --write/
      : /: hint: the kernel has no overlayfs \(CONFIG_OVERLAY_FS\); use --write/;
    failsWith(
      t,
      attempt(2, '--overlay', place),
      31,
      `its upper directory in ${place}: mount: ${words}`,
      hint,
    );
    failsWith(t, attempt(3, '-W'), 31, `its upper directory in memory: mount: ${words}`, hint);
    t.match(attempt(3, '-b', '/etc:/made'), { status: 0, stderr: '' }, 'places are made without one');
  });
}

test('a new kernel that refuses overlays is not called too old', (t, user, image) => {
  for (const error of ['EPERM', 'EINVAL']) {
    const inject = ['-e', 'trace=mount', '-e', `inject=mount:error=${error}:when=3`];
    const { stderr } = start(user, 'strace', [
      '-o',
      '/dev/null',
      ...inject,
      launcher,
      '-W',
      image,
      '--',
      'true',
    ]);
    t.match(stderr, /error: can't mount an overlay/);
    t.notMatch(stderr, /5\.11/);
  }
});

for (const user of users) {
  t.test(
    `over an image with a mount in it there is no overlay, and the hint says where, as ${user.name}`,
    (t) => {
      if (!isRoot) return t.end();
      const own = copyImage(t, user);
      const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
      const script = `mount -t tmpfs none ${own}/mnt; exec setpriv ${ids.join(' ')} ${launcher} -W ${own} -- true`;
      failsWith(
        t,
        start({ name: 'root', uid: 0, gid: 0 }, 'unshare', ['-m', 'sh', '-c', script], {
          env: environmentOf(user),
        }),
        31,
        "can't mount an overlay with its upper directory in memory: mount: invalid argument",
        /: hint: something is mounted at \/mnt in the image, which the kernel does not let an overlay uncover; unmount it/,
      );
      return t.end();
    },
  );
}

test('missing destinations of binds are made, also below others, links and in overlays', (t, user, image) => {
  const place = scratch(t, user);
  writeFileSync(join(place, 'file'), 'content');
  mkdirSync(join(place, 'directory/inner'), { recursive: true });
  const binds = ['-b', `${place}:/a/b/c`, '-b', `${place}/file:/var/run/x/file`, '-b', `${place}:/mnt`];
  const show = 'cat /a/b/c/file /run/x/file /mnt/file; ls -d /a/b/c/directory/inner /usr';
  for (const options of [[], ['-W'], ['--overlay', join(place, 'o')]]) {
    t.equal(
      runShell(t, user, [...options, ...binds, image], show),
      'contentcontentcontent/a/b/c/directory/inner\n/usr',
      options.join(' '),
    );
  }
  t.notOk(existsSync(join(image, 'a')), 'the image is as it was');
});

test('where there are no overlays, missing destinations are made by covering their parents', (t, user, image) => {
  const place = scratch(t, user);
  writeFileSync(join(place, 'file'), 'content');
  const binds = ['-b', `${place}:/a/b/c`, '-b', `${place}/file:/var/run/x/file`, '-b', `${place}:/etc/x/y`];
  const show =
    'cat /a/b/c/file /run/x/file /etc/x/y/file; readlink /bin; grep -c NAME= /etc/os-release; ls -d /mnt /usr';
  const refuse = ['-e', 'trace=mount', '-e', 'inject=mount:error=ENODEV:when=3', launcher];
  const words = [
    ...refuse,
    ...binds,
    image,
    '--',
    'sh',
    '-c',
    `${show}; touch /z /etc/z /etc/x/z /a/z || true`,
  ];
  const { stdout, stderr } = start(user, 'strace', ['-o', '/dev/null', ...words]);
  t.equal(stdout, 'contentcontentcontentusr/bin\n1\n/mnt\n/usr\n');
  t.equal(stderr.match(/Read-only file system/g)?.length, 4, stderr);
});

test('a missing destination in what is bound before is an error, without an overlay for it', (t, user, image) => {
  const place = scratch(t, user);
  const ending = run(user, ['-b', `${place}:/mnt`, '-b', `${place}:/mnt/none`, image, '--', 'true']);
  failsWith(t, ending, 31, `can't bind ${place}: there is no /mnt/none below the bind of ${place}`);
  t.notOk(existsSync(join(place, 'none')));
});

for (const user of users) {
  t.test(`missing destinations are made in directories of somebody else’s, as ${user.name}`, (t) => {
    const place = scratch(t, user);
    writeFileSync(join(place, 'file'), 'content');
    const binds = ['-b', `${place}:/opt/x`, '-b', `${place}:/usr/share/a/b`, '-b', `${place}:/a`];
    const show = 'cat /opt/x/file /usr/share/a/b/file /a/file; ls -d /usr/bin; touch /a/written';
    for (const options of [[], ['-W'], ['--overlay', join(place, 'o')], user.uid === 0 ? [] : ['-w']]) {
      t.equal(runShell(t, user, [...options, ...binds, shared], show), 'contentcontentcontent/usr/bin');
      t.ok(existsSync(join(place, 'written')));
      t.notOk(existsSync(join(shared, 'a')));
    }
    t.end();
  });

  t.test(
    `missing destinations are made in directories of a group without a name inside, as ${user.name}`,
    (t) => {
      if (!isRoot) return t.end();
      const place = scratch(t, user);
      writeFileSync(join(place, 'file'), 'content');
      const own = copyImage(t, user);
      mkdirSync(join(own, 'project'));
      chownSync(join(own, 'project'), user.uid, 4321);
      chmodSync(join(own, 'project'), 0o2775);
      for (const options of [[], ['-W'], ['--overlay', join(place, 'o')], ['-w']]) {
        const words = [...options, '-b', `${place}:/project/x`, own];
        t.equal(runShell(t, user, words, 'cat /project/x/file'), 'content', options.join(' '));
      }
      return t.end();
    },
  );

  t.test(`an image whose root directory can only be searched is run, as ${user.name}`, (t) => {
    const own = copyImage(t, { name: 'root', uid: 0, gid: 0 });
    chmodSync(own, 0o711);
    for (const options of [[], ['-W'], ['-b', `${scratch(t, user)}:/new`]])
      t.equal(runShell(t, user, [...options, own], 'echo in'), 'in', options.join(' '));
    t.end();
  });

  t.test(`a user's umask changes nothing about what is made for the container, as ${user.name}`, (t) => {
    const place = scratch(t, user);
    writeFileSync(join(place, 'file'), 'content');
    for (const options of [[], ['-W'], ['--overlay', join(place, 'o')]]) {
      for (const mask of ['077', '777']) {
        const words = [...options, '-b', `${place}:/made/here`, shared, '--', 'sh', '-c'];
        const show = 'stat -c %25a /; stat -c %25a /made; cat /made/here/file; umask';
        const { stdout, stderr } = start(user, probe, [
          'with',
          `umask=${mask}`,
          '--',
          launcher,
          ...words,
          show,
        ]);
        t.same([stdout, stderr], [`755\n755\ncontent0${mask}\n`, ''], `${options.join(' ')} ${mask}`);
      }
    }
    t.end();
  });
}

test('--home binds the home directory, and HOME leads there', (t, user, image) => {
  const home = scratch(t, user);
  writeFileSync(join(home, 'mine'), 'content');
  const env = { HOME: home, USER: 'bob' };
  const report = probeIn(t, user, ['--home', image], { env });
  t.equal(variables(report).HOME, '/home/bob');
  const script = 'cat ~/mine; echo >~/written; touch /root-is-writable && ls /home';
  const { stdout } = run(user, ['--home', image, '--', 'sh', '-c', script], { env });
  t.equal(stdout, 'contentbob\n');
  t.ok(existsSync(join(home, 'written')));
  const kept = ['--home', `--overlay=${home}/o`, image, '--', 'sh', '-c', 'echo >/kept'];
  t.match(run(user, kept, { env }), { status: 0 });
  t.ok(existsSync(join(home, 'o/upper/kept')));
});

test('--home without HOME or a name is an error; the name service knows names too', (t, user, image) => {
  const attempt = (...unset: string[]) => {
    const words = [
      ...unset.map((name) => `-u${name}`),
      launcher,
      '--home',
      image,
      '--',
      'sh',
      '-c',
      'echo $HOME',
    ];
    return start(user, 'env', words);
  };
  failsWith(t, attempt('HOME'), 31, "can't bind the home directory: HOME is not set");
  if (user.uid === 0) t.match(attempt('USER'), { status: 0, stdout: '/home/root\n', stderr: '' });
  else if (isRoot) failsWith(t, attempt('USER'), 31, /USER is not set, and your user id has no name/);
});

test('peers of --join share one overlay', async (t, user, image) => {
  const peer =
    'echo $$ >>/peers; for i in $(seq 100); do if [ $(wc -l </peers) = 3 ]; then echo three; exit; fi; sleep 0.1; done';
  const words = [launcher, '--join-ct=3', '-W', image, '--', 'sh', '-c', peer];
  const { stdout, stderr } = start(user, 'bash', [
    '-c',
    'for i in 1 2 3; do "$@" & done; wait',
    'bash',
    ...words,
  ]);
  t.same([stdout, stderr], ['three\n'.repeat(3), '']);
  t.ok(await eventually(() => serversOf(image).length === 0));
});
