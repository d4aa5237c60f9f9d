/** Images changed at random (fuzz.cc). */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout, skip, stage } from '../../helpers/support.js';
import { build } from './build.js';

t.setTimeout(600_000);

/** Changed images for each compressor; 10,000 take some minutes. */
const changes = process.env.CH_RUN_TS_FUZZ ?? '2000';

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
