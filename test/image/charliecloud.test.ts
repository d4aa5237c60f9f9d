/** Links called `ch-image`, `ch-convert` and `ch-run`: scripts for Charliecloud, and workflow systems, go on. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { environmentOf, isRoot, launcher, type User } from '../helpers/support.js';
import { makePlace, type Place, program, test } from './image.js';
import { type AsyncEnding, serveImage } from './registry.js';

t.setTimeout(120_000);

/** A shell command with the three links first in PATH. */
function shell(place: Place, user: User, script: string, env: NodeJS.ProcessEnv = {}): Promise<AsyncEnding> {
  const bin = join(place.directory, 'bin');
  if (!existsSync(bin)) {
    mkdirSync(bin);
    for (const name of ['ch-image', 'ch-convert']) symlinkSync(program, join(bin, name));
    symlinkSync(launcher, join(bin, 'ch-run'));
  }
  return new Promise((resolve) => {
    const child: ChildProcess = spawn('/bin/sh', ['-c', script], {
      cwd: place.directory,
      env: { ...environmentOf(user), CH_IMAGE_STORAGE: place.storage, ...env, PATH: `${bin}:/usr/bin:/bin` },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
    });
    const texts = ['', ''];
    for (const [at, stream] of [child.stdout, child.stderr].entries())
      stream?.on('data', (data) => {
        texts[at] += data;
      });
    child.on('close', (status, signal) =>
      resolve({ status, signal, stdout: texts[0] ?? '', stderr: texts[1] ?? '' }),
    );
  });
}

async function succeeds(t: Test, place: Place, user: User, script: string): Promise<string> {
  const { status, stdout, stderr } = await shell(place, user, script);
  t.same({ status, stderr }, { status: 0, stderr: '' }, script);
  return stdout;
}

test('ch-image pulls, lists, imports, pushes and deletes images that are directories', async (t, user) => {
  const place = makePlace(t, user);
  const { repository } = await serveImage(t);
  const name = `${repository}:1.0`;
  const tree = join(place.storage, 'img', name.replaceAll('/', '%').replaceAll(':', '+'));
  await succeeds(t, place, user, `ch-image --auth pull --no-cache ${name}`);
  t.ok(lstatSync(tree).isDirectory());
  t.equal(readFileSync(join(tree, 'etc/version'), 'utf8'), '2');
  await succeeds(t, place, user, `ch-image pull -q ${name} short`);
  await succeeds(t, place, user, `ch-image -s ./other pull --arch=host ${name} away`);
  t.equal(await succeeds(t, place, user, 'ch-image list -s other'), 'away\n');
  t.equal(await succeeds(t, place, user, 'ch-image list'), `${name}\nshort\n`);
  t.match(await succeeds(t, place, user, 'ch-run short -- /probe report'), /"uid"/);
  await succeeds(t, place, user, 'ch-convert short short.tar.gz && ch-image import short.tar.gz again');
  await succeeds(t, place, user, "ch-image delete 'ag*' short");
  t.equal(await succeeds(t, place, user, 'ch-image list'), `${name}\n`);
  // what is new takes the place of what is old, also where that is SquashFS
  t.match(place.image(['import', tree, 'mixed']), { status: 0 });
  await succeeds(t, place, user, `ch-image import ${tree} mixed`);
  t.ok(lstatSync(join(place.storage, 'img/mixed')).isDirectory());
  t.notOk(existsSync(join(place.storage, 'img/mixed.sqfs')));
});

test('ch-image fails as Charliecloud does, and says what is not there', async (t, user) => {
  const place = makePlace(t, user);
  for (const [script, status, message] of [
    ['ch-image build -t x .', 1, /ch-image build is not there/],
    ['ch-image build .', 1, /ch-image build is not there\n.*hint: 'podman build' makes images/],
    ['ch-image undelete x', 1, /ch-image undelete is not there/],
    ['ch-image pull', 2, /ch-image pull takes 1 or 2 operands/],
    ['ch-image pull 127.0.0.1:1/x', 1, /can't get 127\.0\.0\.1:1\/x/],
    ['ch-image pull --arch=yolo x', 1, /yolo is not there/],
    ['ch-image pull --last-layer=2 x', 2, /no option --last-layer here/],
    ['ch-image delete none', 1, /there is no image none in storage/],
    ['ch-image frobnicate', 2, /there is no command 'frobnicate'/],
    ['ch-convert one', 1, /ch-convert takes 2 operands/],
    ['ch-convert -i docker x y.sqfs', 1, /does not use docker's storage\n.*docker save/],
    ['ch-convert -o zip ./x y', 1, /expected one of ch-image, dir, .* for --out-fmt, got 'zip'/],
  ] as const) {
    const ending = await shell(place, user, script);
    t.equal(ending.status, status, script);
    t.match(ending.stderr, message);
  }
});

test('ch-convert goes by endings and by -i and -o, and spares what is no image', async (t, user) => {
  const place = makePlace(t, user);
  const { repository } = await serveImage(t);
  await succeeds(t, place, user, `ch-image pull ${repository}:1.0 tool`);
  await succeeds(t, place, user, 'ch-convert tool ./tool.sqfs && ch-convert ./tool.sqfs ./tree');
  await succeeds(
    t,
    place,
    user,
    'ch-convert -i dir -o squash ./tree image && ch-run ./image -- /probe report',
  );
  await succeeds(t, place, user, 'ch-convert ./tree tree.tgz && ch-convert --tmp=/none tree.tgz ./tree.sqfs');
  t.equal(readFileSync(join(place.directory, 'tree.tgz')).readUInt16BE(0), 0x1f8b);
  await succeeds(t, place, user, 'ch-convert ./tree other -o ch-image && ch-run other -- /probe report');
  t.match(await shell(place, user, 'ch-convert -n tool ./tool.sqfs'), {
    status: 1,
    stderr: /there is squashfs:.*tool\.sqfs already/,
  });
  const precious = join(place.directory, 'precious');
  mkdirSync(precious);
  writeFileSync(join(precious, 'file'), 'x');
  if (isRoot) chownSync(precious, user.uid, user.gid);
  t.match(await shell(place, user, 'ch-convert tool ./precious'), {
    status: 1,
    stderr: /\.\/precious exists, and does not look like an image/,
  });
  t.same(readdirSync(precious), ['file']);
});

test('eight tasks of a workflow pull at once, and run as Nextflow has it', async (t, user) => {
  const place = makePlace(t, user);
  const { repository, asked } = await serveImage(t);
  const image = `${place.storage}/cache/img/${repository.replaceAll('/', '%').replaceAll(':', '+')}+1.0`;
  const endings = await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      shell(
        place,
        user,
        `set -e; mkdir work${at}; cd work${at}
        ch-image pull -s ${place.storage}/cache ${repository}:1.0 >/dev/null
        for mode in -w --write-fake; do
          ch-run --unset-env="*" -c "$PWD" --set-env $mode -b "$PWD" ${image} -- /probe report
        done`,
      ),
    ),
  );
  for (const { status, stderr, stdout } of endings) {
    t.same({ status, stderr }, { status: 0, stderr: '' });
    t.equal(stdout.match(/A=1/g)?.length, 2, "the image's environment");
  }
  t.equal(asked.filter((each) => each.startsWith('GET blobs')).length, 3, 'one transfer of each blob');
});
