/** The file-system server without the launcher: its behaviour (run). */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout, ordinaryUser, skip, stage, type User, users } from '../../helpers/support.js';
import { build } from './build.js';

t.setTimeout(600_000);

/** Behaviour that may be different for root and for others; the rest is about the format alone. */
const matters = 'users?|session|server|launch|share|door|image|written|Ctrl-C|caller|damaged|left';

t.test('behaviour', async (t) => {
  const reason = build('squashfs', 'mount-run look-ups');
  if (reason) return skip(t, reason);
  const room = join(stage, 'squashfs');
  mkdirSync(room);
  for (const program of ['mount-run', 'look-ups'])
    copyFileSync(join(checkout, 'build/squashfs', program), join(room, program));
  copyFileSync(join(stage, 'package/build/Release/ch-run-ts-squashfs'), join(room, 'ch-run-ts-squashfs'));
  copyFileSync(join(checkout, 'test/native/squashfs/run'), join(room, 'run'));
  const as = ({ uid, gid }: User) =>
    process.getuid?.() === uid ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  for (const user of users) {
    const pattern = user === users[0] ? '' : matters;
    const [program = '', ...words] = [...as(user), '/usr/bin/python3', join(room, 'run'), room, pattern];
    const env = { ...process.env, HOME: '/', SQUASHFS_TEST_USER: String(ordinaryUser.uid) };
    await t.spawn(program, words, { env, cwd: '/' }, `as ${user.name}`);
  }
});
