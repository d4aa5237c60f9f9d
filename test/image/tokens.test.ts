/** docker-registry with tokens: what they are asked for, and what happens when they expire. */
import { join } from 'node:path';
import t from 'tap';
import { skip } from '../helpers/support.js';
import { makeCertificate, noRegistry, runs, serve } from './docker-registry.js';
import { makePlace, test } from './image.js';
import { runImage, serveImage } from './registry.js';
import { serveTokens, serveWay } from './token-server.js';

t.setTimeout(120_000);

test('log in, push, mount and pull with tokens, of which one expires in the middle', async (t, user) => {
  if (noRegistry) return skip(t, noRegistry);
  const place = makePlace(t, user);
  const source = await serveImage(t);
  t.match(await runImage(place, user, ['pull', `${source.repository}:1.0`, 'tool']), { status: 0 });
  const pair = makeCertificate(place);
  let short = false;
  const tokens = await serveTokens(t, pair, () => (short ? 2 : 300));
  let registry = 0;
  const way = await serveWay(
    t,
    () => registry,
    async ({ url, method }) => {
      if (!short || method !== 'GET' || !url?.includes('/blobs/')) return;
      // Of the token in use: another request may fetch one that lasts while this one waits.
      const expired = tokens.end + 1500;
      while (Date.now() < expired) await new Promise((resolve) => setTimeout(resolve, 50));
      short = false;
    },
  );
  const auth = `auth: {token: {realm: 'http://127.0.0.1:${tokens.port}/token', service: registry, issuer: test, rootcertbundle: ${pair.certificate}}}\n`;
  registry = await serve(t, join(place.directory, 'registry'), `http: {addr: 127.0.0.1:0}\n${auth}`);
  const name = `127.0.0.1:${way.port}`;
  const env = { REGISTRY_AUTH_FILE: join(place.storage, 'auth.json') };
  const image = (words: readonly string[], input?: string) =>
    runImage(place, user, words, env, undefined, input);

  const login = ['login', '-u', 'alice', '--password-stdin', name];
  t.match(await image(login, 'wrong'), { status: 31, stderr: /refuses alice with this password/ });
  t.match(await image(login, 'secret'), { status: 0, stderr: '' });
  t.same(tokens.asked, [
    { scopes: [], user: 'refused' },
    { scopes: [], user: 'alice' },
  ]);

  t.match(await image(['push', 'tool', `${name}/team/tool:1`]), { status: 0, stderr: '' });
  t.match(await image(['pull', `${name}/team/tool:1`, 'back']), { status: 0, stderr: '' });
  t.match(await image(['push', 'back', `${name}/other/tool:1`]), {
    status: 0,
    stderr: '',
    stdout: /3 of 3 blobs were there already/,
  });
  t.ok(
    tokens.asked.some(
      ({ scopes }) =>
        scopes.some((each) => /^repository:team\/tool:pull/.test(each)) &&
        scopes.some((each) => /^repository:other\/tool:/.test(each)),
    ),
    'a token for both repositories',
  );

  t.match(place.image(['delete', 'tool', 'back']), { status: 0 });
  const other = makePlace(t, user);
  short = true;
  way.statuses.length = 0;
  const pulled = await runImage(other, user, ['pull', `${name}/other/tool:1`, 'fresh'], env);
  t.match(pulled, { status: 0, stderr: '' });
  t.ok(way.statuses.includes('GET blobs 401'), 'the token had expired');
  runs(t, other, user, 'fresh');
});
