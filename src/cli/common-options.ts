/** Rows of options that all our programs have. */
import type { Option } from './program.js';

export const versionOption = {
  name: 'version',
  short: 'V',
  value: 'none',
  repeat: 'refuse',
  action: 'plain',
  group: 'information',
  summary: 'print the version',
} as const satisfies Option;
