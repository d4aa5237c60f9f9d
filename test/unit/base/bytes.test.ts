import fc from 'fast-check';
import t from 'tap';
import { fromBytes, toBytes } from '../../../src/base/bytes.js';

const rows: readonly [string, readonly number[], string][] = [
  ['nothing', [], ''],
  ['ASCII', [0x61, 0x2f, 0x7f], 'a/\x7f'],
  ['two, three and four byte characters', [...Buffer.from('é€😀')], 'é€😀'],
  ['a byte order mark', [0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
  ['a lone continuation byte', [0x80], '\udc80'],
  ['the byte 0xFF', [0xff], '\udcff'],
  ['Latin-1 between ASCII', [0x63, 0x61, 0x66, 0xe9, 0x2e], 'caf\udce9.'],
  ['a character cut off at the end', [0x61, 0xe2, 0x82], 'a\udce2\udc82'],
  ['an overlong encoding', [0xc0, 0xaf], '\udcc0\udcaf'],
  ['an encoded surrogate', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
  ['a valid character behind a wrong byte', [0xff, 0xc3, 0xa9], '\udcffé'],
];

for (const [what, bytes, text] of rows) {
  t.test(`${what} survives the way to a string and back`, (t) => {
    t.equal(fromBytes(Uint8Array.from(bytes)), text);
    t.same([...toBytes(text)], bytes);
    t.end();
  });
}

t.test('no bytes are ever lost', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
      Buffer.from(bytes).equals(toBytes(fromBytes(bytes))),
    ),
    { numRuns: 500 },
  );
  t.pass();
  t.end();
});
