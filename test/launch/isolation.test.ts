/** What a container shows and hides: docs/how-it-works.md. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  copyImage,
  environmentOf,
  failsWith,
  image,
  isRoot,
  launcher,
  makeImage,
  ordinaryUser,
  plant,
  probe,
  probeIn,
  type Report,
  run,
  runQuietly,
  runShell,
  scratch,
  stage,
  start,
  users,
  variables,
} from '../helpers/support.js';

/** Mount points and their options, in the order of mounting. */
function mountsOf(report: Report): readonly { readonly at: string; readonly options: string }[] {
  return report.mounts.map((line) => {
    const [, , , , at = '', options = ''] = line.split(' ');
    return { at, options };
  });
}

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`the image is read-only${as}`, (t) => {
    const own = copyImage(t, user);
    const script = 'touch /file; echo x >/etc/passwd; mkdir /d; rm /etc/os-release; chmod 777 /etc';
    const { stderr, status } = run(user, [own, '--', 'sh', '-c', script]);
    t.equal(status, 1);
    t.equal(stderr.match(/[Rr]ead-only file system/g)?.length, 4, stderr);
    t.notOk(existsSync(join(own, 'file')));
    t.end();
  });

  t.test(`mounts below the image are read-only too${as}`, (t) => {
    const { mounts } = probeIn(t, user, [image]);
    const [rootMount] = mountsOf({ mounts } as unknown as Report);
    t.match(rootMount, { at: '/', options: /^ro\b/ });
    t.end();
  });

  t.test(`--write writes to the image${as}`, (t) => {
    const own = copyImage(t, user);
    runShell(t, user, ['-w', own], 'echo hi >/file; mkdir /dir; rm /etc/os-release');
    t.equal(readFileSync(join(own, 'file'), 'utf8'), 'hi\n');
    t.ok(existsSync(join(own, 'dir')));
    t.notOk(existsSync(join(own, 'etc/os-release')));
    t.end();
  });

  t.test(`nothing of the host's root directory is reachable${as}`, (t) => {
    const report = probeIn(t, user, [image]);
    const places = mountsOf(report).map(({ at }) => at);
    t.same(
      places.filter((at) => !/^\/(dev|proc|sys|tmp|etc)?(\/|$)/.test(at)),
      [],
    );
    t.equal(places.filter((at) => at === '/').length, 1, 'one root');
    t.equal(runShell(t, user, ['-t', image], `ls ${stage} 2>&1 | grep -c "No such file"`), '1');
    t.equal(runShell(t, user, [image], 'cd /; cd ../../..; pwd; ls -d /../../ch'), '/\n/../../ch');
    t.end();
  });

  t.test(`no descriptor of ours is left open${as}`, (t) => {
    const outside = JSON.parse(start(user, probe, ['report']).stdout) as Report;
    t.same(Object.keys(probeIn(t, user, [image]).descriptors), Object.keys(outside.descriptors));
    t.end();
  });

  t.test(`mounts made inside are not seen outside, nor the other way${as}`, (t) => {
    const before = readFileSync('/proc/self/mountinfo', 'utf8');
    probeIn(t, user, ['-t', image]);
    t.equal(readFileSync('/proc/self/mountinfo', 'utf8'), before);
    t.end();
  });

  t.test(`/dev, /proc and /sys are the host's${as}`, (t) => {
    const script =
      'echo x >/dev/null && head -c 1 /dev/zero | wc -c; test -e /proc/1/stat && test -d /sys/kernel && echo both';
    t.equal(runShell(t, user, [image], script), '1\nboth');
    t.end();
  });

  t.test(`what host and image have of the optional files is bound${as}`, (t) => {
    const places = mountsOf(probeIn(t, user, [image])).map(({ at }) => at);
    for (const path of ['/etc/hosts', '/etc/resolv.conf', '/etc/machine-id']) {
      t.equal(places.includes(path), existsSync(path), path);
    }
    t.same(
      mountsOf(probeIn(t, user, [makeImage(t, {}, user)]))
        .map(({ at }) => at)
        .filter((at) => at.startsWith('/etc/')),
      ['/etc/passwd', '/etc/group'],
      'in an image without them, they are left out',
    );
    t.end();
  });

  t.test(`mounts come in their order: defaults, /tmp, the user's${as}`, (t) => {
    const place = scratch(t, user);
    const own = makeImage(t, { 'etc/hosts': '', 'a/': null, 'b/': null }, user);
    const binds = ['-b', `${place}:/b`, '-b', `${place}:/a`];
    const places = mountsOf(probeIn(t, user, [...binds, own])).map(({ at }) => at);
    const order = ['/', '/dev', '/proc', '/sys', '/etc/hosts', '/tmp', '/b', '/a'];
    // a place may be mounted twice: then the last one counts
    const found = order.map((at) => places.lastIndexOf(at));
    t.notOk(found.includes(-1), places.join(' '));
    t.same(
      found.slice(1),
      found.slice(1).sort((one, other) => one - other),
    );
    t.end();
  });

  t.test(`/tmp is the host's, from $TMPDIR if it is set${as}`, (t) => {
    const place = scratch(t, user);
    plant(place, { mark: 'found\n' }, user);
    t.equal(runShell(t, user, [image], `ls -d ${stage}`), stage);
    const { stdout, stderr } = run(user, [image, '--', 'cat', '/tmp/mark'], { env: { TMPDIR: place } });
    t.same([stdout, stderr], ['found\n', '']);
    t.equal(
      run(user, [image, '--', 'ls', '-d', stage], { env: { TMPDIR: '' } }).stdout.trim(),
      stage,
      'empty',
    );
    t.end();
  });

  t.test(`a $TMPDIR that does not exist is an error that names it${as}`, (t) => {
    const ending = run(user, [image, '--', 'true'], { env: { TMPDIR: '/no/where' } });
    failsWith(
      t,
      ending,
      31,
      "can't bind /no/where, the value of TMPDIR: open_tree: no such file or directory",
    );
    t.end();
  });

  t.test(`--private-tmp is empty, writable and gone afterwards${as}`, (t) => {
    const script = 'ls -A /tmp; stat -c "%a %U" /tmp; echo x >/tmp/mine; cat /tmp/mine';
    const output = runShell(t, user, ['-t', image], script);
    t.match(output, /^1777 \w+\nx$/);
    t.notOk(existsSync('/tmp/mine'));
    t.equal(runShell(t, user, ['-t', image], 'ls -A /tmp'), '');
    t.end();
  });

  t.test(`no file is left in a shared directory${as}`, (t) => {
    const list = () =>
      ['/tmp', '/var/tmp', '/dev/shm'].map((path) =>
        readdirSync(path).filter(
          (name) =>
            /ch-run-ts(?!-test)|passwd|group/.test(name) &&
            // those of other lanes come and go: of their users, and of root, which they share, doors of --join
            lstatSync(join(path, name), { throwIfNoEntry: false })?.uid === user.uid &&
            !/^ch-run-ts\.0\./.test(name),
        ),
      );
    const before = list();
    probeIn(t, user, [image]);
    t.same(list(), before);
    t.end();
  });

  for (const id of [0, 1, 1000, 65_534, 2 ** 31 - 1, 2 ** 31 + 5, 2 ** 32 - 2]) {
    t.test(`-u ${id} -g ${id} give these ids inside, and files of one's own belong to them${as}`, (t) => {
      const place = scratch(t, user);
      plant(place, { file: '' }, user);
      const words = ['-u', String(id), '-g', String(id), '-b', `${place}:/mnt`, image];
      t.match(probeIn(t, user, words), { uid: id, euid: id, gid: id, egid: id });
      t.equal(
        runShell(t, user, words, 'stat -c "%u:%g" /mnt/file; id -u; id -g'),
        `${id}:${id}\n${id}\n${id}`,
      );
      t.end();
    });
  }

  t.test(`with -u 0, what is written outside belongs to the user${as}`, (t) => {
    const place = scratch(t, user);
    runShell(t, user, ['-u', '0', '-g', '0', '-b', `${place}:/mnt`, image], 'echo x >/mnt/file');
    t.equal(
      spawnSync('stat', ['-c', '%u:%g', join(place, 'file')], { encoding: 'utf8' }).stdout,
      `${user.uid}:${user.gid}\n`,
    );
    t.end();
  });

  t.test(`a command in the container gains no privilege from a set-user-id program${as}`, (t) => {
    const own = copyImage(t, user);
    copyFileSync(join(own, 'usr/bin/id'), join(own, 'usr/bin/suid-id'));
    if (isRoot) chownSync(join(own, 'usr/bin/suid-id'), 0, 0);
    chmodSync(join(own, 'usr/bin/suid-id'), 0o4755);
    t.equal(runShell(t, user, [own], 'suid-id -u'), String(user.uid));
    t.end();
  });

  t.test(`passwd and group hold root, nobody and the user${as}`, (t) => {
    const id = user.uid;
    const [passwd = '', group = ''] = runShell(
      t,
      user,
      [image],
      'cat /etc/passwd; echo; cat /etc/group',
    ).split('\n\n');
    t.match(passwd, /^root:x:0:0:root:\/root:\/bin\/sh\nnobody:x:65534:65534:nobody:\/:\/bin\/false/);
    t.match(group, /^root:x:0:\nnogroup:x:65534:/);
    t.equal(passwd.split('\n').length, id === 0 ? 2 : 3);
    if (id !== 0 && isRoot) {
      t.match(passwd, `\nuser${id}:x:${id}:${user.gid}:container user:/root:/bin/sh`);
      t.match(group, `\ngroup${user.gid}:x:${user.gid}:`);
    }
    const name = runShell(t, user, [image], 'id -un; id -gn').split('\n');
    t.same(name, id === 0 ? ['root', 'root'] : isRoot ? [`user${id}`, `group${user.gid}`] : name);
    t.end();
  });

  t.test(`passwd and group are readable by everybody and belong to the container${as}`, (t) => {
    const script = 'stat --format=%25a /etc/passwd /etc/group';
    const { stdout } = start(user, join(image, 'probe'), [
      'with',
      'umask=077',
      '--',
      launcher,
      image,
      '--',
      'sh',
      '-c',
      script,
    ]);
    t.equal(stdout, '644\n644\n', 'whatever the umask');
    t.end();
  });

  t.test(`--no-passwd keeps the image's own${as}`, (t) => {
    const own = makeImage(t, { 'etc/passwd': 'mine\n', 'etc/group': 'ours\n' }, user);
    const places = mountsOf(probeIn(t, user, ['--no-passwd', own])).map(({ at }) => at);
    t.notOk(places.includes('/etc/passwd'));
    t.end();
  });

  t.test(`an image without passwd and group gets a warning for each, and runs${as}`, (t) => {
    const own = makeImage(t, {}, user);
    rmSync(join(own, 'etc/passwd'));
    rmSync(join(own, 'etc/group'));
    const { status, stderr } = run(user, [own, '--', '/probe', 'status', '7']);
    t.equal(status, 7);
    t.match(
      stderr,
      /^\S+ warning: there is no \/etc\/passwd in the image.*\n\S+ warning: there is no \/etc\/group.*\n$/,
    );
    t.match(
      run(user, ['-qq', own, '--', '/probe', 'status', '7']),
      { status: 7, stderr: '' },
      '-qq hides them',
    );
    t.match(run(user, ['--no-passwd', own, '--', '/probe', 'status', '7']), { status: 7, stderr: '' });
    t.end();
  });

  t.test(`-c starts in a directory of the container${as}`, (t) => {
    t.equal(runQuietly(t, user, ['-c', '/usr/bin', image, '--', 'pwd']), '/usr/bin\n');
    t.equal(variables(probeIn(t, user, ['-c', '/var/tmp', image])).PWD, '/var/tmp');
    for (const [given, path] of [
      ['usr', '/usr'],
      ['usr/../var', '/var'],
      ['/usr/../var', '/var'],
      ['/usr/./bin/..', '/usr'],
      ['/usr/bin/', '/usr/bin/'],
    ] as const) {
      const report = probeIn(t, user, ['-c', given, image]);
      t.same([report.cwd, variables(report).PWD], [path.replace(/\/$/, ''), path], given);
    }
    failsWith(
      t,
      run(user, ['-c', '/nowhere', image, '--', 'true']),
      31,
      "can't change to directory /nowhere: chdir: no such",
    );
    failsWith(
      t,
      run(user, ['-c', '/etc/passwd', image, '--', 'true']),
      31,
      '/etc/passwd: chdir: not a directory',
    );
    t.end();
  });

  t.test(
    `every image reference that is a directory runs: relative, a link, with bytes and spaces${as}`,
    (t) => {
      const place = scratch(t, user);
      cpSync(image, join(place, 'an image'), { recursive: true, verbatimSymlinks: true });
      symlinkSync('an image', join(place, 'link'));
      symlinkSync('.', join(place, 'here'));
      for (const reference of [
        './an image',
        'an image',
        'an image/',
        'link',
        './/link',
        'here/./link',
        join(place, 'link'),
      ]) {
        t.match(run(user, [reference, '--', 'true'], { cwd: place }), { status: 0, stderr: '' }, reference);
      }
      t.match(run(user, ['.', '--', 'true'], { cwd: join(place, 'link') }), { status: 0, stderr: '' }, '.');
      const bytes = ['with', `cd=${place}`, '--', 'sh', '-c', 'mv "an image" "$2"; exec "$0" "$2" -- true'];
      t.match(start(user, join(image, 'probe'), [...bytes, launcher, 'x', 'caf%E9%FF']), {
        status: 0,
        stderr: '',
      });
      t.end();
    },
  );

  t.test(`a container can be started inside a container${as}`, (t) => {
    const inner = `${stage}/package/bin/ch-run-ts --plan ${stage}/nested-${user.uid}.plan -- id -u`;
    const dry = run(user, ['--dry-run=plan', image]);
    t.equal(dry.status, 0);
    const plan = join(stage, `nested-${user.uid}.plan`);
    execFileSync('bash', ['-c', 'umask 077; "$0" --dry-run=plan "$1" >"$2"', launcher, image, plan], {
      env: environmentOf(user),
      ...(isRoot && user.uid === 0 ? { uid: user.uid, gid: user.gid } : {}),
    });
    if (user.uid === 0 || !isRoot) t.equal(runShell(t, user, [image], inner), String(user.uid));
    rmSync(plan);
    t.end();
  });
}

/** What the host calls the last ids that have a line always. */
const [hostNobody = '', hostNogroup = ''] = ['passwd', 'group'].map((database) =>
  spawnSync('getent', [database, '65534'], { encoding: 'utf8' }).stdout.trim(),
);
const nobodyName = hostNobody.split(':')[0] || 'nobody';
const nobodyComment = hostNobody === '' ? 'nobody' : hostNobody.split(':')[4];
/** Ids inside, whether the image has /root, and the user's and the group's line. */
const identities: readonly [string, boolean, string, string][] = [
  ['-u 0 -g 54321', true, 'root:x:0:54321:root:/root:/bin/sh', 'group54321:x:54321:'],
  ['-u 0 -g 0', false, 'root:x:0:0:root:/:/bin/sh', 'root:x:0:'],
  [
    '-u 65534 -g 65534',
    true,
    `${nobodyName}:x:65534:65534:${nobodyComment}:/root:/bin/sh`,
    `${hostNogroup.split(':')[0] || 'nogroup'}:x:65534:`,
  ],
  ['-u 54321 -g 0', false, 'user54321:x:54321:0:container user:/:/bin/sh', 'root:x:0:'],
  ['--home -u 54321 -g 3', true, 'user54321:x:54321:3:container user:/home/somebody:/bin/sh', ''],
];
for (const [words, hasRoot, userLine, groupLine] of identities) {
  t.test(
    `${words}: user and group have a line each, and the home directory is what HOME is${hasRoot ? '' : ' without /root'}`,
    (t) => {
      const own = copyImage(t);
      if (!hasRoot) rmdirSync(join(own, 'root'));
      const [passwd = '', group = ''] = ['/etc/passwd', '/etc/group'].map((path) =>
        runQuietly(t, ordinaryUser, [...words.split(' '), own, '--', 'cat', path]),
      );
      t.ok(passwd.split('\n').includes(userLine), passwd);
      if (groupLine) t.ok(group.split('\n').includes(groupLine), group);
      for (const text of [passwd, group]) {
        const ids = text
          .trim()
          .split('\n')
          .map((line) => line.split(':')[2]);
        t.equal(new Set(ids).size, ids.length, 'each id once');
        t.ok(ids.includes('0') && ids.includes('65534'));
      }
      t.end();
    },
  );
}

t.test(
  'a user whom the name service knows has that name inside',
  { skip: isRoot ? false : 'needs root to become one' },
  (t) => {
    const daemon = { name: 'daemon', uid: 1, gid: 1 };
    const passwd = runShell(t, daemon, [image], 'cat /etc/passwd; id -un; id -gn');
    const [known] = execFileSync('getent', ['passwd', '1'], { encoding: 'utf8' }).split('\n');
    const [name, , , , gecos] = (known ?? '').split(':');
    t.match(passwd, `\n${name}:x:1:1:${gecos}:/root:/bin/sh\n`);
    t.match(passwd, /daemon\ndaemon$/);
    t.end();
  },
);

t.test(
  'flags of the mount that holds the image stay: nosuid, nodev, noexec',
  { skip: isRoot ? false : 'needs root to mount' },
  (t) => {
    for (const flags of ['nosuid', 'nodev', 'nosuid,nodev', 'nosuid,nodev,noatime', 'nosuid,nodev,noexec']) {
      const place = scratch(t);
      const words = `mount -t tmpfs -o ${flags},mode=755 none "$1" && cp -a "$2" "$1/img" && chown -R $4:$5 "$1/img"
      exec setpriv --reuid "$4" --regid "$5" --clear-groups "$3" "$1/img" -- /probe`;
      const arguments_ = [
        '-m',
        'bash',
        '-c',
        words,
        'bash',
        place,
        image,
        launcher,
        ordinaryUser.uid,
        ordinaryUser.gid,
      ];
      const { status, stdout, stderr } = start(
        { name: 'root', uid: 0, gid: 0 },
        'unshare',
        arguments_.map(String),
      );
      if (flags.includes('noexec')) {
        t.equal(status, 49);
        t.match(
          stderr,
          /error: can't start \/probe: execve: permission denied\n.*hint: its file system is mounted noexec/,
        );
        continue;
      }
      t.equal(stderr, '');
      const [first] = mountsOf(JSON.parse(stdout) as Report);
      t.same(
        first?.options.split(',').sort(),
        ['ro', ...flags.split(','), ...(flags.includes('atime') ? [] : ['relatime'])].sort(),
        flags,
      );
    }
    t.end();
  },
);

t.test(
  'a launcher that is set-user-id or set-group-id refuses to run, with the reason',
  { skip: isRoot ? false : 'needs root to give files away' },
  (t) => {
    for (const [mode, what] of [
      [0o4755, 'set-user-id'],
      [0o2755, 'set-group-id'],
    ] as const) {
      const copy = join(scratch(t), 'ch-run-ts');
      copyFileSync(launcher, copy);
      chownSync(copy, 1, 1);
      chmodSync(copy, mode);
      const ending = start(ordinaryUser, copy, [image, '--', 'true']);
      failsWith(
        t,
        ending,
        31,
        `refusing to run ${what}: containers are started without any privilege`,
        'remove the mode',
      );
    }
    t.end();
  },
);

t.test(
  'a launcher with file capabilities refuses to run',
  { skip: isRoot && existsSync('/usr/sbin/setcap') ? false : 'needs root and setcap' },
  (t) => {
    const copy = join(scratch(t), 'ch-run-ts');
    copyFileSync(launcher, copy);
    chmodSync(copy, 0o755);
    execFileSync('/usr/sbin/setcap', ['cap_sys_admin+ep', copy]);
    failsWith(
      t,
      start(ordinaryUser, copy, [image, '--', 'true']),
      31,
      'refusing to run with file capabilities',
    );
    t.end();
  },
);

t.test(
  'a mount below the image appears in the container, read-only',
  { skip: isRoot ? false : 'needs root to mount' },
  (t) => {
    const own = copyImage(t);
    const words = `mount -t tmpfs none "$1/opt" && echo below >"$1/opt/file" && chmod 777 "$1/opt"
    exec setpriv --reuid ${ordinaryUser.uid} --regid ${ordinaryUser.gid} --clear-groups "$2" "$1" -- sh -c 'cat /opt/file; echo x >/opt/new'`;
    const { stdout, stderr } = start({ name: 'root', uid: 0, gid: 0 }, 'unshare', [
      '-m',
      'bash',
      '-c',
      words,
      'bash',
      own,
      launcher,
    ]);
    t.equal(stdout, 'below\n');
    t.match(stderr, 'Read-only file system');
    t.end();
  },
);

t.test('the calling shell keeps its own mounts and directory', (t) => {
  const place = scratch(t);
  mkdirSync(join(place, 'd'));
  chmodSync(join(place, 'd'), 0o777);
  writeFileSync(join(place, 'd/f'), '');
  const { stdout } = start(ordinaryUser, 'sh', ['-c', '"$0" "$1" -- true; pwd; ls'], {
    cwd: join(place, 'd'),
  });
  t.equal(stdout, `${join(place, 'd')}\nf\n`);
  t.end();
});
