/** `ch-image-ts convert IN OUT` */
import { LaunchError, usageError } from '../base/errors.js';
import { dirname } from '../base/paths.js';
import type { Host } from '../host/host.js';
import { native } from '../host/native.js';
import { buildSquashfs, workOf } from './build.js';
import type { ImageValues } from './options.js';
import { packer } from './packer.js';
import { openSource, type Source, splitTransport } from './source.js';
import { exists } from './stored.js';
import { say, type Verb, warn } from './verb.js';

type Output = { readonly kind: 'squashfs' | 'directory'; readonly path: string };

export const convertImage: Verb = async ([operand = '', out = ''], values, host) => {
  const output = outputOf(out, host);
  if (exists(output.path) && !values.force)
    throw new LaunchError(`there is ${out} already`, { path: output.path, hint: '--force replaces it' });
  const scratch = dirname(output.path);
  const source = openSource(
    {
      operand,
      architecture: values.arch ?? host.architecture(),
      scratch: () => scratch,
      mostBytes: workOf(values).mostBytes,
    },
    host,
  );
  const draft = `${output.path}.new-${native.identity().pid}`;
  const warnings =
    output.kind === 'squashfs' ? makeFile(source, draft, values) : makeDirectory(source, draft, values);
  finish(draft, output.path);
  await warn(warnings, values);
  say(`${out}: from ${source.format}`, values);
};

/** By its transport, or else its ending. */
function outputOf(out: string, host: Host): Output {
  const { transport, rest } = splitTransport(out);
  if (rest === '' || rest === '-') throw usageError(`can't write an image to '${out}'`);
  const path = host.absolute(rest.replace(/(?<=.)\/+$/, ''));
  if (transport === 'squashfs') return { kind: 'squashfs', path };
  if (transport === 'dir' || (transport === undefined && rest.endsWith('/')))
    return { kind: 'directory', path };
  const isOther = transport !== undefined || /\.(tar|tgz|gz|zst|xz|bz2|sif|oci)$/.test(rest);
  if (isOther)
    throw new LaunchError(`can't write ${out}: only SquashFS files and directories can be written`, {
      hint: 'OUT is a SquashFS file, and OUT/ a directory; for other formats there is skopeo',
    });
  return { kind: 'squashfs', path };
}

function makeFile(source: Source, draft: string, values: ImageValues): readonly string[] {
  return buildSquashfs(source, draft, values).warnings;
}

/** By way of a SquashFS file beside it, which has the merged tree. */
function makeDirectory(source: Source, draft: string, values: ImageValues): readonly string[] {
  if (source.kind === 'squashfs') return unpack(source.path, source.offset, draft);
  const image = `${draft}.sqfs`;
  const { warnings } = buildSquashfs(source, image, { ...values, level: '1' });
  try {
    return [...warnings, ...unpack(image, 0, draft)];
  } finally {
    packer.remove(image);
  }
}

function unpack(image: string, offset: number, directory: string): readonly string[] {
  const { leftOut } = packer.unpack(image, offset, directory);
  return leftOut > 0 ? [`left out: ${leftOut} device files and sockets`] : [];
}

/** Replaces what is there: a directory can't be replaced in one step. */
function finish(draft: string, path: string): void {
  const isDirectory = native.status(draft, 'no-follow').kind === 'directory';
  if (exists(path) && (isDirectory || native.status(path, 'no-follow').kind === 'directory'))
    packer.remove(path);
  packer.rename(draft, path);
}
