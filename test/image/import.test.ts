/** `ch-image-ts import`: any image file becomes one that runs by its name, or nothing is left of it. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { deflateRawSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import {
  archiveOf,
  dockerFiles,
  type ImageParts,
  ociLayout,
  sha256,
  twoLayers,
  writeFiles,
} from '../helpers/images.js';
import { makeSif } from '../helpers/sif.js';
import { run, squashed, type User } from '../helpers/support.js';
import { makeTar, tarHeader } from '../helpers/tar.js';
import { makePlace, type Place, refuses, test } from './image.js';

t.setTimeout(300_000);

/** By the compressor's program; undefined if there is none. */
function compressed(program: string, bytes: Buffer): Buffer {
  return execFileSync(program, ['-c'], { input: bytes, maxBuffer: 1 << 26 });
}

/** Runs the image of two layers by its name. */
function runs(t: Test, user: User, { storage }: Place, name: string): void {
  const shown = run(user, ['-s', storage, name, '--', '/probe', 'status', '7']);
  t.equal(shown.status, 7, shown.stderr);
}

function fileIn(place: Place, bytes: Uint8Array, name = 'file.tar'): string {
  writeFileSync(join(place.directory, name), bytes);
  return name;
}

/** Two members, each with everything that a header may have (RFC 1952). */
function unusualGzip(bytes: Buffer): Buffer {
  const member = (data: Buffer) =>
    Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 0x1f, 0, 0, 0, 0, 0, 3, 4, 0]),
      Buffer.from('extra'.slice(0, 4)),
      Buffer.from('name\0comment\0xx'),
      deflateRawSync(data),
      gzipSync(data).subarray(-8),
    ]);
  return Buffer.concat([member(bytes.subarray(0, 700)), member(bytes.subarray(700))]);
}

const archives: readonly [string, () => Buffer, string, string][] = [
  ['what docker save writes', () => archiveOf(dockerFiles()), 'tool:1.0', 'docker-archive'],
  ['the same with gzip', () => gzipSync(archiveOf(dockerFiles())), 'tool:1.0', 'docker-archive'],
  ['an OCI archive', () => archiveOf(ociLayout()), '1.0', 'OCI archive'],
  ['the same with zstd', () => compressed('zstd', archiveOf(ociLayout())), '1.0', 'OCI archive'],
  ['the tar archive of a root file system', () => twoLayers[0] as Buffer, 'file', 'tar archive'],
  ['the same with gzip', () => gzipSync(twoLayers[0] as Buffer), 'file', 'tar archive'],
  ['the same with unusual gzip', () => unusualGzip(twoLayers[0] as Buffer), 'file', 'tar archive'],
  ['the same with xz', () => compressed('xz', twoLayers[0] as Buffer), 'file', 'tar archive'],
  ['the same with bzip2', () => compressed('bzip2', twoLayers[0] as Buffer), 'file', 'tar archive'],
  ['the same with zstd', () => compressed('zstd', twoLayers[0] as Buffer), 'file', 'tar archive'],
  ['a SquashFS file', () => readFileSync(squashed), 'file', 'SquashFS'],
  ['a SIF', () => makeSif(readFileSync(squashed)), 'file', 'SIF'],
];
for (const [what, make, name, format] of archives) {
  test(`${what} becomes an image that runs by its name`, (t, user) => {
    const place = makePlace(t, user);
    const { status, stdout, stderr } = place.image(['import', fileIn(place, make())]);
    t.same({ status, stderr }, { status: 0, stderr: '' });
    t.match(stdout, `from ${format}\n`);
    runs(t, user, place, name);
    t.same(place.stored(), [`img/${name.replace(':', '+')}.sqfs`, `records/${name.replace(':', '+')}.json`]);
  });
}

test('an OCI layout becomes what the same layers in an archive become, byte for byte', (t, user) => {
  const place = makePlace(t, user);
  writeFiles(join(place.directory, 'layout'), ociLayout());
  t.equal(place.image(['import', 'layout', 'a']).status, 0);
  t.equal(place.image(['import', `oci:${place.directory}/layout:1.0`, 'b']).status, 0);
  const input = compressed('xz', archiveOf(dockerFiles()));
  t.equal(place.image(['import', '-', 'c'], { input }).status, 0, 'from standard input');
  writeFiles(
    join(place.directory, 'zstd'),
    ociLayout({
      compress: (layer) => compressed('zstd', layer),
      layerType: 'application/vnd.oci.image.layer.v1.tar+zstd',
    }),
  );
  t.equal(place.image(['import', 'zstd', 'd']).status, 0);
  const [first, ...others] = ['a', 'b', 'c', 'd'].map((name) =>
    readFileSync(join(place.storage, `img/${name}.sqfs`)),
  );
  for (const other of others) t.ok(first?.equals(other));
});

test('the upper layer deletes and replaces, and the configuration is kept', (t, user) => {
  const place = makePlace(t, user);
  const files = dockerFiles({ environment: ['A=1', 'B=two\nC=3'] });
  const { stderr, status } = place.image(['import', fileIn(place, archiveOf(files)), 'tool']);
  t.equal(status, 0);
  t.match(stderr, /warning: variable B is not in \/ch\/environment: its value has a line break\n$/);
  t.equal(place.image(['convert', 'storage/img/tool.sqfs', 'tree/']).status, 0);
  const read = (name: string) => readFileSync(join(place.directory, 'tree', name), 'utf8');
  t.equal(read('etc/version'), '2');
  t.throws(() => read('etc/old'), { code: 'ENOENT' });
  t.equal(read('ch/environment'), 'A=1\n');
  t.match(JSON.parse(read('ch/metadata.json')), { cwd: '/etc', env: { A: '1' }, labels: { who: 'test' } });
  const described = JSON.parse(place.image(['inspect', 'tool']).stdout);
  const [config = ''] = Object.keys(files);
  t.match(described, {
    name: 'tool',
    kind: 'squashfs',
    format: 'docker-archive',
    configDigest: `sha256:${config.replace('.json', '')}`,
    diffIds: twoLayers.map((layer) => `sha256:${sha256(layer)}`),
    config: { config: { WorkingDir: '/etc' } },
  });
});

test('a link of the image in place of /ch is not followed', (t, user) => {
  const place = makePlace(t, user);
  const lower = makeTar([
    { name: 'etc/environment', data: 'kept' },
    { name: 'ch', link: 'etc' },
  ]);
  const { status } = place.image([
    'import',
    fileIn(place, archiveOf(dockerFiles({ layers: [lower] }))),
    'tool',
  ]);
  t.equal(status, 0);
  t.equal(place.image(['convert', 'storage/img/tool.sqfs', 'tree/']).status, 0);
  t.equal(readFileSync(join(place.directory, 'tree/etc/environment'), 'utf8'), 'kept');
  t.equal(readFileSync(join(place.directory, 'tree/ch/environment'), 'utf8'), 'A=1\n');
});

test('an image is not replaced without --force, and may be while it runs', (t, user) => {
  const place = makePlace(t, user);
  const file = fileIn(place, archiveOf(dockerFiles()));
  t.equal(place.image(['import', file]).status, 0);
  refuses(t, place.image(['import', file]), /there is an image tool:1\.0 already/, /--force/);
  t.equal(place.image(['import', '-f', file]).status, 0);
  runs(t, user, place, 'tool:1.0');
});

test('images are listed, named again and deleted', (t, user) => {
  const place = makePlace(t, user);
  t.equal(place.image(['import', fileIn(place, archiveOf(dockerFiles())), 'registry/a:1']).status, 0);
  t.equal(place.image(['tag', 'registry/a:1', 'b']).status, 0);
  runs(t, user, place, 'b');
  const { stdout } = place.image(['list', '--json']);
  t.match(JSON.parse(stdout), [
    { name: 'b', kind: 'squashfs', source: 'file.tar' },
    { name: 'registry/a:1', kind: 'squashfs', format: 'docker-archive' },
  ]);
  t.match(place.image(['list']).stdout, /^b {13}squashfs .*\nregistry\/a:1 {2}squashfs /);
  t.equal(place.image(['delete', 'b', 'registry/a:1']).status, 0);
  t.same(place.stored(), []);
  refuses(t, place.image(['delete', 'b']), /there is no image b in storage/, /ch-image-ts list/);
});

test('prune removes what was begun more than a day ago, and nothing else', (t, user) => {
  const place = makePlace(t, user);
  t.equal(place.image(['import', fileIn(place, archiveOf(dockerFiles())), 'kept']).status, 0);
  const [old, young] = ['old', 'young'].map((name) => join(place.state, 'tmp', name)) as [string, string];
  for (const path of [old, young]) writeFileSync(path, 'x'.repeat(2048));
  utimesSync(old, 0, Date.now() / 1000 - 25 * 60 * 60);
  writeFileSync(join(place.state, 'records/gone.json'), '{}');
  t.equal(place.image(['prune']).stdout, 'freed: 2.0 KiB\n');
  t.same(place.stored(), ['img/kept.sqfs', 'records/kept.json', 'tmp/young']);
});

test('storage that others can write to is not used', (t, user) => {
  const place = makePlace(t, user);
  const file = fileIn(place, archiveOf(dockerFiles()));
  execFileSync('chmod', ['777', place.storage]);
  refuses(t, place.image(['import', file]), /storage .* is not used/);
});

const hex = 'a'.repeat(64);
const layout = (parts: ImageParts) => archiveOf(ociLayout(parts));
const without = (files: Readonly<Record<string, Buffer>>, pattern: RegExp) =>
  archiveOf(Object.fromEntries(Object.entries(files).filter(([name]) => !pattern.test(name))));

/** What is refused: by which words, and with which hint. */
const wrong: readonly [string, () => Buffer, RegExp, RegExp?][] = [
  [
    'a layer with another diff id',
    () => layout({ diffIds: [`sha256:${sha256(twoLayers[0] ?? '')}`, `sha256:${hex}`] }),
    /layer 2 \(sha256:[0-9a-f]{12}\): its diff id is sha256:\w+, not sha256:a{64}/,
    /damaged, or was changed/,
  ],
  [
    'a layer that was changed',
    () =>
      archiveOf(
        Object.fromEntries(
          Object.entries(
            ociLayout({ compress: (layer) => layer, layerType: 'application/vnd.oci.image.layer.v1.tar' }),
          ).map(([name, bytes]) => [
            name,
            bytes.length > 10_000 ? Buffer.from(bytes).fill(0x41, 5000, 5003) : bytes,
          ]),
        ),
      ),
    /layer 1 .*: its (digest|diff id) is|checksum/,
  ],
  [
    'a docker-archive with another diff id',
    () => archiveOf(dockerFiles({ diffIds: [`sha256:${hex}`, `sha256:${hex}`] })),
    /layer 2 .*: its diff id is/,
  ],
  [
    'fewer diff ids than layers',
    () => layout({ diffIds: [`sha256:${hex}`] }),
    /has 1 diff ids, and the image 2 layers/,
  ],
  ['a layer that is missing', () => without(dockerFiles(), /\.tar$/), /has no \w+\.tar, which is layer 1/],
  ['a manifest that is missing', () => without(ociLayout(), /^index\.json/), /has no index\.json/],
  [
    'a blob with another size',
    () =>
      layout({
        manifest: (same) => ({
          ...same,
          layers: (same.layers as object[]).map((each) => ({ ...each, size: 5 })),
        }),
      }),
    /layer 1 of file\.tar has \d+ bytes, not 5/,
  ],
  [
    'a digest that is a path',
    () =>
      layout({
        manifest: (same) => ({
          ...same,
          layers: [
            { ...(same.layers as object[])[0], digest: 'sha256:../../../etc/passwd' },
            (same.layers as object[])[1],
          ],
        }),
      }),
    /has the digest 'sha256:\.\.\/.*', which is not sha256/,
  ],
  [
    'layers that are encrypted',
    () => layout({ layerType: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted' }),
    /is 'application\/.*encrypted', which is no layer/,
  ],
  [
    'an image for another machine',
    () => layout({ architecture: 'riscv64' }),
    /is for linux\/riscv64, not for linux\/\w+/,
    /--arch=riscv64/,
  ],
  [
    'a manifest that is not JSON',
    () => archiveOf({ ...dockerFiles(), 'manifest.json': Buffer.from('{') }),
    /manifest\.json of file\.tar is not JSON/,
  ],
  [
    'two images in an archive',
    () => archiveOf(dockerFiles({ manifest: (same) => [same, { ...same, RepoTags: ['other:1'] }] })),
    /has 2 images/,
    /docker-archive:FILE:NAME:TAG/,
  ],
  [
    'a name in a layer that leads upwards',
    () => archiveOf(dockerFiles({ layers: [makeTar([{ name: '../../escape', data: 'x' }])] })),
    /layer 1 .*: \.\.\/\.\.\/escape: a name that leads upwards/,
  ],
  [
    'gzip with a wrong checksum',
    () => {
      const bytes = gzipSync(twoLayers[0] as Buffer);
      return bytes.fill(0x41, bytes.length - 8, bytes.length - 4);
    },
    /gzip data are damaged/,
  ],
  [
    'gzip after its end',
    () => Buffer.concat([gzipSync(twoLayers[0] as Buffer), Buffer.from('garbage')]),
    /gzip data are damaged/,
  ],
  ['an archive that is cut short', () => archiveOf(dockerFiles()).subarray(0, 100_000), /cut short/],
  ['a file that is no image', () => Buffer.from('hello, world\n'), /it is an unknown kind of file/],
  ['a file with nothing in it', () => Buffer.of(), /it is an empty file/],
];
for (const [what, make, message, hint] of wrong) {
  test(`${what} is refused, and nothing is left of it`, (t, user) => {
    const place = makePlace(t, user);
    refuses(t, place.image(['import', fileIn(place, make())]), message, hint);
    t.same(place.stored(), []);
  });
}

test('a blob that is a link out of the layout is an image’s all the same, if its digest is right', (t, user) => {
  const place = makePlace(t, user);
  const files = ociLayout();
  writeFiles(join(place.directory, 'layout'), withoutLargest(files));
  const [name = '', bytes = Buffer.of()] = largest(files);
  writeFileSync(join(place.directory, 'shared'), bytes);
  symlinkSync(join(place.directory, 'shared'), join(place.directory, 'layout', name));
  t.equal(place.image(['import', 'layout', 'a']).status, 0, 'as with shared blob directories');
});

const largest = (files: Readonly<Record<string, Buffer>>) =>
  Object.entries(files).sort(([, a], [, b]) => b.length - a.length)[0] ?? [];
const withoutLargest = (files: Readonly<Record<string, Buffer>>) =>
  Object.fromEntries(Object.entries(files).filter(([name]) => name !== largest(files)[0]));

test('limits hold back what is endless', (t, user) => {
  const place = makePlace(t, user);
  const file = fileIn(
    place,
    gzipSync(makeTar([{ name: 'zeros', data: Buffer.alloc(3 << 20) }])),
    'bomb.tar.gz',
  );
  refuses(t, place.image(['import', '--most-bytes=1M', file]), /more than 1048576 bytes/, /--most-bytes/);
  const many = fileIn(place, makeTar(Array.from({ length: 20 }, (_, at) => ({ name: `${at}` }))));
  refuses(
    t,
    place.image(['import', '--most-entries=10', many]),
    /has more than 10 entries/,
    /--most-entries/,
  );
  t.same(place.stored(), []);
});

test('transports of others are refused with what helps', (t, user) => {
  const place = makePlace(t, user);
  refuses(
    t,
    place.image(['import', 'docker://debian']),
    /can't use docker: here/,
    /'ch-image-ts pull REF' gets it/,
  );
  refuses(t, place.image(['import', 'containers-storage:x']), /can't use containers-storage:/, /podman save/);
  refuses(t, place.image(['import', 'nowhere']), /there is no nowhere/);
  refuses(t, place.image(['improt', 'x']), /there is no command 'improt'/, /did you mean import/, 64);
  refuses(t, place.image(['import']), /expected IN \[NAME\] after/, /--help/, 64);
});

test('what an interrupted import has begun is removed, and the signal is what ends it', async (t, user) => {
  const place = makePlace(t, user);
  const size = 6 * 2 ** 30;
  const zeros = gzipSync(Buffer.alloc(8 << 20));
  const header = gzipSync(tarHeader({ name: 'zeros', size }));
  const file = fileIn(
    place,
    Buffer.concat([header, ...Array.from({ length: size / 2 ** 23 }, () => zeros)]),
    'large.tar.gz',
  );
  const child = place.begin(['import', file]);
  const ended = once(child, 'close');
  while (!place.stored().some((name) => name.startsWith('tmp/')) && child.exitCode === null)
    await setTimeout(5);
  child.kill('SIGINT');
  t.same(await ended, [null, 'SIGINT']);
  t.same(place.stored(), []);
});
