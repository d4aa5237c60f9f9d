/** An image on slow storage, and no record of what will be read: many requests are in flight. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout, eventually, isRoot, root, scratch, skip, stage } from '../../helpers/support.js';
import { build } from './build.js';

t.setTimeout(600_000);

const count = 64;
const size = 200_000;

/** The image's files in an order that is not theirs. */
const names = Array.from({ length: count }, (_, each) => String((each * 37) % count).padStart(2, '0'));

t.test('what is near the bytes that are asked for is read by many requests at once', async (t) => {
  if (!isRoot) return skip(t, 'only root can mount such storage');
  const reason = build('squashfs', 'mount-run slow-file');
  if (reason) return skip(t, reason);
  const room = scratch(t, root);
  for (const program of ['mount-run', 'slow-file'])
    copyFileSync(join(checkout, 'build/squashfs', program), join(room, program));
  copyFileSync(join(stage, 'package/build/Release/ch-run-ts-squashfs'), join(room, 'ch-run-ts-squashfs'));
  const [tree, slow, said] = [join(room, 'tree'), join(room, 'slow'), join(room, 'said')];
  for (const directory of [tree, slow]) mkdirSync(directory);
  const hash = createHash('sha256');
  for (const name of names) {
    const bytes = randomBytes(size);
    hash.update(bytes);
    writeFileSync(join(tree, name), bytes);
  }
  execFileSync('mksquashfs', [tree, join(room, 'img.sqfs'), '-quiet', '-no-progress'], { stdio: 'ignore' });

  const output = openSync(said, 'w');
  execFileSync(join(room, 'slow-file'), [join(room, 'img.sqfs'), slow, '50'], {
    stdio: ['ignore', output, 'inherit'],
  });
  closeSync(output);
  try {
    const read = `cd /mnt && cat ${names.join(' ')} | sha256sum`;
    const words = [join(slow, 'file'), '--private', '--keep-root', '--', 'sh', '-c', read];
    const sum = execFileSync(join(room, 'mount-run'), words, { encoding: 'utf8' });
    t.equal(sum, `${hash.digest('hex')}  -\n`);
  } finally {
    execFileSync('umount', ['-l', slow]);
  }
  const story = () => /^(\d+) reads, (\d+) at once$/m.exec(readFileSync(said, 'utf8'));
  t.ok(await eventually(() => story() !== null), 'the server lets the file go');
  const [, reads, atOnce] = story() ?? [];
  t.ok(Number(atOnce) >= 16, `${atOnce} at once`);
  t.ok(Number(reads) <= ((count * size) / (128 << 10)) * 2, `${reads} reads: none twice`);
});
