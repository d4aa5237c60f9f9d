/** What is in storage: `--list`. */
import { latin1 } from '../base/bytes.js';
import { failure } from '../base/errors.js';
import { visible } from '../base/visible.js';
import { isSif } from '../formats/sif.js';
import { native, type SystemError } from '../host/native.js';
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

/** Only the names, without examining the images. */
export function listNames(storage: string): readonly string[] {
  return readEntries(imagesIn(storage)).map(nameOf).filter(canBeName);
}

/** Storage that was never used has no images. */
function readEntries(directory: string): readonly string[] {
  try {
    return native.entries(directory);
  } catch (cause) {
    if ((cause as SystemError).code === 'ENOENT') return [];
    throw failure('list', directory, cause);
  }
}

/** Empty if it is not an image, can't be read, or was removed since it was listed. */
function describe(entry: string, path: string): readonly StoredImage[] {
  try {
    const { kind, size, modified } = native.status(path);
    const about = { name: nameOf(entry), date: new Date(Number(modified) / 1e6).toISOString() };
    if (kind === 'directory') return [{ ...about, kind, size: sizeOfTree(path) }];
    if (kind !== 'file') return [];
    const head = native.part(path, 0, 256);
    return latin1(head.subarray(0, 4)) === 'hsqs' || isSif(head)
      ? [{ ...about, kind: 'squashfs', size: Number(size) }]
      : [];
  } catch {
    return [];
  }
}

/** Directories that we may not read count as empty. */
function sizeOfTree(directory: string): number {
  const sizeOf = (path: string) => {
    const { kind, size } = native.status(path, 'no-follow');
    return kind === 'directory' ? sizeOfTree(path) : Number(size);
  };
  try {
    return readEntries(directory).reduce((size, name) => size + sizeOf(`${directory}/${name}`), 0);
  } catch {
    return 0;
  }
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function renderSize(bytes: number): string {
  const power = Math.min(Math.max(0, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)), units.length - 1);
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** The list for users: name, kind, size, date, in aligned columns, and what `more` says. */
export function renderList<Image extends StoredImage>(
  images: readonly Image[],
  more: (image: Image) => string = () => '',
): string {
  const width = images.reduce((most, { name }) => Math.max(most, visible(name).length), 0);
  const line = (image: Image) => {
    const { name, kind, size, date } = image;
    return `${visible(name).padEnd(width)}  ${kind.padEnd(9)}  ${renderSize(size).padStart(10)}  ${date.slice(0, 16).replace('T', ' ')}${more(image)}\n`;
  };
  return images.map(line).join('');
}
