/** `ch-image-ts convert`: from any format that is read to any that is written, and nothing is lost on the way. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { archiveOf, dockerFiles } from '../helpers/images.js';
import { makeSif } from '../helpers/sif.js';
import { image, isRoot, run, skip, squashed, start, type User } from '../helpers/support.js';
import { makeTar, tarHeader } from '../helpers/tar.js';
import { makePlace, type Place, program, refuses, test } from './image.js';
import { describe, makeTree } from './trees.js';

t.setTimeout(300_000);

function convert(t: Test, place: Place, from: string, to: string): void {
  const { status, stderr } = place.image(['convert', from, to]);
  t.same({ status, stderr }, { status: 0, stderr: '' }, `${from} to ${to}`);
}

const ways: readonly (readonly string[])[] = [
  ['image.sqfs'],
  ['image.tar'],
  ['oci:layout:1.0'],
  ['oci-archive:archive:1.0', 'again.sqfs'],
  ['docker-archive:docker:tool:1.0', 'oci:layout'],
  ['dir:tree', 'tar:file'],
];
for (const way of ways) {
  test(`a directory comes back as it was by way of ${way.join(' and ')}`, (t, user) => {
    const place = makePlace(t, user);
    const root = makeTree(place);
    const stops = ['root', ...way, 'back/'];
    stops.slice(1).forEach((to, at) => void convert(t, place, stops[at] ?? '', to));
    // what a configuration adds
    const back = describe(join(place.directory, 'back')).filter((line) => !/^ch[ /]/.test(line));
    t.same(back, describe(root));
    t.notOk(
      readdirSync(place.directory).some((name) => /new-|parts/.test(name)),
      'nothing is left beside it',
    );
  });
}

test('a SIF becomes a directory, and the same SquashFS as a file', (t, user) => {
  const place = makePlace(t, user);
  writeFileSync(join(place.directory, 'file.sif'), makeSif(readFileSync(squashed)));
  convert(t, place, 'file.sif', 'out.sqfs');
  t.ok(readFileSync(join(place.directory, 'out.sqfs')).equals(readFileSync(squashed)));
  convert(t, place, 'sif:file.sif', 'out/');
  t.same(describe(join(place.directory, 'out')), describe(image));
});

test('the configuration goes with the image', (t, user) => {
  const place = makePlace(t, user);
  writeFileSync(join(place.directory, 'file'), archiveOf(dockerFiles()));
  convert(t, place, 'file', 'image.sqfs');
  convert(t, place, 'image.sqfs', 'docker-archive:out.tar:other:2');
  t.equal(place.image(['import', 'out.tar']).status, 0);
  const { config, name } = JSON.parse(place.image(['inspect', 'other:2']).stdout);
  t.match(config, { config: { Env: ['A=1'], WorkingDir: '/etc', Labels: { who: 'test' } } });
  t.equal(name, 'other:2');
});

test('what other tools have made is read, and what is written they read', (t, user) => {
  const missing = ['umoci', 'skopeo'].find((tool) => spawnSync(tool, ['--version']).error);
  if (missing) return skip(t, `there is no ${missing}`);
  const place = makePlace(t, user);
  const { directory } = place;
  const tool = (...words: readonly string[]) =>
    execFileSync(words[0] ?? '', words.slice(1), {
      cwd: directory,
      env: { PATH: process.env.PATH ?? '', HOME: directory, TMPDIR: directory },
      stdio: 'pipe',
      encoding: 'utf8',
    });
  tool('umoci', 'init', '--layout', 'layout');
  tool('umoci', 'new', '--image', 'layout:1.0');
  mkdirSync(join(directory, 'one'));
  writeFileSync(join(directory, 'one/a'), 'first');
  mkdirSync(join(directory, 'two'));
  writeFileSync(join(directory, 'two/b'), 'second');
  tool('umoci', 'insert', '--image', 'layout:1.0', 'one', '/data');
  tool('umoci', 'insert', '--image', 'layout:1.0', '--opaque', 'two', '/data');
  tool('umoci', 'config', '--image', 'layout:1.0', '--config.env', 'FROM=umoci');
  tool('skopeo', 'copy', '-q', 'oci:layout:1.0', 'docker-archive:docker.tar:tool:1.0');
  tool('skopeo', 'copy', '-q', 'oci:layout:1.0', 'oci-archive:oci.tar:1.0');
  if (isRoot) execFileSync('chown', ['-hR', '--reference', directory, join(directory, 'layout')]);
  for (const from of ['layout', 'docker.tar', 'oci.tar']) {
    convert(t, place, from, `${from}.d/`);
    t.same(readdirSync(join(directory, `${from}.d/data`)), ['b']);
    t.equal(readFileSync(join(directory, `${from}.d/ch/environment`), 'utf8').split('\n')[0], 'FROM=umoci');
  }
  for (const to of ['oci:ours:1.0', 'oci-archive:ours.oci:1.0', 'docker-archive:ours.tar:tool:1.0']) {
    convert(t, place, 'layout', to);
    t.match(JSON.parse(tool('skopeo', 'inspect', '--config', to)), { config: { Env: ['FROM=umoci'] } });
  }
  tool('skopeo', 'copy', '-q', 'docker-archive:ours.tar', 'oci:copied:x');
  tool('umoci', 'unpack', '--rootless', '--image', 'copied:x', 'bundle');
  t.equal(readFileSync(join(directory, 'bundle/rootfs/data/b'), 'utf8'), 'second');
});

test('what is there is not replaced without --force', (t, user) => {
  const place = makePlace(t, user);
  makeTree(place);
  convert(t, place, 'root', 'out.sqfs');
  refuses(t, place.image(['convert', 'root', 'out.sqfs']), /there is out\.sqfs already/, /--force/);
  t.equal(place.image(['convert', '-f', 'root', 'out.sqfs']).status, 0);
});

test('formats that are not written are refused by name', (t, user) => {
  const place = makePlace(t, user);
  makeTree(place);
  refuses(t, place.image(['convert', 'root', 'docker://x/y']), /can't use docker: here/);
  refuses(t, place.image(['convert', 'root', 'tar:']), /can't write an image to 'tar:'/, /--help/, 64);
  t.notOk(readdirSync(place.directory).some((name) => name.startsWith('out')));
});

test('a directory that can’t be read is refused by its path, not left out', (t, user) => {
  if (user.uid === 0) return t.pass('root may read everything');
  const place = makePlace(t, user);
  const root = makeTree(place);
  chmodSync(join(root, 'd/e'), 0);
  refuses(
    t,
    place.image(['convert', 'root', 'out.sqfs']),
    /can't read .*root\/d\/e: open: permission denied/,
  );
  t.notOk(existsSync(join(place.directory, 'out.sqfs')));
  chmodSync(join(root, 'd/e'), 0o700);
});

test('an interrupted conversion leaves nothing, whatever it was at', async (t, user) => {
  const place = makePlace(t, user);
  const size = 2 ** 30;
  const zeros = gzipSync(Buffer.alloc(8 << 20));
  const parts = [
    gzipSync(tarHeader({ name: 'zeros', size })),
    ...Array.from({ length: size / 2 ** 23 }, () => zeros),
  ];
  writeFileSync(
    join(place.directory, 'file.tar.gz'),
    Buffer.concat([...parts, gzipSync(Buffer.alloc(1024))]),
  );
  const before = readdirSync(place.directory);
  // while it packs, and while it writes
  for (const sign of [/\.sqfs$/, /layer$/]) {
    const child = place.begin(['convert', 'file.tar.gz', 'oci:out']);
    const ended = once(child, 'close');
    const isThere = () =>
      readdirSync(place.directory, { recursive: true, encoding: 'utf8' }).some((name) => sign.test(name));
    while (!isThere() && child.exitCode === null) await setTimeout(2);
    child.kill('SIGTERM');
    t.same(await ended, [null, 'SIGTERM']);
    t.same(readdirSync(place.directory), before);
  }
});

test('a SquashFS file with a name that leads out is refused, and leaves nothing', (t, user) => {
  const place = makePlace(t, user);
  const root = makeTree(place);
  writeFileSync(join(root, 'QZ'), 'escape');
  const file = join(place.directory, 'hostile.sqfs');
  execFileSync('mksquashfs', [root, file, '-noI', '-noD', '-noF', '-no-xattrs', '-quiet', '-no-progress']);
  const sound = readFileSync(file);
  const before = readdirSync(place.directory);
  for (const name of ['..', '/x', '.\0']) {
    const bytes = Buffer.from(sound);
    // in the directory's listing, which is the only place that has it
    bytes.write(name, bytes.indexOf('QZ'), 'latin1');
    writeFileSync(file, bytes);
    for (const to of ['out/', 'out.tar', 'oci:out'])
      refuses(t, place.image(['convert', 'hostile.sqfs', to]), /no file can have that name/);
    t.same(readdirSync(place.directory), before);
  }
});

test('a limit on file sizes is an error, and leaves nothing', (t, user) => {
  const place = makePlace(t, user);
  const root = makeTree(place);
  writeFileSync(join(root, 'random'), randomBytes(3 << 20));
  const before = readdirSync(place.directory);
  for (const to of ['out.sqfs', 'out/', 'oci:out', 'docker-archive:out.tar']) {
    const script = `ulimit -f 1024; exec ${program} convert root ${to}`;
    const ending = start(user, 'bash', ['-c', script], { cwd: place.directory });
    refuses(t, ending, /can't (write|create) .*: (p?write|ftruncate): file too large/);
    t.same(readdirSync(place.directory), before);
  }
});

test('an image in storage that others made is run and deleted, too', (t: Test, user: User) => {
  const place = makePlace(t, user);
  const tree = makeTar([{ name: 'dev/' }, { name: 'proc/' }, { name: 'sys/' }, { name: 'tmp/' }]);
  writeFileSync(join(place.directory, 'file.tar'), tree);
  mkdirSync(join(place.storage, 'img'), { recursive: true });
  if (isRoot) execFileSync('chown', ['-hR', '--reference', place.directory, place.storage]);
  convert(t, place, 'file.tar', 'storage/img/made+1/');
  t.equal(run(user, ['-s', place.storage, '--list']).stdout.split(' ')[0], 'made:1');
  t.equal(place.image(['delete', 'made:1']).status, 0);
  t.same(place.stored(), []);
});
