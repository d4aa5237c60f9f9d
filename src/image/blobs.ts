/** Blobs in storage, by digest: of several processes that want one, a single one fetches it. */
import { LaunchError } from '../base/errors.js';
import { native } from '../host/native.js';
import type { Job, Registry } from '../registry/client.js';
import type { Descriptor } from '../registry/remote-image.js';
import { lease } from './lease.js';
import { packer } from './packer.js';
import { exists } from './stored.js';

/** As registries allow it, and browsers do it. */
export const mostAtOnce = 6;

export const blobsIn = (storage: string) => `${storage}/blobs/sha256`;
export const blobPath = (storage: string, digest: string) => `${blobsIn(storage)}/${digest}`;
const leasePath = (storage: string, digest: string) => `${storage}/leases/${digest}`;

export interface WantedBlob extends Descriptor {
  /** For messages. */
  readonly name: string;
}

/** Those that are not there yet, each once, the largest first: it takes the longest. */
export function missingBlobs<Blob extends Descriptor>(
  storage: string,
  blobs: readonly Blob[],
): readonly Blob[] {
  const each = new Map(blobs.map((blob) => [blob.digest, blob]));
  return [...each.values()]
    .filter(({ digest }) => !exists(blobPath(storage, digest)))
    .sort((one, two) => two.size - one.size);
}

/**
 * A file for what is still to come, which is ours alone. It begins with what a process had got that is no more; `there`
 * is how much that is.
 */
function partOf(
  storage: string,
  { digest, size }: Descriptor,
): { readonly path: string; readonly there: number } {
  const directory = blobsIn(storage);
  const { pid } = native.identity();
  const path = `${directory}/${digest}.part.${pid}.${Date.now()}`;
  const left = native
    .entries(directory)
    .filter((name) => name.startsWith(`${digest}.part.`))
    .map((name) => ({ name, size: Number(native.status(`${directory}/${name}`, 'no-follow').size) }))
    .sort((one, two) => two.size - one.size);
  const [largest, ...others] = left;
  for (const { name } of others) packer.remove(`${directory}/${name}`);
  if (largest === undefined) return { path, there: 0 };
  packer.rename(`${directory}/${largest.name}`, path);
  return { path, there: largest.size <= size ? largest.size : 0 };
}

function jobOf(storage: string, blob: WantedBlob): Job {
  const { digest, size, name } = blob;
  const { path, there } = partOf(storage, blob);
  let resumed = there > 0;
  return {
    path: `blobs/sha256:${digest}`,
    what: name,
    limit: size,
    file: path,
    offset: there,
    done(answer) {
      if (answer.digest !== digest || answer.size !== size) {
        packer.remove(path);
        // what was there before may have been another's
        if (!resumed)
          throw new LaunchError(
            answer.size === size
              ? `${name} is not what the manifest says: its digest is sha256:${answer.digest}, not sha256:${digest}`
              : `${name} has ${answer.size} bytes, not ${size}`,
          );
        resumed = false;
        return false;
      }
      packer.rename(path, blobPath(storage, digest));
      lease.drop(leasePath(storage, digest));
      return true;
    },
  };
}

/** Gets what is missing. `onWait`: other processes are at it. Throws LaunchError. */
export function fetchBlobs(
  registry: Registry,
  storage: string,
  blobs: readonly WantedBlob[],
  onWait: (count: number) => void,
): void {
  let told = 0;
  for (
    let missing = missingBlobs(storage, blobs);
    missing.length > 0;
    missing = missingBlobs(storage, blobs)
  ) {
    const ours = missing.filter(({ digest }) => lease.take(leasePath(storage, digest)));
    try {
      // the last holder may have finished between the two looks
      const jobs = missingBlobs(storage, ours).map((blob) => jobOf(storage, blob));
      registry.run(jobs, mostAtOnce);
    } finally {
      for (const { digest } of ours) lease.drop(leasePath(storage, digest));
    }
    const left = missing.length - ours.length;
    if (left > 0 && ours.length === 0) {
      if (left !== told) onWait(left);
      told = left;
      lease.wait();
    }
  }
}
