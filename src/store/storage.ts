/** Image storage: a directory that keeps images by name. */
import type { Host } from '../host/host.js';
import { findDistrust } from '../host/ownership.js';

/** Endings under which a SquashFS file may lie in storage, the name's own first. */
const endings = ['', '.sqfs', '.squashfs'];

/** The storage directory: what was asked for, else $CH_IMAGE_STORAGE, else /var/tmp/$USER.ch; absolute. */
export function storageDirectory(given: string | undefined, host: Host): string | undefined {
  const chosen = given ?? host.variable('CH_IMAGE_STORAGE');
  if (chosen) return host.absolute(chosen);
  const user = host.userName();
  return user === undefined ? undefined : `/var/tmp/${user}.ch`;
}

/** Where images are looked for by name, and why not. */
export interface Storage {
  readonly directory: string;
  /** Why no name is looked for in it. */
  readonly distrust?: string;
}

/**
 * The storage directory, and whether it counts: names there decide what runs, and come before paths, so it and its
 * `img` must be the caller's or root's, themselves and not by a link, and nobody else may be able to write there.
 */
export function findStorage(given: string | undefined, host: Host): Storage | undefined {
  const directory = storageDirectory(given, host)?.replace(/(?<=.)\/+$/, '');
  if (directory === undefined) return undefined;
  for (const path of [directory, imagesIn(directory)]) {
    const owner = host.ownerOf(path, 'no-follow');
    const reason = owner && findDistrust(owner, host);
    if (reason)
      return {
        directory,
        distrust: `storage ${directory} is not used: ${path === directory ? '' : `${path}: `}${reason}`,
      };
  }
  return { directory };
}

/** File names can't hold a slash: `registry:5000/path/name:tag` is kept as `registry+5000%path%name+tag`. */
export function fileNameOf(name: string): string {
  return name.replaceAll('/', '%').replaceAll(':', '+');
}

/** The inverse, but for the ending of a SquashFS file. */
export function nameOf(fileName: string): string {
  const ending = endings.find((text) => text && fileName.endsWith(text)) ?? '';
  const name = ending ? fileName.slice(0, -ending.length) : fileName;
  return name.replaceAll('%', '/').replaceAll('+', ':');
}

/** What begins with a slash or a dot is a path; a dash begins an option. */
export function canBeName(reference: string): boolean {
  return !/^[/.-]/.test(reference);
}

/** Where images lie in a storage directory. */
export function imagesIn(storage: string): string {
  return `${storage}/img`;
}

/** The path of the image with this name; undefined if storage has none. */
export function findInStorage(name: string, storage: string, host: Host): string | undefined {
  if (!canBeName(name)) return undefined;
  const path = `${imagesIn(storage)}/${fileNameOf(name)}`;
  return endings.map((ending) => path + ending).find((candidate) => host.pathKind(candidate) !== 'absent');
}
