/** What is in storage: `--list`. */
import { closeSync, lstatSync, openSync, readdirSync, readSync, type Stats, statSync } from 'node:fs';
import { fromBytes, toBytes } from '../base/bytes.js';
import { failure } from '../base/errors.js';
import { visible } from '../base/visible.js';
import { canBeName, imagesIn, nameOf } from './storage.js';

/** An image in storage. */
export interface StoredImage {
  readonly name: string;
  readonly kind: 'directory' | 'squashfs';
  /** Bytes of the file, or of all files in the directory. */
  readonly size: number;
  /** When it was last changed, ISO 8601 in UTC. */
  readonly date: string;
}

/** All images in a storage directory, by name. Throws LaunchError if it can't be read. */
export function listStorage(storage: string): readonly StoredImage[] {
  const directory = imagesIn(storage);
  const images = readEntries(directory).flatMap((entry) => describe(entry, `${directory}/${entry}`));
  return images.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The names alone, which need no look at the images. */
export function listNames(storage: string): readonly string[] {
  return readEntries(imagesIn(storage)).map(nameOf).filter(canBeName);
}

/** Storage that was never used has no images. */
function readEntries(directory: string): readonly string[] {
  try {
    return readdirSync(toBytes(directory), { encoding: 'buffer' }).map(fromBytes);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw failure('list', directory, cause);
  }
}

/** Nothing for what is no image, can't be read, or is gone since it was listed. */
function describe(entry: string, path: string): readonly StoredImage[] {
  try {
    const status = statSync(toBytes(path));
    const about = { name: nameOf(entry), date: status.mtime.toISOString() };
    if (status.isDirectory()) return [{ ...about, kind: 'directory', size: sizeOfTree(path) }];
    return isSquashfs(path, status) ? [{ ...about, kind: 'squashfs', size: status.size }] : [];
  } catch {
    return [];
  }
}

function isSquashfs(path: string, status: Stats): boolean {
  if (!status.isFile()) return false;
  const file = openSync(toBytes(path), 'r');
  try {
    const magic = Buffer.alloc(4);
    readSync(file, magic, 0, 4, 0);
    return magic.toString('latin1') === 'hsqs';
  } finally {
    closeSync(file);
  }
}

/** Directories that we may not read count as empty. */
function sizeOfTree(directory: string): number {
  const sizeOf = (path: string) => {
    const status = lstatSync(toBytes(path));
    return status.isDirectory() ? sizeOfTree(path) : status.size;
  };
  try {
    return readEntries(directory).reduce((size, name) => size + sizeOf(`${directory}/${name}`), 0);
  } catch {
    return 0;
  }
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function renderSize(bytes: number): string {
  const power = Math.min(Math.max(0, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)), units.length - 1);
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** The list for people: name, kind, size, date, in aligned columns. */
export function renderList(images: readonly StoredImage[]): string {
  const width = images.reduce((most, { name }) => Math.max(most, visible(name).length), 0);
  const line = ({ name, kind, size, date }: StoredImage) =>
    `${visible(name).padEnd(width)}  ${kind.padEnd(9)}  ${renderSize(size).padStart(10)}  ${date.slice(0, 16).replace('T', ' ')}\n`;
  return images.map(line).join('');
}
