/** What OUT of `convert` says: where, which format, and how it is compressed. */
import { LaunchError, usageError } from '../base/errors.js';
import type { Host } from '../host/host.js';
import type { Compression } from './packer.js';
import { splitName, splitTransport, type Transport } from './source.js';
import {
  type Writer,
  writeDirectory,
  writeDockerArchive,
  writeOciArchive,
  writeOciLayout,
  writeSif,
  writeSquashfs,
  writeTar,
} from './write.js';

export interface Output {
  /** `-` is standard output. */
  readonly path: string;
  readonly write: Writer;
  /** What the image is called there. */
  readonly name?: string;
  readonly compression: Compression['kind'];
}

const writers: Readonly<Record<Transport, Writer>> = {
  squashfs: writeSquashfs,
  sif: writeSif,
  dir: writeDirectory,
  tar: writeTar,
  oci: writeOciLayout,
  'oci-archive': writeOciArchive,
  'docker-archive': writeDockerArchive,
};

/** By its transport, or else its ending. */
export function outputOf(out: string, host: Host): Output {
  const { transport = transportOf(out), rest } = splitTransport(out);
  const [file, name] = splitName(rest, transport);
  if (file === '') throw usageError(`can't write an image to '${out}'`);
  const about = { write: writers[transport], ...(name === undefined ? {} : { name }) };
  if (file === '-') {
    if (transport === 'dir' || transport === 'oci')
      throw usageError(`can't write a directory to standard output, as ${out} says`);
    return { path: file, compression: 'none', ...about };
  }
  const path = host.absolute(file.replace(/(?<=.)\/+$/, ''));
  return { path, compression: compressionOf(file, transport), ...about };
}

function transportOf(out: string): Transport {
  if (out.endsWith('/')) return 'dir';
  if (out === '-' || /\.(tgz|tzst|txz|tbz2?|tar(\.(gz|zst|xz|bz2|lz4))?)$/.test(out)) return 'tar';
  return /\.sif$/.test(out) ? 'sif' : 'squashfs';
}

/** Of an archive, by its ending. */
function compressionOf(file: string, transport: Transport): Compression['kind'] {
  if (!['tar', 'oci-archive', 'docker-archive'].includes(transport)) return 'none';
  if (/\.(gz|tgz)$/.test(file)) return 'gzip';
  if (/\.(zst|tzst)$/.test(file)) return 'zstd';
  const [, ending] = /\.(xz|bz2|txz|tbz2?|lz4)$/.exec(file) ?? [];
  if (ending === undefined) return 'none';
  throw new LaunchError(`can't write ${file}: archives are compressed with gzip or zstd`, {
    hint: 'name it .tar.gz or .tar.zst',
  });
}
