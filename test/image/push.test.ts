/** `ch-image-ts push`, to the real registry, and to one that breaks. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { sha256 } from '../helpers/images.js';
import { copyImage, skip, type User } from '../helpers/support.js';
import { makePassword, noRegistry, runs, serve } from './docker-registry.js';
import { makePlace, type Place, refuses, test } from './image.js';
import { runImage, serveImage } from './registry.js';
import { serveUploads, type UploadFault } from './upload-registry.js';

t.setTimeout(120_000);

/** An image in storage, with the layers that it was pulled with. */
async function pullTool(t: Test, place: Place, user: User): Promise<string> {
  const { repository } = await serveImage(t);
  t.match(await runImage(place, user, ['pull', `${repository}:1.0`, 'tool']), { status: 0, stderr: '' });
  return JSON.parse(place.image(['inspect', 'tool']).stdout).manifestDigest;
}

test('an image goes to the registry with the layers and the manifest that it came with', async (t, user) => {
  if (noRegistry) return skip(t, noRegistry);
  const place = makePlace(t, user);
  const digest = await pullTool(t, place, user);
  const port = await serve(
    t,
    join(place.directory, 'registry'),
    `http: {addr: 127.0.0.1:0}\n${makePassword(place, 'bob', 'secret')}`,
  );
  const reference = `localhost:${port}/team/tool:2`;
  const env = { CH_IMAGE_STORAGE: place.storage, REGISTRY_AUTH_FILE: join(place.storage, 'auth.json') };
  refuses(
    t,
    place.image(['push', 'tool', reference], { env }),
    /access is refused.*\(status 401\)/,
    /log in/,
  );
  const login = ['login', '-u', 'bob', '--password-stdin', `localhost:${port}`];
  t.match(place.image(login, { env, input: 'secret' }), { status: 0 });
  const pushed = place.image(['push', 'tool', reference], { env });
  t.match(pushed, { status: 0, stderr: '' });
  t.match(pushed.stdout, new RegExp(`^localhost:\\d+/team/tool:2: .*, ${digest.slice(0, 19)}\n$`));
  t.match(place.image(['pull', reference, 'back'], { env }), { status: 0, stderr: '' });
  t.equal(JSON.parse(place.image(['inspect', 'back']).stdout).manifestDigest, digest);
  runs(t, place, user, 'back');
  const again = place.image(['push', 'tool', reference], { env });
  t.match(again, { status: 0, stdout: /; 3 of 3 blobs were there already\n$/ });
  // `back` came from this registry: another repository of it mounts the blobs
  const mounted = place.image(['push', 'back', `localhost:${port}/other/tool`], { env });
  t.match(mounted, { status: 0, stdout: /; 3 of 3 blobs were there already\n$/ });
  const chunked = place.image(['push', '--chunk=100K', 'tool', `localhost:${port}/chunked/tool`], { env });
  t.match(chunked, { status: 0, stderr: '' });
  t.match(place.image(['pull', `localhost:${port}/chunked/tool`, 'whole'], { env }), { status: 0 });
  runs(t, place, user, 'whole');
});

test('a directory and a SquashFS file go as one layer, which is always the same', async (t, user) => {
  const place = makePlace(t, user);
  const tree = copyImage(t, user);
  writeFileSync(join(tree, 'zeros'), Buffer.alloc(9_000_000));
  t.match(place.image(['convert', tree, 'tool.sqfs']), { status: 0 });
  const { registry, blobs, manifests } = await serveUploads(t);
  for (const [from, to] of [
    [tree, 'a'],
    ['tool.sqfs', 'b'],
    ['tool.sqfs', 'c'],
  ] as const)
    t.match(await runImage(place, user, ['push', from, `${registry}/${to}:1`]), { status: 0, stderr: '' });
  const [one, two, three] = ['a', 'b', 'c'].map((name) => manifests.get(`${name}:1`)?.bytes.toString() ?? '');
  t.equal(one, two);
  t.equal(two, three);
  const { layers, config } = JSON.parse(one ?? '') as {
    layers: readonly { mediaType: string; digest: string }[];
    config: { digest: string };
  };
  t.equal(layers.length, 1);
  t.equal(layers[0]?.mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip');
  const layer = blobs.get(`a@${layers[0]?.digest}`) ?? Buffer.of();
  t.ok(layer.length < 9_000_000);
  const described = JSON.parse(String(blobs.get(`a@${config.digest}`)));
  t.same(described.rootfs.diff_ids, [`sha256:${sha256(gunzipSync(layer))}`]);
  t.same(place.stored(), []);
});

const noise = randomBytes(3_000_000);

/** An image with one large layer. */
function makeLarge(t: Test, place: Place, user: User): string {
  const tree = copyImage(t, user);
  writeFileSync(join(tree, 'noise'), noise);
  const file = join(place.directory, 'large.sqfs');
  t.match(place.image(['convert', tree, file]), { status: 0 });
  return file;
}

/** Breaks the first request that sends much, after a part of it; keeps `kept` bytes of that. */
function breakOnce(kept: number): UploadFault {
  let broken = false;
  return (request: IncomingMessage, response, keep) => {
    if (broken || Number(request.headers['content-length'] ?? 0) < 500_000) return false;
    broken = true;
    let bytes = Buffer.of();
    request.on('data', (part: Buffer) => {
      bytes = Buffer.concat([bytes, part]);
      if (bytes.length < 700_000) return;
      request.removeAllListeners('data');
      if (kept > 0) keep(bytes.subarray(0, kept));
      response.destroy();
      request.destroy();
    });
    return true;
  };
}

test('a connection that breaks is taken up where the registry says it was', async (t, user) => {
  const place = makePlace(t, user);
  const file = makeLarge(t, place, user);
  for (const words of [[], ['--chunk=1M']]) {
    const { registry, blobs, manifests, asked } = await serveUploads(t, breakOnce(600_000));
    const pushed = await runImage(place, user, ['push', ...words, file, `${registry}/large:1`]);
    // where a connection breaks that has served before, libcurl itself may try again, and says nothing
    t.match(pushed, { status: 0, stderr: /^(\S+ warning: can't send layer 1 to .*; trying again\n)?$/ });
    t.equal(blobs.size, 2);
    t.equal(manifests.size, 1);
    t.ok(asked.some((each) => each.startsWith('GET blobs/uploads')));
    t.equal(asked.filter((each) => each === 'POST blobs/uploads').length, 2, 'one upload of each blob');
  }
});

test('where the registry has kept nothing, a blob is sent again', async (t, user) => {
  const place = makePlace(t, user);
  const file = makeLarge(t, place, user);
  const { registry, blobs, asked } = await serveUploads(t, breakOnce(0));
  const pushed = await runImage(place, user, ['push', file, `${registry}/large:1`]);
  t.match(pushed, { status: 0, stderr: /trying again/ });
  t.equal(blobs.size, 2);
  t.equal(asked.filter((each) => each === 'POST blobs/uploads').length, 3);
});

test('an answer with another digest is an error, and a refusal is final', async (t, user) => {
  const place = makePlace(t, user);
  const file = makeLarge(t, place, user);
  const lies = await serveUploads(t, (request, response) => {
    if (request.method !== 'PUT' || !request.url?.includes('manifests')) return false;
    request.resume();
    response.writeHead(201, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }).end();
    return true;
  });
  const lied = await runImage(place, user, ['push', file, `${lies.registry}/large:1`]);
  t.match(lied, {
    status: 31,
    stderr: /error: the registry has something else as the manifest: sha256:0000/,
  });
  let puts = 0;
  const wrong = await serveUploads(t, (request, response) => {
    if (request.method !== 'PUT') return false;
    puts++;
    request.resume().on('end', () => response.writeHead(400).end());
    return true;
  });
  const refused = await runImage(place, user, ['push', file, `${wrong.registry}/large:1`]);
  t.match(refused, { status: 31, stderr: /can't send .* the answer is no good \(status 400\)\n$/ });
  t.ok(puts <= 2, 'each blob once');
});
