/** `ch-image-ts bundle NAME DIR`: a directory that OCI runtimes run. */
import { LaunchError, usageError } from '../base/errors.js';
import { dirname } from '../base/paths.js';
import { visible } from '../base/visible.js';
import { annotationsOf } from '../formats/annotations.js';
import { type Host, kindIfAny } from '../host/host.js';
import { native } from '../host/native.js';
import { isRootOfHost } from '../host/ownership.js';
import { configFile, readImageConfig } from '../store/image-config.js';
import { type Image, resolveImage } from '../store/resolve-image.js';
import { workOf } from './build.js';
import { bundleConfig } from './bundle-config.js';
import { wishesOf } from './bundle-wishes.js';
import { writeFrom } from './convert.js';
import { exists } from './exists.js';
import { bytesOf, type ImageValues } from './options.js';
import { packer } from './packer.js';
import { checkRoom } from './room.js';
import { openSource } from './source.js';
import { say, type Verb, warn } from './verb.js';
import { writeDirectory } from './write.js';

export const bundleImage: Verb = async ([name = '', out = ''], values, host) => {
  const bundle = host.absolute(out.replace(/(?<=.)\/+$/, ''));
  if (out === '' || exists(bundle))
    throw new LaunchError(`can't make the bundle ${out}: it exists already`, {
      path: bundle,
      hint: 'name a new directory',
    });
  const { storage } = values;
  const image = resolveImage(
    { image: name, writable: false, unsafe: true, ...(storage === undefined ? {} : { storage }) },
    host,
  );
  if (values['in-place'] && image.kind === 'directory')
    throw usageError(`--in-place needs a SquashFS or SIF file, and ${name} is a directory`);
  if (!exists(dirname(bundle)))
    throw new LaunchError(`can't make the bundle ${out}: there is no directory ${dirname(bundle)}`);
  const made = configure(image, values, host);
  const draft = `${bundle}.new-${native.identity().pid}`;
  const warnings = [...(image.warnings ?? []), ...made.warnings, ...make(image, made, draft, values, host)];
  packer.rename(draft, bundle);
  await warn(warnings, values);
  say(`${out}: of ${visible(name)}`, values);
};

interface Configured {
  /** Of config.json. */
  readonly text: string;
  readonly directory: string;
  readonly warnings: readonly string[];
}

function configure(image: Image, values: ImageValues, host: Host): Configured {
  const config = readImageConfig(image, 'run', host);
  const known = host.readGuestFile(image, configFile);
  const { annotations, leftOut } =
    known === undefined
      ? { annotations: {}, leftOut: [] }
      : annotationsOf(known, `${configFile} of the image`);
  const caller = host.user();
  const size = values['shm-size'];
  const { warnings, ...wishes } = wishesOf(values.bind ?? [], values.device ?? [], host);
  const made = bundleConfig({
    path: values['in-place'] ? image.path : 'rootfs',
    config,
    annotations,
    caller,
    isRoot: isRootOfHost(caller.uid, host),
    isolate: values.isolate === true,
    ...(size === undefined ? {} : { shmSize: bytesOf(size) }),
    ...wishes,
    has: (path) => kindIfAny(path, host) !== 'absent',
  });
  return {
    directory: made.process.cwd,
    text: `${JSON.stringify(made, null, 2)}\n`,
    warnings: [
      ...warnings,
      ...leftOut.map((label) => `left out: the label ${visible(label)}, which runtimes obey`),
    ],
  };
}

/** Everything below the new directory `draft`, or nothing. */
function make(
  image: Image,
  { text, directory }: Configured,
  draft: string,
  values: ImageValues,
  host: Host,
): readonly string[] {
  packer.removeAtSignal(draft);
  let done = false;
  try {
    packer.makeDirectories(draft);
    const warnings = values['in-place'] ? [] : unpack(image, directory, `${draft}/rootfs`, values, host);
    packer.save(`${draft}/config.json`, text);
    done = true;
    return warnings;
  } finally {
    if (!done) packer.remove(draft);
  }
}

function unpack(
  { kind, path }: Image,
  directory: string,
  root: string,
  values: ImageValues,
  host: Host,
): readonly string[] {
  const architecture = host.architecture();
  const scratch = () => dirname(root);
  const operand = `${kind === 'directory' ? 'dir' : 'squashfs'}:${path}`;
  const source = openSource({ operand, architecture, scratch, mostBytes: workOf(values).mostBytes }, host);
  if (source.kind === 'squashfs') checkRoom(scratch(), source.size);
  const warnings = writeFrom(source, writeDirectory, { architecture }, root, values, root);
  // not every runtime makes a missing working directory in a read-only root
  packer.makeInImage(root, directory);
  return warnings;
}
