/** A registry that answers as the test says: what is asked, in which order, and with whose name. */
import t from 'tap';
import { Registry } from '../../../src/registry/client.js';
import type { Answer, Network, Request } from '../../../src/registry/network.js';
import { complete, parseReference } from '../../../src/registry/reference.js';
import { listTags, resolveImage } from '../../../src/registry/remote-image.js';
import { fakeHost } from '../../helpers/fake-host.js';

interface Said {
  readonly status?: number;
  readonly failure?: Answer['failure'];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly size?: number;
  readonly digest?: string;
}

/** Answers each request at once; keeps them all. */
function fakeNetwork(respond: (request: Request, count: number) => Said) {
  const asked: Request[] = [];
  const ready: Answer[] = [];
  const network: Network = {
    start(request) {
      asked.push(request);
      const {
        status = 200,
        failure = '',
        headers = {},
        body = '',
        size = 0,
        digest = '',
      } = respond(request, asked.length);
      const header = (name: string) => headers[name];
      ready.push({ id: asked.length, status, failure, text: failure, size, digest, body, header });
      return asked.length;
    },
    next: () => ready.shift(),
    progress: () => [],
  };
  return { network, asked };
}

function registryOf(
  network: Network,
  {
    name = 'h.org/a/b:1',
    insecure = false,
    credentials = undefined as { user: string; password: string } | undefined,
  } = {},
) {
  const reference = parseReference(name);
  return new Registry(complete(reference, reference.registry ?? 'docker.io'), {
    network,
    host: fakeHost(),
    credentials: () => (credentials ? { kind: 'password', ...credentials } : undefined),
    trust: {},
    insecure,
  });
}

const job = { path: 'blobs/x', what: 'the blob', limit: 10 };
const authorization = (request: Request | undefined) => request?.headers?.Authorization;

t.test(
  'a token is got where the registry says, with our name, and shown to the registry alone',
  async (t) => {
    const { network, asked } = fakeNetwork(({ url, headers = {} }) => {
      if (url.startsWith('https://auth.org/token')) return { body: '{"token":"T"}' };
      if (url.startsWith('https://cdn.org')) return { body: 'ok' };
      if (headers.Authorization !== 'Bearer T')
        return {
          status: 401,
          headers: { 'www-authenticate': 'Bearer realm="https://auth.org/token",service="s"' },
        };
      return { status: 307, headers: { location: 'https://cdn.org/x?sig=1' } };
    });
    const registry = registryOf(network, { credentials: { user: 'u', password: 'p' } });
    t.equal(registry.ask(job).body, 'ok');
    t.same(
      asked.map(({ url }) => url),
      [
        'https://h.org/v2/a/b/blobs/x',
        'https://auth.org/token?service=s&scope=repository%3Aa%2Fb%3Apull',
        'https://h.org/v2/a/b/blobs/x',
        'https://cdn.org/x?sig=1',
      ],
    );
    t.same(asked.map(authorization), [
      undefined,
      `Basic ${Buffer.from('u:p').toString('base64')}`,
      'Bearer T',
      undefined,
    ]);
  },
);

t.test(
  'another token is fetched for one that has expired; one that is refused twice is a refusal',
  async (t) => {
    let valid = 'none';
    let tokens = 0;
    const { network } = fakeNetwork(({ url, headers = {} }) => {
      if (url.includes('token')) {
        valid = `T${++tokens}`;
        return { body: JSON.stringify({ access_token: valid }) };
      }
      if (headers.Authorization !== `Bearer ${valid}`)
        return { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://h.org/token"' } };
      return { body: 'ok' };
    });
    const registry = registryOf(network);
    t.equal(registry.ask(job).body, 'ok');
    valid = 'expired';
    t.equal(registry.ask(job).body, 'ok');
    t.equal(tokens, 2);
    const never = fakeNetwork(({ url }) =>
      url.includes('token')
        ? { body: '{"token":"T"}' }
        : {
            status: 401,
            headers: { 'www-authenticate': 'Bearer realm="https://h.org/token"' },
            body: '{"errors":[{"message":"denied\\u001b[1m"}]}',
          },
    );
    t.throws(() => registryOf(never.network).ask(job), {
      message: /^can't get the blob from https:\/\/h\.org: access is refused: denied.*\(status 401\)$/,
      hint: /log in/,
    });
  },
);

t.test('neither a token nor a blob is got without TLS where the registry has it', async (t) => {
  const plain = fakeNetwork(() => ({
    status: 401,
    headers: { 'www-authenticate': 'Bearer realm="http://auth.org/t"' },
  }));
  t.throws(() => registryOf(plain.network).ask(job), { message: /not protected by TLS/ });
  const away = fakeNetwork(() => ({ status: 302, headers: { location: 'http://cdn.org/x' } }));
  t.throws(() => registryOf(away.network).ask(job), {
    message: /redirects the blob to http:\/\/cdn\.org, which is not protected/,
  });
  const file = fakeNetwork(() => ({ status: 302, headers: { location: 'file:///etc/passwd' } }));
  t.throws(() => registryOf(file.network, { insecure: true }).ask(job), { message: /redirects the blob/ });
});

t.test('circles of redirections end', async (t) => {
  const { network, asked } = fakeNetwork(() => ({ status: 302, headers: { location: '/x' } }));
  t.throws(() => registryOf(network).ask(job), { message: /more than 10 times/ });
  t.equal(asked.length, 11);
});

t.test('a registry without TLS: on this machine, or where that is asked for', async (t) => {
  const plainOnly = () =>
    fakeNetwork(({ url }) => (url.startsWith('https') ? { status: 0, failure: 'tls' } : { body: 'ok' }));
  t.equal(registryOf(plainOnly().network, { name: 'localhost:5000/a' }).ask(job).body, 'ok');
  t.equal(registryOf(plainOnly().network, { name: 'h.org/a', insecure: true }).ask(job).body, 'ok');
  t.throws(() => registryOf(plainOnly().network, { name: 'h.org/a' }).ask(job), {
    message: /can't get the blob/,
  });
  t.throws(() => registryOf(plainOnly().network, { name: 'localhost.evil.org/a' }).ask(job), {
    message: /can't get/,
  });
});

t.test('a certificate that is wrong is never got around', async (t) => {
  const { network, asked } = fakeNetwork(({ url }) =>
    url.startsWith('https') ? { status: 0, failure: 'certificate' } : { body: 'ok' },
  );
  for (const name of ['localhost:5000/a', 'h.org/a'])
    t.throws(() => registryOf(network, { name }).ask(job), { message: /can't get/, hint: /certs\.d\// });
  t.equal(asked.length, 2);
});

t.test('what breaks off goes on where it was, if the server still has the same', async (t) => {
  const { network, asked } = fakeNetwork((_, count) =>
    count === 1
      ? { status: 0, failure: 'cut', size: 4, headers: { etag: '"e"' } }
      : { status: 206, size: 10, digest: 'd' },
  );
  const done: Answer[] = [];
  registryOf(network).run([{ ...job, file: '/f', done: (answer) => done.push(answer) > 0 }], 1);
  t.equal(done.length, 1);
  t.match(asked[1], { file: '/f', offset: 4, headers: { 'If-Range': '"e"' } });
});

t.test('what was wrong is got again from its beginning', async (t) => {
  const { network, asked } = fakeNetwork((_, count) => ({
    size: 10,
    digest: count === 1 ? 'wrong' : 'right',
  }));
  registryOf(network).run([{ ...job, file: '/f', offset: 5, done: ({ digest }) => digest === 'right' }], 1);
  t.same(
    asked.map(({ offset }) => offset),
    [5, 0],
  );
});

t.test('a server that is busy is asked again, one that refuses is not', async (t) => {
  const busy = fakeNetwork((_, count) =>
    count < 3 ? { status: 503, headers: { 'retry-after': '0' } } : { body: 'ok' },
  );
  t.equal(registryOf(busy.network).ask(job).body, 'ok');
  const refusing = fakeNetwork(() => ({ status: 403 }));
  t.throws(() => registryOf(refusing.network).ask(job), { message: /access is refused/ });
  t.equal(refusing.asked.length, 1);
  const long = fakeNetwork(() => ({ status: 429, headers: { 'retry-after': '86400' } }));
  t.throws(() => registryOf(long.network).ask(job), {
    message: /too many requests/,
    hint: /the limit ends at .* UTC, in 24 h/,
  });
});

const sha = (digit: string) => digit.repeat(64);
const descriptor = (digit: string) => ({ mediaType: 'x', digest: `sha256:${sha(digit)}`, size: 1 });
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: descriptor('c'),
  layers: [descriptor('1'), descriptor('2')],
});
const indexOf = (...platforms: readonly (readonly [string, string, string?])[]) =>
  JSON.stringify({
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: platforms.map(([os, architecture, variant], at) => ({
      ...descriptor(String(at)),
      platform: { os, architecture, variant },
    })),
  });
const amd64 = { os: 'linux', architecture: 'amd64', variant: undefined };

t.test('through an index the manifest of this machine is found', async (t) => {
  const { network, asked } = fakeNetwork(({ url }) =>
    url.endsWith('/1')
      ? { body: indexOf(['linux', 'arm64', 'v8'], ['linux', 'amd64']), digest: sha('f') }
      : { body: manifest, digest: sha('1') },
  );
  const found = resolveImage(registryOf(network), amd64);
  t.equal(found.manifest.digest, sha('1'));
  t.same(
    found.layers.map(({ digest }) => digest),
    [sha('1'), sha('2')],
  );
  t.match(asked[1]?.url, new RegExp(`manifests/sha256:${sha('1')}$`));
});

for (const [what, body, digest, message] of [
  ['another digest than was asked for', indexOf(['linux', 'amd64']), 'other', /has the digest sha256:other/],
  ['none for this machine', indexOf(['linux', 'arm64']), '', /no image for linux\/amd64/],
  ['indexes without end', undefined, sha('0'), /more than 8 deep/],
  ['schema 1', '{"schemaVersion":1}', '', /schema 1/],
  [
    'no image',
    '{"mediaType":"application/x"}',
    '',
    /is no image of containers: its manifest is 'application\/x'/,
  ],
  ['no JSON', '<html>', '', /is not JSON/],
  ['a layer without a size', manifest.replace(/"size":1}]/, '"size":-1}]'), '', /layer 2 of .* has no size/],
] as const)
  t.test(`${what} is refused`, async (t) => {
    const { network } = fakeNetwork(() => ({ body: body ?? indexOf(['linux', 'amd64']), digest }));
    t.throws(() => resolveImage(registryOf(network), amd64), { message });
  });

t.test('tags that come in parts', async (t) => {
  const { network } = fakeNetwork(({ url }) =>
    url.includes('last=b')
      ? { body: '{"tags":["c"]}' }
      : { body: '{"tags":["a","b"]}', headers: { link: '</v2/a/b/tags/list?n=1000&last=b>; rel="next"' } },
  );
  t.same(listTags(registryOf(network)), ['a', 'b', 'c']);
});

t.test(
  'requests that are under way when the registry turns out to have no TLS are made again, too',
  async (t) => {
    const { network } = fakeNetwork(({ url }) =>
      url.startsWith('https:') ? { status: 0, failure: 'tls' } : { body: url },
    );
    const ended: string[] = [];
    const jobs = ['a', 'b', 'c'].map((path) => ({
      ...job,
      path,
      done: ({ body }: Answer) => ended.push(body) > 0,
    }));
    registryOf(network, { insecure: true }).run(jobs, 3);
    t.same(
      ended.sort(),
      ['a', 'b', 'c'].map((path) => `http://h.org/v2/a/b/${path}`),
    );
  },
);

t.test('what one of several requests has got from a refusal serves the others', async (t) => {
  const { network, asked } = fakeNetwork(({ headers = {} }) =>
    headers.Authorization === undefined
      ? { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }
      : { body: 'ok' },
  );
  const jobs = ['a', 'b', 'c'].map((path) => ({ ...job, path, done: ({ body }: Answer) => body === 'ok' }));
  registryOf(network, { credentials: { user: 'u', password: 'p' } }).run(jobs, 3);
  t.equal(asked.length, 6);
});
