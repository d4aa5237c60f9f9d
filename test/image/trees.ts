/** Trees of files, and what must be kept of them. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../helpers/images.js';
import { isRoot } from '../helpers/support.js';
import type { Place } from './image.js';

/** All that a conversion must keep of a tree, line by line. */
export function describe(root: string, at = ''): readonly string[] {
  return readdirSync(join(root, at))
    .sort()
    .flatMap((name) => {
      const path = join(at, name);
      const status = lstatSync(join(root, path));
      const line = `${path} ${status.mode.toString(8)} ${Math.floor(status.mtimeMs / 1000)}`;
      if (status.isDirectory()) return [line, ...describe(root, path)];
      if (status.isSymbolicLink()) return [`${line} -> ${readlinkSync(join(root, path))}`];
      return [`${line} ${status.nlink} ${sha256(readFileSync(join(root, path)))}`];
    });
}

/** A tree with one of everything. */
export function makeTree(place: Place): string {
  const root = join(place.directory, 'root');
  mkdirSync(join(root, 'd/e'), { recursive: true });
  writeFileSync(join(root, 'd/file'), 'content');
  writeFileSync(join(root, `d/${'n'.repeat(180)}`), 'a long name');
  writeFileSync(join(root, Buffer.from('d/\xff\xfe', 'latin1').toString('latin1')), 'bytes');
  writeFileSync(join(root, 'large'), Buffer.alloc(900_000, 'all work and no play '));
  writeFileSync(join(root, 'holes'), Buffer.concat([Buffer.alloc(1 << 20), Buffer.from('x')]));
  execFileSync('ln', [join(root, 'd/file'), join(root, 'another')]);
  symlinkSync('/nowhere', join(root, 'link'));
  chmodSync(join(root, 'd/e'), 0o700);
  for (const name of ['d/file', 'd/e', 'd', 'large', 'holes'])
    utimesSync(join(root, name), 1_000_000_000, 1_234_567_890);
  if (isRoot) execFileSync('chown', ['-hR', '--reference', place.directory, root]);
  return root;
}
