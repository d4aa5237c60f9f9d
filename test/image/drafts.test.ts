/** What killed commands leave in storage, and who goes on with their work: here, and on nodes that can't be seen. */
import { chownSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { archiveOf, dockerFiles, sha256, twoLayers } from '../helpers/images.js';
import { eventually, isRoot, type User } from '../helpers/support.js';
import { makeTar } from '../helpers/tar.js';
import { makePlace, type Place, test } from './image.js';
import { runImage, serveImage, type TestRegistry } from './registry.js';

t.setTimeout(300_000);

const minute = 60;
/** Text of a lease whose process no test can see. */
const elsewhere = 'node17 4711 12345 6c1f1d8e-0000-4000-8000-000000000000:4026531836\n';
const leasesIn = ({ state }: Place) => readdirSync(join(state, 'leases'));
const drafts = (place: Place) => place.stored().filter((name) => name.startsWith('tmp/'));

/** As if the user had made it. */
function give(path: string, { uid, gid }: User): void {
  if (isRoot) chownSync(path, uid, gid);
}

/** So that its heartbeat was then. */
function age(path: string, seconds: number): void {
  const then = Date.now() / 1000 - seconds;
  utimesSync(path, then, then);
}

/** Anything that makes an image. */
function makeAnother(t: Test, place: Place): void {
  const file = join(place.directory, 'another.tar');
  writeFileSync(file, archiveOf(dockerFiles()), { mode: 0o644 });
  const { status, stderr } = place.image(['import', '--force', file, 'another']);
  t.equal(status, 0, stderr);
}

const large = [...twoLayers, makeTar([{ name: 'large', data: Buffer.alloc(3_000_000, 'text') }])];
const parts = {
  layers: large,
  compress: (same: Buffer) => same,
  layerType: 'application/vnd.oci.image.layer.v1.tar',
};

/** A pull in the middle: its image is begun, and the largest layer does not arrive before `release` is called. */
async function beginPull(t: Test, place: Place, user: User) {
  const top = large.at(-1) ?? Buffer.of();
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let signal: (name: NodeJS.Signals) => void = () => undefined;
  const { repository } = await serveImage(t, parts, (request, response) => {
    if (!request.url?.includes(sha256(top))) return false;
    response.writeHead(200, { 'content-length': top.length });
    void released.then(() => response.end(top));
    return true;
  });
  const ending = runImage(place, user, ['pull', `${repository}:1.0`, 'solver'], {}, (kill) => {
    signal = kill;
  });
  t.ok(await eventually(() => drafts(place).length > 0));
  return { ending, signal, release };
}

test('what a killed pull has made goes with the next image that is made', async (t, user) => {
  const place = makePlace(t, user);
  const { ending, signal } = await beginPull(t, place, user);
  signal('SIGKILL');
  t.match(await ending, { signal: 'SIGKILL' });
  t.equal(drafts(place).length, 1);
  makeAnother(t, place);
  t.same(place.stored(), ['img/another.sqfs', 'records/another.json']);
  t.notOk(leasesIn(place).some((name) => name.startsWith('draft')));
});

test('a pull that is stopped keeps what it has made, and goes on', async (t, user) => {
  const place = makePlace(t, user);
  const { ending, signal, release } = await beginPull(t, place, user);
  const before = drafts(place);
  signal('SIGSTOP');
  for (const name of leasesIn(place)) age(join(place.state, 'leases', name), 120 * minute);
  makeAnother(t, place);
  t.same(drafts(place), before);
  signal('SIGCONT');
  release();
  t.match(await ending, { status: 0, stderr: '' });
  t.same(leasesIn(place), []);
});

test('of processes on other nodes, only what is silent for an hour is removed', (t, user) => {
  const place = makePlace(t, user);
  makeAnother(t, place);
  const inTmp = (name: string) => join(place.state, 'tmp', name);
  for (const [owner, silent] of [
    ['4711.1700000000000', 30 * minute],
    ['4712.1700000000000', 61 * minute],
  ] as const) {
    const path = join(place.state, `leases/draft.${owner}`);
    writeFileSync(path, elsewhere);
    age(path, silent);
    writeFileSync(inTmp(`solver.${owner}`), 'draft');
    mkdirSync(inTmp(`solver.${owner}.packs`));
  }
  writeFileSync(inTmp('solver.4711.4712'), 'of no lease');
  makeAnother(t, place);
  t.same(drafts(place), [
    'tmp/solver.4711.1700000000000',
    'tmp/solver.4711.1700000000000.packs',
    'tmp/solver.4711.4712',
  ]);
  t.same(leasesIn(place), ['draft.4711.1700000000000']);
});

/** Pulls while `lease` is held on another node. Whether blobs were asked for before it was silent for long. */
async function pullBeside(
  { place, user, registry }: { place: Place; user: User; registry: TestRegistry },
  lease: string,
  waiting: string,
): Promise<boolean | undefined> {
  writeFileSync(lease, elsewhere);
  give(lease, user);
  const count = registry.asked.length;
  let wasAsked: boolean | undefined;
  const words = ['pull', `${registry.repository}:1.0`, 'solver'];
  const { status, stderr } = await runImage(place, user, words, {}, (_, __, printed) => {
    void eventually(() => printed().includes(waiting)).then(() => {
      wasAsked = registry.asked.slice(count).some((each) => each.includes(sha256(large.at(-1) ?? '')));
      age(lease, 2 * minute);
    });
  });
  t.equal(status, 0, stderr);
  t.same(leasesIn(place), []);
  return wasAsked;
}

test('a pull waits for one on another node, and takes over its blob when that is silent', async (t, user) => {
  const place = makePlace(t, user);
  makeAnother(t, place);
  const top = large.at(-1) ?? Buffer.of();
  const registry = await serveImage(t, parts);
  const blobs = join(place.state, 'blobs/sha256');
  const part = join(blobs, `${sha256(top)}.part.4711.1700000000000`);
  for (const path of [join(blobs, '..'), blobs]) mkdirSync(path);
  writeFileSync(part, top.subarray(0, 1_000_000));
  for (const path of [join(blobs, '..'), blobs, part]) give(path, user);
  const lease = join(place.state, 'leases', sha256(top));
  const waiting = 'another process is at 1 of its blobs: waiting';
  t.equal(await pullBeside({ place, user, registry }, lease, waiting), false);
  t.ok(
    registry.headers.some(({ range }) => range === 'bytes=1000000-'),
    'from the bytes that had come',
  );
  t.ok(readFileSync(join(blobs, sha256(top))).equals(top));
});

test('the same of the whole image', async (t, user) => {
  const place = makePlace(t, user);
  makeAnother(t, place);
  const registry = await serveImage(t, parts);
  const { stdout } = await runImage(place, user, ['pull', '--dry-run', `${registry.repository}:1.0`]);
  const [, manifest = ''] = /^manifest sha256:(\w+)$/m.exec(stdout) ?? [];
  const lease = join(place.state, 'leases', manifest);
  const waiting = 'another process is at solver: waiting';
  t.equal(await pullBeside({ place, user, registry }, lease, waiting), false);
  t.same(place.stored(), [
    ...['img/another.sqfs', 'img/solver.sqfs'],
    ...['records/another.json', 'records/solver.json'],
  ]);
});
