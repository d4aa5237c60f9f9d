/** Options of mounts, as of mount(8) and of the OCI runtime specification. */
import { LaunchError } from '../../base/errors.js';

/** What sets a flag, and what clears it. */
const flags: readonly (readonly [string, string])[] = [
  ['ro', 'rw'],
  ['nosuid', 'suid'],
  ['nodev', 'dev'],
  ['noexec', 'exec'],
  ['noatime', 'atime'],
  ['nodiratime', 'diratime'],
  ['relatime', 'norelatime'],
  ['strictatime', 'nostrictatime'],
  ['nosymfollow', 'symfollow'],
  ['sync', 'async'],
  ['dirsync', ''],
  ['mand', 'nomand'],
  ['iversion', 'noiversion'],
  ['silent', 'loud'],
  ['lazytime', 'nolazytime'],
];

/** Flags of a mount, for all mounts below it with an `r` before the name. */
const recursive = [
  'ro',
  'nosuid',
  'nodev',
  'noexec',
  'noatime',
  'nodiratime',
  'relatime',
  'strictatime',
  'nosymfollow',
];

const propagations = ['private', 'slave', 'shared', 'unbindable'].flatMap((name) => [name, `r${name}`]);

/** What is no flag, in the words of steps. */
const others: Readonly<Record<string, string>> = {
  tmpcopyup: 'copy-up',
  remount: 'remount',
  'dest-nofollow': 'dest-nofollow',
  idmap: 'idmap',
  ridmap: 'r:idmap',
};

/** What says how a source that is a link is taken. */
const ofSources: readonly string[] = ['copy-symlink', 'src-nofollow'];

/** Every option that is handled, for `features`. */
export const mountOptions: readonly string[] = [
  ...flags.flat().filter(Boolean),
  ...flags
    .filter(([name]) => recursive.includes(name))
    .flat()
    .map((name) => `r${name}`),
  ...propagations,
  ...['bind', 'rbind', 'defaults'],
  ...Object.keys(others),
  ...ofSources,
].sort();

export interface MountOptions {
  readonly bind?: 'bind' | 'rbind';
  /** In the words of `mount` steps. */
  readonly words: readonly string[];
  /** What is for the file system. */
  readonly data: readonly string[];
}

/** A flag's word in a `mount` step; undefined if it is none. */
function flagWord(option: string): string | undefined {
  for (const [set, clear] of flags) {
    if (option === set) return set;
    if (option === clear) return `-${set}`;
    if (!recursive.includes(set)) continue;
    if (option === `r${set}`) return `r:${set}`;
    if (option === `r${clear}`) return `r:-${set}`;
  }
  return undefined;
}

export function parseMountOptions(options: readonly string[], destination: string): MountOptions {
  const words: string[] = [];
  const data: string[] = [];
  let bind: MountOptions['bind'];
  for (const option of options) {
    if (/^r?idmap=/.test(option))
      throw new LaunchError(
        `the option ${option} of the mount at ${destination} is refused: ids are mapped by uidMappings and gidMappings`,
      );
    const word = propagations.includes(option) ? option : (others[option] ?? flagWord(option));
    if (word !== undefined || ofSources.includes(option)) words.push(word ?? option);
    else if (option === 'bind' || option === 'rbind') bind = option;
    else if (option !== 'defaults' && option !== '') data.push(option);
  }
  const lost = bind ? undefined : words.find((word) => ofSources.includes(word));
  if (lost !== undefined)
    throw new LaunchError(`the option ${lost} of the mount at ${destination} is refused: it is for binds`);
  return { words, data, ...(bind ? { bind } : {}) };
}
