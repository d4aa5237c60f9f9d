/** Base64 (RFC 4648, section 4): no engine but Node has a function for both directions. */
import { toBytes } from './bytes.js';

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function encodeBase64(text: string): string {
  const bytes = toBytes(text);
  let encoded = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [first = 0, second = 0, third = 0] = bytes.subarray(at, at + 3);
    const group = (first << 16) | (second << 8) | third;
    encoded += [18, 12, 6, 0].map((shift) => digits[(group >> shift) & 63]).join('');
  }
  const surplus = (3 - (bytes.length % 3)) % 3;
  return encoded.slice(0, encoded.length - surplus) + '='.repeat(surplus);
}

/** The text; undefined if it is not base64, or not UTF-8. */
export function decodeBase64(encoded: string): string | undefined {
  const plain = encoded.replace(/=+$/, '');
  if (plain.length % 4 === 1 || !/^[A-Za-z0-9+/]*$/.test(plain)) return undefined;
  const bytes: number[] = [];
  for (let at = 0; at < plain.length; at += 4) {
    const group = [0, 1, 2, 3].reduce(
      (sum, of) => (sum << 6) | Math.max(0, digits.indexOf(plain[at + of] ?? 'A')),
      0,
    );
    bytes.push(
      ...[16, 8, 0].map((shift) => (group >> shift) & 0xff).slice(0, Math.min(3, plain.length - at - 1)),
    );
  }
  try {
    return decodeURIComponent(bytes.map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
  } catch {
    return undefined;
  }
}
