/** `ch-image-ts tags REPOSITORY` */
import { visible } from '../base/visible.js';
import { print } from '../host/messages.js';
import { parseReference } from '../registry/reference.js';
import { listTags } from '../registry/remote-image.js';
import { askRegistry } from './remote.js';
import { type Verb, warnAfter } from './verb.js';

export const listRemoteTags: Verb = ([text = ''], values, host) =>
  warnAfter(values, (onRetry) => {
    const { result } = askRegistry(parseReference(text), values, host, { onRetry }, listTags);
    print(1, values.json ? `${JSON.stringify(result)}\n` : result.map((tag) => `${visible(tag)}\n`).join(''));
  });
