/** Image storage: a directory that keeps images by name. */
import type { Host, Way } from '../host/host.js';
import { findDistrust } from '../host/ownership.js';

/** Suffixes of SquashFS files in storage, the empty one first. */
const endings = ['', '.sqfs', '.squashfs'];

/** The storage directory: from the variable, else the default. */
export const storageVariable = 'CH_IMAGE_STORAGE';
export const defaultStorage = '/var/tmp/$USER.ch';

/** The storage directory: as requested, else from the variable, else the default; absolute. */
export function storageDirectory(given: string | undefined, host: Host): string | undefined {
  const chosen = given ?? host.variable(storageVariable);
  if (chosen) return host.absolute(chosen);
  const user = host.userName();
  return user === undefined ? undefined : defaultStorage.replace('$USER', () => user);
}

/** Where images are looked up by name, or why they are not. */
export interface Storage {
  readonly directory: string;
  /** Why names are not looked up in it. */
  readonly distrust?: string;
  /** The directories that were checked: storage, and the one with its images. Absent if they do not exist. */
  readonly way?: Way;
}

/**
 * The storage directory, and whether it is trusted: names there decide what runs, and take precedence over paths, so it
 * and its `img` must belong to the caller or root, must not be symbolic links, and nobody else may be able to write to
 * them.
 */
export function findStorage(given: string | undefined, host: Host): Storage | undefined {
  const directory = storageDirectory(given, host)?.replace(/(?<=.)\/+$/, '');
  if (directory === undefined) return undefined;
  const way: { path: string; inode: string }[] = [];
  for (const path of [directory, imagesIn(directory)]) {
    const owner = host.ownerOf(path, 'no-follow');
    // later directories were not checked: nothing is looked up in them
    if (owner === undefined) return { directory };
    const reason = findDistrust(owner, host);
    if (reason)
      return {
        directory,
        distrust: `storage ${directory} is not used: ${path === directory ? '' : `${path}: `}${reason}`,
      };
    way.push({ path, inode: owner.inode });
  }
  return { directory, way };
}

/** File names can't hold a slash: `registry:5000/path/name:tag` is kept as `registry+5000%path%name+tag`. */
export function fileNameOf(name: string): string {
  return name.replaceAll('/', '%').replaceAll(':', '+');
}

/** The inverse, except for the suffix of a SquashFS file. */
export function nameOf(fileName: string): string {
  const ending = endings.find((text) => text && fileName.endsWith(text)) ?? '';
  const name = ending ? fileName.slice(0, -ending.length) : fileName;
  return name.replaceAll('%', '/').replaceAll('+', ':');
}

/** What begins with a slash or a dot is a path; a dash begins an option. */
export function canBeName(reference: string): boolean {
  return !/^[/.-]/.test(reference);
}

/** The directory of images in a storage directory. */
export function imagesIn(storage: string): string {
  return `${storage}/img`;
}

/** The path of the image with this name, and the directories above it; undefined if storage has none. */
export function findInStorage(
  name: string,
  { directory, way }: Storage,
  host: Host,
): { readonly path: string; readonly way: Way } | undefined {
  if (!canBeName(name) || way === undefined) return undefined;
  const start = `${imagesIn(directory)}/${fileNameOf(name)}`;
  const found = endings
    .map((ending) => start + ending)
    .find((candidate) => host.pathKind(candidate) !== 'absent');
  if (found === undefined) return undefined;
  for (const { path, inode } of way) host.dependOn(path, inode);
  return { path: found, way };
}
