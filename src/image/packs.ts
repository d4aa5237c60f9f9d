/**
 * Packs of layers in storage: what was compressed for one image serves for others that have the same layers. There is a
 * directory for each image, with the packs of its layers, called by their diff ids, and a second name of the image itself,
 * where the compressed content is. So packs take next to no room, and they go with their image.
 */
import { basename } from '../base/paths.js';
import type { Layer } from '../formats/image.js';
import { native } from '../host/native.js';
import { exists } from './exists.js';
import { type Packs, packer } from './packer.js';

/** Where packs are looked for, and whether those of the new image are kept there. */
export interface PackUse {
  readonly storage: string;
  readonly keep: boolean;
}

const packsIn = (storage: string) => `${storage}/packs`;
const draftOf = (draft: string) => `${draft}.packs`;

/** The packs that there are of these layers, and where those of the image go that is made as `draft`, if they are kept. */
export function findPacks({ storage, keep }: PackUse, draft: string, layers: readonly Layer[]): Packs {
  const all = packsIn(storage);
  const output = keep ? draftOf(draft) : '';
  if (keep) packer.removeAtSignal(output);
  if (!exists(all)) return { output, known: [] };
  const wanted = new Set(layers.map(({ diffId }) => diffId));
  // the image that shares most: what lies together is copied together
  const images = native
    .entries(all)
    .map((name) => new Set(entriesOf(`${all}/${name}`)).add(`${all}/${name}`))
    .map((names) => ({ names, shared: [...wanted].filter((id) => names.has(id)).length }))
    .sort((one, two) => two.shared - one.shared);
  const known = layers.map(({ diffId }) => {
    const { names } = images.find((image) => image.names.has(diffId)) ?? {};
    return names && [...names].at(-1);
  });
  return { output, known };
}

/** Whether another image has one of these layers. */
export function hasPacks(use: PackUse | undefined, layers: readonly Layer[]): boolean {
  return use !== undefined && findPacks({ ...use, keep: false }, '', layers).known.some((pack) => pack);
}

/** None if another process has removed it meanwhile. */
function entriesOf(directory: string): readonly string[] {
  try {
    return native.entries(directory);
  } catch {
    return [];
  }
}

/** The image has its name: its packs may be found. Those of the image that it replaced are removed. */
export function placePacks(storage: string, draft: string): void {
  const made = draftOf(draft);
  if (exists(made)) {
    packer.makeDirectories(packsIn(storage));
    packer.rename(made, `${packsIn(storage)}/${basename(draft)}`);
  }
  removeUnused(storage);
}

/** Of an image that has no name any more, only the packs are left. */
export function removeUnused(storage: string): void {
  if (!exists(packsIn(storage))) return;
  for (const name of native.entries(packsIn(storage))) {
    const directory = `${packsIn(storage)}/${name}`;
    if (packer.names(`${directory}/image`) <= 1) packer.remove(directory);
  }
}
