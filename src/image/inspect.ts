/** `ch-image-ts inspect NAME` */
import { LaunchError } from '../base/errors.js';
import { print } from '../host/messages.js';
import { native } from '../host/native.js';
import { findImage, openStorage, readRecord } from './stored.js';
import type { Verb } from './verb.js';

export const inspectImage: Verb = ([name = ''], values, host) => {
  const storage = openStorage(values.storage, host);
  const path = findImage(storage, name);
  if (path === undefined)
    throw new LaunchError(`there is no image ${name} in storage`, {
      path: storage,
      hint: "'ch-image-ts list' shows which there are",
    });
  const { kind, size } = native.status(path);
  const about = {
    path,
    kind: kind === 'directory' ? kind : 'squashfs',
    ...(kind === 'file' ? { size: Number(size) } : {}),
  };
  print(1, `${JSON.stringify({ name, ...about, ...readRecord(storage, name) }, null, 2)}\n`);
};
