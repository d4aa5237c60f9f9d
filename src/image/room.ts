/** Whether there is room for what is to be written: said before, not after an hour. */
import { LaunchError } from '../base/errors.js';
import type { Layer } from '../formats/image.js';
import { native } from '../host/native.js';
import { renderSize } from '../store/list-storage.js';
import { packer } from './packer.js';
import type { Source } from './source.js';

/** Throws LaunchError if `size` bytes can't be written to `directory`. */
export function checkRoom(directory: string, size: number): void {
  const { free } = packer.room(directory);
  if (size <= free) return;
  throw new LaunchError(
    `there is no room in ${directory}: ${renderSize(size)} are needed, and ${renderSize(free)} are free`,
    { path: directory },
  );
}

/** What programs and libraries become: a third of a plain archive, and about the size of a compressed one. */
const expected = { plain: 1 / 3, compressed: 0.8 } as const;

function isPlain({ path, offset, size }: Layer): boolean {
  const head = native.part(path, offset, Math.min(size, 262));
  return String.fromCharCode(...head.subarray(257, 262)) === 'ustar';
}

/** A warning if it is likely that there is no room for the image: how large it becomes is known when it is made. */
export function doubtRoom(directory: string, source: Source): readonly string[] {
  if (source.kind !== 'layers') return [];
  const archives = source.layers.filter(({ kind }) => kind === undefined);
  const size = archives.reduce(
    (sum, layer) => sum + layer.size * expected[isPlain(layer) ? 'plain' : 'compressed'],
    0,
  );
  const { free } = packer.room(directory);
  if (size <= free) return [];
  return [
    `there may be no room in ${directory}: about ${renderSize(size)} are needed, and ${renderSize(free)} are free`,
  ];
}
