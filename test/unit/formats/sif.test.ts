import fc from 'fast-check';
import t from 'tap';
import { findPartition, isSif } from '../../../src/formats/sif.js';
import { type Descriptor, makeSif } from '../../helpers/sif.js';

const amd64 = { architecture: '02' };
const content = Buffer.from('hsqs and more of it');
const readerOf = (file: Buffer) => (offset: number, size: number) => file.subarray(offset, offset + size);
const find = (file: Buffer) => findPartition(readerOf(file), 'amd64');
const line = '#!/usr/bin/env run-singularity\n';

/** `file` with other bytes from `at` on. */
function changed(file: Buffer, at: number, bytes: string | Buffer): Buffer {
  Buffer.from(bytes as string, 'latin1').copy(file, at);
  return file;
}

const plain = () => makeSif(content, [amd64]);
const number = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
};

const found: readonly [string, Buffer, number][] = [
  ['the only partition', plain(), 32768],
  [
    'the primary system partition among others',
    makeSif(content, [
      { type: 0x4001 },
      { part: 3, offset: 0n },
      { used: false, ...amd64, offset: 1n },
      { ...amd64, offset: 32768n },
      { part: 4, offset: 5n },
      { type: 0x4005 },
    ]),
    32768,
  ],
  ['SquashFS after a script line', Buffer.from(`${line}hsqs`), line.length],
];
for (const [what, file, offset] of found) {
  t.test(`${what} is found`, (t) => {
    t.ok(isSif(file.subarray(0, 512)));
    t.match(find(file), { offset });
    t.end();
  });
}

const refused: readonly [string, Buffer, RegExp][] = [
  ['a header that is cut short', plain().subarray(0, 100), /damaged SIF: the header is cut short/],
  ['another version', changed(plain(), 42, '02'), /version '02'/],
  ['descriptors that are cut short', plain().subarray(0, 5000), /descriptors are cut short/],
  ['a negative number of descriptors', changed(plain(), 88, number(-1n)), /descriptors are not where/],
  ['billions of descriptors', changed(plain(), 88, number(1n << 40n)), /descriptors are not where/],
  ['descriptors far away', changed(plain(), 96, number(1n << 60n)), /descriptors are not where/],
  ['descriptors in the header', changed(plain(), 96, number(0n)), /descriptors are not where/],
  ['a partition that is cut short', plain().subarray(0, -1), /system partition is cut short/],
  ...(
    [
      ['ext3', { fileSystem: 2 }, /system partition is ext3/],
      ['an encrypted partition', { fileSystem: 5 }, /system partition is encrypted/],
      ['a file system of the future', { fileSystem: 99 }, /file system number 99/],
      ['another architecture', { architecture: '04' }, /SIF for arm64, and this machine is amd64/],
      ['an unknown architecture', { architecture: 'zz' }, /SIF for architecture 'zz'/],
      ['no system partition', { part: 3 }, /without a system partition/],
      ['layers in place of a partition', { type: 0x400a }, /OCI-SIF/],
      ['a partition before the file', { ...amd64, offset: -8n }, /lies outside of the file/],
      ['a partition behind the file', { ...amd64, offset: 1n << 50n }, /cut short/],
      ['a partition of no byte', { ...amd64, size: 0n }, /cut short/],
      ['a partition that is not SquashFS', { ...amd64, offset: 32769n, size: 4n }, /does not begin/],
    ] satisfies [string, Descriptor, RegExp][]
  ).map(([what, each, words]): [string, Buffer, RegExp] => [what, makeSif(content, [each]), words]),
  ['two system partitions', makeSif(content, [amd64, amd64]), /two primary system partitions/],
  [
    'ext3 after a script line',
    changed(Buffer.concat([Buffer.from(line), Buffer.alloc(2048)]), line.length + 1080, '\x53\xef'),
    /Singularity 2 with ext3/,
  ],
  ['a script line alone', Buffer.from(line), /Singularity 2 with no SquashFS/],
];
for (const [what, file, words] of refused) {
  t.test(`${what} is refused by name`, (t) => {
    t.ok(isSif(file.subarray(0, 512)));
    const answer = find(file);
    t.match('problem' in answer ? answer.problem : 'found', words);
    t.end();
  });
}

t.test('whatever bytes are changed, a partition is found that begins as SquashFS does, or none', (t) => {
  const change = fc.tuple(
    fc.integer({ min: 32, max: 4096 + 600 }),
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), fc.nat(40_000), (changes, length) => {
      const file = plain().subarray(0, length);
      for (const [at, bytes] of changes) changed(file, at, Buffer.from(bytes));
      const answer = find(file);
      return 'problem' in answer || file.toString('latin1', answer.offset, answer.offset + 4) === 'hsqs';
    }),
    { numRuns: 2000 },
  );
  t.end();
});
