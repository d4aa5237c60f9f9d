/** Layers that another image in storage has are not packed again, and the image is the same as if they were. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { archiveOf, dockerFiles, sha256, twoLayers } from '../helpers/images.js';
import { run } from '../helpers/support.js';
import { makeTar, type TarItem } from '../helpers/tar.js';
import { makePlace, type Place, refuses, test } from './image.js';

t.setTimeout(300_000);

/** Text that compresses about as programs do, always the same for a seed. */
function content(seed: string, size: number): Buffer {
  const digests = Array.from({ length: Math.ceil(size / 64) }, (_, at) =>
    createHash('sha256')
      .update(`${seed}-${at % 900}`)
      .digest('hex'),
  );
  return Buffer.from(digests.join('')).subarray(0, size);
}

const file = (name: string, seed: string, size: number): TarItem => ({
  name,
  data: content(seed, size),
  mode: 0o644,
});
const small = (directory: string, count: number, size = 9000) =>
  Array.from({ length: count }, (_, at) => file(`${directory}/${at}`, `${directory}${at}`, size + 37 * at));

/** With a hole, files of several blocks, equal ones, a hard link and many small files. */
const base = makeTar([
  ...small('a', 60),
  file('large', 'large', 700_000),
  file('equal', 'large', 700_000),
  file('block', 'block', 128 << 10),
  { name: 'holes', data: Buffer.concat([Buffer.alloc(600_000), Buffer.from('end')]), mode: 0o644 },
  ...small('b', 60),
  { name: 'hard', link: 'b/1', type: '1' },
  { name: 'link', link: 'large' },
  { name: 'empty', data: '' },
  file('d/hidden', 'hidden', 5000),
  file('d/large', 'other', 300_000),
]);
const top = (...items: readonly TarItem[]) => makeTar(items);

interface Made {
  readonly bytes: Buffer;
  /** Layers that were not read. */
  readonly known: number;
}

function put(t: Test, place: Place, layers: readonly Buffer[], name: string, ...options: string[]): Made {
  writeFileSync(join(place.directory, 'file.tar'), archiveOf(dockerFiles({ layers })));
  const { status, stdout, stderr } = place.image(['import', ...options, 'file.tar', name]);
  t.same({ status, stderr }, { status: 0, stderr: '' });
  const [, known = '0'] = /; (\d+) of \d+ layers are those of other images/.exec(stdout) ?? [];
  return { bytes: readFileSync(join(place.storage, `img/${name}.sqfs`)), known: Number(known) };
}

const packs = ({ state }: Place) => readdirSync(join(state, 'packs'));

/** What is made after the image of the base and `first`: how many layers are known then. */
const rows: readonly [string, readonly Buffer[], readonly Buffer[], number][] = [
  ['a changed top layer', [base, top(file('x', 'x', 9))], [base, top(file('x', 'y', 200_000))], 1],
  ['one layer more', [base], [base, top(file('x', 'x', 9))], 1],
  ['one layer less', [base, top(file('x', 'x', 9))], [base], 1],
  ['the same layers', [base, top(file('x', 'x', 9))], [base, top(file('x', 'x', 9))], 2],
  [
    'another order',
    [base, top(file('x', 'x', 9)), top(file('y', 'y', 9))],
    [top(file('y', 'y', 9)), base],
    2,
  ],
  [
    'a top layer that replaces files',
    [base],
    [base, top(file('a/5', 'new', 99), file('large', 'new', 300_000))],
    1,
  ],
  [
    'a top layer that has equal files',
    [base],
    [base, top(file('x', 'a7', 9259), file('y', 'large', 700_000))],
    1,
  ],
  [
    'a top layer that deletes most of the small files',
    [base],
    [base, top(...small('a', 50).map(({ name }) => ({ name: String(name).replace('/', '/.wh.') })))],
    1,
  ],
  ['a top layer that deletes what a hard link leads to', [base], [base, top({ name: 'b/.wh.1' })], 1],
  ['a top layer that does not hide small content any more', [base, top({ name: 'd/.wh.hidden' })], [base], 0],
  ['a top layer that does not hide large content any more', [base, top({ name: 'd/.wh.large' })], [base], 0],
  [
    'content that was hidden under a name that a hard link leads to',
    [base, top({ name: 'b/.wh.1' })],
    [base, top({ name: 'b/.wh.1' }, file('z', 'z', 9))],
    1,
  ],
];
for (const [what, first, second, known] of rows) {
  test(`${what}: the same image, with ${known} layers known`, (t, user) => {
    const place = makePlace(t, user);
    const fresh = makePlace(t, user);
    t.equal(put(t, place, first, 'first').known, 0);
    const made = put(t, place, second, 'second');
    t.equal(made.known, known);
    t.ok(made.bytes.equals(put(t, fresh, second, 'second').bytes), 'the same bytes as without packs');
    // and from packs of packs
    t.ok(put(t, place, second, 'third').bytes.equals(made.bytes));
  });
}

test('a known layer is not read', (t, user) => {
  const place = makePlace(t, user);
  put(t, place, twoLayers, 'first');
  const files: Record<string, Buffer> = { ...dockerFiles() };
  const [lower = Buffer.of()] = twoLayers;
  files[`${sha256(lower)}.tar`] = Buffer.alloc(lower.length, 'x');
  writeFileSync(join(place.directory, 'other.tar'), archiveOf(files));
  t.equal(place.image(['import', 'other.tar', 'second']).status, 0);
  t.equal(run(user, ['-s', place.storage, 'second', '--', '/probe', 'status', '7']).status, 7);
  t.equal(place.image(['delete', 'first', 'second']).status, 0);
  refuses(t, place.image(['import', 'other.tar', 'second']), /layer 1 .*checksum/);
});

test('what is converted, and what is unpacked, takes what storage has, and adds nothing', (t, user) => {
  const place = makePlace(t, user);
  const layers = [base, top({ name: 'a/.wh.1' })];
  put(t, place, layers, 'first');
  const before = packs(place);
  const files: Record<string, Buffer> = { ...dockerFiles({ layers }) };
  files[`${sha256(base)}.tar`] = Buffer.alloc(base.length, 'x');
  writeFileSync(join(place.directory, 'other.tar'), archiveOf(files));
  const succeeds = (...words: readonly string[]) => {
    const { status, stderr } = place.image(words);
    t.same({ status, stderr }, { status: 0, stderr: '' }, words.join(' '));
  };
  succeeds('convert', 'other.tar', 'other.sqfs');
  t.ok(
    readFileSync(join(place.directory, 'other.sqfs')).equals(
      readFileSync(join(place.storage, 'img/first.sqfs')),
    ),
  );
  succeeds('convert', 'other.tar', 'other/');
  succeeds('import', '--unpack', 'other.tar', 'second');
  for (const tree of ['other', 'storage/img/second'])
    t.ok(readFileSync(join(place.directory, tree, 'large')).equals(content('large', 700_000)), tree);
  t.same(packs(place), before);
});

test('packs go with their image, and take no room while it is there', (t, user) => {
  const place = makePlace(t, user);
  const layers = [base, top(file('x', 'x', 9))];
  put(t, place, layers, 'one');
  t.equal(place.image(['tag', 'one', 'two']).status, 0);
  const [only = ''] = packs(place);
  const sizes = readdirSync(join(place.state, 'packs', only))
    .filter((name) => name !== 'image')
    .map((name) => readFileSync(join(place.state, 'packs', only, name)).length);
  t.ok(sizes.length === 2 && sizes.every((size) => size < 20_000), `${sizes}`);
  t.equal(place.image(['delete', 'one']).status, 0);
  t.same(packs(place), [only], 'the image has another name');
  put(t, place, layers, 'two', '--force');
  t.equal(packs(place).length, 1);
  t.not(packs(place)[0], only, 'those of the image that was replaced are gone');
  t.equal(place.image(['delete', 'two']).status, 0);
  t.same(packs(place), []);
  t.same(place.stored(), []);
});

test('packs that are damaged, or were made in another way, are not used', (t, user) => {
  const place = makePlace(t, user);
  const { bytes } = put(t, place, [base], 'one');
  const path = () => {
    const [only = ''] = packs(place);
    const directory = join(place.state, 'packs', only);
    return join(directory, readdirSync(directory).find((name) => name !== 'image') ?? '');
  };
  t.equal(put(t, place, [base], 'other', '--level=4').known, 0);
  t.equal(place.image(['delete', 'other']).status, 0);
  const sound = readFileSync(path());
  for (const at of [0, 20, 60, 90, sound.length >> 1, sound.length - 1]) {
    writeFileSync(path(), Buffer.from(sound).fill((sound[at] ?? 0) ^ 1, at, at + 1));
    const made = put(t, place, [base], 'one', '--force');
    t.equal(made.known, 0, `byte ${at}`);
    t.ok(made.bytes.equals(bytes));
  }
  for (const size of [0, 10, 70, sound.length >> 1]) {
    truncateSync(path(), size);
    t.equal(put(t, place, [base], 'one', '--force').known, 0, `${size} bytes`);
  }
  t.equal(put(t, place, [base], 'one', '--force').known, 1, 'the new ones are');
});
