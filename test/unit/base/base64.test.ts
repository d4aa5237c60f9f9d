import fc from 'fast-check';
import t from 'tap';
import { decodeBase64, encodeBase64 } from '../../../src/base/base64.js';

t.test('it is as Node has it, in both directions', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const encoded = Buffer.from(text).toString('base64');
      return encodeBase64(text) === encoded && decodeBase64(encoded) === text;
    }),
  );
  t.end();
});

for (const [text, why] of [
  ['a', 'too short'],
  ['ab-_', 'of another alphabet'],
  ['a b=', 'with a space'],
  ['/w==', 'no UTF-8'],
] as const)
  t.test(`${why}: '${text}' is refused`, (t) => {
    t.equal(decodeBase64(text), undefined);
    t.end();
  });
