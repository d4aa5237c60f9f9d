/** Every option of ch-run-ts, declared once: parser, help, completion, documents and configuration are made from it. */
import type { Option } from '../cli/program.js';
import type { Values } from '../cli/values.js';
import { environmentOptions } from './options/environment.js';
import { filesOptions } from './options/files.js';
import { imageOptions } from './options/image.js';
import { messagesOptions } from './options/messages.js';

export { knownFeatures } from './options/messages.js';

/** The headings, in the order of help. */
export const optionGroups = {
  image: 'Image',
  files: 'Files and directories',
  environment: 'Environment (in the order given)',
  identity: 'User and group',
  join: 'Many processes, one container',
  messages: 'Messages',
  configuration: 'Configuration',
  plan: 'Launch plans',
  information: 'Information',
};

export const options = [
  ...imageOptions,
  ...filesOptions,
  ...environmentOptions,
  ...messagesOptions,
] as const satisfies readonly (Option & { readonly group: keyof typeof optionGroups })[];

/** A row of the table. */
export type RunOption = (typeof options)[number];

/** The checked values of the options. */
export type RunValues = Values<RunOption>;
