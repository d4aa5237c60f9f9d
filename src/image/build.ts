/** From a source to a SquashFS file. */
import { LaunchError } from '../base/errors.js';
import { dirname } from '../base/paths.js';
import { native } from '../host/native.js';
import { describeImage } from './metadata.js';
import { bytesOf, type ImageValues } from './options.js';
import { type Packed, type PackRequest, packer } from './packer.js';
import { findPacks, hasPacks, type PackUse } from './packs.js';
import { checkRoom } from './room.js';
import type { Source } from './source.js';

/** What was made, for the record and the user. */
export interface Built {
  readonly entries?: number;
  /** Layers that were not read: another image in storage has them. */
  readonly known?: number;
  readonly diffIds: readonly string[];
  readonly warnings: readonly string[];
}

/** Limits and threads, from the options. */
export function workOf(values: ImageValues) {
  return {
    level: Number(values.level ?? 3),
    threads: values.jobs === undefined ? packer.processors() : Number(values.jobs),
    mostBytes: bytesOf(values['most-bytes'] ?? '256G'),
    mostEntries: Number(values['most-entries'] ?? 10_000_000),
    progress: progressOf(values),
  };
}

function progressOf({ quiet, log }: ImageValues): PackRequest['progress'] {
  if (quiet) return 'none';
  if (log === 'json') return 'json';
  return native.isTerminal(2) ? 'line' : 'none';
}

type Layered = Extract<Source, { kind: 'layers' }>;

/** What is asked of the packer, and warnings. */
function requestOf(source: Layered, output: string, values: ImageValues, use: PackUse | undefined) {
  const { layers, config } = source;
  if (layers.length === 0) throw new LaunchError('the image has no layers');
  const { files, warnings } = config === undefined ? { files: [], warnings: [] } : describeImage(config);
  const packs = use && findPacks(use, output, layers);
  return { request: { output, layers, files, ...workOf(values), ...(packs ? { packs } : {}) }, warnings };
}

const builtOf = (packed: Packed, warnings: readonly string[]): Built => ({
  entries: packed.entries,
  known: packed.known,
  diffIds: packed.diffIds,
  warnings: [...warnings, ...leftOut(packed)],
});

/** What is made of layers while they arrive. */
export interface Early {
  /** Undefined if that has failed: what had arrived was wrong, or it is wrong, and is said when it is made again. */
  finish(): Built | undefined;
  drop(): void;
}

/** Begins to make the new SquashFS file `output` in storage, of layers that are on their way to where they belong. */
export function beginSquashfs(source: Layered, output: string, values: ImageValues, storage: string): Early {
  const { request, warnings } = requestOf(source, output, values, { storage, keep: true });
  packer.removeAtSignal(output);
  // transfers have the line
  packer.beginPack({ ...request, progress: request.progress === 'json' ? 'json' : 'none' });
  return {
    finish() {
      try {
        return builtOf(packer.endPack(), warnings);
      } catch (error) {
        if (!(error instanceof LaunchError)) throw error;
        return undefined;
      }
    },
    drop: packer.dropPack,
  };
}

/** Makes the new SquashFS file `output`, which is there whole or not at all. */
export function buildSquashfs(source: Source, output: string, values: ImageValues, use?: PackUse): Built {
  switch (source.kind) {
    case 'squashfs':
      checkRoom(dirname(output), source.size);
      packer.copy(source, output);
      return { diffIds: [], warnings: notChecked(source) };
    case 'layers': {
      const { request, warnings } = requestOf(source, output, values, use);
      return builtOf(packer.pack(request), warnings);
    }
  }
}

/** People who sign SIF files must not think that it was looked at. */
export const notChecked = (source: Source): readonly string[] =>
  source.kind === 'squashfs' && source.signed
    ? ["the SIF file is signed; its signature was not checked: 'apptainer verify' does"]
    : [];

/** The same of a file that is unpacked again at once: it is not worth more than level 1, unless packs have most of it. */
export function buildPassing(source: Source, output: string, values: ImageValues, use?: PackUse): Built {
  const isKnown = source.kind === 'layers' && hasPacks(use, source.layers);
  return buildSquashfs(source, output, isKnown ? values : { ...values, level: '1' }, use);
}

/** The same in storage, or with --unpack a directory in its place. */
export function buildStored(source: Source, output: string, values: ImageValues, storage: string): Built {
  if (!values.unpack) return buildSquashfs(source, output, values, { storage, keep: true });
  const packed = `${output}.sqfs`;
  packer.removeAtSignal(packed);
  packer.removeAtSignal(output);
  const built = buildPassing(source, packed, values, { storage, keep: false });
  try {
    const { leftOut: devices } = packer.unpack(packed, 0, output);
    return { ...built, warnings: [...built.warnings, ...leftOut({ devices, setIds: 0, xattrs: 0 })] };
  } finally {
    packer.remove(packed);
  }
}

function leftOut({
  devices,
  setIds,
  xattrs,
}: {
  devices: number;
  setIds: number;
  xattrs: number;
}): readonly string[] {
  const count = (number: number, one: string, many: string) => (number === 1 ? one : `${number} ${many}`);
  return [
    ...(devices > 0 ? [`left out: ${count(devices, 'a device file', 'device files')}`] : []),
    ...(setIds > 0 ? [`without set-user-ID and set-group-ID bits: ${count(setIds, 'a file', 'files')}`] : []),
    ...(xattrs > 0 ? [`left out: ${count(xattrs, 'an extended attribute', 'extended attributes')}`] : []),
  ];
}
