/** What a link called `ch-convert` does: the words of Charliecloud's program, carried out by ours. */
import { LaunchError, usageError } from '../../base/errors.js';
import type { Host } from '../../host/host.js';
import { findInStorage, findStorage } from '../../store/storage.js';
import { parseTheirs, type Table, type Translated } from './words.js';

const options: Table = [
  ['--in-fmt -i', 'value'],
  ['--out-fmt -o', 'value'],
  ['--storage -s', 'value'],
  ['--no-clobber -n', 'flag'],
  ['--quiet -q', 'flag'],
  ['--help -h', 'flag'],
  ['--version', 'flag'],
  // nothing is unpacked
  ['--tmp', 'value'],
  ['--no-xattrs', 'nothing'],
  ['--xattrs', 'nothing'],
  ['--verbose -v', 'nothing'],
];

const formats = ['ch-image', 'dir', 'docker', 'podman', 'squash', 'tar'] as const;
type Format = (typeof formats)[number];

/** By the name, as ch-convert(1) has it. */
function guess(name: string): Format {
  if (/\.(sqfs|squash|squashfs)$/.test(name)) return 'squash';
  if (/\.(tar|tgz)(\.gz)?$/.test(name)) return 'tar';
  return /^[./]/.test(name) ? 'dir' : 'ch-image';
}

function formatOf(given: string | undefined, option: string, name: string): Format {
  const format = given === undefined ? guess(name) : formats.find((each) => each === given);
  if (format === undefined)
    throw usageError(`expected one of ${formats.join(', ')} for ${option}, got '${given}'`);
  if (format === 'docker' || format === 'podman')
    throw new LaunchError(`ch-convert does not use ${format}'s storage`, {
      hint: `'${format} save IMAGE | ch-image-ts import - NAME' and '${format} load' do`,
    });
  return format;
}

/** For our `convert` and `import`. */
function inputOf(format: Format, name: string, storage: string | undefined, host: Host): string {
  switch (format) {
    case 'dir':
      return `dir:${name}`;
    case 'squash':
      return `squashfs:${name}`;
    case 'ch-image': {
      const found = findStorage(storage, host);
      const image = found && findInStorage(name, found, host);
      if (image === undefined) throw new LaunchError(`there is no image ${name} in storage`);
      return image.path;
    }
    default:
      // recognised by its content: an archive of docker save, too
      return name;
  }
}

/** A directory is replaced only if it looks like an image, or is empty. */
function checkReplaced(name: string, host: Host): void {
  const path = host.absolute(name);
  if (host.pathKind(path) === 'absent') return;
  const isImage = ['bin', 'dev', 'usr'].every((each) => host.pathKind(`${path}/${each}`) === 'directory');
  if (!isImage && host.matchingPaths(`${path}/*`).length > 0)
    throw new LaunchError(`${name} exists, and does not look like an image`, { path });
}

/** Throws LaunchError. `words` do not begin with the program's name. */
export function translateConvert(words: readonly string[], host: Host): Translated {
  const { values, operands } = parseTheirs('ch-convert', options, words);
  if (values.has('--version')) return { words: ['--version'] };
  if (values.has('--help')) return { words: ['--help', 'convert'] };
  const [from, to, ...more] = operands;
  if (from === undefined || to === undefined || more.length > 0)
    throw usageError('ch-convert takes 2 operands: IN OUT');
  const storage = values.get('--storage');
  const input = inputOf(formatOf(values.get('--in-fmt'), '--in-fmt', from), from, storage, host);
  const output = formatOf(values.get('--out-fmt'), '--out-fmt', to);
  const force = values.has('--no-clobber') ? [] : ['--force'];
  const shared = [
    ...(storage === undefined ? [] : [`--storage=${storage}`]),
    ...(values.has('--quiet') ? ['--quiet'] : []),
    ...force,
  ];
  switch (output) {
    case 'ch-image':
      return { words: ['import', ...shared, '--unpack', '--', input, to] };
    case 'dir':
      checkReplaced(to, host);
      return { words: ['convert', ...shared, '--', input, `dir:${to}`] };
    case 'squash':
      return { words: ['convert', ...shared, '--', input, `squashfs:${to}`] };
    default:
      return { words: ['convert', ...shared, '--', input, `tar:${to}`] };
  }
}
