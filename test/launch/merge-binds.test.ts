/** bind-merge, counted. */
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  copyImage,
  image,
  ordinaryUser,
  plant,
  probeIn,
  runShell,
  scratch,
  type User,
  users,
} from '../helpers/support.js';

const count = 50;
const names = Array.from({ length: count }, (_, at) => `lib${at}.so`);

function makeFolder(t: Test, user: User): string {
  const folder = scratch(t, user);
  plant(folder, Object.fromEntries(names.map((name) => [name, `host ${name}\n`])), user);
  return folder;
}

const bindsOf = (folder: string, to: string, option = '') =>
  names.flatMap((name) => ['-b', `${folder}/${name}:${to}/${name}${option}`]);

/** How many mounts a container has more than without these words. */
function moreMounts(
  t: Test,
  user: User,
  plain: readonly string[],
  words: readonly string[],
  img = image,
): number {
  const mounts = (all: readonly string[]) => probeIn(t, user, [...all, img]).mounts.length;
  return mounts([...plain, ...words]) - mounts(plain);
}

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(`50 files of one folder are at most 3 mounts${as}`, (t) => {
    const folder = makeFolder(t, user);
    t.ok(moreMounts(t, user, ['-W'], bindsOf(folder, '/opt/x')) <= 3);
    const kept = `--overlay=${scratch(t, user)}/o`;
    t.equal(
      moreMounts(t, user, [kept], bindsOf(folder, '/opt/x'), copyImage(t, user)),
      count,
      'kept upper directory',
    );
    t.end();
  });

  t.test(`50 libraries of a device are at most 3 mounts${as}`, (t) => {
    const folder = makeFolder(t, user);
    const mounts = names.map((name) => ({
      hostPath: `${folder}/${name}`,
      containerPath: `/usr/lib/x/${name}`,
      options: ['ro', 'nosuid', 'nodev', 'bind'],
    }));
    const file = join(folder, 'spec.json');
    const devices = [{ name: 'gpu', containerEdits: { mounts } }];
    writeFileSync(file, JSON.stringify({ cdiVersion: '0.6.0', kind: 'v.com/c', devices }));
    const words = [`--device=${file}`];
    t.ok(moreMounts(t, user, [], words) <= 4, 'with the overlay and its memory');
    const script = `cat /usr/lib/x/*.so | wc -l; (: >/usr/lib/x/lib7.so) 2>/dev/null || echo no`;
    t.equal(runShell(t, user, [...words, image], script), `${count}\nno`);
    t.end();
  });

  t.test(`a file of the image gives way, and is as it was${as}`, (t) => {
    const folder = makeFolder(t, user);
    const own = copyImage(t, user);
    writeFileSync(join(own, 'srv/lib1.so'), 'of the image\n');
    symlinkSync('/nowhere', join(own, 'srv/lib2.so'));
    const script = 'cat /srv/lib1.so /srv/lib2.so /srv/lib49.so; echo changed >/srv/lib3.so; ls /srv | wc -l';
    const told = runShell(t, user, ['-W', ...bindsOf(folder, '/srv'), own], script);
    t.equal(told, `host lib1.so\nhost lib2.so\nhost lib49.so\n${count}`);
    t.equal(readFileSync(join(own, 'srv/lib1.so'), 'utf8'), 'of the image\n');
    t.equal(
      readFileSync(join(folder, 'lib3.so'), 'utf8'),
      'changed\n',
      'writing goes to the host, as with a bind',
    );
    t.end();
  });
}

t.test('a file that becomes a link on the host is bound by itself, at the next launch', (t) => {
  const folder = makeFolder(t, ordinaryUser);
  const words = ['-W', ...bindsOf(folder, '/opt/x'), image];
  const cat = () => runShell(t, ordinaryUser, words, 'cat /opt/x/lib0.so');
  t.equal(cat(), 'host lib0.so');
  const outside = join(scratch(t), 'outside');
  writeFileSync(outside, 'from outside\n');
  rmSync(join(folder, 'lib0.so'));
  symlinkSync(outside, join(folder, 'lib0.so'));
  t.equal(cat(), 'from outside');
  t.end();
});
