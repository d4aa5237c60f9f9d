/** containers-policy.json: which part of it applies, and what is read of it. */
import t from 'tap';
import { policiesFor } from '../../../src/registry/policy.js';
import { complete, parseReference } from '../../../src/registry/reference.js';
import { fakeHost } from '../../helpers/fake-host.js';

const site = '/etc/containers/policy.json';
const own = '/home/alice/.config/containers/policy.json';
const accept = [{ type: 'insecureAcceptAnything' }];
const reject = [{ type: 'reject' }];

function policies(
  files: Readonly<Record<string, unknown>>,
  name: string,
  keys: Readonly<Record<string, string>> = {},
) {
  const paths = Object.fromEntries(
    Object.entries({ ...files, ...keys }).map(([file, content]) => [
      file,
      Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
    ]),
  );
  const reference = parseReference(name);
  return policiesFor(complete(reference, reference.registry ?? 'docker.io'), fakeHost({ paths }));
}

t.test('the most specific scope applies', async (t) => {
  const scopes = {
    'h.org/a/b:1': accept,
    'h.org/a/b': reject,
    'h.org/a': accept,
    'h.org': reject,
    '*.sub.org': accept,
    '*.org': reject,
    '': accept,
  };
  const file = {
    [site]: { default: reject, transports: { docker: scopes, 'docker-archive': { '': reject } } },
  };
  const digest = `sha256:${'a'.repeat(64)}`;
  for (const [name, scope] of [
    ['h.org/a/b:1', 'h.org/a/b:1'],
    ['h.org/a/b:2', 'h.org/a/b'],
    [`h.org/a/b:1@${digest}`, 'h.org/a/b'],
    ['h.org/a/c', 'h.org/a'],
    ['h.org/ab', 'h.org'],
    ['x.sub.org/a', '*.sub.org'],
    ['sub.org:5000/a', '*.org'],
    ['h.com/a', 'docker'],
  ] as const)
    t.equal(policies(file, name)[0]?.scope, scope, name);
  t.match(policies({ [site]: { default: reject } }, 'debian'), [
    { scope: 'default', requirements: [{ kind: 'reject' }] },
  ]);
  t.same(policies({}, 'debian'), []);
});

t.test("the user's file adds to the site's", async (t) => {
  const found = policies({ [site]: { default: reject }, [own]: { default: accept } }, 'debian');
  t.match(found, [
    { file: site, requirements: [{ kind: 'reject' }] },
    { file: own, requirements: [{ kind: 'accept' }] },
  ]);
});

t.test('keys and identities are read; what is not checked is fulfilled by nothing', async (t) => {
  const one = (requirement: unknown) =>
    policies({ [site]: { default: [requirement] } }, 'debian', { '/k': 'PEM', '/l': 'PEM 2' })[0]
      ?.requirements[0];
  t.same(one({ type: 'sigstoreSigned', keyPath: '/k' }), {
    kind: 'signed',
    keys: [{ pem: 'PEM', name: '/k' }],
    identity: { kind: 'reference' },
  });
  t.match(
    one({ type: 'sigstoreSigned', keyPaths: ['/k', '/l'], signedIdentity: { type: 'matchRepository' } }),
    {
      keys: [{ name: '/k' }, { name: '/l' }],
      identity: { kind: 'repository' },
    },
  );
  for (const requirement of [
    { type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' },
    { type: 'sigstoreSigned', fulcio: {} },
    { type: 'sigstoreSigned', keyPath: '/k', rekorPublicKeyPath: '/k' },
    { type: 'sigstoreSigned', keyPath: '/k', signedIdentity: { type: 'remapIdentity' } },
    { type: 'somethingNew' },
    {},
  ])
    t.match(one(requirement), { kind: 'unknown' }, JSON.stringify(requirement));
  t.throws(() => one({ type: 'sigstoreSigned', keyPath: '/none' }), { message: 'there is no key /none' });
  t.throws(() => one({ type: 'sigstoreSigned' }), { message: /sigstoreSigned has no keyPath/ });
});

t.test('a file that can not be understood refuses everything', async (t) => {
  for (const content of [
    '{',
    '[]',
    { default: [] },
    {},
    { default: 'x' },
    { default: accept, transports: [] },
  ])
    t.throws(() => policies({ [site]: content }, 'debian'), { message: /\/etc\/containers\/policy\.json/ });
});
