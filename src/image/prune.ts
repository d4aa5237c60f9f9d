/** `ch-image-ts prune` */
import { asArray, asObject, parseObject, textIn } from '../formats/json.js';
import { native } from '../host/native.js';
import { renderSize } from '../store/list-storage.js';
import { blobPath, blobsIn } from './blobs.js';
import { packer } from './packer.js';
import { removeUnused } from './packs.js';
import { exists, imagesOf, openStorage, readRecord } from './stored.js';
import { say, type Verb } from './verb.js';

const day = 24 * 60 * 60 * 1000;

/** The digests that a manifest in storage names, and its own. */
function namedBy(storage: string, manifest: string): readonly string[] {
  try {
    const json = parseObject(native.content(blobPath(storage, manifest)).text, manifest);
    const blobs = [json.config, ...asArray(json.layers, 'layers')].map((each) => asObject(each, manifest));
    return [manifest, ...blobs.map((each) => textIn(each, 'digest')?.replace('sha256:', '') ?? '')];
  } catch {
    // it was pulled by nobody: imported images have no blobs in storage
    return [];
  }
}

/** Drafts and parts of commands that were killed and blobs that no image needs, if they are older than a day. */
export function pruneable(storage: string): readonly string[] {
  const needed = new Set(
    native.entries(`${storage}/records`).flatMap((name) => {
      const manifest = readRecord(storage, name.replace(/\.json$/, ''))?.manifestDigest;
      return manifest === undefined ? [] : namedBy(storage, manifest.replace('sha256:', ''));
    }),
  );
  const directories = [`${storage}/tmp`, blobsIn(storage), `${storage}/leases`].filter(exists);
  const all = directories.flatMap((directory) =>
    native
      .entries(directory)
      .filter((name) => !needed.has(name) || directory !== blobsIn(storage))
      .map((name) => `${directory}/${name}`),
  );
  return all.filter((path) => Date.now() - Number(native.status(path, 'no-follow').modified) / 1e6 >= day);
}

/** These, and records without images. */
export const pruneStorage: Verb = (_, values, host) => {
  const storage = openStorage(values.storage, host);
  const records = native.entries(`${storage}/records`);
  for (const name of records) {
    const image = `${imagesOf(storage)}/${name.replace(/\.json$/, '')}`;
    if (!exists(image) && !exists(`${image}.sqfs`)) packer.remove(`${storage}/records/${name}`);
  }
  removeUnused(storage);
  let freed = 0;
  for (const path of pruneable(storage)) {
    const { size, kind } = native.status(path, 'no-follow');
    packer.remove(path);
    if (kind === 'file') freed += Number(size);
  }
  say(`freed: ${renderSize(freed)}`, values);
};
