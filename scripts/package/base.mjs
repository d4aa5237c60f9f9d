// What all packages share: paths, a single modification time for all files, and reproducible archives.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

export const root = join(import.meta.dirname, '../..');
export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
export const { version } = manifest;

export const output = (program, words, options = {}) =>
  execFileSync(program, words, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'], ...options });

/** The time of all files, in seconds: reproducible-builds.org/specs/source-date-epoch, or the last commit. */
export const epoch = Number(
  process.env.SOURCE_DATE_EPOCH ?? (output('git', ['-C', root, 'log', '-1', '--format=%ct']).trim() || 0),
);

export function write(path, text, mode = 0o644) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}

export const copy = (from, to, mode = 0o644) => write(to, readFileSync(from), mode);

/** All files below a directory, as paths from there, sorted by bytes. */
export function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

/** Sets modes and times that depend on nothing but the content. */
export function normalize(directory) {
  for (const name of [...readdirSync(directory, { recursive: true }), '.']) {
    const path = join(directory, name);
    const status = lstatSync(path);
    // regardless of the umask
    if (!status.isSymbolicLink())
      chmodSync(path, status.isDirectory() || status.mode & 0o100 ? 0o755 : 0o644);
    lutimesSync(path, epoch, epoch);
  }
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** As sha256sum(1) prints it, of all files below `directory` but `except`. */
export const sums = (directory, except) =>
  filesBelow(directory)
    .filter((name) => name !== except)
    .map((name) => `${sha256(readFileSync(join(directory, name)))}  ${name}\n`)
    .join('');

/** A tar archive of `name` in `directory`, piped through a compressor into `file`. */
export function archive(file, directory, name, compress) {
  normalize(join(directory, name));
  const words = [
    '--sort=name',
    '--format=gnu',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    `--mtime=@${epoch}`,
  ];
  const compressor = compress.map((word) => `'${word}'`).join(' ');
  output('sh', [
    '-c',
    `tar -C "$0" ${words.join(' ')} -cf - "$1" | ${compressor} >"$2"`,
    directory,
    name,
    file,
  ]);
}
