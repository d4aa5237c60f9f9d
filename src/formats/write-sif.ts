/** What comes before the SquashFS in a SIF, as Apptainer writes it (https://github.com/apptainer/sif, pkg/sif). */
import { LaunchError } from '../base/errors.js';
import { architectures, dataType, descriptorSize, primarySystem, squashfs } from './sif.js';

const descriptors = { offset: 4096, count: 48 } as const;
/** Where data may begin, and where the partition does: at a page, so that the kernel can mount it. */
const dataOffset = descriptors.offset + descriptors.count * descriptorSize;
const partitionOffset = 32768;
/** How Go writes that there is no time: SIF files that are always the same have it. */
const noTime = -62135596800n;
const firstGroup = 0xf0000001;

/** Puts texts and numbers into `bytes` one after another. */
class Fields {
  readonly #view: DataView;
  #at: number;
  constructor(bytes: Uint8Array, at: number) {
    this.#view = new DataView(bytes.buffer);
    this.#at = at;
  }
  /** Filled with NULs. */
  text(text: string, size: number): this {
    for (let at = 0; at < text.length; at++) this.#view.setUint8(this.#at + at, text.charCodeAt(at));
    this.#at += size;
    return this;
  }
  int32(value: number): this {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }
  int64(...values: readonly (number | bigint)[]): this {
    for (const value of values) {
      this.#view.setBigInt64(this.#at, BigInt(value), true);
      this.#at += 8;
    }
    return this;
  }
}

/** Header and descriptors for a SquashFS of `size` bytes, which follows them. */
export function sifHead(size: number, architecture: string): Uint8Array {
  const code = Object.keys(architectures).find((each) => architectures[each] === architecture);
  if (code === undefined) throw new LaunchError(`a SIF can't be for the architecture ${architecture}`);
  const bytes = new Uint8Array(partitionOffset);
  const padded = partitionOffset - dataOffset + size;
  new Fields(bytes, 0)
    .text('#!/usr/bin/env run-singularity\n', 32)
    .text('SIF_MAGIC', 10)
    .text('01', 3)
    .text(code, 3)
    .text('', 16) // no identifier: the same image is the same file
    .int64(noTime, noTime)
    .int64(descriptors.count - 1, descriptors.count, descriptors.offset, descriptors.count * descriptorSize)
    .int64(dataOffset, padded);
  new Fields(bytes, descriptors.offset)
    .int32(dataType.partition)
    .text('\x01', 1) // it is used
    .int32(1)
    .int32(firstGroup)
    .int32(0) // it belongs to no other
    .int64(partitionOffset, size, padded, noTime, noTime)
    .int64(0, 0) // user and group, which nobody reads
    .text('', 128)
    .int32(squashfs)
    .int32(primarySystem)
    .text(code, 3);
  return bytes;
}
