/** `ch-image-ts list` */

import { LaunchError } from '../base/errors.js';
import { print, printWarning } from '../host/messages.js';
import { listStorage, renderList } from '../store/list-storage.js';
import { findStorage } from '../store/storage.js';
import { packer } from './packer.js';
import { findImage, readRecord, stateIn } from './stored.js';
import type { Verb } from './verb.js';

/** Of containers of the caller on this machine. */
const useOf = ({ containers }: { readonly containers: number }) =>
  containers > 0 ? `  ${containers} ${containers === 1 ? 'container' : 'containers'}` : '';

export const listImages: Verb = async (_, values, host) => {
  const found = findStorage(values.storage, host);
  if (found === undefined)
    throw new LaunchError('there is no storage: USER is not set, and your user id has no name');
  if (found.distrust) await printWarning(found.distrust);
  const running = packer.running();
  const images = listStorage(found.directory).map((image) => {
    const path = findImage(found.directory, image.name) ?? '';
    return { ...image, containers: running.filter((paths) => paths.includes(path)).length };
  });
  if (!values.json) return print(1, renderList(images, useOf));
  const described = images.map((image) => {
    const { source, format, manifestDigest, configDigest } =
      readRecord(stateIn(found.directory), image.name) ?? {};
    return { ...image, source, format, manifestDigest, configDigest };
  });
  print(1, `${JSON.stringify(described, null, 2)}\n`);
};
