/** What can be completed: the same for every shell. */
import { knownFeatures } from '../../run/features.js';
import type { Option, OptionName } from '../../run/options.js';

/** The shells that there are scripts for. */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What the value of an option can be: chosen words, a path, or an image. Others are free text. */
const valueKinds: Readonly<Partial<Record<OptionName, readonly string[] | 'path' | 'directory'>>> = {
  overlay: 'directory',
  storage: 'directory',
  list: ['text', 'json'],
  mount: 'directory',
  bind: 'path',
  'cdi-dirs': 'directory',
  'set-env': 'path',
  'set-env0': 'path',
  color: ['auto', 'always', 'never'],
  log: ['text', 'json'],
  config: 'path',
  'dry-run': ['text', 'json', 'plan'],
  plan: 'path',
  feature: knownFeatures,
  doctor: ['text', 'json'],
  completion: shells,
};

/** What the value of an option can be; undefined for free text. */
export const kindOf = ({ name }: Option) => valueKinds[name as OptionName];
/** As it is typed: with an `=` where a value follows it. */
export const typed = ({ name, value }: Option) => `--${name}${value === 'none' ? '' : '='}`;
/** For a shell's single quotes. */
export const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
