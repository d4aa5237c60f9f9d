/** The file-system server without the launcher: its behaviour (run), and images changed at random (fuzz.cc). */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout, noSquashfs, ordinaryUser, skip, stage, type User, users } from '../../helpers/support.js';

t.setTimeout(600_000);

/** Changed images for each compressor; 10,000 take some minutes. */
const changes = process.env.CH_RUN_TS_FUZZ ?? '2000';

/** Builds test programs into a directory of the checkout, where unchanged parts are kept; why not, if they can't be. */
function build(directory: string, parts: string, ...flags: string[]): string | undefined {
  if (noSquashfs) return noSquashfs;
  const words = [join(checkout, 'test/native/squashfs/build'), join(checkout, 'build', directory), ...flags];
  const { status, stderr } = spawnSync('bash', words, {
    env: { ...process.env, PARTS: parts },
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `the test programs can't be built: ${stderr}`;
}

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

t.test(`${changes} damaged images for each compressor crash and hang nothing`, (t) => {
  const reason = build(
    'squashfs-asan',
    'fuzz',
    '-O1',
    '-fsanitize=address,undefined',
    '-fno-sanitize-recover',
  );
  if (reason) return skip(t, reason);
  const tree = join(stage, 'fuzz');
  mkdirSync(join(tree, 'deep/er'), { recursive: true });
  for (const size of [0, 1, 5000, 70_000])
    writeFileSync(join(tree, `deep/${size}`), 'abcdefg\n'.repeat(size / 8));
  for (let each = 0; each < 50; each++) writeFileSync(join(tree, `deep/er/file ${each}`), String(each));
  for (const compressor of ['gzip', 'xz', 'lzo', 'lz4', 'zstd']) {
    const file = join(stage, `fuzz-${compressor}.sqfs`);
    execFileSync('mksquashfs', [tree, file, '-comp', compressor, '-b', '4096', '-quiet', '-no-progress']);
    const { status, signal, stdout, stderr } = spawnSync(
      join(checkout, 'build/squashfs-asan/fuzz'),
      [file, changes, '1'],
      { encoding: 'utf8', env: { ASAN_OPTIONS: 'hard_rss_limit_mb=512:allocator_may_return_null=1' } },
    );
    t.same([status, signal], [0, null], `${stdout.trim()} ${stderr}`);
  }
  t.end();
});
