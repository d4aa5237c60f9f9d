/** The file-system server without the launcher: its behaviour (run), by subject and user. */
import { copyFileSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout, isRoot, ordinaryUser, skip, stage, type User } from '../../helpers/support.js';
import { build } from './build.js';

/** Where large images are kept for the next time; made again after a change of `run`. */
function placeForImages(run: string): string {
  const place = join(checkout, 'build/squashfs/images');
  if (existsSync(place) && statSync(place).mtimeMs < statSync(run).mtimeMs)
    rmSync(place, { recursive: true });
  mkdirSync(place, { recursive: true });
  return place;
}

/** Runs the tests of a subject of `run` as this user. */
export function testBehaviour(subject: 'format' | 'server', user: User): void {
  t.setTimeout(600_000);
  t.test(`${subject}, as ${user.name}`, async (t) => {
    const reason = build('squashfs', 'mount-run look-ups');
    if (reason) return skip(t, reason);
    const room = join(stage, `squashfs-${subject}-${user.uid}`);
    mkdirSync(room);
    const source = join(checkout, 'test/native/squashfs/run');
    for (const program of ['mount-run', 'look-ups'])
      copyFileSync(join(checkout, 'build/squashfs', program), join(room, program));
    copyFileSync(join(stage, 'package/build/Release/ch-run-ts-squashfs'), join(room, 'ch-run-ts-squashfs'));
    copyFileSync(source, join(room, 'run'));
    const { uid, gid } = user;
    // as root with places for sockets that no test beside this one sees: what is made there changes where others look
    const alone = 'mount -t tmpfs -o mode=755 tmpfs /run && exec "$@"';
    const as =
      process.getuid?.() !== uid
        ? ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
        : isRoot
          ? ['unshare', '--mount', 'sh', '-c', alone, 'sh']
          : [];
    const images = subject === 'format' ? [placeForImages(source)] : [];
    const [program = '', ...words] = [...as, '/usr/bin/python3', join(room, 'run'), room, subject, ...images];
    const env = { ...process.env, HOME: '/', SQUASHFS_TEST_USER: String(ordinaryUser.uid) };
    await t.spawn(program, words, { env, cwd: '/' }, 'run');
  });
}
