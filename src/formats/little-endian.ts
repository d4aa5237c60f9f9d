/** Little-endian numbers in bytes that come from outside. */

export function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}

/** Of eight bytes; undefined for what is negative as a signed number, or too large to be exact. */
export function uint64(bytes: Uint8Array, at: number): number | undefined {
  const value = uint32(bytes, at) + uint32(bytes, at + 4) * 2 ** 32;
  return Number.isSafeInteger(value) ? value : undefined;
}
