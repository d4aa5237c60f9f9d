/** Requests against a server that misbehaves as asked: what comes of the answer, and what is in the file. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkout, scratch, skip, users } from '../../helpers/support.js';

const [user] = users;
const program = join(checkout, 'build/net/transfer');
t.setTimeout(300_000);

const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251));
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function serve(t: Test, server: Server, listener: RequestListener): Promise<number> {
  server.on('request', listener);
  // what is left open must not keep the test from ending
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

interface Answer {
  readonly status: number;
  readonly failure: string;
  readonly text: string;
  readonly size: number;
  readonly digest: string;
  readonly body: string;
  readonly headers: readonly string[];
}

/** Without a proxy of ours, unless the test has one. */
function fetchFrom(url: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [url, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const [output, errors]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (data) => output.push(data));
    child.stderr.on('data', (data) => errors.push(data));
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(Buffer.concat(errors).toString()));
      const [, status, failure = '', text = '', size, digest = '', body = '', ...headers] = Buffer.concat(
        output,
      )
        .toString('latin1')
        .split('\0')
        .slice(0, -1);
      resolve({ status: Number(status), failure, text, size: Number(size), digest, body, headers });
    });
  });
}

const whole: RequestListener = (_, response) => {
  response.writeHead(200, { 'content-length': content.length }).end(content);
};

/** As a server that knows ranges. */
const ranged: RequestListener = (request, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (from === 0) return whole(request, response);
  response.writeHead(206, { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` });
  response.end(content.subarray(from));
};

const file = (t: Test) => join(scratch(t, user), 'file');

t.test('the program can be built', async (t) => {
  const { stderr, status } = spawnSync('bash', [join(checkout, 'test/native/net/build')], {
    encoding: 'utf8',
  });
  if (status !== 0 && /without pull and push/.test(stderr)) return skip(t, stderr.trim());
  t.equal(stderr, '');
});
if (!existsSync(program)) process.exit();

t.test('a file comes whole, hashed', async (t) => {
  const port = await serve(t, createServer(), whole);
  const path = file(t);
  const answer = await fetchFrom(`http://127.0.0.1:${port}/x`, [`file=${path}`, 'limit=300000']);
  t.match(answer, { status: 200, failure: '', size: content.length, digest: sha(content), body: '' });
  t.ok(readFileSync(path).equals(content));
  t.equal(statSync(path).mode & 0o777, 0o600);
});

for (const [what, listener] of [
  ['the rest comes', ranged],
  ['the server knows no ranges: all comes', whole],
] as const)
  t.test(`of a file of which a part is there, ${what}`, async (t) => {
    const port = await serve(t, createServer(), listener);
    const path = file(t);
    writeFileSync(path, Buffer.concat([content.subarray(0, 1000), Buffer.from('left over')]));
    const answer = await fetchFrom(`http://127.0.0.1:${port}/x`, [
      `file=${path}`,
      'offset=1000',
      'limit=300000',
    ]);
    t.match(answer, { failure: '', size: content.length, digest: sha(content) });
    t.ok(readFileSync(path).equals(content));
  });

const cut: RequestListener = (_, response) => {
  response.writeHead(200, { 'content-length': content.length });
  response.write(content.subarray(0, 5000), () => response.destroy());
};

/** What the server does, what is asked, and what the answer must be; whether something of the file may be there. */
const rows: readonly (readonly [
  string,
  RequestListener,
  readonly string[],
  Partial<Record<keyof Answer, unknown>>,
])[] = [
  [
    'a connection that is cut',
    cut,
    ['limit=300000'],
    { failure: 'cut', size: 5000, digest: sha(content.subarray(0, 5000)) },
  ],
  ['more than allowed', whole, ['limit=100000'], { failure: 'too-large', text: /larger than 100000 bytes/ }],
  [
    'another range than asked for',
    (_, response) => void response.writeHead(206, { 'content-range': 'bytes 0-9/300000' }).end('0123456789'),
    ['offset=1000', 'limit=300000'],
    { failure: 'other', text: /another part/ },
  ],
  [
    'a range without a place',
    (_, response) => void response.writeHead(206).end('x'),
    ['offset=1000', 'limit=300000'],
    { failure: 'other', text: /another part/ },
  ],
  [
    'bytes that stop coming',
    (_, response) => void response.writeHead(200, { 'content-length': 10 }).write('12345'),
    ['limit=10', 'stall-seconds=1'],
    { failure: 'stalled', size: 5 },
  ],
  ['no answer', () => undefined, ['limit=10', 'stall-seconds=1'], { status: 0, failure: 'stalled' }],
  [
    'a refusal: its text is kept, the file is not touched',
    (_, response) => void response.writeHead(403).end('no!'),
    ['offset=5', 'limit=300000'],
    { status: 403, failure: '', body: 'no!', size: 5 },
  ],
  [
    'a refusal without end',
    (_, response) => void response.writeHead(500).end(content),
    ['limit=300000'],
    { status: 500, failure: 'too-large' },
  ],
  [
    'headers without end',
    (_, response) =>
      void response
        .writeHead(
          200,
          Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`x${at}`, 'y'.repeat(8000)])),
        )
        .end(),
    ['limit=10'],
    { failure: 'too-large' },
  ],
  [
    'a redirection is told, not followed',
    (_, response) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
    ['limit=10'],
    { status: 307, failure: '' },
  ],
];

for (const [what, listener, words, wanted] of rows)
  t.test(what, async (t) => {
    const port = await serve(t, createServer({ maxHeaderSize: 1 << 20 }), listener);
    const path = file(t);
    writeFileSync(path, content.subarray(0, 1000));
    t.match(await fetchFrom(`http://127.0.0.1:${port}/x`, [`file=${path}`, ...words]), wanted);
  });

t.test('what is not for a file is in the answer, hashed; what is sent arrives', async (t) => {
  const port = await serve(t, createServer(), async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    response.end(
      JSON.stringify({
        method: request.method,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      }),
    );
  });
  const url = `http://127.0.0.1:${port}/x`;
  const posted = await fetchFrom(url, ['method=POST', 'body=a=b&c', 'header=X-Y: z', 'limit=10000']);
  t.match(JSON.parse(posted.body), {
    method: 'POST',
    body: 'a=b&c',
    headers: { 'x-y': 'z', 'content-length': '5' },
  });
  t.equal(posted.digest, sha(Buffer.from(posted.body)));
  const path = file(t);
  writeFileSync(path, '0123456789');
  const put = await fetchFrom(url, [
    'method=PUT',
    `body-file=${path}`,
    'body-offset=2',
    'body-size=5',
    'limit=10000',
  ]);
  t.match(JSON.parse(put.body), { method: 'PUT', body: '23456', headers: { 'content-length': '5' } });
});

t.test('other protocols than HTTP are refused, a file that is a link, too', async (t) => {
  t.match(await fetchFrom('file:///etc/passwd', ['limit=10000']), { failure: 'other', status: 0 });
  const path = file(t);
  execFileSync('ln', ['-s', '/etc/passwd', path]);
  await t.rejects(fetchFrom('http://127.0.0.1:1/', [`file=${path}`, 'limit=1']), {
    message: /can't write .*: open: /,
  });
});

t.test('TLS: certificates of known authorities alone, for this host', async (t) => {
  const place = scratch(t, user);
  const [key, certificate] = [join(place, 'key'), join(place, 'ca.crt')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=test',
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      key,
      '-out',
      certificate,
    ],
    { stdio: 'ignore' },
  );
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) });
  const port = await serve(t, server, (_, response) => void response.end('ok'));
  const url = `https://localhost:${port}/`;
  t.match(await fetchFrom(url, ['limit=10', `ca-file=${certificate}`]), { status: 200, body: 'ok' });
  t.match(await fetchFrom(url, ['limit=10', `ca=${readFileSync(certificate, 'utf8')}`]), {
    status: 200,
    body: 'ok',
  });
  t.match(await fetchFrom(url, ['limit=10', 'insecure=yes']), { status: 200, body: 'ok' });
  t.match(await fetchFrom(url, ['limit=10']), { status: 0, failure: 'certificate' });
  t.match(await fetchFrom(`https://127.0.0.1:${port}/`, ['limit=10', `ca-file=${certificate}`]), {
    status: 0,
    failure: 'certificate',
  });
  const plainPort = await serve(t, createServer(), whole);
  t.match(await fetchFrom(`https://localhost:${plainPort}/`, ['limit=10']), { status: 0, failure: 'tls' });
  // OpenSSL's configuration is the host's
  writeFileSync(join(place, 'openssl.cnf'), 'openssl_conf = missing\n[other]\nengines = nonsense\n');
  t.match(
    await fetchFrom(url, ['limit=10', `ca-file=${certificate}`], {
      OPENSSL_CONF: join(place, 'openssl.cnf'),
    }),
    { status: 200 },
  );
});

t.test('proxies by the usual variables', async (t) => {
  const asked: string[] = [];
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const to = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      to.pipe(socket).pipe(to);
    });
    for (const each of [to, socket]) each.on('error', () => undefined);
  });
  const proxyPort = await serve(t, proxy, (request, response) => {
    asked.push(request.url ?? '');
    response.end('by proxy');
  });
  const port = await serve(t, createServer(), (_, response) => void response.end('directly'));
  const variables = { http_proxy: `http://127.0.0.1:${proxyPort}` };
  const url = `http://localhost:${port}/x`;
  t.match(await fetchFrom(url, ['limit=10'], variables), { body: 'by proxy' });
  t.same(asked, [url]);
  t.match(await fetchFrom(url, ['limit=10'], { ...variables, no_proxy: 'localhost' }), { body: 'directly' });
  t.match(await fetchFrom('https://localhost:1/', ['limit=10'], { https_proxy: 'http://127.0.0.1:1' }), {
    status: 0,
    failure: 'proxy',
    text: /127\.0\.0\.1/,
  });
});
