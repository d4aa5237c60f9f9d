/** Room in storage: what takes it, what is said before it runs out, and what is left when it does; and what is in use. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { archiveOf, dockerFiles, ociLayout, twoLayers } from '../helpers/images.js';
import { environmentOf, isRoot, launcher, start, type User } from '../helpers/support.js';
import { makeTar } from '../helpers/tar.js';
import { makePlace, type Place, program, test } from './image.js';

t.setTimeout(300_000);

function placeWithImage(t: Test, user: User): Place {
  const place = makePlace(t, user);
  writeFileSync(join(place.directory, 'file.tar'), archiveOf(dockerFiles()));
  t.equal(place.image(['import', 'file.tar', 'one']).status, 0);
  return place;
}

test('df counts images once, and says what prune would free', (t, user) => {
  const place = placeWithImage(t, user);
  t.equal(place.image(['tag', 'one', 'two']).status, 0);
  const old = join(place.state, 'tmp/old');
  writeFileSync(old, 'x'.repeat(4096));
  utimesSync(old, 0, Date.now() / 1000 - 25 * 60 * 60);
  writeFileSync(join(place.state, 'tmp/young'), 'x'.repeat(100));
  const size = readFileSync(join(place.storage, 'img/one.sqfs')).length;
  const found = JSON.parse(place.image(['df', '--json']).stdout);
  t.match(found, {
    storage: place.storage,
    rows: [
      { what: 'images', count: 2, size },
      { what: 'blobs of registries', count: 0, size: 0 },
      { what: 'packs of layers', count: 2 },
      { what: 'unfinished', count: 2, size: 4196 },
    ],
    pruned: 4096,
  });
  t.ok(found.free > 0 && found.total >= found.free);
  const { stdout } = place.image(['df']);
  t.match(stdout, /^images +2 .*\nblobs of registries +0 +0 B\n/);
  t.match(stdout, /\nprune would free +4\.0 KiB\nfree +[\d.]+ .iB\n$/);
});

test('list says how many containers use an image', async (t, user) => {
  const place = placeWithImage(t, user);
  mkdirSync(join(place.storage, 'img/tree'));
  t.equal(place.image(['convert', '-f', 'storage/img/one.sqfs', 'storage/img/tree/']).status, 0);
  const listed = () =>
    (JSON.parse(place.image(['list', '--json']).stdout) as { name: string; containers: number }[]).map(
      ({ name, containers }) => [name, containers],
    );
  t.same(listed(), [
    ['one', 0],
    ['tree', 0],
  ]);
  const beginIn = (...words: readonly string[]) =>
    spawn(launcher, ['-s', place.storage, ...words, '--', '/probe', 'wait'], {
      cwd: place.directory,
      env: environmentOf(user),
      stdio: 'ignore',
      ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
    });
  const end = async (child: ReturnType<typeof beginIn>) => {
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    await ended;
  };
  const children = ['one', 'one', 'tree'].map((name) => beginIn(name));
  const wanted = [
    ['one', 2],
    ['tree', 1],
  ];
  const until = Date.now() + 60_000;
  while (JSON.stringify(listed()) !== JSON.stringify(wanted) && Date.now() < until) await setTimeout(20);
  t.same(listed(), wanted);
  t.match(place.image(['list']).stdout, /^one .* {2}2 containers\ntree .* {2}1 container\n$/);
  for (const child of children) await end(child);
  t.same(listed(), [
    ['one', 0],
    ['tree', 0],
  ]);
  const upper = join(place.directory, 'upper');
  const written = [beginIn('-W', 'one'), beginIn('-W', 'tree'), beginIn(`--overlay=${upper}`, 'tree')];
  const shows = async (pattern: RegExp) => {
    const last = Date.now() + 60_000;
    while (!pattern.test(place.image(['list']).stdout) && Date.now() < last) await setTimeout(20);
    t.match(place.image(['list']).stdout, pattern);
  };
  await shows(/^one .* {2}1 container\ntree .* {2}2 containers\n/);
  for (const child of written) await end(child);
  await shows(/^one .*\d\ntree .*\d\n/);
});

/** Runs a script with storage on a file system of 3 MiB. */
function inSmallStorage(user: User, place: Place, script: string) {
  const commands = [
    'mount -t tmpfs -o size=3m,mode=755 none storage',
    `export CH_IMAGE_STORAGE=$PWD/storage`,
    `${script}; echo status $?`,
    'find storage -type f',
  ];
  return start(user, 'unshare', ['-Urm', 'bash', '-c', commands.join('\n')], { cwd: place.directory });
}

test('a full file system is said before and while it happens, and nothing is left', (t, user) => {
  const place = makePlace(t, user);
  const [lower = Buffer.of()] = twoLayers;
  const large = makeTar([{ name: 'large', data: randomBytes(6 << 20) }]);
  writeFileSync(join(place.directory, 'file.tar'), archiveOf(ociLayout({ layers: [lower, large] })));
  const found = inSmallStorage(user, place, `${program} import file.tar tool`);
  t.equal(found.stdout, 'status 31\n');
  const [before = '', error = '', hint = '', ...rest] = found.stderr.trimEnd().split('\n');
  t.match(
    before,
    /warning: there may be no room in .*storage: about \d\.\d MiB are needed, and \d\.\d MiB are free/,
  );
  t.match(error, /error: .*can't write the image: p?write: no space left on device/);
  t.match(hint, /hint: 'ch-image-ts df' shows what takes room in storage/);
  t.same(rest, []);
  t.equal(place.image(['convert', 'file.tar', 'file.sqfs']).status, 0);
  const copied = inSmallStorage(user, place, `${program} import file.sqfs tool`);
  t.equal(copied.stdout, 'status 31\n');
  t.match(
    copied.stderr,
    /^[^\n]*error: there is no room in \S+: 6\.\d MiB are needed, and [23]\.\d MiB are free\n$/,
  );
});

test('packs for which there is no room are left out, and the image is there', (t, user) => {
  const place = makePlace(t, user);
  const size = 2_900_000;
  const content = makeTar([{ name: 'large', data: randomBytes(size) }]);
  writeFileSync(join(place.directory, 'file.tar'), content);
  // pages of the image, and a few for names: how much is left depends on the kernel
  for (const more of [0, 60_000, 120_000, 180_000]) {
    const fill = `head -c ${more} /dev/zero > storage/fill`;
    const { stdout } = inSmallStorage(user, place, `${fill}; ${program} import -q file.tar tool`);
    const [status, ...files] = stdout.trimEnd().split('\n');
    const images = files.filter((name) => name.startsWith('storage/img/'));
    t.ok(status === 'status 0' ? images.length === 1 : images.length === 0, stdout);
    t.notOk(
      files.some((name) => name.startsWith('storage/dlcache/ch-image-ts/tmp/')),
      stdout,
    );
  }
});

test('with --log=json, progress is an object a line', (t, user) => {
  const place = makePlace(t, user);
  writeFileSync(join(place.directory, 'file.tar'), archiveOf(dockerFiles()));
  const { status, stdout, stderr } = place.image(['import', '--log=json', 'file.tar', 'one']);
  t.same([status, stdout], [0, '']);
  const events = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const total = twoLayers.reduce((sum, layer) => sum + layer.length, 0);
  t.match(events, [
    { program: 'ch-image-ts', level: 'progress', message: /^layer 2 /, done: 0, total },
    { level: 'progress', message: /^layer 1 /, done: twoLayers[1]?.length, total },
  ]);
  t.equal(place.image(['import', '-fq', '--log=json', 'file.tar', 'one']).stderr, '');
});
