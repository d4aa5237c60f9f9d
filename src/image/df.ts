/** `ch-image-ts df` */
import { dirname } from '../base/paths.js';
import { print } from '../host/messages.js';
import { native } from '../host/native.js';
import { listStorage, renderSize } from '../store/list-storage.js';
import { exists } from './exists.js';
import { packer } from './packer.js';
import { pruneable } from './prune.js';
import { imagesOf, openStorage } from './stored.js';
import type { Verb } from './verb.js';

interface Row {
  readonly what: string;
  readonly count: number;
  readonly size: number;
}

/** Of a file, or of all files in a directory. Files of several names in it are counted once for each. */
function sizeOf(path: string): number {
  const { kind, size } = native.status(path, 'no-follow');
  if (kind !== 'directory') return Number(size);
  return native.entries(path).reduce((sum, name) => sum + sizeOf(`${path}/${name}`), 0);
}

function rowOf(what: string, directory: string, isCounted: (name: string) => boolean = () => true): Row {
  const names = exists(directory) ? native.entries(directory).filter(isCounted) : [];
  return {
    what,
    count: names.length,
    size: names.reduce((sum, name) => sum + sizeOf(`${directory}/${name}`), 0),
  };
}

/** Images of several names take their room once. */
function imagesRow(storage: string): Row {
  const directory = imagesOf(storage);
  const files = new Set<string>();
  const isFirst = (name: string) => {
    const { device, inode } = native.status(`${directory}/${name}`, 'no-follow');
    const known = files.has(`${device}:${inode}`);
    files.add(`${device}:${inode}`);
    return !known;
  };
  return { ...rowOf('images', directory, isFirst), count: listStorage(dirname(directory)).length };
}

/** Indexes only: the image in each directory is that of the first row. */
function packsRow(storage: string): Row {
  const directory = `${storage}/packs`;
  const all = exists(directory) ? native.entries(directory) : [];
  const rows = all.map((name) => rowOf('', `${directory}/${name}`, (each) => each !== 'image'));
  return {
    what: 'packs of layers',
    count: rows.reduce((sum, { count }) => sum + count, 0),
    size: rows.reduce((sum, { size }) => sum + size, 0),
  };
}

export const showRoom: Verb = (_, values, host) => {
  const storage = openStorage(values.storage, host);
  const rows = [
    imagesRow(storage),
    rowOf('blobs of registries', `${storage}/blobs/sha256`),
    packsRow(storage),
    rowOf('unfinished', `${storage}/tmp`),
  ];
  const pruned = pruneable(storage).reduce((sum, path) => sum + sizeOf(path), 0);
  const { free, total } = packer.room(storage);
  if (values.json)
    return print(
      1,
      `${JSON.stringify({ storage: dirname(imagesOf(storage)), rows, pruned, free, total }, null, 2)}\n`,
    );
  const line = (what: string, size: number, count: string) =>
    `${what.padEnd(20)} ${count.padStart(6)} ${renderSize(size).padStart(11)}\n`;
  print(
    1,
    [
      ...rows.map(({ what, count, size }) => line(what, size, String(count))),
      line('prune would free', pruned, ''),
      line('free', free, ''),
    ].join(''),
  );
};
