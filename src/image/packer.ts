/** What ch-image-ts can have done natively: the actions of addon/image/image_questions.cc, with types. */
import type { Blob, Layer } from '../formats/image.js';
import { act } from '../host/act.js';

export interface PackRequest {
  /** A new file. */
  readonly output: string;
  /** From the bottom to the top. */
  readonly layers: readonly Layer[];
  /** Files on top: name and text. */
  readonly files: readonly (readonly [string, string])[];
  readonly level: number;
  readonly threads: number;
  readonly mostBytes: number;
  readonly mostEntries: number;
  readonly progress: 'none' | 'line' | 'json';
  readonly packs?: Packs;
}

/** Packs of layers in storage: a new directory for these, and for each layer one that has its pack. */
export interface Packs {
  readonly output: string;
  readonly known: readonly (string | undefined)[];
}

export interface Packed {
  /** Of all layers. */
  readonly entries: number;
  /** Of all layers, decompressed. */
  readonly bytes: number;
  /** Of the image. */
  readonly size: number;
  /** What was left out. */
  readonly devices: number;
  readonly setIds: number;
  readonly xattrs: number;
  /** Layers that were not read: their packs had all. */
  readonly known: number;
  readonly diffIds: readonly string[];
}

/** An entry of a tar archive. */
export interface Member {
  readonly name: string;
  readonly kind: 'file' | 'hard-link' | 'symlink' | 'directory' | 'fifo' | 'device';
  readonly offset: number;
  readonly size: number;
  readonly target: string;
}

/** Of an archive that is written. The bytes are the same with any number of threads. */
export interface Compression {
  readonly kind: 'none' | 'gzip' | 'zstd';
  readonly level: number;
  readonly threads: number;
}

export const uncompressed: Compression = { kind: 'none', level: 0, threads: 1 };
const compressionWords = ({ kind, level, threads }: Compression) => [kind, String(level), String(threads)];
const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const blobWords = ({ path, offset, size }: Blob) => [path, String(offset), String(size)];

function packWords(request: PackRequest): readonly string[] {
  const { output, layers, files, level, threads, mostBytes, mostEntries, progress, packs } = request;
  return [
    output,
    ...[level, threads, mostBytes, mostEntries].map(String),
    progress,
    packs?.output ?? '',
    String(files.length),
    ...files.flat(),
    ...layers.flatMap((layer, at) => [
      layer.name,
      ...blobWords(layer),
      layer.digest,
      layer.diffId,
      layer.kind ?? 'tar',
      packs?.known[at] ?? '',
    ]),
  ];
}

function packedOf(found: readonly string[]): Packed {
  const counts = ['entries', 'bytes', 'size', 'devices', 'setIds', 'xattrs', 'known'] as const;
  const numbers = Object.fromEntries(counts.map((name, at) => [name, Number(found[at])]));
  return { ...(numbers as Record<(typeof counts)[number], number>), diffIds: found.slice(counts.length) };
}

export const packer = {
  pack: (request: PackRequest): Packed => packedOf(act('pack', ...packWords(request))),
  /** The same in a thread, of layers that are whole files and may still arrive. It ends by `endPack` or `dropPack`. */
  beginPack: (request: PackRequest): void => void act('begin-pack', ...packWords(request)),
  endPack: (): Packed => packedOf(act('end-pack')),
  dropPack: (): void => void act('drop-pack'),
  /** The first `most` entries of a tar archive, compressed or not. */
  members(path: string, most: number): readonly Member[] {
    const words = act('members', path, String(most));
    return Array.from({ length: words.length / 5 }, (_, at) => {
      const [name = '', kind, offset, size, target = ''] = words.slice(at * 5, at * 5 + 5);
      return { name, kind: kind as Member['kind'], offset: Number(offset), size: Number(size), target };
    });
  },
  /** A path of the same bytes, decompressed; `-` is standard input. It is valid as long as this process. */
  spool: (path: string, directory: string, mostBytes: number): string =>
    act('spool', path, directory, String(mostBytes))[0] ?? '',
  /** SHA-256, in hexadecimal digits. */
  hash: (blob: Blob): string => act('hash', ...blobWords(blob))[0] ?? '',
  /** To a new file, or standard output for `-`; `head` comes before it. */
  copy: (blob: Blob, output: string, head: Uint8Array = new Uint8Array()): void =>
    void act('copy', ...blobWords(blob), output, hex(head)),
  /** A SquashFS image into a new directory. */
  unpack(
    path: string,
    offset: number,
    directory: string,
  ): { readonly entries: number; readonly leftOut: number } {
    const [entries, leftOut] = act('unpack', path, String(offset), directory).map(Number);
    return { entries: entries ?? 0, leftOut: leftOut ?? 0 };
  },
  /** The root file system of a SquashFS image as a tar archive: a new file, or standard output for `-`. */
  exportTar(path: string, offset: number, output: string, compression = uncompressed) {
    const words = [path, String(offset), output, ...compressionWords(compression)];
    const [digest = '', size, leftOut] = act('export-tar', ...words);
    return { digest, size: Number(size), leftOut: Number(leftOut) };
  },
  /** The upper directory of an overlay as a layer: a new tar archive. */
  overlayLayer(upper: string, output: string) {
    const [digest = '', size, entries, leftOut] = act('overlay-layer', upper, output);
    return { digest, size: Number(size), entries: Number(entries), leftOut: Number(leftOut) };
  },
  /** A new file, compressed. */
  gzip(path: string, output: string, threads: number) {
    const [digest = '', size] = act('gzip', path, output, String(threads));
    return { digest, size: Number(size) };
  },
  /** A small file of a SquashFS image; empty if there is none. */
  readFile: (path: string, offset: number, name: string): string =>
    act('read-file', path, String(offset), name)[0] ?? '',
  /** Puts the records of remembered reads in `memory` that are about a SquashFS image after it; how many. */
  shipReads: (path: string, memory: string): number => Number(act('ship-reads', path, memory)[0]),
  /** A tar archive of files, name and path of each: a new file, or standard output for `-`. */
  archive: (
    output: string,
    files: readonly (readonly [string, string])[],
    compression = uncompressed,
  ): void => void act('archive', output, ...compressionWords(compression), ...files.flat()),
  /** A signal that ends this process removes `path` first, if it is there. */
  removeAtSignal: (path: string): void => void act('remove-at-signal', path),
  /** Those that this process may use, by its affinity and its control groups. */
  processors: (): number => Number(act('processors')[0]),
  makeDirectories: (path: string): void => void act('make-directories', path),
  /** A directory of an image that is unpacked at `root`, and those above it, wherever links in it lead. */
  makeInImage: (root: string, path: string): void => void act('make-in-image', root, path),
  /** Writes a file in one step. */
  save: (path: string, text: string): void => void act('save', path, text),
  /** The same, readable by its owner alone, with the directories above it. */
  saveSecret: (path: string, text: string): void => void act('save-secret', path, text),
  /** A line that the user types on the terminal. */
  askUser: (prompt: string, echo: 'echo' | 'hidden'): string => act('ask-user', prompt, echo)[0] ?? '',
  /** All of standard input, without the end of its last line. */
  readInput: (): string => act('read-input')[0] ?? '',
  /** A second name for a file. */
  link: (path: string, other: string): void => void act('link', path, other),
  /** For each running container that we can examine, the paths that its image may have. */
  running(): readonly (readonly string[])[] {
    const words = act('running');
    const ends = words.flatMap((word, at) => (word === '' ? [at] : []));
    return ends.map((end, at) => words.slice((ends[at - 1] ?? -1) + 1, end));
  },
  /** Bytes of a file system that we may still write, and all. */
  room(path: string): { readonly free: number; readonly total: number } {
    const [free, total] = act('room', path).map(Number);
    return { free: free ?? 0, total: total ?? 0 };
  },
  /** How many names a file has; 0 if it is not there. */
  names: (path: string): number => Number(act('names', path)[0]),
  /** In one step; what is at `to` is replaced. `from` is removed if that fails. */
  rename: (from: string, to: string): void => void act('rename', from, to),
  /** A file, or a directory with all that is in it. */
  remove: (path: string): void => void act('remove', path),
} as const;
