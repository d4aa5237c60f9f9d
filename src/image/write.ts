/** From a SquashFS file to the formats of others. Each is made below a new name, and is there whole or not at all. */
import {
  configFor,
  dockerManifest,
  ociIndex,
  ociLayoutFile,
  ociManifest,
  type Written,
} from '../formats/write-image.js';
import { sifHead } from '../formats/write-sif.js';
import { native } from '../host/native.js';
import { type Compression, packer } from './packer.js';

/** SquashFS in a file, and what is known of the image. */
export interface Packable {
  readonly path: string;
  readonly offset: number;
  /** Bytes of it. */
  readonly size: number;
  readonly architecture: string;
  /** NAME:TAG, or a tag. */
  readonly name?: string;
  /** Of layers. */
  readonly compress?: 'gzip';
  /** Of the archive. */
  readonly compression?: Compression;
  /** A name for what is needed meanwhile. */
  readonly scratch: string;
}

/** `output`: a new path, or `-` if it can be a pipe. Each returns how many device files and sockets were left out. */
export type Writer = (image: Packable, output: string) => number;

export const writeSquashfs: Writer = (image, output) => {
  packer.copy(image, output);
  return 0;
};

export const writeSif: Writer = (image, output) => {
  packer.copy(image, output, sifHead(image.size, image.architecture));
  return 0;
};

export const writeDirectory: Writer = ({ path, offset }, output) =>
  packer.unpack(path, offset, output).leftOut;

export const writeTar: Writer = ({ path, offset, compression }, output) =>
  packer.exportTar(path, offset, output, compression).leftOut;

/** Saves a small file, and says how to call it. */
function save(path: string, text: string): Written {
  packer.save(path, text);
  const size = Number(native.status(path).size);
  return { digest: packer.hash({ path, offset: 0, size }), size };
}

interface Parts {
  readonly config: Written;
  readonly layer: Written;
  readonly leftOut: number;
}

/** Layer and configuration, as files in `directory` that are called by their digests. */
function writeParts({ path, offset, architecture, compress }: Packable, directory: string): Parts {
  packer.makeDirectories(directory);
  const draft = `${directory}/layer`;
  const { leftOut, ...plain } = packer.exportTar(path, offset, draft);
  const layer = compress ? packer.gzip(draft, `${draft}.gz`, packer.processors()) : plain;
  packer.rename(compress ? `${draft}.gz` : draft, `${directory}/${layer.digest}`);
  if (compress) packer.remove(draft);
  const known = packer.readFile(path, offset, 'ch/config.json');
  const config = save(`${directory}/config`, configFor(known || undefined, plain.digest, architecture));
  packer.rename(`${directory}/config`, `${directory}/${config.digest}`);
  return { config, layer, leftOut };
}

/** A new directory for `make`, which is removed if that has failed, or always. */
function inDirectory<Result>(directory: string, when: 'failed' | 'always', make: () => Result): Result {
  packer.removeAtSignal(directory);
  packer.makeDirectories(directory);
  let done = false;
  try {
    const result = make();
    done = when === 'failed';
    return result;
  } finally {
    if (!done) packer.remove(directory);
  }
}

function writeLayoutFiles(image: Packable, output: string): number {
  const blobs = `${output}/blobs/sha256`;
  const { config, layer, leftOut } = writeParts(image, blobs);
  const manifest = save(`${blobs}/manifest`, ociManifest(config, layer, image.compress));
  packer.rename(`${blobs}/manifest`, `${blobs}/${manifest.digest}`);
  packer.save(`${output}/oci-layout`, ociLayoutFile);
  packer.save(`${output}/index.json`, ociIndex(manifest, image.name));
  return leftOut;
}

export const writeOciLayout: Writer = (image, output) =>
  inDirectory(output, 'failed', () => writeLayoutFiles(image, output));

export const writeOciArchive: Writer = (image, output) => {
  const parts = `${image.scratch}.parts`;
  return inDirectory(parts, 'always', () => {
    const leftOut = writeLayoutFiles(image, parts);
    const blobs = native.entries(`${parts}/blobs/sha256`).map((name) => `blobs/sha256/${name}`);
    const names = ['oci-layout', 'index.json', ...[...blobs].sort()];
    packer.archive(
      output,
      names.map((name) => [name, `${parts}/${name}`]),
      image.compression,
    );
    return leftOut;
  });
};

export const writeDockerArchive: Writer = (image, output) => {
  const parts = `${image.scratch}.parts`;
  return inDirectory(parts, 'always', () => {
    const { config, layer, leftOut } = writeParts(image, parts);
    packer.save(`${parts}/manifest.json`, dockerManifest(config, layer, image.name));
    packer.archive(
      output,
      [
        [`${config.digest}.json`, `${parts}/${config.digest}`],
        [`${layer.digest}.tar`, `${parts}/${layer.digest}`],
        ['manifest.json', `${parts}/manifest.json`],
      ],
      image.compression,
    );
    return leftOut;
  });
};
