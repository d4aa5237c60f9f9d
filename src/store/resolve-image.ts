/** Resolves an image reference. */
import { latin1 } from '../base/bytes.js';
import { LaunchError, usageError } from '../base/errors.js';
import { findPartition, isSif } from '../formats/sif.js';
import type { Host, Way } from '../host/host.js';
import { headSize, recognizeFormat } from './recognize.js';
import { canBeName, findInStorage, findStorage, imagesIn, type Storage } from './storage.js';

/** Which image to use. */
export interface ImageRequest {
  /** The image reference: a name in storage, or the path of a directory, SquashFS or SIF file. */
  readonly image: string;
  /** Host directory with images by name; the user's default storage if absent. */
  readonly storage?: string;
  /** Treat a directory image in storage like any other: it can be written to, and named by its path. */
  readonly unsafe?: boolean;
  /** Mount the image read-write. */
  readonly writable: boolean;
}

/** An image that can be run. */
export interface Image {
  readonly kind: 'directory' | 'squashfs';
  /** Absolute host path. */
  readonly path: string;
  /** Where in the file the SquashFS begins; at its beginning if absent. */
  readonly offset?: number;
  /** Its location in storage: the directories that were checked. */
  readonly way?: Way;
  /** Warnings about the search. */
  readonly warnings?: readonly string[];
}

/** Finds the image of the request: a name in storage, else a path. Throws LaunchError if there is none. */
export function resolveImage(request: ImageRequest, host: Host): Image {
  const { image: reference, writable, unsafe } = request;
  if (reference === '') throw new LaunchError('the image reference is empty');
  const storage = findStorage(request.storage, host);
  const { directory, distrust } = storage ?? {};
  const name = registryName(reference);
  if (name !== undefined) return fromRegistry(reference, name, storage, request, host);
  if (distrust && canBeName(reference)) return byPath(reference, writable, host, distrust);
  const stored = storage && findInStorage(reference, storage, host);
  if (stored) return ofStorage(reference, stored, request, host);
  const image = byPath(reference, writable, host);
  const { path } = image;
  if (unsafe) return image;
  if (image.kind === 'directory' && directory && !distrust && path.startsWith(`${imagesIn(directory)}/`)) {
    throw new LaunchError(`${reference} is in storage, whose images are run by name`, {
      path,
      hint: "see 'ch-run-ts --list' for the names",
    });
  }
  return image;
}

function ofStorage(
  name: string,
  { path, way }: { readonly path: string; readonly way: Way },
  { writable, unsafe }: ImageRequest,
  host: Host,
): Image {
  if (writable && !unsafe) throw usageError(`the image ${name} in storage can't be written`, useOverlay);
  return refuseWriting(name, { ...identify(name, path, host), way }, writable);
}

/** What an image of a registry is called in storage; undefined for other references. */
export function registryName(reference: string): string | undefined {
  return /^docker:\/\/(.+)$/s.exec(reference)?.[1];
}

function fromRegistry(
  reference: string,
  name: string,
  storage: Storage | undefined,
  request: ImageRequest,
  host: Host,
): Image {
  if (storage?.distrust) throw new LaunchError(storage.distrust);
  const stored = storage && findInStorage(name, storage, host);
  if (!stored)
    throw new LaunchError(`there is no image ${reference} in storage`, {
      hint: `get it with 'ch-image-ts pull ${reference}', or use --pull`,
    });
  return ofStorage(name, stored, request, host);
}

/** `distrust`: why names were not looked up. */
function byPath(reference: string, writable: boolean, host: Host, distrust?: string): Image {
  const image = refuseWriting(
    reference,
    identify(reference, host.absolute(reference), host, distrust),
    writable,
  );
  return distrust ? { ...image, warnings: [distrust] } : image;
}

/** For an image that can't be written to. */
function refuseWriting(reference: string, image: Image, writable: boolean): Image {
  if (!writable || image.kind === 'directory') return image;
  throw usageError(
    `the image ${reference} is a ${image.offset === undefined ? 'SquashFS' : 'SIF'} file, which can't be written`,
    useOverlay,
  );
}

const useOverlay = 'use --write-fake or --overlay=DIR, which write on top of it';

function identify(reference: string, path: string, host: Host, distrust?: string): Image {
  switch (host.pathKind(path)) {
    case 'directory':
      return { kind: 'directory', path };
    case 'absent':
      throw new LaunchError(`there is no image ${reference}`, {
        path,
        hint:
          distrust ??
          "it must be a name in storage ('ch-run-ts --list' shows them), or the path of a directory, SquashFS or SIF file",
      });
    case 'other':
      throw new LaunchError(`unknown image type: ${reference} is a device, pipe or socket`, { path });
    case 'file':
      return identifyFile(reference, path, host);
  }
}

/** What is in a file. Throws LaunchError if it is neither SquashFS nor a SIF that can be run. */
export function identifyFile(reference: string, path: string, host: Host): Image {
  const head = host.readHead(path, headSize);
  if (latin1(head.subarray(0, 4)) === 'hsqs') return { kind: 'squashfs', path };
  if (isSif(head)) {
    const found = findPartition((offset, size) => host.readPart(path, offset, size), host.architecture());
    if ('offset' in found) return { kind: 'squashfs', path, offset: found.offset };
    const { problem, hint } = found;
    throw new LaunchError(`can't run ${reference}: it is ${problem}`, { path, ...(hint ? { hint } : {}) });
  }
  const { name, hint } = recognizeFormat(head);
  throw new LaunchError(`unknown image type: ${reference} is ${name}`, { path, ...(hint ? { hint } : {}) });
}
