/** `ch-image-ts tags REPOSITORY` */
import { visible } from '../base/visible.js';
import { print } from '../host/messages.js';
import { parseReference } from '../registry/reference.js';
import { listTags } from '../registry/remote-image.js';
import { askRegistry } from './remote.js';
import { type Verb, warn } from './verb.js';

export const listRemoteTags: Verb = async ([text = ''], values, host) => {
  const notes: string[] = [];
  const ear = { onRetry: (note: string) => void notes.push(note) };
  const { result } = askRegistry(parseReference(text), values, host, ear, listTags);
  await warn(notes, values);
  print(1, values.json ? `${JSON.stringify(result)}\n` : result.map((tag) => `${visible(tag)}\n`).join(''));
};
