/**
 * Image files of Apptainer and Singularity: where the SquashFS in them lies. SIF has a header, descriptors, and partitions
 * (https://github.com/apptainer/sif, pkg/sif); images of Singularity 2 are a script line before SquashFS or ext3.
 */
import { latin1 } from '../base/bytes.js';
import { uint32, uint64 } from './little-endian.js';

/** `size` bytes of the file from `offset` on, fewer where it ends. */
export type ReadPart = (offset: number, size: number) => Uint8Array;

/**
 * Where the SquashFS begins, how long it is unless it goes to the end of the file, whether something in the file claims to
 * be a signature; or why there is none that can be used.
 */
export type Partition =
  | { readonly offset: number; readonly size?: number; readonly signed?: true }
  | { readonly problem: string; readonly hint?: string };

export const headerSize = 128;
export const descriptorSize = 585;
/** Apptainer writes 48, all of them before the first partition. */
const mostDescriptors = 4096;

export const dataType = { partition: 0x4004, signature: 0x4005, ociIndex: 0x400a } as const;
const fileSystems: Readonly<Record<number, string>> = {
  2: 'ext3',
  3: 'an archive',
  4: 'raw data',
  5: 'encrypted',
};
export const squashfs = 1;
export const primarySystem = 2;
/** Names of OCI. */
export const architectures: Readonly<Record<string, string>> = {
  '01': '386',
  '02': 'amd64',
  '03': 'arm',
  '04': 'arm64',
  '05': 'ppc64',
  '06': 'ppc64le',
  '07': 'mips',
  '08': 'mipsle',
  '09': 'mips64',
  '10': 'mips64le',
  '11': 's390x',
  '12': 'riscv64',
};

const convert = "'apptainer build NEW.sif OLD' converts it";
const damaged = (what: string): Partition => ({
  problem: `a damaged SIF: ${what}`,
  hint: 'was it copied or downloaded to the end?',
});

/** Whether a file that begins with `head` is an image of Apptainer or Singularity. */
export function isSif(head: Uint8Array): boolean {
  return latin1(head.subarray(32, 42)) === 'SIF_MAGIC\0' || launchLine(head) !== undefined;
}

/** The length of the line by which the kernel runs an image of Singularity 2 as a script. */
function launchLine(head: Uint8Array): number | undefined {
  return /^#![^\n]*\brun-singularity\n/.exec(latin1(head.subarray(0, 256)))?.[0].length;
}

/** The SquashFS in an image of which isSif() holds; `architecture` is the name that OCI has for this machine's. */
export function findPartition(read: ReadPart, architecture: string): Partition {
  const header = read(0, headerSize);
  if (latin1(header.subarray(32, 42)) !== 'SIF_MAGIC\0') return afterLaunchLine(read, header);
  if (header.length < headerSize) return damaged('the header is cut short');
  const version = latin1(header.subarray(42, 44));
  if (version !== '01') return { problem: `a SIF of version '${version}', which is not known` };
  const count = uint64(header, 88);
  const start = uint64(header, 96);
  if (count === undefined || count > mostDescriptors || start === undefined || start < headerSize)
    return damaged('the descriptors are not where they should be');
  const bytes = read(start, count * descriptorSize);
  if (bytes.length < count * descriptorSize) return damaged('the descriptors are cut short');
  const used = Array.from({ length: count }, (_, at) =>
    bytes.subarray(at * descriptorSize, (at + 1) * descriptorSize),
  ).filter((descriptor) => descriptor[4] !== 0);
  return choose(used, read, architecture);
}

function afterLaunchLine(read: ReadPart, header: Uint8Array): Partition {
  const offset = launchLine(header) ?? 0;
  if (latin1(read(offset, 4)) === 'hsqs') return { offset };
  const isExt = latin1(read(offset + 1080, 2)) === '\x53\xef';
  return { problem: `an image of Singularity 2 with ${isExt ? 'ext3' : 'no SquashFS'} in it`, hint: convert };
}

function choose(descriptors: readonly Uint8Array[], read: ReadPart, architecture: string): Partition {
  const isPrimary = (descriptor: Uint8Array) =>
    uint32(descriptor, 0) === dataType.partition && uint32(descriptor, 205) === primarySystem;
  const [system, another] = descriptors.filter(isPrimary);
  if (another) return damaged('it has two primary system partitions');
  if (system) {
    const found = judge(system, read, architecture);
    const signed = descriptors.some((descriptor) => uint32(descriptor, 0) === dataType.signature);
    return signed && 'offset' in found ? { ...found, signed } : found;
  }
  const isOci = descriptors.some((descriptor) => uint32(descriptor, 0) === dataType.ociIndex);
  return {
    problem: isOci
      ? 'an OCI-SIF, which has layers in place of a system partition'
      : 'a SIF without a system partition',
  };
}

function judge(descriptor: Uint8Array, read: ReadPart, architecture: string): Partition {
  const kind = uint32(descriptor, 201);
  const hint = kind === 2 ? convert : "convert it with 'apptainer build --sandbox DIR FILE.sif', and run DIR";
  if (kind !== squashfs) {
    const name = fileSystems[kind] ?? `file system number ${kind}`;
    return { problem: `a SIF whose system partition is ${name}, not SquashFS`, hint };
  }
  const code = latin1(descriptor.subarray(209, 211));
  const built = architectures[code] ?? `architecture '${code}'`;
  if (built !== architecture) return { problem: `a SIF for ${built}, and this machine is ${architecture}` };
  const [offset, size] = [uint64(descriptor, 17), uint64(descriptor, 25)];
  if (offset === undefined || size === undefined)
    return damaged('the system partition lies outside of the file');
  // its last byte: what is cut short is said here, by its name
  if (size === 0 || read(offset + size - 1, 1).length === 0)
    return damaged('the system partition is cut short');
  if (latin1(read(offset, 4)) !== 'hsqs')
    return damaged('the system partition does not begin as SquashFS does');
  return { offset, size };
}
