/** `ch-image-ts delete NAME…` */
import { visible } from '../base/visible.js';
import { openStorage, removeImage } from './stored.js';
import { say, type Verb } from './verb.js';

export const deleteImages: Verb = (names, values, host) => {
  const storage = openStorage(values.storage, host);
  for (const name of names) {
    removeImage(storage, name);
    say(`${visible(name)}: deleted`, values);
  }
};
