/** What docker-registry wants with `auth: token`: a server that gives signed tokens, and a way to it that can be slowed. */
import { randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as ask, createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

/** docker-registry takes a token for so many seconds more than it says. */
const leeway = 60;

export interface TokenServer {
  readonly port: number;
  /** The query of each request for a token, and the name in it; `refused` for a wrong password. */
  readonly asked: { readonly scopes: readonly string[]; readonly user: string }[];
  /** When the token that was given last is valid no more, in milliseconds. */
  end: number;
}

async function listen(t: Test, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const base64url = (data: string | Buffer) => Buffer.from(data as string).toString('base64url');

/** JSON Web Token (RFC 7519), signed with ES256, with the certificate of the key. */
function tokenFor(
  user: string,
  scopes: readonly string[],
  key: string,
  certificate: string,
  seconds: number,
): string {
  const [, der = ''] =
    /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END/.exec(readFileSync(certificate, 'utf8')) ?? [];
  const now = Math.floor(Date.now() / 1000);
  const access = scopes.map((scope) => {
    const [type, name, actions = ''] = scope.split(':');
    return { type, name, actions: actions.split(',') };
  });
  const header = { typ: 'JWT', alg: 'ES256', x5c: [der.replace(/\s/g, '')] };
  const claims = {
    iss: 'test',
    sub: user,
    aud: 'registry',
    exp: now + seconds - leeway,
    nbf: now - 2 * leeway,
    iat: now,
    jti: randomUUID(),
    access,
  };
  const signed = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
  const signature = sign('sha256', Buffer.from(signed), {
    key: readFileSync(key),
    dsaEncoding: 'ieee-p1363',
  });
  return `${signed}.${base64url(signature)}`;
}

/** Gives tokens to alice, whose password is `secret`; `lifetime` says for how many seconds. */
export async function serveTokens(
  t: Test,
  { key, certificate }: { readonly key: string; readonly certificate: string },
  lifetime: () => number,
): Promise<TokenServer> {
  const asked: TokenServer['asked'] = [];
  const port = await listen(t, (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://x');
    const [user = '', password] = Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64')
      .toString()
      .split(':');
    if (user !== 'alice' || password !== 'secret') {
      asked.push({ scopes: [], user: 'refused' });
      response.writeHead(401).end('{"details":"incorrect username or password"}');
      return;
    }
    const scopes = searchParams.getAll('scope');
    const seconds = lifetime();
    asked.push({ scopes, user });
    server.end = Date.now() + seconds * 1000;
    response.end(JSON.stringify({ token: tokenFor(user, scopes, key, certificate, seconds) }));
  });
  const server: TokenServer = { port, asked, end: 0 };
  return server;
}

/** A way to the registry at `port`, on which `before` may hold up requests; each is remembered with its status. */
export async function serveWay(
  t: Test,
  port: () => number,
  before: (request: IncomingMessage) => Promise<void>,
): Promise<{ readonly port: number; readonly statuses: string[] }> {
  const statuses: string[] = [];
  const way = await listen(t, async (request, response) => {
    await before(request);
    const { method, url, headers } = request;
    const onward = ask({ port: port(), host: '127.0.0.1', method, path: url, headers }, (answer) => {
      statuses.push(`${method} ${url?.split('/')[4]?.replace(/\?.*/, '')} ${answer.statusCode}`);
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  return { port: way, statuses };
}
