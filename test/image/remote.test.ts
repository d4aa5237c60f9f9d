/** Images in registries without `pull`: `convert docker://…`, `inspect docker://…`; and what helps when there is no way. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { launcher, start } from '../helpers/support.js';
import { makePlace, refuses, test } from './image.js';
import { type AsyncEnding, runImage, serveImage } from './registry.js';

t.setTimeout(120_000);

test('an image is converted from a registry, and inspected there', async (t, user) => {
  const place = makePlace(t, user);
  const { repository, asked } = await serveImage(t);
  const from = `docker://${repository}:1.0`;
  const inspected = await runImage(place, user, ['inspect', from]);
  t.match(inspected, { status: 0, stderr: '' });
  const told = JSON.parse(inspected.stdout);
  t.match(told, {
    name: `${repository}:1.0`,
    manifestDigest: /^sha256:[0-9a-f]{64}$/,
    config: { os: 'linux', config: { Env: ['A=1'] } },
  });
  t.equal(told.layers.length, 2);
  t.equal(told.size, told.layers[0].size + told.layers[1].size);
  t.equal(asked.filter((each) => each.startsWith('GET blobs')).length, 1, 'nothing but the configuration');
  t.same(place.stored(), []);

  const converted = await runImage(place, user, ['convert', from, 'tool.sqfs']);
  t.match(converted, { status: 0, stderr: '', stdout: 'tool.sqfs: from registry\n' });
  const words = [join(place.directory, 'tool.sqfs'), '--', '/probe', 'report'];
  t.equal(start(user, launcher, words).status, 0);
  const before = asked.length;
  t.match(await runImage(place, user, ['convert', from, 'tree/']), { status: 0, stderr: '' });
  t.notOk(
    asked.slice(before).some((each) => each.includes('blobs')),
    'layers are fetched once',
  );
  t.same(place.stored(), []);
});

const told = (t: Test, ending: AsyncEnding, message: RegExp, hint: RegExp) =>
  refuses(t, ending as never, message, hint);

test('a proxy that refuses is not asked again, and told with its variable', async (t, user) => {
  const place = makePlace(t, user);
  let connects = 0;
  const proxy = createServer().on('connect', (_, socket) => {
    connects++;
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.teardown(() => proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const env = { HTTPS_PROXY: `http://127.0.0.1:${port}` };
  const pull = ['pull', 'registry.example/a/b:1'];
  told(
    t,
    await runImage(place, user, pull, env),
    /CONNECT tunnel failed, response 403/,
    /variable HTTPS_PROXY names/,
  );
  t.equal(connects, 1);
  const closed = { all_proxy: 'http://127.0.0.1:1' };
  told(
    t,
    await runImage(place, user, pull, closed),
    /connect to 127\.0\.0\.1 port 1 /,
    /variable all_proxy names/,
  );
});

test('a name without a registry is told with where it was looked for', async (t, user) => {
  const place = makePlace(t, user);
  const { repository } = await serveImage(t);
  const conf = join(place.directory, 'registries.conf');
  writeFileSync(conf, `unqualified-search-registries = ["${repository.split('/')[0]}"]\n`);
  const env = { CONTAINERS_REGISTRIES_CONF: conf };
  t.match(await runImage(place, user, ['inspect', 'docker://tool/solver:1.0'], env), { status: 0 });
  told(
    t,
    await runImage(place, user, ['pull', 'owner/none'], env),
    /there is none/,
    /'owner\/none' does not begin with a registry, so it was looked for in 127\.0\.0\.1:\d+; others: HOST\[:PORT\]\/owner\/none/,
  );
});
