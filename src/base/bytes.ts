/**
 * File names, arguments and variables are bytes to the kernel. A string carries them through JavaScript:
 * valid UTF-8 as usual, and every other byte 0x80–0xFF as the lone surrogate U+DC80–U+DCFF, which UTF-8 itself
 * never produces. (Python calls this "surrogateescape", PEP 383.)
 */
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes in, string out; never loses anything. */
export function fromBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return fromMixedBytes(bytes);
  }
}

function fromMixedBytes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes.subarray(at, at + 4));
    text +=
      length === 0
        ? String.fromCharCode(0xdc00 + (bytes[at] as number))
        : strict.decode(bytes.subarray(at, at + length));
    at += Math.max(length, 1);
  }
  return text;
}

/** How many of the first bytes are one UTF-8 character; 0 if they are none. */
function characterLength(bytes: Uint8Array): number {
  for (let length = 1; length <= bytes.length; length++) {
    try {
      strict.decode(bytes.subarray(0, length));
      return length;
    } catch {
      // longer ones may still be valid
    }
  }
  return 0;
}

/** The inverse of {@link fromBytes}. */
export function toBytes(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character, 'utf8'));
  }
  return Buffer.concat(parts);
}
