/** `ch-image-ts convert IN OUT` */
import { LaunchError, usageError } from '../base/errors.js';
import { dirname } from '../base/paths.js';
import type { Host } from '../host/host.js';
import { native } from '../host/native.js';
import { parseReference } from '../registry/reference.js';
import { findStorage } from '../store/storage.js';
import { buildPassing, buildSquashfs, notChecked, workOf } from './build.js';
import { draftPath } from './drafts.js';
import { findRemote, platformOf, readPulled } from './fetch.js';
import type { ImageValues } from './options.js';
import { type Output, outputOf } from './output.js';
import { type Compression, packer } from './packer.js';
import type { PackUse } from './packs.js';
import { doubtRoom } from './room.js';
import { openSource, type Source } from './source.js';
import { exists, openStorage, stateIn } from './stored.js';
import { say, type Verb, warn, warner } from './verb.js';
import { type Packable, type Writer, writeSif, writeSquashfs } from './write.js';

export const convertImage: Verb = async ([operand = '', out = ''], values, host) => {
  const output = outputOf(out, host);
  const isStandard = output.path === '-';
  if (isStandard && native.isTerminal(1))
    throw usageError("can't write an image to a terminal: redirect standard output");
  if (!isStandard && exists(output.path) && !values.force)
    throw new LaunchError(`there is ${out} already`, { path: output.path, hint: '--force replaces it' });
  const architecture = values.arch ?? host.architecture();
  const scratch = () => (isStandard ? `${openStorage(values.storage, host)}/tmp` : dirname(output.path));
  const request = { operand, architecture, scratch, mostBytes: workOf(values).mostBytes };
  const note = await warner(values);
  const source = operand.startsWith('docker://')
    ? fetchSource(operand, values, host, note)
    : openSource(request, host);
  await warn(doubtRoom(scratch(), source), values);
  const draft = isStandard
    ? draftPath(openStorage(values.storage, host), 'convert')
    : `${output.path}.new-${native.identity().pid}`;
  const about = {
    architecture,
    ...(output.name === undefined ? {} : { name: output.name }),
    compression: compressionFor(output, values),
  };
  const to = isStandard ? '-' : draft;
  const warnings = writeFrom(source, output.write, about, draft, values, to, knownPacks(values, host));
  if (!isStandard) finish(draft, output.path);
  await warn(warnings, values);
  if (!isStandard) say(`${out}: from ${source.format}`, values);
};

/** 6, the usual one, takes twice as long for 2 % less. */
const gzipLevel = 4;

function compressionFor({ compression: kind }: Output, values: ImageValues): Compression {
  const { level, threads } = workOf(values);
  if (kind !== 'gzip') return { kind, level, threads };
  return { kind, level: values.level === undefined ? gzipLevel : Math.min(level, 9), threads };
}

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
  return { kind: 'layers', format: 'registry', ...readPulled(storage, image, architecture) };
}

/** Those in storage, if there is one. */
function knownPacks({ storage }: ImageValues, host: Host): PackUse | undefined {
  const { directory, way, distrust } = findStorage(storage, host) ?? {};
  if (directory === undefined || way?.length !== 2 || distrust !== undefined) return undefined;
  return { storage: stateIn(directory), keep: false };
}

/** By way of a SquashFS file, which has the merged tree. `to`: where it goes, if not to the new path `draft`. */
export function writeFrom(
  source: Source,
  write: Writer,
  about: Omit<Packable, 'path' | 'offset' | 'size' | 'scratch'>,
  draft: string,
  values: ImageValues,
  to = draft,
  use?: PackUse,
): readonly string[] {
  if (source.kind === 'squashfs')
    return [...notChecked(source), ...leftOut(write({ ...about, ...source, scratch: draft }, to))];
  if (write === writeSquashfs && to === draft) return buildSquashfs(source, draft, values, use).warnings;
  const path = `${draft}.sqfs`;
  packer.removeAtSignal(path);
  const build = write === writeSquashfs || write === writeSif ? buildSquashfs : buildPassing;
  const { warnings } = build(source, path, values, use);
  try {
    const size = Number(native.status(path).size);
    return [...warnings, ...leftOut(write({ ...about, path, offset: 0, size, scratch: draft }, to))];
  } finally {
    packer.remove(path);
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
