import t from 'tap';
import { authFiles, type Credentials, findCredentials } from '../../../src/registry/credentials.js';
import { fakeHost } from '../../helpers/fake-host.js';

const auth = (user: string, password: string) => ({
  auth: Buffer.from(`${user}:${password}`).toString('base64'),
});
const file = '/home/alice/.docker/config.json';

function find(config: unknown, registry: string, repository = 'a/b'): Credentials | undefined {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  const host = fakeHost({ paths: { [file]: Buffer.from(text) } });
  return findCredentials(registry, repository, authFiles(undefined, host), host);
}

const password = (user: string, secret: string) => ({ kind: 'password', user, password: secret });

t.test('the files, in order: one that is named takes the place of all others', async (t) => {
  const files = (variables: Record<string, string>, given?: string) =>
    authFiles(given, fakeHost({ variables: { HOME: '/h', ...variables } }));
  t.same(files({}), ['/h/.config/containers/auth.json', '/h/.docker/config.json']);
  t.same(files({ XDG_RUNTIME_DIR: '/r', XDG_CONFIG_HOME: '/c', DOCKER_CONFIG: '/d' }), [
    '/r/containers/auth.json',
    '/c/containers/auth.json',
    '/d/config.json',
  ]);
  t.same(files({ REGISTRY_AUTH_FILE: '/a' }), ['/a']);
  t.same(files({ REGISTRY_AUTH_FILE: '/a' }, 'x.json'), ['/work/x.json']);
});

for (const [what, config, registry, wanted] of [
  ['a registry', { auths: { 'h.org:5000': auth('u', 'p:q') } }, 'h.org:5000', password('u', 'p:q')],
  ['another port is another registry', { auths: { 'h.org': auth('u', 'p') } }, 'h.org:5000', undefined],
  ['a longer name is another registry', { auths: { 'h.org': auth('u', 'p') } }, 'h.org.evil', undefined],
  ['as docker writes it', { auths: { 'https://h.org/v1/': auth('u', 'p') } }, 'h.org', password('u', 'p')],
  [
    'Docker Hub',
    { auths: { 'https://index.docker.io/v1/': auth('u', 'p') } },
    'docker.io',
    password('u', 'p'),
  ],
  [
    'user and password apart',
    { auths: { 'h.org': { username: 'u', password: 'p' } } },
    'h.org',
    password('u', 'p'),
  ],
  [
    'a token',
    { auths: { 'h.org': { ...auth('u', ''), identitytoken: 't' } } },
    'h.org',
    { kind: 'token', token: 't' },
  ],
  [
    'the longest path wins',
    { auths: { 'h.org': auth('u', 'p'), 'h.org/a': auth('v', 'q') } },
    'h.org',
    password('v', 'q'),
  ],
  ['another path is not asked', { auths: { 'h.org/c': auth('v', 'q') } }, 'h.org', undefined],
  ['nothing', {}, 'h.org', undefined],
  ['an entry with nothing in it', { auths: { 'h.org': {} } }, 'h.org', undefined],
] as const)
  t.test(what, async (t) => t.same(find(config, registry), wanted));

for (const [what, config, message] of [
  ['no JSON', '{', /config.json is not JSON/],
  ['a list', '[]', /is not a JSON object/],
  ['auths that are text', { auths: 'x' }, /auths in .* is not a JSON object/],
  ['what is not base64', { auths: { 'h.org': { auth: '!' } } }, /h\.org in .* USER:PASSWORD/],
  ['a helper that is no name', { credHelpers: { 'h.org': '../x;y' } }, /'..\/x;y', which can't be a program/],
] as const)
  t.test(`${what}: the file is named`, async (t) => t.throws(() => find(config, 'h.org'), { message }));
