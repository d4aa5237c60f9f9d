/** Signatures by cosign's keys, and policies: which images are used, and which are not. */

import { spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { sha256, writeFiles } from '../helpers/images.js';
import { makeSif } from '../helpers/sif.js';
import { environmentOf, isRoot, skip, squashed, type User } from '../helpers/support.js';
import { makePlace, type Place, program, test } from './image.js';
import { type AsyncEnding, runImage, serveImage } from './registry.js';

t.setTimeout(120_000);

const makeKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: KeyObject) => String(key.export({ type: 'spki', format: 'pem' }));

interface SignedText {
  readonly payload: string;
  readonly signature: string;
}

/** As cosign does it. */
function signAs(key: KeyObject, digest: string, reference: string): SignedText {
  const critical = {
    identity: { 'docker-reference': reference },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  };
  const payload = JSON.stringify({ critical, optional: null });
  return { payload, signature: sign('sha256', Buffer.from(payload), key).toString('base64') };
}

/** A registry with an image, and what beside it claims to be its signatures. */
async function serveSigned(t: Test, place: Place, user: User) {
  const texts = new Map<string, readonly SignedText[]>();
  const served = await serveImage(t, {}, (request, response) => {
    const [, tag = ''] = /\/manifests\/(sha256-[0-9a-f]{64})\.sig$/.exec(request.url ?? '') ?? [];
    const found = texts.get(tag.replace('sha256-', 'sha256:'));
    const layers = (found ?? []).map(({ payload, signature }) => ({
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      digest: `sha256:${sha256(payload)}`,
      size: payload.length,
      annotations: { 'dev.cosignproject.cosign/signature': signature },
    }));
    if (found) response.end(JSON.stringify({ schemaVersion: 2, layers }));
    const [, blob] = /\/blobs\/sha256:([0-9a-f]{64})$/.exec(request.url ?? '') ?? [];
    const text = [...texts.values()].flat().find(({ payload }) => sha256(payload) === blob);
    if (text) response.end(text.payload);
    return found !== undefined || text !== undefined;
  });
  const { repository } = served;
  const inspected = await runImage(place, user, ['inspect', `docker://${repository}:1.0`]);
  const digest = String(JSON.parse(inspected.stdout).manifestDigest);
  return { repository, texts, digest, asked: served.asked };
}

test('an image is used only if the owner of the key has signed exactly it', async (t, user) => {
  const place = makePlace(t, user);
  const [ours, theirs] = [makeKeys(), makeKeys()];
  const file = join(place.directory, 'cosign.pub');
  writeFileSync(file, pem(ours.publicKey), { mode: 0o644 });
  const { repository, texts, digest } = await serveSigned(t, place, user);
  const pull = (...words: readonly string[]) =>
    runImage(place, user, ['pull', ...words, `${repository}:1.0`, 'tool']);
  const refused = async (message: RegExp) => {
    t.match(await pull('--verify-key', file), { status: 31, stdout: '', stderr: message });
    t.same(place.stored(), []);
  };
  const right = signAs(ours.privateKey, digest, repository);
  await refused(/is refused by --verify-key: it has no signature/);
  texts.set(digest, [signAs(theirs.privateKey, digest, repository)]);
  await refused(/none of its 1 signatures is by .*cosign\.pub/);
  // what was signed for another image is put beside this one
  texts.set(digest, [signAs(ours.privateKey, `sha256:${'0'.repeat(64)}`, repository)]);
  await refused(/what was signed is another image/);
  const changed = right.payload.replace('"optional":null', '"optional":{}');
  texts.set(digest, [{ payload: changed, signature: right.signature }]);
  await refused(/none of its 1 signatures/);
  texts.set(digest, [{ payload: right.payload, signature: 'AAAA' }]);
  await refused(/none of its 1 signatures/);
  texts.set(digest, [signAs(theirs.privateKey, digest, repository), right]);
  t.match(await pull('--verify-key', file), { status: 0, stderr: '' });
  const convert = ['convert', '--verify-key', file, `docker://${repository}:1.0`, 'x.sqfs'];
  t.match(await runImage(place, user, convert), { status: 0, stderr: '' });
  texts.clear();
  t.match(await runImage(place, user, [...convert.slice(0, -1), 'y.sqfs']), {
    status: 31,
    stderr: /no signature/,
  });

  writeFileSync(file, 'no key', { mode: 0o644 });
  texts.set(digest, [right]);
  t.match(await pull('--verify-key', file), {
    status: 31,
    stderr: /can't use the key .*cosign\.pub: it is no public key in PEM\n.*hint: cosign\.pub is one/,
  });
  t.match(await pull('--verify-key', '/none'), { status: 31, stderr: /there is no key \/none/ });
});

test('keys of other kinds: Ed25519 and RSA are good, short and foreign ones are not', async (t, user) => {
  const place = makePlace(t, user);
  const { repository, texts, digest } = await serveSigned(t, place, user);
  const pairs = [
    generateKeyPairSync('ed25519'),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('rsa', { modulusLength: 1024 }),
    generateKeyPairSync('x25519'),
  ];
  const messages = [
    undefined,
    undefined,
    /an RSA key of less than 2048 bits/,
    /of a kind that signs no images/,
  ];
  for (const [at, { publicKey, privateKey }] of pairs.entries()) {
    const file = join(place.directory, `key${at}`);
    writeFileSync(file, pem(publicKey), { mode: 0o644 });
    const { payload } = signAs(makeKeys().privateKey, digest, repository);
    const type = privateKey.asymmetricKeyType;
    const signature =
      type === 'x25519'
        ? 'AAAA'
        : sign(type === 'ed25519' ? null : 'sha256', Buffer.from(payload), privateKey).toString('base64');
    texts.set(digest, [{ payload, signature }]);
    const ending = await runImage(place, user, [
      'pull',
      '--verify-key',
      file,
      `${repository}:1.0`,
      `tool${at}`,
    ]);
    const message = messages[at];
    t.match(ending, message ? { status: 31, stderr: message } : { status: 0, stderr: '' });
  }
});

test("the user's policy goes by registry and repository", async (t, user) => {
  const place = makePlace(t, user);
  const { publicKey, privateKey } = makeKeys();
  const { repository, texts, digest } = await serveSigned(t, place, user);
  const home = join(place.directory, 'home');
  writeFiles(home, { 'key.pub': Buffer.from(pem(publicKey)) });
  const pull = (docker: unknown) => {
    const policy = { default: [{ type: 'reject' }], transports: { docker } };
    writeFiles(home, { '.config/containers/policy.json': Buffer.from(JSON.stringify(policy)) });
    return runImage(place, user, ['pull', `${repository}:1.0`, 'tool'], { HOME: home });
  };
  const registry = repository.split('/')[0] ?? '';
  const signed = { type: 'sigstoreSigned', keyPath: join(home, 'key.pub') };
  const byRepository = { ...signed, signedIdentity: { type: 'matchRepository' } };
  t.match(await pull({}), {
    status: 31,
    stderr: /is refused by .*policy\.json \(default\): the policy rejects it/,
  });
  t.match(await pull({ [registry]: [byRepository] }), { status: 31, stderr: /it has no signature/ });
  texts.set(digest, [signAs(privateKey, digest, `${registry}/tool/other`)]);
  t.match(await pull({ [registry]: [byRepository] }), {
    status: 31,
    stderr: /what was signed is another image/,
  });
  texts.set(digest, [signAs(privateKey, digest, repository)]);
  t.match(await pull({ [registry]: [signed] }), { status: 31, stderr: /what was signed is another image/ });
  t.match(await pull({ [registry]: [{ type: 'signedBy', keyType: 'GPGKeys' }] }), {
    status: 31,
    stderr: /the policy wants 'signedBy', which is not checked here\n.*hint: podman may/,
  });
  t.same(place.stored(), []);
  t.match(await pull({ [registry]: [byRepository] }), { status: 0, stderr: '' });
  t.match(await pull({ [registry]: [{ type: 'insecureAcceptAnything' }] }), { status: 0, stderr: '' });
});

const sitePolicy = '/etc/containers/policy.json';

/** With another policy of the site, in a mount namespace. */
function runAtSite(place: Place, user: User, policy: string, words: readonly string[], home: string) {
  const script = `mount --bind "$0" ${sitePolicy} && exec "$@"`;
  const namespaces = user.uid === 0 ? ['-m'] : ['-Urm'];
  return new Promise<AsyncEnding>((resolve) => {
    const child = spawn('unshare', [...namespaces, '/bin/sh', '-c', script, policy, program, ...words], {
      cwd: place.directory,
      env: { ...environmentOf(user), CH_IMAGE_STORAGE: place.storage, HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
    });
    const texts = ['', ''];
    for (const [at, stream] of [child.stdout, child.stderr].entries())
      stream.on('data', (data) => {
        texts[at] += data;
      });
    child.on('close', (status, signal) =>
      resolve({ status, signal, stdout: texts[0] ?? '', stderr: texts[1] ?? '' }),
    );
  });
}

test("the site's policy binds, whatever the user's says", async (t, user) => {
  if (!existsSync(sitePolicy)) return skip(t, `there is no ${sitePolicy} to mount over`);
  const place = makePlace(t, user);
  const { repository } = await serveSigned(t, place, user);
  const home = join(place.directory, 'home');
  const all = { default: [{ type: 'insecureAcceptAnything' }] };
  writeFiles(home, { '.config/containers/policy.json': Buffer.from(JSON.stringify(all)) });
  const policy = join(place.directory, 'policy.json');
  const pull = ['pull', `${repository}:1.0`, 'tool'];
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'reject' }] }), { mode: 0o644 });
  t.match(await runAtSite(place, user, policy, pull, home), {
    status: 31,
    stderr: /is refused by \/etc\/containers\/policy\.json \(default\): the policy rejects it/,
  });
  writeFileSync(policy, JSON.stringify(all));
  t.match(await runAtSite(place, user, policy, pull, home), { status: 0, stderr: '' });
});

test('of a signed SIF it is said that its signature was not checked', async (t, user) => {
  const place = makePlace(t, user);
  const sif = makeSif(readFileSync(squashed), [{}, { type: 0x4005 }]);
  writeFileSync(join(place.directory, 'tool.sif'), sif, { mode: 0o644 });
  const warning =
    /warning: the SIF file is signed; its signature was not checked: 'apptainer verify' does\n$/;
  for (const words of [
    ['import', 'tool.sif', 'tool'],
    ['import', '--unpack', 'tool.sif', 'tree'],
    ['convert', 'tool.sif', 'tool.sqfs'],
    ['convert', 'tool.sif', 'tool/'],
  ])
    t.match(place.image(words), { status: 0, stderr: warning });
});
