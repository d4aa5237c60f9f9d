/** `ch-image-ts prune` */
import { native } from '../host/native.js';
import { renderSize } from '../store/list-storage.js';
import { packer } from './packer.js';
import { exists, openStorage } from './stored.js';
import { say, type Verb } from './verb.js';

const day = 24 * 60 * 60 * 1000;

/** Drafts of commands that were killed, and records without images. */
export const pruneStorage: Verb = (_, values, host) => {
  const storage = openStorage(values.storage, host);
  let freed = 0;
  for (const name of native.entries(`${storage}/tmp`)) {
    const path = `${storage}/tmp/${name}`;
    const { modified, size, kind } = native.status(path, 'no-follow');
    if (Date.now() - Number(modified) / 1e6 < day) continue;
    packer.remove(path);
    if (kind === 'file') freed += Number(size);
  }
  for (const name of native.entries(`${storage}/records`)) {
    const image = `${storage}/img/${name.replace(/\.json$/, '')}.sqfs`;
    if (!exists(image)) packer.remove(`${storage}/records/${name}`);
  }
  say(`freed: ${renderSize(freed)}`, values);
};
