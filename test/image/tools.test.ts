/** Images of other tools are read, and what is written they read, too: entry by entry. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { environmentOf, isRoot, root, run, skip, type User } from '../helpers/support.js';
import { makePlace, type Place, test } from './image.js';
import { describe, makeTree } from './trees.js';

t.setTimeout(300_000);

const missing = (...tools: readonly string[]) =>
  tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { env: { PATH: path } }).status !== 0);
// what the distribution has, and not what comes before it
const path = '/usr/bin:/bin:/usr/sbin:/sbin';

/** Runs a tool as the user; returns its output. */
function tool(user: User, place: Place, ...words: readonly string[]): string {
  const env = {
    ...environmentOf(user),
    PATH: path,
    HOME: place.directory,
    TMPDIR: place.directory,
    USER: 'tester',
  };
  return execFileSync(words[0] ?? '', words.slice(1), {
    cwd: place.directory,
    // a cache of builds would need a name for git
    env: { ...env, CH_IMAGE_STORAGE: join(place.directory, 'theirs'), CH_IMAGE_CACHE: 'disabled' },
    stdio: 'pipe',
    encoding: 'utf8',
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
}

function convert(t: Test, place: Place, from: string, to: string): void {
  const { status, stderr } = place.image(['convert', '-f', from, to]);
  t.same({ status, stderr }, { status: 0, stderr: '' }, `${from} to ${to}`);
}

/** Without what a configuration adds. */
const tree = (root: string) => describe(root).filter((line) => !/^ch[ /]/.test(line));

/** Who can read SquashFS, and how: each leaves the files in `there`, until what it returns is called. */
type Reader = (user: User, place: Place, there: string) => () => void;
const readers: Readonly<Record<string, Reader>> = {
  unsquashfs: (user, place, there) => {
    tool(user, place, 'unsquashfs', '-q', '-n', '-f', '-d', there, 'image.sqfs');
    return () => {};
  },
  squashfuse: (user, place, there) => {
    // fusermount3 knows no user without a name
    tool(isRoot ? root : user, place, 'squashfuse', 'image.sqfs', there);
    return () => tool(isRoot ? root : user, place, 'fusermount3', '-u', there);
  },
  ...(isRoot ? { 'the kernel': mountByKernel } : {}),
};

function mountByKernel(_: User, place: Place, there: string): () => void {
  execFileSync('mount', ['-t', 'squashfs', '-o', 'loop,ro', join(place.directory, 'image.sqfs'), there]);
  return () => execFileSync('umount', [there]);
}

for (const [name, read] of Object.entries(readers)) {
  test(`${name} reads what is written as it was`, (t, user) => {
    const lacking = missing('unsquashfs', 'squashfuse', 'fusermount3');
    if (lacking.length > 0) return skip(t, `there is no ${lacking.join(', no ')}`);
    const place = makePlace(t, user);
    const source = makeTree(place);
    // many files, so that directories have indexes and tables several blocks
    mkdirSync(join(source, 'many'));
    for (let at = 0; at < 1500; at++)
      writeFileSync(join(source, 'many', `file-${at}`), `${at}\n`.repeat(at % 40));
    convert(t, place, 'root', 'image.sqfs');
    const there = join(place.directory, 'there');
    tool(user, place, 'mkdir', there);
    const end = read(user, place, there);
    try {
      t.same(describe(there), describe(source));
      if (name === 'the kernel') t.same([lstatSync(there).uid, lstatSync(join(there, 'd/file')).gid], [0, 0]);
    } finally {
      end();
    }
  });
}

/** Where buildah and podman keep what they need, all of it in one directory. */
const own = (name: string, place: Place) =>
  [
    name,
    '--root',
    `${place.directory}/store`,
    '--runroot',
    `${place.directory}/run`,
    '--storage-driver',
    'vfs',
  ] as const;

t.test('buildah, podman and skopeo: images go from one to the other and stay what they are', (t) => {
  const lacking = missing('buildah', 'podman', 'skopeo', 'busybox');
  if (lacking.length > 0 || !isRoot) {
    skip(t, isRoot ? `there is no ${lacking.join(', no ')}` : 'they need root or further ids');
    return t.end();
  }
  const place = makePlace(t, root);
  for (const [name, text] of [
    ['one/etc/version', '1'],
    ['one/etc/old', 'old'],
    ['two/etc/version', '22'],
  ] as const) {
    mkdirSync(join(place.directory, name, '..'), { recursive: true });
    writeFileSync(join(place.directory, name), text);
  }
  mkdirSync(join(place.directory, 'one/bin'));
  tool(root, place, 'cp', '/bin/busybox', 'one/bin/sh');
  const buildah = (...words: readonly string[]) =>
    tool(root, place, ...own('buildah', place), ...words).trim();
  const box = buildah('from', 'scratch');
  buildah('copy', '-q', box, 'one', '/');
  buildah('config', '--env', 'A=1', '--workingdir', '/etc', box);
  buildah('commit', '-q', box, 'localhost/base:1');
  const second = buildah('from', 'localhost/base:1');
  buildah('copy', '-q', second, 'two', '/');
  buildah('commit', '-q', second, 'localhost/tool:1');
  const podman = (...words: readonly string[]) => tool(root, place, ...own('podman', place), ...words).trim();
  podman('save', '-q', '-o', 'podman.tar', 'localhost/tool:1');
  podman('save', '-q', '--format', 'oci-archive', '-o', 'podman.oci', 'localhost/tool:1');
  podman('save', '-q', '--format', 'oci-dir', '-o', 'podman.dir', 'localhost/tool:1');
  buildah('push', '-q', 'localhost/tool:1', 'oci:buildah.dir:1');
  tool(
    root,
    place,
    'skopeo',
    'copy',
    '-q',
    '--dest-compress-format',
    'zstd',
    'oci:buildah.dir:1',
    'oci:zstd.dir:1',
  );
  const images = ['podman.tar', 'podman.oci', 'podman.dir', 'buildah.dir', 'zstd.dir'];
  for (const from of images) convert(t, place, from, `${from}.sqfs`);
  const [first, ...others] = images.map((name) => readFileSync(join(place.directory, `${name}.sqfs`)));
  t.ok(
    first && others.slice(1).every((other) => other.equals(others[0] ?? first)),
    'all OCI images are the same',
  );
  convert(t, place, 'podman.tar.sqfs', 'tree/');
  t.equal(readFileSync(join(place.directory, 'tree/etc/version'), 'utf8'), '22');
  t.equal(
    readFileSync(join(place.directory, 'tree/ch/environment'), 'utf8').split('\n').includes('A=1'),
    true,
  );
  const shown = run(root, [
    join(place.directory, 'podman.tar.sqfs'),
    '--',
    '/bin/sh',
    '-c',
    'read v < /etc/version; exit $v',
  ]);
  t.equal(shown.status, 22, shown.stderr);
  // and back
  convert(t, place, 'podman.tar.sqfs', 'docker-archive:ours.tar:localhost/ours:1');
  convert(t, place, 'podman.tar.sqfs', 'oci-archive:ours.oci:localhost/ours:2');
  podman('load', '-q', '-i', 'ours.tar');
  podman('pull', '-q', 'oci-archive:ours.oci');
  const config = JSON.parse(podman('inspect', 'localhost/ours:1'))[0].Config;
  t.match(config, { Env: /./, WorkingDir: '/etc' });
  const mounted = buildah('mount', buildah('from', 'localhost/ours:1'));
  t.same(tree(mounted), tree(join(place.directory, 'tree')));
  t.end();
});

test('Charliecloud: images go from one to the other, in one storage directory', (t, user) => {
  const lacking = missing('ch-image', 'ch-convert');
  if (lacking.length > 0) return skip(t, `there is no ${lacking.join(', no ')}`);
  const place = makePlace(t, user);
  const root = makeTree(place);
  // of an archive with a single directory ch-image drops that
  for (const name of ['usr/bin', 'etc']) tool(user, place, 'mkdir', '-p', `root/${name}`);
  const theirs = join(place.directory, 'theirs');
  const ours = (...words: readonly string[]) => {
    const { status, stdout, stderr } = place.image(words, { env: { CH_IMAGE_STORAGE: theirs } });
    t.same({ status, stderr }, { status: 0, stderr: '' }, words.join(' '));
    return stdout;
  };
  convert(t, place, 'root', 'ours.tar.gz');
  tool(user, place, 'ch-image', 'import', 'ours.tar.gz', 'host:5000/a/theirs:1');
  // one directory: each goes on where the other was
  ours('import', '--unpack', 'root', 'ours:2');
  t.match(ours('list'), /^host:5000\/a\/theirs:1 +directory .*\nours:2 +directory /);
  t.equal(tool(user, place, 'ch-image', 'list'), 'host:5000/a/theirs:1\nours:2\n');
  t.same(
    readdirSync(theirs).filter((name) => ['records', 'tmp', 'packs'].includes(name)),
    [],
  );
  t.match(JSON.parse(ours('inspect', 'ours:2')), { source: 'root', format: 'directory' });
  tool(user, place, 'ch-convert', '-i', 'ch-image', '-o', 'squash', 'ours:2', 'back.sqfs');
  convert(t, place, 'back.sqfs', 'back/');
  t.same(readFileSync(join(place.directory, 'back/d/file'), 'utf8'), 'content');
  for (const name of ['host:5000/a/theirs:1', 'ours:2']) {
    const { status, stderr } = run(user, ['-s', theirs, name, '--', '/nowhere']);
    t.match(stderr, /\/nowhere/, 'it is found by its name');
    t.equal(status, 49);
  }
  tool(user, place, 'ch-image', 'delete', 'ours:2');
  ours('delete', 'host:5000/a/theirs:1');
  ours('prune');
  t.equal(tool(user, place, 'ch-image', 'list'), '');
  t.ok(existsSync(join(theirs, 'version')));
  // a storage directory that ours has made first
  rmSync(theirs, { recursive: true });
  ours('import', 'root', 'ours:3');
  ours('import', '--unpack', 'root', 'ours:4');
  tool(user, place, 'ch-image', 'import', 'ours.tar.gz', 'theirs:5');
  t.match(ours('list'), /^ours:3 +squashfs .*\nours:4 +directory .*\ntheirs:5 +directory /);
  t.match(tool(user, place, 'ch-image', 'list'), /^ours:4\n/m);
  t.match(JSON.parse(ours('inspect', 'ours:3')), {
    path: join(theirs, 'img/ours+3.sqfs'),
    format: 'directory',
  });
  tool(user, place, 'ch-image', 'delete', 'ours:4');
  // files, both ways
  tool(user, place, 'ch-convert', '-i', 'tar', '-o', 'dir', 'ours.tar.gz', 'unpacked/');
  t.same(
    readFileSync(join(place.directory, 'unpacked/large')).equals(readFileSync(join(root, 'large'))),
    true,
  );
  tool(user, place, 'ch-convert', '-i', 'dir', '-o', 'tar', 'unpacked', 'theirs.tar.gz');
  convert(t, place, 'theirs.tar.gz', 'again/');
  t.same(readdirSync(join(place.directory, 'again/d')), readdirSync(join(root, 'd')));
});
