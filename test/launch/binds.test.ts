/** --bind: both its forms, where destinations lie, and what is refused. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  failsWith,
  image,
  isRoot,
  launcher,
  makeImage,
  plant,
  probe,
  probeIn,
  run,
  runQuietly,
  runShell,
  scratch,
  start,
  type Tree,
  users,
} from '../helpers/support.js';

/** The image in which destinations are looked for, and what lies there. */
const tree: Tree = {
  'dst/': null,
  'dst/under/': null,
  file: "the image's\n",
  'run/': null,
  'var/run': { link: '/run' },
  'var/lock': { link: '../run' },
  'real/inner/': null,
  abs: { link: '/real' },
  chain: { link: 'abs' },
  'to-root': { link: '/' },
  escape: { link: '../../../../../real' },
  'escape-tmp': { link: '/../../../../tmp/../real' },
  loop: { link: 'loop' },
  broken: { link: 'nowhere' },
  'with space/': null,
  'file-link': { link: '/file' },
};

/** DST, and the place in the image where the bind must appear. */
const destinations: readonly [string, string][] = [
  ['/dst', '/dst'],
  ['/dst/', '/dst'],
  ['//dst', '/dst'],
  ['/dst/.', '/dst'],
  ['/dst/under', '/dst/under'],
  ['/dst/under/..', '/dst'],
  ['/var/run', '/run'],
  ['/var/lock', '/run'],
  ['/abs', '/real'],
  ['/abs/inner', '/real/inner'],
  ['/chain/inner', '/real/inner'],
  ['/to-root/dst', '/dst'],
  ['/to-root/to-root/abs/inner', '/real/inner'],
  ['/escape', '/real'],
  ['/escape/inner', '/real/inner'],
  ['/escape-tmp', '/real'],
  ['/../../dst', '/dst'],
  ['/dst/../../../../real', '/real'],
  ['/with space', '/with\\040space'],
  // missing ones are made, in memory
  ['/nowhere', '/nowhere'],
  ['/dst/nowhere', '/dst/nowhere'],
  ['/nowhere/deeper', '/nowhere/deeper'],
  ['/escape/new', '/real/new'],
];

/** DST, and why a directory can't be bound there. */
const refused: readonly [string, string][] = [
  ['/file/deeper', "can't create /file/deeper in the image: mkdir: not a directory"],
  ['/broken', "can't create /broken in the image: /broken is a broken symbolic link"],
  ['/tmp/nowhere', 'there is no /tmp/nowhere below the bind of /tmp'],
  ['/loop', "can't find /loop in the image: openat2: too many levels of symbolic links"],
  ['/to-root', 'to /to-root: that is the root directory'],
  ['/dst/..', 'to /dst/..: that is the root directory'],
  ['/file', 'is a directory and /file is not'],
  ['/file-link', 'is a directory and /file-link is not'],
];

for (const user of users) {
  const as = `, as ${user.name}`;

  for (const [destination, place] of destinations) {
    t.test(`a directory bound at ${destination} appears at ${place}${as}`, (t) => {
      const source = scratch(t, user);
      const own = makeImage(t, tree, user);
      const { mounts } = probeIn(t, user, ['-b', `${source}:${destination}`, own]);
      t.equal(mounts.at(-1)?.split(' ')[4], place);
      t.end();
    });
  }

  for (const [destination, message] of refused) {
    t.test(`a directory can't be bound at ${destination}: ${message}${as}`, (t) => {
      const source = scratch(t, user);
      const own = makeImage(t, tree, user);
      failsWith(t, run(user, ['-b', `${source}:${destination}`, own, '--', '/probe']), 31, message);
      t.end();
    });
  }

  t.test(`a file is bound over a file, and through a link to one${as}`, (t) => {
    const place = scratch(t, user);
    plant(place, { source: "the host's\n" }, user);
    const own = makeImage(t, tree, user);
    for (const destination of ['/file', '/file-link']) {
      const words = ['-b', `${place}/source:${destination}`, own];
      t.match(probeIn(t, user, words).mounts.at(-1), ' /file ', destination);
    }
    t.equal(readFileSync(join(own, 'file'), 'utf8'), "the image's\n", 'the image keeps its own');
    t.end();
  });

  t.test(`a file can't be bound over a directory${as}`, (t) => {
    const place = scratch(t, user);
    plant(place, { source: '' }, user);
    const ending = run(user, ['-b', `${place}/source:/dst`, makeImage(t, tree, user), '--', '/probe']);
    failsWith(
      t,
      ending,
      31,
      `can't bind ${place}/source to /dst: /dst is a directory and ${place}/source is not`,
    );
    t.end();
  });

  t.test(`a device and a pipe are bound over files${as}`, (t) => {
    const own = makeImage(t, tree, user);
    t.match(probeIn(t, user, ['-b', '/dev/null:/file', own]).mounts.at(-1), ' /file ');
    t.end();
  });

  t.test(`what is bound can be written to, and the host sees it${as}`, (t) => {
    const place = scratch(t, user);
    runQuietly(t, user, [
      '-b',
      `${place}:/mnt`,
      image,
      '--',
      'sh',
      '-c',
      'echo new >/mnt/file; mkdir /mnt/d',
    ]);
    t.equal(readFileSync(join(place, 'file'), 'utf8'), 'new\n');
    t.equal(statSync(join(place, 'd')).uid, user.uid);
    t.end();
  });

  t.test(`a relative source is found from where the user is, and its place is the same path${as}`, (t) => {
    const place = scratch(t, user);
    mkdirSync(join(place, 'data'));
    symlinkSync('data', join(place, 'link'));
    const own = makeImage(
      t,
      { ...tree, [`${place.slice(1)}/data/`]: null, [`${place.slice(1)}/link/`]: null },
      user,
    );
    for (const [source, where] of [
      ['data', `${place}/data`],
      ['./data', `${place}/data`],
      // the host's /tmp is there, and in it the link
      ['link', `${place}/data`],
      ['.', place],
      [join(place, 'data'), `${place}/data`],
    ] as const) {
      t.equal(
        probeIn(t, user, ['-b', source, own], { cwd: place }).mounts.at(-1)?.split(' ')[4],
        where,
        source,
      );
    }
    t.equal(probeIn(t, user, ['-b', 'data:/dst', own], { cwd: place }).mounts.at(-1)?.split(' ')[4], '/dst');
    t.end();
  });

  t.test(`names may hold spaces, commas, equals signs and bytes that are not UTF-8${as}`, (t) => {
    const place = scratch(t, user);
    const script = `mkdir "$1/$2" && echo found >"$1/$2/file" && exec "$3" -b "$1/$2:/mnt" "$4" -- cat /mnt/file`;
    for (const name of ['a b', 'a,b', 'a=b', "it's", 'caf%E9%FF', 'n%0Al', '$HOME', '*', 'é']) {
      const { stdout, stderr } = start(user, probe, [
        'with',
        '--',
        'sh',
        '-c',
        script,
        'sh',
        place,
        name,
        launcher,
        image,
      ]);
      t.same([stdout, stderr], ['found\n', ''], name);
    }
    t.end();
  });

  t.test(`later binds lie over earlier ones, and inside them${as}`, (t) => {
    const place = scratch(t, user);
    plant(place, { 'one/who': '1\n', 'one/sub/': null, 'two/who': '2\n' }, user);
    const cat = (binds: readonly string[], file: string) =>
      runQuietly(t, user, [...binds.flatMap((bind) => ['-b', `${place}/${bind}`]), image, '--', 'cat', file]);
    t.equal(cat(['one:/mnt', 'two:/mnt'], '/mnt/who'), '2\n');
    t.equal(cat(['two:/mnt', 'one:/mnt'], '/mnt/who'), '1\n');
    t.equal(cat(['one:/mnt', 'two:/mnt/sub'], '/mnt/sub/who'), '2\n');
    t.equal(cat(['one:/tmp', 'two:/srv'], '/tmp/who'), '1\n', 'over the default /tmp');
    t.end();
  });

  t.test(`a bind over passwd wins over the one that is made${as}`, (t) => {
    const place = scratch(t, user);
    plant(place, { passwd: 'mine\n' }, user);
    t.equal(
      runQuietly(t, user, ['-b', `${place}/passwd:/etc/passwd`, image, '--', 'cat', '/etc/passwd']),
      'mine\n',
    );
    t.end();
  });

  t.test(`a source that does not exist is reported with its path${as}`, (t) => {
    const message = (source: string, why: string) =>
      failsWith(
        t,
        run(user, ['-b', `${source}:/mnt`, image, '--', 'true']),
        31,
        `can't bind ${source}: stat: ${why}`,
      );
    message('/no/such/source', 'no such file or directory');
    message('/etc/passwd/x', 'not a directory');
    t.end();
  });

  t.test(`a source out of the user's reach is reported with its path${as}`, (t) => {
    if (user.uid === 0 || !isRoot) return t.end();
    const place = scratch(t, { name: 'root', uid: 0, gid: 0 });
    mkdirSync(join(place, 'closed/inside'), { recursive: true });
    chmodSync(join(place, 'closed'), 0o700);
    const ending = run(user, ['-b', `${place}/closed/inside:/mnt`, image, '--', 'true']);
    failsWith(t, ending, 31, `can't bind ${place}/closed/inside: open_tree: permission denied`);
    return t.end();
  });

  t.test(`a missing destination is made, and the image is as read-only as before${as}`, (t) => {
    const source = scratch(t, user);
    const own = makeImage(t, tree, user);
    const binds = ['-b', `${source}:/new/dir`, '-b', '/etc/hostname:/new/file', own];
    const { mounts } = probeIn(t, user, binds);
    t.match(mounts.find((line) => line.split(' ')[4] === '/')?.split(' ')[5], /^ro\b/);
    t.notOk(existsSync(join(own, 'new')), 'nothing was written to the image');
    t.equal(probeIn(t, user, [own]).mounts.filter((line) => line.includes('overlay')).length, 0);
    t.end();
  });

  t.test(`with --write missing destinations are created, inside the image only${as}`, (t) => {
    const place = scratch(t, user);
    plant(place, { 'dir/who': 'd\n', file: 'f\n' }, user);
    const own = makeImage(t, tree, user);
    const at = (bind: string, file: string) => {
      const { mounts } = probeIn(t, user, ['-w', '-b', `${place}/${bind}`, own]);
      t.equal(mounts.at(-1)?.split(' ')[4], file, bind);
    };
    at('dir:/new/deep/er', '/new/deep/er');
    at('file:/new/file', '/new/file');
    at('dir:/abs/made', '/real/made');
    at('dir:/escape/made2', '/real/made2');
    at('dir:/var/run/made', '/run/made');
    at('dir:/../../up', '/up');
    t.ok(statSync(join(own, 'new/deep/er')).isDirectory());
    t.ok(statSync(join(own, 'new/file')).isFile());
    t.ok(existsSync(join(own, 'run/made')));
    t.notOk(existsSync('/up') || existsSync('/run/made') || existsSync('/real'), 'nothing on the host');
    t.end();
  });

  t.test(`with --write a destination through a broken link or a file is refused${as}`, (t) => {
    const source = scratch(t, user);
    const own = makeImage(t, tree, user);
    const bind = (destination: string) =>
      run(user, ['-w', '-b', `${source}:${destination}`, own, '--', '/probe']);
    failsWith(t, bind('/broken'), 31, '/broken is a broken symbolic link');
    failsWith(t, bind('/broken/x'), 31, '/broken is a broken symbolic link');
    failsWith(t, bind('/file/x'), 31, "can't create /file/x in the image");
    t.end();
  });

  t.test(`no place is made on the host, whatever makes places in the image${as}`, (t) => {
    const place = scratch(t, user);
    plant(place, { 'one/': null, 'two/': null, 'home/': null, 'o/': null }, user);
    for (const options of [[], ['-w'], ['-W'], ['--overlay', `${place}/o`], ['--home']]) {
      const own = makeImage(t, { link: { link: '/mnt' } }, user);
      const bind = (first: string, second: string) =>
        run(user, ['--no-memo', ...options, '-b', first, '-b', second, own, '--', '/probe', 'status', '0'], {
          env: { HOME: `${place}/home` },
        });
      const below = (destination: string, source: string) =>
        failsWith(
          t,
          bind(`${place}/one:/mnt`, `${place}/two:${destination}`),
          31,
          new RegExp(`can't bind ${place}/two: there is no ${destination} ${source}$`),
        );
      below('/mnt/x', `below the bind of ${place}/one`);
      below('/link/x', 'in the image');
      below(`${place}/x`, 'below the bind of /tmp');
      if (options[0] === '--home') below('/home/somebody/x', `below the bind of ${place}/home`);
      t.same(
        ['one', 'home'].flatMap((name) => readdirSync(join(place, name))),
        [],
        options.join(' '),
      );
      t.notOk(existsSync(join(place, 'x')));
      t.match(bind(`${place}/one:/mnt`, `${place}/two:/mnt/asked:create`), { status: 0, stderr: '' });
      t.same(readdirSync(join(place, 'one')), ['asked'], 'a bind may ask for it');
      start(user, 'rmdir', [`${place}/one/asked`]);
    }
    t.end();
  });

  t.test(`places are made in a /tmp of the container's own${as}`, (t) => {
    const place = scratch(t, user);
    plant(place, { mark: 'found' }, user);
    t.equal(runShell(t, user, ['-t', '-b', `${place}:/tmp/a/b`, image], 'cat /tmp/a/b/mark'), 'found');
    t.end();
  });

  t.test(`in a /tmp that is the user's TMPDIR, no place is made${as}`, (t) => {
    const place = scratch(t, user);
    const words = ['-W', '-b', `${place}:/tmp/nvidia-mps`, image, '--', 'true'];
    failsWith(
      t,
      run(user, words, { env: { TMPDIR: place } }),
      31,
      `can't bind ${place}: there is no /tmp/nvidia-mps below the bind of ${place}`,
      /: hint: make it there, or use --private-tmp$/,
    );
    t.same(readdirSync(place), []);
    t.end();
  });

  t.test(`where the image has something else, dev, proc and sys can't be there${as}`, (t) => {
    for (const name of ['dev', 'proc', 'sys', 'tmp']) {
      const own = makeImage(t, {}, user);
      start(user, 'rmdir', [join(own, name)]);
      start(user, 'touch', [join(own, name)]);
      failsWith(
        t,
        run(user, [own, '--', '/probe']),
        31,
        new RegExp(` /${name}: .*(is a directory and|not a directory)`),
      );
    }
    t.end();
  });

  t.test(`many binds are all made${as}`, (t) => {
    const place = scratch(t, user);
    const own = makeImage(
      t,
      Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`d/${i}/`, null])),
      user,
    );
    writeFileSync(join(place, 'f'), '');
    const binds = Array.from({ length: 200 }, (_, i) => ['-b', `${place}:/d/${i}`]).flat();
    const { mounts } = probeIn(t, user, [...binds, own]);
    t.equal(mounts.filter((line) => line.includes(' /d/')).length, 200);
    t.end();
  });
}
