/** `ch-image-ts list` */

import { LaunchError } from '../base/errors.js';
import { print, printWarning } from '../host/messages.js';
import { listStorage, renderList } from '../store/list-storage.js';
import { findStorage } from '../store/storage.js';
import { readRecord } from './stored.js';
import type { Verb } from './verb.js';

export const listImages: Verb = async (_, values, host) => {
  const found = findStorage(values.storage, host);
  if (found === undefined)
    throw new LaunchError('there is no storage: USER is not set, and your user id has no name');
  if (found.distrust) await printWarning(found.distrust);
  const images = listStorage(found.directory);
  if (!values.json) return print(1, renderList(images));
  const described = images.map((image) => {
    const { source, format, manifestDigest, configDigest } = readRecord(found.directory, image.name) ?? {};
    return { ...image, source, format, manifestDigest, configDigest };
  });
  print(1, `${JSON.stringify(described, null, 2)}\n`);
};
