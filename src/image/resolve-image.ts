/** What is this image reference? */
import { LaunchError } from '../errors.js';
import type { Host } from '../host.js';
import { headSize, recognizeFormat } from './recognize.js';

/** An image that can be run. */
export type Image = { readonly kind: 'directory'; readonly path: string };

/** Finds the image that `reference` means. Throws LaunchError that says what it is instead. */
export function resolveImage(reference: string, host: Host): Image {
  if (reference === '') throw new LaunchError('the image reference is empty');
  const path = host.absolute(reference);
  switch (host.pathKind(path)) {
    case 'directory':
      return { kind: 'directory', path };
    case 'absent':
      throw new LaunchError(`there is no image ${reference}`, {
        path,
        hint: 'it must be the path of a directory',
      });
    case 'other':
      throw new LaunchError(`unknown image type: ${reference} is a device, pipe or socket`, { path });
    case 'file':
      throw notAnImage(reference, path, host);
  }
}

function notAnImage(reference: string, path: string, host: Host): LaunchError {
  const { name, hint } = recognizeFormat(host.readHead(path, headSize));
  return new LaunchError(`unknown image type: ${reference} is ${name}`, { path, ...(hint ? { hint } : {}) });
}
