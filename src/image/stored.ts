/** Images in storage, and the records beside them. */
import { LaunchError } from '../base/errors.js';
import { dirname } from '../base/paths.js';
import type { Host } from '../host/host.js';
import { native } from '../host/native.js';
import { findDistrust } from '../host/ownership.js';
import { renderSize } from '../store/list-storage.js';
import { canBeName, fileNameOf, findStorage, imagesIn, storageDirectory } from '../store/storage.js';
import { draftPath } from './drafts.js';
import { exists } from './exists.js';
import { packer } from './packer.js';
import { placePacks, removeUnused } from './packs.js';

export { exists } from './exists.js';

/** What is kept beside an image. */
export interface ImageRecord {
  readonly name: string;
  /** The operand that it was made from, and what that was. */
  readonly source: string;
  readonly format: string;
  /** ISO 8601, in UTC. */
  readonly date: string;
  readonly manifestDigest?: string;
  readonly configDigest?: string;
  readonly diffIds: readonly string[];
  readonly tool: string;
  /** The configuration, as it was read. */
  readonly config?: unknown;
}

const ending = '.sqfs';

/** The storage directory, made if it is missing. Throws LaunchError if it is not to be trusted. */
export function openStorage(given: string | undefined, host: Host): string {
  const directory = storageDirectory(given, host)?.replace(/(?<=.)\/+$/, '');
  if (directory === undefined)
    throw new LaunchError('there is no storage: USER is not set, and your user id has no name');
  // in a new one, ch-image goes on, too
  if (!exists(imagesIn(directory))) packer.makeDirectories(`${directory}/dlcache`);
  packer.makeDirectories(imagesIn(directory));
  const { distrust } = findStorage(directory, host) ?? {};
  if (distrust) throw new LaunchError(distrust);
  const state = stateIn(directory);
  for (const part of ['tmp', 'records']) packer.makeDirectories(`${state}/${part}`);
  if (state !== directory) {
    const reason = [dirname(state), state].map((path) => host.ownerOf(path, 'no-follow'));
    for (const owner of reason) {
      const doubt = owner && findDistrust(owner, host);
      if (doubt) throw new LaunchError(`storage ${directory} is not used: ${state}: ${doubt}`);
    }
  }
  return state;
}

const statePlace = '/dlcache/ch-image-ts';

/**
 * Where everything but images is. Charliecloud's ch-image takes no storage directory with files in it that it does not know,
 * but minds none in its cache of downloads. Directories that older versions of this program made have no such cache.
 */
export function stateIn(directory: string): string {
  return exists(`${directory}/dlcache`) ? directory + statePlace : directory;
}

/** Where the images are that belong to it. */
export const imagesOf = (state: string): string =>
  imagesIn(state.endsWith(statePlace) ? state.slice(0, -statePlace.length) : state);

export function checkName(name: string): string {
  if (name === '' || !canBeName(name) || /\0/.test(name))
    throw new LaunchError(`'${name}' can't be the name of an image`, {
      hint: 'a name begins with neither a slash nor a dot nor a dash',
    });
  // the ending of the file and the number of the process follow
  if (fileNameOf(name).length > 200) throw new LaunchError(`the name ${name} is too long`);
  return name;
}

export const imagePath = (storage: string, name: string) =>
  `${imagesOf(storage)}/${fileNameOf(name)}${ending}`;
/** The same of one that is unpacked, as Charliecloud has them. */
export const treePath = (storage: string, name: string) => `${imagesOf(storage)}/${fileNameOf(name)}`;
const recordPath = (storage: string, name: string) => `${storage}/records/${fileNameOf(name)}.json`;

/** Where the image with this name lies, whatever made it. */
export function findImage(storage: string, name: string): string | undefined {
  const start = `${imagesOf(storage)}/${fileNameOf(name)}`;
  return [start, `${start}${ending}`, `${start}.squashfs`].find(exists);
}

/** For messages. */
export function describeStored(storage: string, name: string): string {
  const { kind, size } = native.status(findImage(storage, name) ?? imagePath(storage, name));
  return kind === 'file' ? renderSize(Number(size)) : 'unpacked';
}

/** Throws LaunchError if there is an image of this name that is not to be replaced. */
export function checkFree(storage: string, name: string, force: boolean): void {
  const found = findImage(storage, name);
  if (found === undefined || (force && found === imagePath(storage, name))) return;
  throw new LaunchError(`there is an image ${name} already`, {
    path: found,
    hint: force ? `delete it first: ch-image-ts delete ${name}` : '--force replaces it',
  });
}

/** This program, for records. */
export const toolVersion = (): string =>
  native.version().replace(/^ch-run-ts (\S+)[\s\S]*/, 'ch-image-ts $1');

/** Gives a new image, a SquashFS file or a directory, its name; what had that name goes. */
export function place(storage: string, draft: string, record: ImageRecord): void {
  const isFile = native.status(draft, 'no-follow').kind === 'file';
  const path = isFile ? imagePath(storage, record.name) : treePath(storage, record.name);
  const found = findImage(storage, record.name);
  // only a file can take the place of a file in one step
  const away =
    found === undefined || (isFile && found === path) ? undefined : draftPath(storage, `old.${record.name}`);
  if (found !== undefined && away !== undefined) packer.rename(found, away);
  packer.rename(draft, path);
  packer.save(recordPath(storage, record.name), `${JSON.stringify(record, null, 2)}\n`);
  if (away !== undefined) packer.remove(away);
  placePacks(storage, draft);
}

/** None for an image that others made. */
export function readRecord(storage: string, name: string): ImageRecord | undefined {
  try {
    return JSON.parse(native.content(recordPath(storage, name)).text) as ImageRecord;
  } catch {
    return undefined;
  }
}

export function removeImage(storage: string, name: string): void {
  const path = findImage(storage, name);
  if (path === undefined)
    throw new LaunchError(`there is no image ${name} in storage`, {
      path: storage,
      hint: "'ch-image-ts list' shows which there are",
    });
  // away from its name at once, also if removing a directory takes long
  const away = draftPath(storage, name);
  packer.rename(path, away);
  packer.remove(away);
  removeUnused(storage);
  if (exists(recordPath(storage, name))) packer.remove(recordPath(storage, name));
}
