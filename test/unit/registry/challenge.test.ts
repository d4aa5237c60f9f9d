import t from 'tap';
import { parseChallenges } from '../../../src/registry/challenge.js';

const rows: readonly (readonly [string, readonly (readonly [string, Readonly<Record<string, string>>])[]])[] =
  [
    [
      'Bearer realm="https://a.org/t?x=1",service="r, s",scope="repository:a/b:pull,push"',
      [['bearer', { realm: 'https://a.org/t?x=1', service: 'r, s', scope: 'repository:a/b:pull,push' }]],
    ],
    ['Basic realm="a \\"b\\" c"', [['basic', { realm: 'a "b" c' }]]],
    ['bearer Realm=https://a.org/t , SERVICE=s', [['bearer', { realm: 'https://a.org/t', service: 's' }]]],
    [
      'Negotiate, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    ['Basic', [['basic', {}]]],
    ['', []],
    ['"', []],
    ['Bearer realm="open', [['bearer', {}]]],
  ];

for (const [header, wanted] of rows)
  t.test(`${header || 'nothing'}`, (t) => {
    const found = parseChallenges(header).map(({ scheme, parameters }) => [
      scheme,
      Object.fromEntries(parameters),
    ]);
    t.same(found.slice(0, wanted.length), wanted);
    t.end();
  });
