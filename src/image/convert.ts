/** `ch-image-ts convert IN OUT` */
import { LaunchError, usageError } from '../base/errors.js';
import { dirname } from '../base/paths.js';
import type { Host } from '../host/host.js';
import { native } from '../host/native.js';
import { parseReference } from '../registry/reference.js';
import { buildSquashfs, workOf } from './build.js';
import { findRemote, platformOf, readFetched } from './fetch.js';
import type { ImageValues } from './options.js';
import { packer } from './packer.js';
import { openSource, type Source, splitName, splitTransport, type Transport } from './source.js';
import { exists, openStorage } from './stored.js';
import { say, type Verb, warn } from './verb.js';
import {
  type Packable,
  type Writer,
  writeDirectory,
  writeDockerArchive,
  writeOciArchive,
  writeOciLayout,
  writeTar,
  writeTarGz,
} from './write.js';

interface Output {
  readonly path: string;
  /** None: a SquashFS file. */
  readonly write?: Writer;
  /** What the image is called there. */
  readonly name?: string;
}

export const convertImage: Verb = async ([operand = '', out = ''], values, host) => {
  const output = outputOf(out, host);
  if (exists(output.path) && !values.force)
    throw new LaunchError(`there is ${out} already`, { path: output.path, hint: '--force replaces it' });
  const architecture = values.arch ?? host.architecture();
  const scratch = () => dirname(output.path);
  const request = { operand, architecture, scratch, mostBytes: workOf(values).mostBytes };
  const notes: string[] = [];
  const source = operand.startsWith('docker://')
    ? fetchSource(operand, values, host, (warning) => notes.push(warning))
    : openSource(request, host);
  const draft = `${output.path}.new-${native.identity().pid}`;
  const warnings = output.write
    ? writeFrom(source, output.write, { ...output, architecture }, draft, values)
    : buildSquashfs(source, draft, values).warnings;
  finish(draft, output.path);
  await warn([...notes, ...warnings], values);
  say(`${out}: from ${source.format}`, values);
};

/** Its blobs are kept in storage: the next conversion fetches what is new. */
function fetchSource(
  operand: string,
  values: ImageValues,
  host: Host,
  note: (warning: string) => void,
): Source {
  const storage = openStorage(values.storage, host);
  const { image, fetch } = findRemote(parseReference(operand), values, host, note);
  fetch(storage, (count) => say(`another process is at ${count} of its blobs: waiting`, values));
  const { architecture } = platformOf(values, host);
  return { kind: 'layers', format: 'registry', ...readFetched(storage, image, architecture) };
}

const writers: Readonly<Record<Exclude<Transport, 'sif' | 'squashfs'>, Writer>> = {
  dir: writeDirectory,
  tar: writeTar,
  oci: writeOciLayout,
  'oci-archive': writeOciArchive,
  'docker-archive': writeDockerArchive,
};

/** By its transport, or else its ending. */
function outputOf(out: string, host: Host): Output {
  const { transport = transportOf(out), rest } = splitTransport(out);
  const [file, name] = splitName(rest, transport);
  if (file === '' || file === '-') throw usageError(`can't write an image to '${out}'`);
  const path = host.absolute(file.replace(/(?<=.)\/+$/, ''));
  if (transport === 'squashfs') return { path };
  if (transport === 'sif')
    throw new LaunchError(`can't write ${out}: SIF files are not written`, {
      hint: `write SquashFS, and 'apptainer build FILE.sif FILE.sqfs'`,
    });
  const write = transport === 'tar' && /\.t?gz$/.test(path) ? writeTarGz : writers[transport];
  return { path, write, ...(name === undefined ? {} : { name }) };
}

function transportOf(out: string): Transport {
  if (out.endsWith('/')) return 'dir';
  if (/\.(tar|tar\.gz|tgz)$/.test(out)) return 'tar';
  if (/\.(zst|xz|bz2)$/.test(out))
    throw new LaunchError(`can't write ${out}: archives are compressed with gzip only`, {
      hint: 'write OUT.tar.gz, or OUT.tar and compress that',
    });
  return /\.sif$/.test(out) ? 'sif' : 'squashfs';
}

/** By way of a SquashFS file beside it, which has the merged tree. */
export function writeFrom(
  source: Source,
  write: Writer,
  about: Omit<Packable, 'path' | 'offset'>,
  draft: string,
  values: ImageValues,
): readonly string[] {
  if (source.kind === 'squashfs') return leftOut(write({ ...about, ...source }, draft));
  const image = `${draft}.sqfs`;
  packer.removeAtSignal(image);
  const { warnings } = buildSquashfs(source, image, { ...values, level: '1' });
  try {
    return [...warnings, ...leftOut(write({ ...about, path: image, offset: 0 }, draft))];
  } finally {
    packer.remove(image);
  }
}

const leftOut = (count: number): readonly string[] =>
  count > 0 ? [`left out: ${count} device files and sockets`] : [];

/** Replaces what is there: a directory can't be replaced in one step. */
function finish(draft: string, path: string): void {
  const isDirectory = native.status(draft, 'no-follow').kind === 'directory';
  if (exists(path) && (isDirectory || native.status(path, 'no-follow').kind === 'directory'))
    packer.remove(path);
  packer.rename(draft, path);
}
