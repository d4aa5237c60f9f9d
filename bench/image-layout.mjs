// An OCI layout of this machine's files, for the benchmarks of images.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Directories of this machine as layers; the third layer deletes some of the second. */
const layers = [
  ['usr/bin', 'usr/sbin', 'etc'],
  ['usr/lib/gcc', 'usr/share/doc'],
  ['usr/lib/python3'],
  ['usr/lib/x86_64-linux-gnu'],
  ['usr/include'],
];

/** `layout:1.0`, `layout:changed` with another top layer, `layout:top` with that layer alone; once. */
export function makeLayout(work) {
  const run = (...words) =>
    execFileSync(words[0], words.slice(1), { cwd: work, stdio: ['ignore', 'pipe', 'inherit'] });
  if (existsSync(join(work, 'layout'))) return;
  run('umoci', 'init', '--layout', 'layout');
  run('umoci', 'new', '--image', 'layout:1.0');
  run('umoci', 'new', '--image', 'layout:top');
  const more = join(work, 'more');
  writeFileSync(more, 'changed');
  layers.forEach((parts, at) => {
    const isTop = at === layers.length - 1;
    if (isTop) run('umoci', 'tag', '--image', 'layout:1.0', 'changed');
    const there = parts.filter((part) => existsSync(`/${part}`));
    const tar = join(work, 'layer.tar');
    const marks = at === 2 ? ['usr/share/.wh.doc'] : [];
    mkdirSync(join(work, 'marks/usr/share'), { recursive: true });
    for (const mark of marks) writeFileSync(join(work, 'marks', mark), '');
    spawnSync('tar', [
      '-cf',
      tar,
      '--ignore-failed-read',
      '-C',
      '/',
      ...there,
      ...(marks.length ? ['-C', join(work, 'marks'), ...marks] : []),
    ]);
    run('umoci', 'raw', 'add-layer', '--image', 'layout:1.0', tar);
    if (isTop) {
      spawnSync('tar', ['-rf', tar, '-C', work, 'more']);
      for (const tag of ['changed', 'top']) run('umoci', 'raw', 'add-layer', '--image', `layout:${tag}`, tar);
    }
    rmSync(tar);
  });
}
