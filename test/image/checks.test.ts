/** Images as several tools really write them are taken; what only looks like one is refused. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { archiveOf, dockerFiles, type ImageParts, ociLayout, sha256, twoLayers } from '../helpers/images.js';
import { run } from '../helpers/support.js';
import { makeTar } from '../helpers/tar.js';
import { makePlace, refuses, test } from './image.js';

t.setTimeout(300_000);

type Files = Readonly<Record<string, Buffer>>;
interface Index {
  readonly manifests: readonly Record<string, unknown>[];
}

const zstd = (layer: Buffer) => spawnSync('zstd', ['-c'], { input: layer, maxBuffer: 1 << 26 }).stdout;
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const indexOf = (files: Files) => JSON.parse(String(files['index.json'])) as Index;
const [lower = Buffer.of(), upper = Buffer.of()] = twoLayers;

/** A layout whose index.json is what `change` makes of its own, with more blobs. */
function reindexed(change: (index: Index, add: (value: unknown) => object) => unknown, parts?: ImageParts) {
  const files: Record<string, Buffer> = { ...ociLayout(parts) };
  const add = (value: unknown) => {
    const bytes = json(value);
    files[`blobs/sha256/${sha256(bytes)}`] = bytes;
    return { digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  files['index.json'] = json(change(indexOf(files), add));
  return files;
}

const mediaType = 'application/vnd.oci.image.index.v1+json';
/** Without the name, as what lies in another index. */
const plain = ({ annotations, ...rest }: Record<string, unknown> = {}) => rest;
const nested = (depth: number) =>
  reindexed((index, add) => {
    let inner: object = { ...index, manifests: index.manifests.map(plain) };
    for (let left = depth; left > 0; left--)
      inner = { schemaVersion: 2, manifests: [{ mediaType, ...add(inner) }] };
    return inner;
  });

/** Files of what is called by its digest, changed in place. */
function changed(files: Files, pattern: RegExp): Files {
  const [name = '', bytes = Buffer.of()] =
    Object.entries(files).find(
      ([path, content]) =>
        /[0-9a-f]{64}/.test(path) && content.length < 5000 && pattern.test(String(content)),
    ) ?? [];
  const end = bytes.lastIndexOf('}');
  return {
    ...files,
    [name]: Buffer.concat([bytes.subarray(0, end), Buffer.from(' }')]).subarray(0, end + 1),
  };
}

const sound: readonly [string, () => Files][] = [
  [
    'zstd layers under the name that Docker has for gzip',
    () => ociLayout({ compress: zstd, layerType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' }),
  ],
  [
    'zstd layers under the name that some give them after Docker’s',
    () => ociLayout({ compress: zstd, layerType: 'application/vnd.docker.image.rootfs.diff.tar.zstd' }),
  ],
  [
    'gzip layers under the name of zstd',
    () => ociLayout({ layerType: 'application/vnd.oci.image.layer.v1.tar+zstd' }),
  ],
  ['an index in an index, as nerdctl writes it', () => nested(1)],
  ['an index in an index in an index', () => nested(2)],
  [
    'an index with an attestation beside the image, as BuildKit writes it',
    () =>
      reindexed(({ manifests }, add) => ({
        manifests: [
          {
            mediaType,
            ...add({
              manifests: [
                {
                  ...plain(manifests[0]),
                  platform: { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : 'arm64' },
                },
                { ...plain(manifests[0]), ...add({}), platform: { os: 'unknown', architecture: 'unknown' } },
              ],
            }),
          },
        ],
      })),
  ],
  [
    'an archive with both manifest.json and index.json, as Docker writes it since 25',
    () => ({ ...ociLayout(), ...dockerFiles() }),
  ],
  ['an archive without names', () => dockerFiles({ manifest: ({ RepoTags, ...same }) => same })],
  [
    'an archive whose names are null',
    () => dockerFiles({ manifest: (same) => ({ ...same, RepoTags: null }) }),
  ],
  ['an archive with an empty name', () => dockerFiles({ tag: '' })],
  ['a layout with an empty name', () => ociLayout({ tag: '' })],
  [
    'the same layer twice in an archive, and once as a file',
    () => dockerFiles({ layers: [lower, upper, upper] }),
  ],
  ['the same layer twice in a layout', () => ociLayout({ layers: [lower, upper, upper] })],
  [
    'a layer with a root entry, absolute names and no parents',
    () => ociLayout({ layers: [lower, upper, makeTar([{ name: '/' }, { name: '/a/b/c', data: 'x' }])] }),
  ],
];
for (const [what, make] of sound) {
  test(`${what}: it runs`, (t, user) => {
    const place = makePlace(t, user);
    writeFileSync(join(place.directory, 'file.tar'), archiveOf(make()));
    const { status, stderr } = place.image(['import', 'file.tar', 'tool']);
    t.same({ status, stderr }, { status: 0, stderr: '' });
    t.equal(run(user, ['-s', place.storage, 'tool', '--', '/probe', 'status', '7']).status, 7);
  });
}

test('an archive without a name is called by its file', (t, user) => {
  const place = makePlace(t, user);
  writeFileSync(join(place.directory, 'solver.tar'), archiveOf(dockerFiles({ tag: '' })));
  t.equal(place.image(['import', 'solver.tar']).status, 0);
  t.same(place.stored(), ['img/solver.sqfs', 'records/solver.json']);
});

const wrong: readonly [string, () => Files, RegExp][] = [
  [
    'a manifest that is not what its digest says',
    () => changed(ociLayout(), /"config":\{"mediaType"/),
    /the manifest of file\.tar is damaged/,
  ],
  [
    'a configuration that is not what its digest says',
    () => changed(ociLayout(), /"rootfs"/),
    /the configuration of file\.tar is damaged/,
  ],
  [
    'a configuration in an archive of Docker’s',
    () => changed(dockerFiles(), /"rootfs"/),
    /\w+\.json in file\.tar is damaged/,
  ],
  [
    'an index that is not what its digest says',
    () => changed(nested(2), /image\.index/),
    /an index of file\.tar is damaged/,
  ],
  ['indexes in indexes without an end', () => nested(20), /indexes in indexes, more than 8 deep/],
  [
    'two images in a layout',
    () =>
      reindexed(({ manifests }, add) => ({
        manifests: [...manifests, { ...plain(manifests[0]), ...add({ other: true }) }],
      })),
    /has 2 images/,
  ],
  [
    'a name twice in a layer',
    () =>
      dockerFiles({
        layers: [
          lower,
          makeTar([
            { name: 'etc/x', data: '1' },
            { name: '/etc/x', data: '2' },
          ]),
        ],
      }),
    /layer 2 \(\w+.*\): \/etc\/x: the layer has that name twice/,
  ],
];
for (const [what, make, message] of wrong) {
  test(`${what}: refused, and nothing is left of it`, (t: Test, user) => {
    const place = makePlace(t, user);
    writeFileSync(join(place.directory, 'file.tar'), archiveOf(make()));
    refuses(t, place.image(['import', 'file.tar', 'tool']), message);
    t.same(place.stored(), []);
  });
}
