/** Bytes and the strings that represent them (src/base/bytes.ts), with Node's own functions. */
import { toBytes } from '../../src/base/bytes.js';

/** For Node's functions, which take no plain array. */
export function toBuffer(text: string): Buffer {
  return Buffer.from(toBytes(text));
}

/** The inverse: a byte that is not part of a UTF-8 character becomes a lone surrogate. */
export function fromBytes(bytes: Uint8Array): string {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const character = [1, 2, 3, 4]
      .filter((length) => at + length <= bytes.length)
      .map((length) => bytes.subarray(at, at + length))
      .find((each) => {
        try {
          return strict.decode(each) !== '';
        } catch {
          return false;
        }
      });
    text += character ? strict.decode(character) : String.fromCharCode(0xdc00 + (bytes[at] as number));
    at += character?.length ?? 1;
  }
  return text;
}
