/** --bind with options, patterns, sockets, and over links. */
import { mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { LaunchError } from '../../src/base/errors.js';
import { RealHost } from '../../src/host/host.js';
import { factWords, stepWords } from '../../src/plan/encode.js';
import type { LaunchPlan } from '../../src/plan/launch-plan.js';
import { parseCommandLine } from '../../src/run/command-line.js';
import { makePlan } from '../../src/run/plan/make-plan.js';
import {
  copyImage,
  failsWith,
  image,
  isRoot,
  makeImage,
  plant,
  probeIn,
  run,
  runQuietly,
  runShell,
  scratch,
  start,
  users,
} from '../helpers/support.js';

function planOf(words: readonly string[]): LaunchPlan {
  const line = parseCommandLine([...words, image, '--', 'true']);
  if (line.kind !== 'launch') throw new Error(`not a launch: ${line.kind}`);
  return makePlan(line.request, new RealHost());
}

/** The user's binds of a plan as words, and their destinations that are made; `@` is the directory `place`. */
function bindsOf(place: string, words: readonly string[]) {
  const { create } = planOf(words.map((word) => word.replaceAll('@', place)));
  const tmp = create.findIndex(({ kind }) => kind === 'bind-variable');
  const short = (steps: readonly (readonly string[])[]) =>
    steps.map((step) => step.slice(1).join(' ').replaceAll(place, '@'));
  return {
    binds: short(
      create
        .slice(tmp)
        .filter(({ kind }) => kind === 'bind')
        .map(stepWords),
    ),
    made: short(create.filter(({ kind }) => kind === 'destinations').map(stepWords))[0] ?? '',
  };
}

function place(t: Test): string {
  const path = scratch(t);
  plant(path, {
    'a.so.1': '',
    'a.so.2': '',
    'b.so': '',
    'w:ide': '',
    'dir/': null,
    '[x]': '',
    'sub/1/f': '',
    'sub/2/f': '',
  });
  return path;
}

/** Words, the binds, and what is made for them. */
const plans: readonly [readonly string[], readonly string[], string][] = [
  [['-b', '@/dir:/d:ro'], ['@/dir /d read-only'], '@/dir /d'],
  [['-b', '@/dir:/d:rw'], ['@/dir /d'], '@/dir /d'],
  [['-b', '@/dir:/d:optional'], ['@/dir /d optional'], ''],
  [['-b', '@/dir:/d:optional,create,ro'], ['@/dir /d optional create read-only'], '@/dir /d'],
  [['-b', '@/none:/d:optional'], [], ''],
  [['-b', '@/none:/d:create'], ['@/none /d create'], '@/none /d'],
  [['-b', '@/dir:/d:z'], ['@/dir /d'], '@/dir /d'],
  [['-b', '@/dir:/d:ro,Z'], ['@/dir /d read-only'], '@/dir /d'],
  [['-b', '@/w\\:ide:/d\\:e'], ['@/w:ide /d:e'], '@/w:ide /d:e'],
  [['-b', '@/w\\:*:/l'], ['@/w:ide /l/w:ide'], '@/w:ide /l/w:ide'],
  [['-w', '-b', '@/dir:/d:ro'], ['@/dir /d read-only'], '@/dir /d'],
  [['-w', '-b', '@/dir:/d:optional'], ['@/dir /d optional'], ''],
  [['-b', '@/a.so.*'], ['@/a.so.1 @/a.so.1', '@/a.so.2 @/a.so.2'], ''],
  [
    ['-b', '@/a.so.?:/l/:ro'],
    ['@/a.so.1 /l/a.so.1 read-only', '@/a.so.2 /l/a.so.2 read-only'],
    '@/a.so.1 /l/a.so.1 @/a.so.2 /l/a.so.2',
  ],
  [['-b', '@/[ab].so:/l'], ['@/b.so /l/b.so'], '@/b.so /l/b.so'],
  [['-b', '@/[x]:/l'], ['@/[x] /l'], '@/[x] /l'],
  [['-b', '@/sub/*/f:/l/f:optional'], ['@/sub/1/f /l/f/f optional', '@/sub/2/f /l/f/f optional'], ''],
  [['-b', '@/c*:/l:optional'], [], ''],
  [['-b', '@/dir:/d', '-b', '@/b.so:/d/e:create'], ['@/dir /d', '@/b.so /d/e create'], '@/dir /d'],
];
for (const [words, binds, made] of plans) {
  t.test(`${words.join(' ')} in a plan`, (t) => {
    t.same(bindsOf(place(t), words), { binds, made });
    t.end();
  });
}

t.test('what was looked for is a fact: a pattern with its matches, and what is absent', (t) => {
  const directory = place(t);
  const facts = (bind: string) =>
    planOf(['-b', `${directory}/${bind}`]).facts.map((fact) => factWords(fact).join(' '));
  t.ok(facts('a*:/l').includes(`glob ${directory}/a* ${directory}/a.so.1 ${directory}/a.so.2`));
  t.ok(facts('c*:/l:optional').includes(`glob ${directory}/c*`));
  t.ok(facts('c:/l:optional').includes(`path ${directory}/c absent`));
  t.notOk(
    facts('dir:/l').some((fact) => fact.includes('/dir')),
    'nothing is asked about a plain bind',
  );
  t.end();
});

/** A bind, the message and the exit status. */
const refused: readonly [string, string, number][] = [
  ['/a:/b:', 'OPT must be one of ro, rw, optional, create', 64],
  ['/a:/b:ro,', 'OPT must be one of', 64],
  ['/a:/b:RO', 'OPT must be one of', 64],
  ['/a:/b:ro,rw', 'ro and rw exclude each other', 64],
  ['/a:/b:ro:x', 'too many colons', 64],
  ['/a::ro', 'DST is empty', 64],
  ['/no/such*:/b', "can't bind /no/such*: nothing matches", 31],
];
for (const [bind, message, exitStatus] of refused) {
  t.test(`${bind} is refused: ${message}`, (t) => {
    try {
      planOf(['-b', bind]);
      t.fail('no error');
    } catch (error) {
      t.type(error, LaunchError);
      t.match(error, { exitStatus });
      t.match((error as LaunchError).message, message);
    }
    t.end();
  });
}

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(
    `a colon in a path is \\:, in options, variables and files; z says nothing without SELinux${as}`,
    (t) => {
      const source = scratch(t, user);
      plant(
        source,
        { 'a:b\\/f': 'seen\n', toml: `[options]\nbind = ['${source}/a\\:b\\\\:/srv/x\\:y:z']\n` },
        user,
      );
      const bind = `${source}/a\\:b\\\\:/srv/x\\:y:ro,z`;
      const command = [image, '--', 'cat', '/srv/x:y/f'];
      t.equal(runQuietly(t, user, ['-b', bind, ...command]), 'seen\n');
      t.equal(runQuietly(t, user, command, { env: { CH_RUN_BIND: bind } }), 'seen\n');
      t.equal(runQuietly(t, user, ['--config', join(source, 'toml'), ...command]), 'seen\n');
      failsWith(
        t,
        run(user, ['-b', `${source}/c\\:d:/mnt`, image, '--', 'true']),
        31,
        `can't bind ${source}/c:d: `,
      );
      t.end();
    },
  );

  t.test(`ro: nothing can be written there, nor below it${as}`, (t) => {
    const own = copyImage(t, user);
    const source = scratch(t, user);
    plant(source, { 'd/f': 'x\n', file: 'y\n' }, user);
    const script = 'for f in /mnt/d/f /mnt/new /srv/file; do echo z 2>/dev/null >$f || echo no $f; done';
    const words = ['-b', `${source}:/mnt:ro`, '-b', `${source}/file:/srv/file:ro`];
    t.equal(runShell(t, user, [...words, own], script), 'no /mnt/d/f\nno /mnt/new\nno /srv/file');
    t.equal(runShell(t, user, ['-b', `${source}:/mnt:rw`, image], 'echo z >/mnt/d/f; cat /mnt/d/f'), 'z');
    t.end();
  });

  t.test(`ro reaches what is mounted below${as}`, (t) => {
    const { mounts } = probeIn(t, user, ['-b', '/dev:/mnt:ro', image]);
    const below = mounts.map((line) => line.split(' ')).filter((words) => words[4]?.startsWith('/mnt'));
    t.ok(below.length > 1, 'there are mounts in /dev');
    for (const [, , , , name, flags] of below) t.match(flags, /^ro\b/, String(name));
    t.end();
  });

  t.test(`where the kernel can't, a warning says so${as}`, (t) => {
    if (start(user, 'strace', ['-V']).status !== 0) return t.end();
    const strace = [
      '-f',
      '-o',
      '/dev/null',
      '-e',
      'trace=mount_setattr,mount',
      '-e',
      'inject=mount_setattr:error=ENOSYS',
    ];
    // mounts: the place for others, the image and the bind made read-only, and then what is mounted below
    const refuse = ['-e', 'inject=mount:error=EPERM:when=4+'];
    const bind = (from: string, ...more: readonly string[]) =>
      start(user, 'strace', [
        ...strace,
        ...more,
        join(image, '../package/bin/ch-run-ts'),
        '--unmask',
        '-b',
        `${from}:/mnt:ro`,
        image,
        '--',
        'true',
      ]);
    t.match(bind('/dev'), { status: 0, stderr: '' }, 'one by one');
    const { status, stderr } = bind('/dev', ...refuse);
    t.equal(status, 0, stderr);
    t.match(stderr, 'warning: what is mounted below /dev can still be written to at /mnt: this kernel');
    const source = scratch(t, user);
    t.same(bind(source, ...refuse).stderr, '', 'nothing is mounted there');
    return t.end();
  });

  t.test(`optional: a missing side is skipped, until it is there${as}`, (t) => {
    const source = scratch(t, user);
    const words = ['-b', `${source}/data:/mnt:optional`, '-b', `${source}:/nowhere:optional`, image];
    const list = () => runShell(t, user, words, 'ls /mnt; ls -d /nowhere 2>/dev/null; true');
    t.equal(list(), '');
    plant(source, { 'data/f': '' }, user);
    t.equal(list(), 'f', 'the plan of before is not used any more');
    t.end();
  });

  t.test(`a pattern binds what matches at each launch${as}`, (t) => {
    const own = copyImage(t, user);
    const source = scratch(t, user);
    plant(source, { 'lib1.so': '1', 'lib2.so': '2', other: '' }, user);
    const list = () => runShell(t, user, ['-b', `${source}/lib*:/mnt/libs`, own], 'cd /mnt/libs; cat *');
    t.equal(list(), '12');
    writeFileSync(join(source, 'lib3.so'), '3');
    t.equal(list(), '123');
    unlinkSync(join(source, 'lib1.so'));
    t.equal(list(), '23');
    t.end();
  });

  t.test(`create makes a destination in an earlier bind${as}`, (t) => {
    const source = scratch(t, user);
    plant(source, { 'outer/': null, inner: 'i\n' }, user);
    const binds = (flag: string) => [
      '-b',
      `${source}/outer:/mnt`,
      '-b',
      `${source}/inner:/mnt/new${flag}`,
      image,
    ];
    failsWith(
      t,
      run(user, [...binds(''), '--', 'true']),
      31,
      `there is no /mnt/new below the bind of ${source}/outer`,
    );
    t.equal(runShell(t, user, binds(':create'), 'cat /mnt/new'), 'i');
    t.equal(readFileSync(join(source, 'outer/new'), 'utf8'), '', 'an empty file on the host');
    t.end();
  });

  t.test(`a socket is bound, and is one${as}`, async (t) => {
    const source = scratch(t, user);
    const server = createServer().listen(join(source, 's'));
    await new Promise((resolve) => server.once('listening', resolve));
    t.equal(
      runShell(
        t,
        user,
        ['-b', `${source}/s:/run/service.socket`, copyImage(t, user)],
        'test -S /run/service.socket && echo yes',
      ),
      'yes',
    );
    server.close();
  });

  t.test(`resolv.conf that is a link is covered, broken or not${as}`, (t) => {
    const source = scratch(t, user);
    plant(source, { resolv: 'nameserver 192.0.2.1\n' }, user);
    for (const link of ['../run/systemd/resolve/stub.conf', '/run/resolv.conf', 'hosts']) {
      const own = makeImage(t, { 'etc/resolv.conf': { link }, 'etc/hosts': '' }, user);
      mkdirSync(join(own, 'bin'));
      start({ name: 'root', uid: isRoot ? 0 : user.uid, gid: isRoot ? 0 : user.gid }, 'cp', [
        '/bin/cat',
        join(own, 'bin'),
      ]);
      const cat = (...words: string[]) =>
        runQuietly(t, user, [...words, '-b', '/lib', '-b', '/lib64', own, '--', 'cat', '/etc/resolv.conf']);
      t.equal(cat('-b', `${source}/resolv:/etc/resolv.conf`), 'nameserver 192.0.2.1\n', link);
      t.equal(cat(), readFileSync('/etc/resolv.conf', 'utf8'), "the host's is there without being asked for");
    }
    t.end();
  });
}
