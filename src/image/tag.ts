/** `ch-image-ts tag NAME NEW` */
import { LaunchError } from '../base/errors.js';
import { native } from '../host/native.js';
import { draftPath } from './drafts.js';
import { packer } from './packer.js';
import { checkFree, checkName, findImage, openStorage, place, readRecord } from './stored.js';
import type { Verb } from './verb.js';

export const tagImage: Verb = ([name = '', other = ''], values, host) => {
  const storage = openStorage(values.storage, host);
  const path = findImage(storage, name);
  if (path === undefined) throw new LaunchError(`there is no image ${name} in storage`, { path: storage });
  if (native.status(path).kind !== 'file')
    throw new LaunchError(`the image ${name} is a directory, which can have only one name`, { path });
  checkFree(storage, checkName(other), values.force === true);
  const draft = draftPath(storage, other);
  packer.link(path, draft);
  const record = readRecord(storage, name);
  place(storage, draft, {
    ...(record ?? {
      source: name,
      format: 'SquashFS',
      date: new Date().toISOString(),
      diffIds: [],
      tool: '',
    }),
    name: other,
  });
};
