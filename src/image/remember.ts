/** `ch-image-ts remember NAME` */
import { LaunchError } from '../base/errors.js';
import { visible } from '../base/visible.js';
import { findMemory } from '../store/memory.js';
import { resolveImage } from '../store/resolve-image.js';
import { packer } from './packer.js';
import { say, type Verb, warn } from './verb.js';

export const rememberReads: Verb = async ([name = ''], values, host) => {
  const { storage } = values;
  const image = resolveImage(
    { image: name, writable: false, unsafe: true, ...(storage === undefined ? {} : { storage }) },
    host,
  );
  if (image.kind === 'directory' || image.offset)
    throw new LaunchError(`only a SquashFS file can have remembered reads, and ${name} is none`, {
      path: image.path,
    });
  const memory = findMemory(host);
  const count = packer.shipReads(image.path, memory);
  if (count === 0)
    throw new LaunchError(`no reads of ${name} are remembered`, {
      path: memory,
      hint: `run a command from it first: ch-run-ts ${name} -- COMMAND`,
    });
  await warn(image.warnings ?? [], values);
  say(`${visible(name)}: reads of ${count} commands`, values);
};
