/** `ch-image-ts tags REPOSITORY` */
import { visible } from '../base/visible.js';
import { print } from '../host/messages.js';
import { parseReference } from '../registry/reference.js';
import { listTags } from '../registry/remote-image.js';
import { askRegistry } from './remote.js';
import { type Verb, withWarnings } from './verb.js';

export const listRemoteTags: Verb = ([text = ''], values, host) =>
  withWarnings(values, (onRetry) => {
    const { result } = askRegistry(parseReference(text), values, host, { onRetry }, listTags);
    print(1, values.json ? `${JSON.stringify(result)}\n` : result.map((tag) => `${visible(tag)}\n`).join(''));
  });
