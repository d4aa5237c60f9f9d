/**
 * File names, arguments and variables are bytes to the kernel. A string carries them through JavaScript:
 * valid UTF-8 as usual, and every other byte 0x80–0xFF as the lone surrogate U+DC80–U+DCFF, which UTF-8 itself
 * never produces. (Python calls this "surrogateescape", PEP 383.) The native code has them so from the start
 * (addon/host/text_codec.h).
 */

/** The bytes that a string stands for. */
export function toBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (code < 0x80) bytes.push(code);
    else if (code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00);
    else bytes.push(...multibyte(code));
  }
  return Uint8Array.from(bytes);
}

/** A character above U+007F in UTF-8 (RFC 3629, section 3). */
function multibyte(code: number): readonly number[] {
  const tail = (shift: number) => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x800) return [0xc0 | (code >> 6), tail(0)];
  if (code < 0x10000) return [0xe0 | (code >> 12), tail(6), tail(0)];
  return [0xf0 | (code >> 18), tail(12), tail(6), tail(0)];
}

/** The order of the bytes, for sort(). */
export function compareBytes(a: string, b: string): number {
  const [first, second] = [toBytes(a), toBytes(b)];
  const at = first.findIndex((byte, index) => byte !== second[index]);
  return at < 0 ? first.length - second.length : (first[at] ?? 0) - (second[at] ?? -1);
}

/** Each byte as the character with its number, for bytes that are not text. */
export function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

/** Two digits for each byte. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
