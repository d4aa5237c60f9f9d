/**
 * Untrusted names, lines and settings, as they are shown to users: a newline could forge a line, and an escape sequence
 * could control the terminal. JSON and output for other programs have the bytes unchanged.
 */
import { toBytes } from './bytes.js';

const letters: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\r': '\\r' };

const octal = (text: string) =>
  [...toBytes(text)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');

/** Control characters, and bytes that are not UTF-8, as `ls --escape` has them. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}]/gu, (character) => letters[character] ?? octal(character));
}

/** The same in quotes, as JSON has them, which leaves some control characters alone. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /\p{Cc}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
