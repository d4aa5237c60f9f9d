/** The commands of a directory image, for completion in every shell: --completion=commands:IMAGE. */
import type { Host } from '../host/host.js';
import { native } from '../host/native.js';
import { resolveImage } from './resolve-image.js';

/** The directories of programs in images; the environment may change PATH, but that is not known yet. */
const directories = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/local/bin', 'usr/local/sbin'];

/** Names in a directory of the image; none for a link that leads out of it, as absolute links do on the host. */
function namesIn(path: string): readonly string[] {
  try {
    return native.entries(path);
  } catch {
    return [];
  }
}

/** The names of programs in an image, sorted; none if it is not a directory image. */
export function listCommands(image: string, storage: string | undefined, host: Host): readonly string[] {
  try {
    const { kind, path } = resolveImage({ image, writable: false, ...(storage ? { storage } : {}) }, host);
    if (kind !== 'directory') return [];
    const names = directories.flatMap((directory) => namesIn(`${path}/${directory}`));
    return [...new Set(names)].sort();
  } catch {
    // there is no such image: nothing to offer
    return [];
  }
}
