import t from 'tap';
import { headSize, recognizeFormat } from '../../../src/store/recognize.js';

/** The first bytes of a file, and what it is called. */
const rows: readonly [string, Buffer, string][] = [
  ['nothing', Buffer.of(), 'an empty file'],
  ['a NUL byte', Buffer.of(0), 'an unknown kind of file'],
  ['zeros', Buffer.alloc(512), 'an unknown kind of file'],
  ['text', Buffer.from('some text'), 'an unknown kind of file'],
  ['gzip', Buffer.of(0x1f, 0x8b, 8), 'a gzip-compressed file'],
  ['half of the gzip magic', Buffer.of(0x1f), 'an unknown kind of file'],
  ['zstd', Buffer.of(0x28, 0xb5, 0x2f, 0xfd), 'a zstd-compressed file'],
  ['xz', Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), 'an xz-compressed file'],
  ['bzip2', Buffer.from('BZh9'), 'a bzip2-compressed file'],
  ['tar, as POSIX has it', Buffer.from(`${'x'.padEnd(257, '\0')}ustar\x0000`), 'a tar archive'],
  ['tar, as GNU has it', Buffer.from(`${'x'.padEnd(257, '\0')}ustar  \0`), 'a tar archive'],
  ['zip', Buffer.from('PK\x03\x04'), 'a zip archive'],
  ['ELF', Buffer.from('\x7fELF\x02'), 'a program (ELF)'],
  ['a script', Buffer.from('#!/bin/sh'), 'a script'],
  ['a qcow2 disk', Buffer.of(0x51, 0x46, 0x49, 0xfb), 'a qcow2 disk image'],
  ['JSON', Buffer.from('{}'), 'JSON text'],
];

for (const [what, head, name] of rows) {
  t.test(`${what} is recognized as ${name}`, (t) => {
    const format = recognizeFormat(head);
    t.equal(format.name, name);
    if (name !== 'an unknown kind of file') t.match(format.hint, /^[a-z].*[^.]$/, 'with advice');
    t.end();
  });
}

t.test('the longest magic lies within the bytes that are read', (t) => {
  t.ok(257 + 'ustar'.length <= headSize);
  t.end();
});
