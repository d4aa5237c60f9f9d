/** Images that lack what every container has: /dev, /proc, /sys and /tmp. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  copyImage,
  failsWith,
  isRoot,
  noSquashfs,
  ordinaryUser,
  plant,
  probe,
  probeIn,
  type Report,
  run,
  runQuietly,
  runShell,
  scratch,
  type User,
  users,
} from '../helpers/support.js';

const somebodyElse: User = isRoot ? { name: 'root', uid: 0, gid: 0 } : ordinaryUser;

/** An image of one static program, which names for users and groups would only add warnings to. */
function makeBareImage(t: Test, owner: User = somebodyElse): string {
  const path = join(scratch(t, owner), 'bare');
  plant(path, { 'etc/passwd': '', 'etc/group': '' }, owner);
  linkSync(probe, join(path, 'probe'));
  return path;
}

const squash = (path: string): string => {
  execFileSync('mksquashfs', [path, `${path}.sqfs`, '-quiet', '-no-progress', '-all-root']);
  return `${path}.sqfs`;
};

/** The image with everyday programs, which has many. */
function makeBigImage(t: Test): string {
  const path = copyImage(t, somebodyElse);
  for (let number = 1; number <= 1200; number++) writeFileSync(join(path, `usr/bin/entry-${number}`), '');
  return path;
}

/** What is mounted in a report, by mount point, the last one at each. */
const mountsIn = (mounts: readonly string[]): Record<string, string> =>
  Object.fromEntries(mounts.map((line) => [line.split(' ')[4], line]));

for (const user of users) {
  const as = `, as ${user.name}`;

  for (const kind of ['directory', 'SquashFS'] as const) {
    t.test(`a ${kind} image of one static program is run${as}`, (t) => {
      if (kind === 'SquashFS' && noSquashfs) return t.end();
      const bare = makeBareImage(t);
      const own = kind === 'directory' ? bare : squash(bare);
      const place = scratch(t, user);
      const bind = ['-b', `${place}:/some/where`];
      for (const options of [
        [],
        ['-W'],
        ['-t'],
        ['-W', '-t'],
        bind,
        ['-W', ...bind],
        ['--overlay', join(place, 'o')],
      ]) {
        const { mounts, status } = probeIn(t, user, [...options, own]);
        const found = mountsIn(mounts);
        for (const name of ['/dev', '/proc', '/sys', '/tmp', '/etc/passwd'])
          t.ok(found[name], `${name} with ${options.join(' ')}`);
        t.ok(status.length);
        t.match(found['/'], options.some((word) => /^-W|^--ov/.test(word)) ? / rw,/ : / ro,/);
      }
      t.same(readdirSync(bare).sort(), ['etc', 'probe'], 'the image is as it was');
      return t.end();
    });
  }

  t.test(`what is missing beside what is there is made${as}`, (t) => {
    for (const name of ['dev', 'proc', 'sys', 'tmp']) {
      const bare = makeBareImage(t);
      for (const other of ['dev', 'proc', 'sys', 'tmp']) if (other !== name) mkdirSync(join(bare, other));
      const found = mountsIn(probeIn(t, user, [bare]).mounts);
      for (const place of ['/dev', '/proc', '/sys', '/tmp', '/etc/group'])
        t.ok(found[place], `${place} without ${name}`);
    }
    t.end();
  });

  t.test(`with --write, the user's own image gets what it lacks; somebody else's does not${as}`, (t) => {
    const own = makeBareImage(t, user);
    runQuietly(t, user, ['-w', own, '--', '/probe', 'report']);
    t.same(readdirSync(own).sort(), ['dev', 'etc', 'probe', 'proc', 'sys', 'tmp']);
    if (user.uid === 0 || !isRoot) return t.end();
    const other = makeBareImage(t);
    mkdirSync(join(other, 'mine'));
    chownSync(join(other, 'mine'), user.uid, user.gid);
    const { mounts } = JSON.parse(runQuietly(t, user, ['-w', other, '--', '/probe', 'report'])) as Report;
    t.same(readdirSync(other).sort(), ['etc', 'mine', 'probe']);
    t.match(mountsIn(mounts)['/mine'], / rw,/, 'what is the user’s can be written to');
    return t.end();
  });

  t.test(`an image that can't be listed, and lacks what is needed, says both${as}`, (t) => {
    if (user.uid === 0 || !isRoot) return t.end();
    const bare = makeBareImage(t);
    chmodSync(bare, 0o711);
    failsWith(
      t,
      run(user, [bare, '--', '/probe']),
      31,
      "there is no /dev in the image: can't list / in the image: open: permission denied",
    );
    return t.end();
  });

  t.test(`a place is made among more than 1,000 entries, whoever owns them${as}`, (t) => {
    const place = scratch(t, user);
    writeFileSync(join(place, 'file'), 'content');
    const own = makeBigImage(t);
    for (const options of [[], ['-W'], ['--overlay', join(place, 'o')], ['-w']]) {
      const words = [...options, '-b', `${place}:/usr/bin/new`, own];
      const script = 'cat /usr/bin/new/file; ls /usr/bin | wc -l; test -e /usr/bin/entry-1200 && echo there';
      t.match(runShell(t, user, words, script), /^content1[2-9]\d\d\nthere$/, options.join(' '));
    }
    t.end();
  });
}
