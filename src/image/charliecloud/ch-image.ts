/** What a link called `ch-image` does: the words of Charliecloud's program, carried out by ours. */
import { LaunchError, usageError } from '../../base/errors.js';
import { basename } from '../../base/paths.js';
import { type Host, patternOf } from '../../host/host.js';
import { print } from '../../host/messages.js';
import { listStorage } from '../../store/list-storage.js';
import { fileNameOf, findStorage, imagesIn, nameOf } from '../../store/storage.js';
import { type Parsed, parseTheirs, type Table, type Translated } from './words.js';

const options: Table = [
  ['--arch -a', 'value'],
  ['--storage -s', 'value'],
  ['--tls-no-verify', 'flag'],
  ['--quiet -q', 'flag'],
  ['--help -h', 'flag'],
  ['--version', 'flag'],
  ['--image', 'value'],
  // credentials are used where a registry asks for them; storage needs no lock; what is old is always noticed
  ['--auth', 'nothing'],
  ['--no-lock', 'nothing'],
  ['--always-download', 'nothing'],
  // the build cache, which is not there
  ['--cache', 'nothing'],
  ['--no-cache', 'nothing'],
  ['--no-xattrs', 'nothing'],
  ['--xattrs', 'nothing'],
  ['--debug', 'nothing'],
  ['--verbose -v', 'nothing'],
];

/** What needs a build cache, or a Dockerfile. */
const absent: Readonly<Record<string, string>> = {
  build: "'podman build' makes images, and 'podman save IMAGE | ch-image import - NAME' brings them here",
  'build-cache': 'there is no build cache',
  gestalt: 'there is no build cache',
  modify: "'ch-run -w' changes an image that is a directory outside of storage",
  reset: 'remove the storage directory',
  undelete: 'there is no build cache',
};

function common({ values }: Parsed): readonly string[] {
  const arch = values.get('--arch');
  if (arch === 'yolo')
    throw new LaunchError("--arch=yolo is not there: an image of another architecture can't run", {
      hint: '--arch=ARCH names one',
    });
  return arch === undefined || arch === 'host' ? [] : [`--arch=${arch}`];
}

const storageWord = ({ values }: Parsed): readonly string[] => {
  const directory = values.get('--storage');
  return directory === undefined ? [] : [`--storage=${directory}`];
};

const shared = ({ values }: Parsed): readonly string[] =>
  ['--tls-no-verify', '--quiet'].filter((name) => values.has(name));

/** Images are directories there, and scripts rest on that. */
const unpacked = ['--unpack', '--force'];

function namesIn(parsed: Parsed, host: Host): readonly string[] {
  const storage = findStorage(parsed.values.get('--storage'), host);
  return storage === undefined ? [] : listStorage(storage.directory).map(({ name }) => name);
}

/** The names of images that match patterns as in glob(7). */
function namesMatching(parsed: Parsed, patterns: readonly string[], host: Host): readonly string[] {
  const { directory = '' } = findStorage(parsed.values.get('--storage'), host) ?? {};
  const images = patternOf(imagesIn(directory));
  return patterns.flatMap((pattern) => {
    const file = fileNameOf(pattern);
    const found = ['', '.sqfs'].flatMap((ending) => host.matchingPaths(`${images}/${file}${ending}`));
    if (found.length === 0) throw new LaunchError(`there is no image ${pattern} in storage`);
    return [...new Set(found.map((path) => nameOf(basename(path))))];
  });
}

function refuseAbsent(command: string): void {
  if (Object.hasOwn(absent, command))
    throw new LaunchError(`ch-image ${command} is not there`, { hint: absent[command] ?? '' });
}

/** Throws LaunchError. `words` do not begin with the program's name. */
export function translateImage(words: readonly string[], host: Host): Translated {
  // its own options are not known here
  for (const word of words.filter((each) => !each.startsWith('-')).slice(0, 1)) refuseAbsent(word);
  const parsed = parseTheirs('ch-image', options, words);
  const [command, ...operands] = parsed.operands;
  if (parsed.values.has('--version')) return { words: ['--version'] };
  if (parsed.values.has('--help')) return { words: ['--help'] };
  if (command === undefined) throw usageError('expected a command');
  refuseAbsent(command);
  const need = (least: number, most: number) => {
    if (operands.length < least || operands.length > most)
      throw usageError(
        `ch-image ${command} takes ${least === most ? least : `${least} or ${most}`} operands`,
      );
  };
  const ours = (name: string, ...more: readonly string[]): Translated => ({
    words: [
      name,
      ...storageWord(parsed),
      ...shared(parsed).filter((each) => name === 'pull' || name === 'push' || each === '--quiet'),
      ...more,
    ],
  });
  const [first = '', second = first] = operands;
  switch (command) {
    case 'pull':
      need(1, 2);
      return ours('pull', ...common(parsed), ...unpacked, '--', ...operands);
    case 'import':
      need(2, 2);
      return ours('import', ...common(parsed), ...unpacked, '--', ...operands);
    case 'push':
      need(1, 2);
      return ours('push', ...common(parsed), '--', parsed.values.get('--image') ?? first, second);
    case 'delete':
      need(1, Number.MAX_SAFE_INTEGER);
      return ours('delete', '--', ...namesMatching(parsed, operands, host));
    case 'list':
      need(0, 0);
      return {
        run: () =>
          print(
            1,
            namesIn(parsed, host)
              .map((name) => `${name}\n`)
              .join(''),
          ),
      };
    default:
      throw usageError(`there is no command '${command}'`, 'there are pull, list, delete, import, push');
  }
}
