/** `ch-image-ts commit`: what a container has changed becomes a layer, and only that layer travels. */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { sha256, twoLayers } from '../helpers/images.js';
import { isRoot, launcher, skip, start, type User } from '../helpers/support.js';
import { makeTar } from '../helpers/tar.js';
import { makePlace, type Place, refuses, test } from './image.js';
import { runImage, serveImage } from './registry.js';
import { serveUploads, type UploadRegistry } from './upload-registry.js';

t.setTimeout(120_000);

const busybox = '/bin/busybox';
const shells = existsSync(busybox) ? undefined : 'busybox is not installed';
const layers = () => [
  ...twoLayers,
  makeTar([
    { name: 'bin/' },
    { name: 'bin/sh', data: readFileSync(busybox), mode: 0o755 },
    { name: 'gone' },
    { name: 'data/' },
    { name: 'data/old' },
    { name: 'data/sub/' },
    { name: 'data/sub/deep', data: 'deep' },
  ]),
];

interface Manifest {
  readonly layers: readonly { readonly mediaType: string; readonly digest: string }[];
  readonly config: { readonly digest: string };
}

/** The names in the topmost layer of what was pushed. */
function topLayer({ manifests, blobs }: UploadRegistry, repository: string, tag: string) {
  const manifest = JSON.parse(String(manifests.get(`${repository}:${tag}`)?.bytes)) as Manifest;
  const packed = blobs.get(`${repository}@${manifest.layers.at(-1)?.digest}`) ?? Buffer.of();
  const archive = gunzipSync(packed);
  const names = execFileSync('tar', ['tf', '-'], { input: archive, encoding: 'utf8' }).trim().split('\n');
  const config = JSON.parse(String(blobs.get(`${repository}@${manifest.config.digest}`)));
  return { names, config, manifest, diffId: `sha256:${sha256(archive)}` };
}

async function pullBase(t: Parameters<typeof serveImage>[0], place: Place, user: User): Promise<void> {
  const { repository } = await serveImage(t, { layers: layers() });
  t.match(await runImage(place, user, ['pull', `${repository}:1.0`, 'base']), { status: 0, stderr: '' });
}

const script =
  'rm gone data/old; rm -r data/sub; mkdir data/sub; echo n >data/sub/new; echo 3 >etc/version; ln etc/version etc/same; ln -s /x etc/link; chmod 700 mnt';

test('deleted files, replaced directories, links and modes are in the layer, and only it travels', async (t, user) => {
  if (shells) return skip(t, shells);
  const place = makePlace(t, user);
  await pullBase(t, place, user);
  const changed = join(place.directory, 'changed');
  const uid = user.uid === 0 ? [] : ['--uid=0'];
  const words = [...uid, '-s', place.storage, `--overlay=${changed}`, 'base', '--', '/bin/sh', '-c', script];
  const ran = start(user, launcher, words);
  t.equal(ran.status, 0, ran.stderr);

  const committed = place.image(['commit', changed, 'base', 'mine']);
  t.match(committed, { status: 0, stderr: '', stdout: /^mine: .*, base and \d+ changes, sha256:/ });
  const look =
    'test ! -e gone -a ! -e data/old -a ! -e data/sub/deep && cat data/sub/new etc/same && ls -ld mnt';
  const seen = start(user, launcher, ['-s', place.storage, 'mine', '--', '/bin/sh', '-c', look]);
  t.match(seen, { status: 0, stdout: /^n\n3\ndrwx------ / });

  const uploads = await serveUploads(t);
  const push = (name: string, tag: string) =>
    runImage(place, user, ['push', name, `${uploads.registry}/team/tool:${tag}`]);
  t.match(await push('base', '1'), { status: 0 });
  const before = uploads.asked.length;
  t.match(await push('mine', '2'), { status: 0, stdout: /; 3 of 5 blobs were there already/ });
  const sent = uploads.asked.slice(before).filter((each) => each.startsWith('POST'));
  t.equal(sent.length, 2, 'the layer and the configuration');
  const top = topLayer(uploads, 'team/tool', '2');
  t.equal(top.manifest.layers.length, 4);
  t.equal(top.config.rootfs.diff_ids.at(-1), top.diffId);
  t.same(top.config.config.Env, ['A=1'], "the rest of the configuration is the base's");
  for (const name of [
    '.wh.gone',
    'data/.wh.old',
    'data/sub/',
    'data/sub/.wh..wh..opq',
    'data/sub/new',
    'etc/link',
  ])
    t.ok(top.names.includes(name), name);
  t.notOk(
    top.names.some((name) => /^(probe|etc\/passwd|bin)/.test(name)),
    'nothing of the base',
  );

  t.match(place.image(['commit', changed, 'base', 'again']), { status: 0 });
  const digestOf = (name: string) => JSON.parse(place.image(['inspect', name]).stdout).manifestDigest;
  t.equal(digestOf('again'), digestOf('mine'), 'the same changes make the same image');
});

/** Marks as the kernel makes them, in the form that needs no privilege, or the other. */
const marks = (form: 'user' | 'trusted') => `
import os, sys
upper = sys.argv[1]
for name in ('etc', 'data', 'data/sub'): os.mkdir(f'{upper}/{name}')
for name in ('gone', 'data/old'): open(f'{upper}/{name}', 'w').close()
if '${form}' == 'user':
    os.setxattr(f'{upper}/data', 'user.overlay.opaque', b'x')
    for name in ('gone', 'data/old'): os.setxattr(f'{upper}/{name}', 'user.overlay.whiteout', b'y')
else:
    for name in ('gone', 'data/old'):
        os.unlink(f'{upper}/{name}')
        os.mknod(f'{upper}/{name}', 0o020000, 0)
os.setxattr(f'{upper}/data/sub', '${form}.overlay.opaque', b'y')
os.setxattr(f'{upper}/data/sub', '${form}.overlay.impure', b'y')
os.setxattr(f'{upper}/etc', 'user.kept', b'v')
`;

test('whiteouts and opaque directories are known in both forms of the kernel', async (t, user) => {
  if (shells) return skip(t, shells);
  for (const form of ['user', 'trusted'] as const) {
    if (form === 'trusted' && user.uid !== 0) continue;
    const place = makePlace(t, user);
    await pullBase(t, place, user);
    const upper = join(place.directory, 'changed/upper');
    mkdirSync(upper, { recursive: true });
    if (isRoot) chownSync(upper, user.uid, user.gid);
    const made = start(user, '/usr/bin/python3', ['-', upper], { input: marks(form) });
    if (/Operation not supported/.test(made.stderr)) return skip(t, 'the file system has no such attributes');
    t.equal(made.status, 0, made.stderr);
    t.match(place.image(['commit', 'changed', 'base', 'mine']), { status: 0, stderr: '' });
    const uploads = await serveUploads(t);
    t.match(await runImage(place, user, ['push', 'mine', `${uploads.registry}/t:1`]), { status: 0 });
    t.same(topLayer(uploads, 't', '1').names, [
      'data/',
      'data/.wh.old',
      'data/sub/',
      'data/sub/.wh..wh..opq',
      'etc/',
      '.wh.gone',
    ]);
    const look = 'test ! -e gone -a ! -e data/old -a ! -e data/sub/deep';
    t.equal(start(user, launcher, ['-s', place.storage, 'mine', '--', '/bin/sh', '-c', look]).status, 0);
  }
});

test('what can not be committed is refused', async (t, user) => {
  if (shells) return skip(t, shells);
  const place = makePlace(t, user);
  await pullBase(t, place, user);
  const upper = join(place.directory, 'changed/upper');
  refuses(
    t,
    place.image(['commit', 'changed', 'base', 'mine']),
    /there is no .*changed\/upper/,
    /--overlay=DIR/,
  );
  mkdirSync(upper, { recursive: true });
  writeFileSync(join(upper, '.wh.x'), '');
  refuses(
    t,
    place.image(['commit', 'changed', 'base', 'mine']),
    /\.wh\.x: a layer can't have a file of that name/,
  );
  t.match(place.image(['convert', join(place.storage, 'img/base.sqfs'), 'x.sqfs']), { status: 0 });
  t.match(place.image(['import', 'x.sqfs', 'imported']), { status: 0 });
  refuses(
    t,
    place.image(['commit', 'changed', 'imported', 'mine']),
    /storage does not have the layers of imported/,
    /'ch-image-ts pull' keeps them/,
  );
  t.same(
    place.stored().filter((name) => name.startsWith('tmp/')),
    [],
  );
});
