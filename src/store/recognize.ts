/** Recognizes files that are not images of ours, and says what to do with them. */
import { latin1 } from '../base/bytes.js';

interface Format {
  readonly name: string;
  /** The bytes that identify it, as Latin-1, and their offset. */
  readonly magic: string;
  readonly at?: number;
  readonly hint: string;
}

const unpack = 'unpack it into a directory, and run that';

/** The longest distance into a file at which a magic ends. */
export const headSize = 512;

const formats: readonly Format[] = [
  { name: 'a gzip-compressed file', magic: '\x1f\x8b', hint: `if it is a tar archive, ${unpack}` },
  { name: 'a zstd-compressed file', magic: '\x28\xb5\x2f\xfd', hint: `if it is a tar archive, ${unpack}` },
  { name: 'an xz-compressed file', magic: '\xfd7zXZ\0', hint: `if it is a tar archive, ${unpack}` },
  { name: 'a bzip2-compressed file', magic: 'BZh', hint: `if it is a tar archive, ${unpack}` },
  {
    name: 'a tar archive',
    magic: 'ustar',
    at: 257,
    hint: `${unpack}; an archive with index.json or manifest.json in it is an OCI or Docker image, whose layers need an image builder`,
  },
  { name: 'a zip archive', magic: 'PK\x03\x04', hint: unpack },
  {
    name: 'a program (ELF)',
    magic: '\x7fELF',
    hint: 'the image comes before the command: ch-run-ts IMAGE -- COMMAND',
  },
  { name: 'a script', magic: '#!', hint: 'the image comes before the command: ch-run-ts IMAGE -- COMMAND' },
  { name: 'a qcow2 disk image', magic: 'QFI\xfb', hint: 'virtual machine disks are not container images' },
  { name: 'JSON text', magic: '{', hint: 'an OCI layout is a directory; its layers need an image builder' },
];

/** Names the format of a file by its first {@link headSize} bytes. */
export function recognizeFormat(head: Uint8Array): { readonly name: string; readonly hint?: string } {
  if (head.length === 0) return { name: 'an empty file', hint: 'was it copied or downloaded to the end?' };
  const text = latin1(head);
  const format = formats.find(({ magic, at = 0 }) => text.startsWith(magic, at));
  return format ?? { name: 'an unknown kind of file' };
}
