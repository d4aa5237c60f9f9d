/** Host paths lead where an open(2) outside would have led, and what is mounted there stays what it was asked to be. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import t, { type Test } from 'tap';
import {
  image,
  isRoot,
  launcher,
  makeImage,
  noSquashfs,
  plant,
  probe,
  runQuietly,
  runShell,
  scratch,
  skip,
  squashed,
  start,
  type User,
  users,
} from '../helpers/support.js';

/** A link in `place` to its own directory `real`, by way of the host's root directory and beyond. */
function linkOverRoot(place: string, user: User): string {
  const link = join(place, 'link');
  plant(place, { 'real/': null }, user);
  symlinkSync(`${relative(place, '/')}/../..${place}/real`, link);
  return link;
}

/** Nothing may be different where the kernel has no mounts without a place. */
const kernels: readonly [string, readonly string[]][] = [
  ['', []],
  [' on older kernels', ['forget=openat2,open_tree,move_mount,mount_setattr,fsopen,fsmount']],
];

for (const user of users) {
  for (const [on, forgotten] of kernels) {
    const as = `${on}, as ${user.name}`;
    const quietly = (t: Test, words: readonly string[], env: NodeJS.ProcessEnv = {}) => {
      const { status, stdout, stderr } = start(
        user,
        probe,
        ['with', ...forgotten, '--', launcher, ...words],
        {
          env,
        },
      );
      t.same([status, stderr], [0, ''], words.join(' '));
      return stdout.trim();
    };

    t.test(`a link that leads over the root directory is followed as outside${as}`, (t) => {
      const place = scratch(t, user);
      const link = linkOverRoot(place, user);
      plant(place, { 'real/mark': 'found' }, user);
      t.equal(quietly(t, ['-b', `${link}:/mnt`, image, '--', 'cat', '/mnt/mark']), 'found', '--bind');
      t.equal(
        quietly(t, ['-b', `${link}/mark:/etc/hosts`, image, '--', 'cat', '/etc/hosts']),
        'found',
        'a file',
      );
      t.equal(
        quietly(t, ['-b', `${link}:/new`, image, '--', 'cat', '/new/mark']),
        'found',
        'a place is made',
      );
      t.equal(quietly(t, [image, '--', 'cat', '/tmp/mark'], { TMPDIR: link }), 'found', 'TMPDIR');
      const own = makeImage(t, {}, user);
      quietly(t, ['--home', own, '--', '/probe', 'create', '/home/somebody/made'], { HOME: link });
      t.ok(existsSync(join(place, 'real/made')), 'HOME');
      t.end();
    });

    t.test(`an overlay's directory is found as outside${as}`, (t) => {
      const place = scratch(t, user);
      const link = linkOverRoot(place, user);
      quietly(t, ['--overlay', `${link}/upper`, image, '--', 'touch', '/written']);
      t.ok(existsSync(join(place, 'real/upper/upper/written')));
      t.end();
    });

    t.test(`the host's root directory, bound, is the host's, without the image${as}`, (t) => {
      const place = scratch(t, user);
      plant(place, { mark: 'found' }, user);
      const script = `cat /mnt${place}/mark; ls -A /mnt; ls -A /mnt/sys | head -n 1; grep -c " /mnt/sys .* tmpfs " /proc/self/mountinfo`;
      const listing = quietly(t, ['-b', '/:/mnt', image, '--', 'sh', '-c', `${script}; :`]);
      const outside = readdirSync('/').sort();
      t.same(
        listing
          .replace(/^found/, '')
          .split('\n')
          .slice(0, outside.length)
          .sort(),
        outside,
      );
      t.match(listing, /\n0$/, 'nor is anything of ours');
      t.end();
    });

    t.test(`binds of the host's /sys have all that is there${as}`, (t) => {
      const outside = readdirSync('/sys/fs').sort();
      t.same(quietly(t, ['-b', '/sys/fs:/mnt', image, '--', 'ls', '/mnt']).split('\n').sort(), outside);
      t.end();
    });
  }

  const as = `, as ${user.name}`;

  t.test(`a SquashFS image is mounted where a link over the root directory leads${as}`, (t) => {
    if (noSquashfs) return skip(t, noSquashfs);
    const place = scratch(t, user);
    const link = linkOverRoot(place, user);
    t.equal(runShell(t, user, ['--no-share', '-m', link, squashed], 'echo in'), 'in');
    return t.end();
  });

  t.test(`more binds than descriptors are made${as}`, (t) => {
    const place = scratch(t, user);
    plant(place, { mark: 'found' }, user);
    const places = Array.from({ length: 60 }, (_, i) => `d/${i}`);
    const own = makeImage(t, Object.fromEntries(places.map((path) => [`${path}/`, null])), user);
    const words = [...places.flatMap((path) => ['-b', `${place}:/${path}:ro`]), own, '--', '/probe'];
    const plan = runQuietly(t, user, ['--dry-run=plan', ...words.slice(0, -2)]);
    writeFileSync(join(place, 'plan'), plan, { mode: 0o644 });
    if (isRoot) start({ name: 'root', uid: 0, gid: 0 }, 'chown', [`${user.uid}`, join(place, 'plan')]);
    for (const limit of ['60', '20', '14']) {
      const settings = ['with', `files=${limit}:${limit}`, '--'];
      const { status, stdout, stderr } = start(user, probe, [
        ...settings,
        launcher,
        '--plan',
        join(place, 'plan'),
        '/probe',
      ]);
      t.same([status, stderr], [0, ''], `ulimit -n ${limit}`);
      const { mounts } = JSON.parse(stdout) as { mounts: readonly string[] };
      t.equal(mounts.filter((line) => / \/d\/\d+ ro\b/.test(line)).length, 60);
    }
    t.end();
  });

  t.test(
    `who exchanges directories of the image meanwhile can't make read-only data writable${as}`,
    async (t) => {
      const place = scratch(t, user);
      plant(place, { 'data/file': 'kept' }, user);
      const own = makeImage(t, { 'one/place/': null, 'other/place/': null, 'dev2/': null }, user);
      const attackers = [attack(t, user, join(own, 'one'), join(own, 'other'))];
      attackers.push(attack(t, user, join(own, 'dev'), join(own, 'dev2')));
      await Promise.all(attackers);
      for (const [, forgotten] of kernels) {
        for (let launches = 0; launches < 100; launches++) {
          const words = ['-w', '-b', `${place}/data:/one/place:ro,nosuid`, own, '--', '/probe'];
          words.push('create', '/one/place/new', '/other/place/new');
          const { status, stderr } = start(user, probe, ['with', ...forgotten, '--', launcher, ...words]);
          if (status !== 0) t.fail(stderr);
          if (readdirSync(join(place, 'data')).length > 1) break;
        }
      }
      t.same(readdirSync(join(place, 'data')), ['file']);
    },
  );
}

/** Exchanges two directories until the test ends; returns when it has begun. */
async function attack(t: Test, { uid, gid }: User, one: string, other: string): Promise<void> {
  const attacker = spawn(probe, ['exchange', one, other], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(isRoot ? { uid, gid } : {}),
  });
  t.teardown(() => attacker.kill('SIGKILL'));
  await new Promise((begun) => attacker.stdout.once('data', begun));
}
