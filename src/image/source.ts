/** What an operand names: `TRANSPORT:…` as in containers-transports(5), or a file or directory, recognised by its content. */
import { latin1 } from '../base/bytes.js';
import { LaunchError, usageError } from '../base/errors.js';
import { readDockerArchive } from '../formats/docker-archive.js';
import type { LayeredImage } from '../formats/image.js';
import { readOciLayout } from '../formats/oci-layout.js';
import { findPartition, isSif } from '../formats/sif.js';
import type { Host } from '../host/host.js';
import { native } from '../host/native.js';
import { headSize, recognizeFormat } from '../store/recognize.js';
import { filesOfArchive, filesOfDirectory } from './files.js';
import { packer } from './packer.js';

export type Source =
  | ({ readonly kind: 'layers'; readonly format: string } & LayeredImage)
  /** SquashFS, in a part of a file. */
  | {
      readonly kind: 'squashfs';
      readonly format: string;
      readonly path: string;
      readonly offset: number;
      readonly size: number;
      /** The file has what claims to be a signature. */
      readonly signed?: true;
    };

export interface SourceRequest {
  readonly operand: string;
  /** As OCI calls it. */
  readonly architecture: string;
  /** Where a decompressed archive is kept meanwhile. */
  readonly scratch: () => string;
  readonly mostBytes: number;
}

/** Transports that are read, and those that people know from elsewhere. */
export const transports = ['oci', 'oci-archive', 'docker-archive', 'dir', 'sif', 'squashfs', 'tar'] as const;
export type Transport = (typeof transports)[number];
const others: Readonly<Record<string, string>> = {
  docker: "'ch-image-ts pull REF' gets it from a registry",
  'docker-daemon': "use `docker save`: 'docker save IMAGE | ch-image-ts import - NAME'",
  'containers-storage': "use `podman save`: 'podman save IMAGE | ch-image-ts import - NAME'",
  oras: 'SIF files in registries are not pulled: `apptainer pull` gets the file',
  library: 'libraries of SIF files are not asked: `apptainer pull` gets the file',
};

/** The transport of an operand, if it has one, and what follows it. */
export function splitTransport(operand: string): { readonly transport?: Transport; readonly rest: string } {
  const [, word = '', rest = ''] = /^([a-z-]+):(.*)$/s.exec(operand) ?? [];
  const transport = transports.find((each) => each === word);
  if (transport) return { transport, rest };
  if (Object.hasOwn(others, word))
    throw new LaunchError(`can't use ${word}: here`, { hint: others[word] ?? '' });
  return { rest: operand };
}

/** Finds out what `operand` is, and reads what describes it. Throws LaunchError. */
export function openSource(request: SourceRequest, host: Host): Source {
  const { operand } = request;
  if (operand === '') throw usageError('the name of the image is empty');
  const { transport, rest } = splitTransport(operand);
  if (operand === '-') return openArchive(request, '-', 'standard input', undefined);
  if (transport === undefined) return recognise(request, rest, host);
  const [file, name] = splitName(rest, transport);
  const path = host.absolute(file);
  switch (transport) {
    case 'oci':
      return openLayout(request, file, path, name);
    case 'docker-archive':
    case 'oci-archive':
    case 'tar':
      return openArchive(request, path, file, { transport, ...(name === undefined ? {} : { name }) });
    case 'dir':
      return rootDirectory(file, path);
    case 'sif':
    case 'squashfs': {
      const image = openImageFile(request, file, path);
      if (image) return image;
      throw new LaunchError(`${file} is neither SquashFS nor SIF`, { path });
    }
  }
}

/** FILE:NAME, of the transports that have names. */
export function splitName(rest: string, transport: Transport): readonly [string, string | undefined] {
  const colon = rest.indexOf(':');
  if (!['oci', 'oci-archive', 'docker-archive'].includes(transport) || colon < 0) return [rest, undefined];
  return [rest.slice(0, colon), rest.slice(colon + 1) || undefined];
}

function recognise(request: SourceRequest, file: string, host: Host): Source {
  const path = host.absolute(file);
  switch (host.pathKind(path)) {
    case 'absent':
      throw new LaunchError(`there is no ${file}`, { path });
    case 'other':
      throw new LaunchError(`${file} is a device, pipe or socket`, {
        path,
        hint: 'use - for standard input',
      });
    case 'directory':
      if (host.pathKind(`${path}/oci-layout`) === 'file') return openLayout(request, file, path, undefined);
      return rootDirectory(file, path);
    case 'file':
      return openImageFile(request, file, path) ?? openArchive(request, path, file, undefined);
  }
}

function openLayout(request: SourceRequest, name: string, path: string, tag: string | undefined): Source {
  const image = readOciLayout(filesOfDirectory(name, path), tag, request.architecture);
  return { kind: 'layers', format: 'OCI layout', ...image };
}

/** SquashFS or SIF. */
function openImageFile(request: SourceRequest, name: string, path: string): Source | undefined {
  const head = native.part(path, 0, headSize);
  const whole = Number(native.status(path).size);
  if (latin1(head.subarray(0, 4)) === 'hsqs')
    return { kind: 'squashfs', format: 'SquashFS', path, offset: 0, size: whole };
  if (!isSif(head)) return undefined;
  const found = findPartition((offset, size) => native.part(path, offset, size), request.architecture);
  if ('problem' in found)
    throw new LaunchError(
      `can't use ${name}: it is ${found.problem}`,
      found.hint ? { path, hint: found.hint } : { path },
    );
  const { offset, size = whole - offset, signed } = found;
  return { kind: 'squashfs', format: 'SIF', path, offset, size, ...(signed ? { signed } : {}) };
}

/** The first entries of archives of images. */
const imageEntry =
  /^(\.\/)?(blobs(\/|$)|manifest\.json|oci-layout|index\.json|repositories|[0-9a-f]{64}(\.json|\.tar|\/|$))/;

interface Wanted {
  readonly transport: 'docker-archive' | 'oci-archive' | 'tar';
  readonly name?: string;
}

/** A tar archive, compressed or not: of an image, or of a root file system. */
function openArchive(
  request: SourceRequest,
  given: string,
  name: string,
  wanted: Wanted | undefined,
): Source {
  const { scratch, mostBytes, architecture } = request;
  const isStandard = given === '-';
  // a pipe can be read once only
  const path = isStandard ? packer.spool('-', scratch(), mostBytes) : given;
  const isPlain = isStandard || isTar(path);
  const transport = wanted?.transport ?? transportOf(path, name);
  if (transport === 'tar') return rootArchive(path, name);
  const files = filesOfArchive(name, isPlain ? path : packer.spool(path, scratch(), mostBytes));
  const isDocker = transport === 'docker-archive' || (wanted === undefined && files.find('manifest.json'));
  if (isDocker)
    return {
      kind: 'layers',
      format: 'docker-archive',
      ...readDockerArchive(files, wanted?.name, architecture),
    };
  return { kind: 'layers', format: 'OCI archive', ...readOciLayout(files, wanted?.name, architecture) };
}

const isTar = (path: string) => latin1(native.part(path, 257, 5)) === 'ustar';

function transportOf(path: string, name: string): Wanted['transport'] {
  const head = native.part(path, 0, headSize);
  const format = recognizeFormat(head).name;
  const isArchive = / tar |compressed/.test(` ${format} `);
  if (!isArchive) throw new LaunchError(`can't use ${name}: it is ${format}`, { path });
  const [first] = packer.members(path, 1);
  return first && imageEntry.test(first.name) ? 'oci-archive' : 'tar';
}

/** The root file system as the only layer: nothing says which digest it has. */
function rootArchive(path: string, name: string): Source {
  const size = Number(native.status(path).size);
  return {
    kind: 'layers',
    format: 'tar archive',
    layers: [{ path, offset: 0, size, name, digest: '', diffId: '' }],
    names: [],
  };
}

function rootDirectory(name: string, path: string): Source {
  const layer = { path, offset: 0, size: 0, name, digest: '', diffId: '', kind: 'directory' } as const;
  return { kind: 'layers', format: 'directory', layers: [layer], names: [] };
}
