import fc from 'fast-check';
import t from 'tap';
import { compareBytes, hex, latin1, toBytes } from '../../../src/base/bytes.js';
import { fromBytes, toBuffer } from '../../helpers/bytes.js';

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

t.test('strings are ordered as their bytes are', (t) => {
  const text = fc.uint8Array({ maxLength: 6 }).map(fromBytes);
  fc.assert(
    fc.property(text, text, (a, b) =>
      t.equal(Math.sign(compareBytes(a, b)), Buffer.compare(toBuffer(a), toBuffer(b))),
    ),
  );
  t.equal(compareBytes('a', 'a'), 0);
  t.end();
});

t.test('bytes that are no text are shown as characters or digits', (t) => {
  t.equal(latin1(Uint8Array.of(0x7f, 0x45, 0xff)), '\x7fE\xff');
  t.equal(hex(Uint8Array.of(0, 10, 255)), '000aff');
  t.end();
});
