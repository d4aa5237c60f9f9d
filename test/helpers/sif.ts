/** Image files as Apptainer and Singularity write them. */

export interface Descriptor {
  readonly type?: number;
  readonly used?: boolean;
  readonly offset?: bigint;
  readonly size?: bigint;
  readonly fileSystem?: number;
  readonly part?: number;
  readonly architecture?: string;
}

const descriptorSize = 585;

function descriptorBytes(each: Descriptor, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(descriptorSize);
  bytes.writeInt32LE(each.type ?? 0x4004, 0);
  bytes.writeUInt8(each.used === false ? 0 : 1, 4);
  bytes.writeBigInt64LE(each.offset ?? BigInt(offset), 17);
  bytes.writeBigInt64LE(each.size ?? BigInt(size), 25);
  bytes.writeInt32LE(each.fileSystem ?? 1, 201);
  bytes.writeInt32LE(each.part ?? 2, 205);
  bytes.write(each.architecture ?? (process.arch === 'arm64' ? '04' : '02'), 209);
  return bytes;
}

/** A SIF with these descriptors, each of them for `content` if it says nothing else. */
export function makeSif(content: Uint8Array, descriptors: readonly Descriptor[] = [{}]): Buffer {
  const table = 4096;
  const data = 32768;
  const sif = Buffer.alloc(data + content.length);
  sif.write('#!/usr/bin/env run-singularity\n', 0);
  sif.write('SIF_MAGIC\0', 32);
  sif.write('01\0', 42);
  sif.writeBigInt64LE(48n, 88);
  sif.writeBigInt64LE(BigInt(table), 96);
  for (const [at, each] of descriptors.entries())
    descriptorBytes(each, data, content.length).copy(sif, table + at * descriptorSize);
  sif.set(content, data);
  return sif;
}
