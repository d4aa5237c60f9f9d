import t from 'tap';
import { encodeQuery, originOf, resolveUrl } from '../../../src/registry/url.js';

for (const [location, base] of [
  ['https://b.org/x', 'https://a.org/v2/a?q=1'],
  ['//b.org/x', 'https://a.org/v2/a'],
  ['/x?y=1', 'https://a.org:444/v2/a'],
  ['x', 'https://a.org/v2/a?q=/z'],
  ['?x=1', 'https://a.org/v2/'],
] as const)
  t.test(`${location} is resolved as a browser does`, (t) => {
    t.equal(resolveUrl(location, base), new URL(location, base).href);
    t.end();
  });

t.test('hosts that differ in a port or in letters', (t) => {
  t.equal(originOf('HTTPS://A.org:444/x'), 'https://a.org:444');
  t.not(originOf('https://a.org/x'), originOf('https://a.org:444/x'));
  t.not(originOf('https://a.org.evil.org/x'), originOf('https://a.org/x'));
  // who is named before @ is part of what is compared
  t.not(originOf('https://a.org@evil.org/x'), originOf('https://a.org/x'));
  t.equal(encodeQuery([['a b', '&=']]), 'a%20b=%26%3D');
  t.end();
});
