/** ch-image-ts built without QuickJS: Node runs its TypeScript, and the same native functions act. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { archiveOf, dockerFiles } from '../helpers/images.js';
import { checkout, environmentOf, isRoot, scratch, stage, type User } from '../helpers/support.js';
import { makePlace, obstacle, type Place, program, test } from './image.js';
import { runBeside, serveImage } from './registry.js';
import { serveUploads } from './upload-registry.js';

t.setTimeout(300_000);

/** The program beside the scripts that Node reads. */
function install(): string {
  const prefix = scratch(t);
  execFileSync(join(checkout, 'test/image/build-with-node'), { stdio: 'inherit' });
  mkdirSync(join(prefix, 'bin'));
  copyFileSync(join(checkout, 'build/test/node/bin/ch-image-ts'), join(prefix, 'bin/ch-image-ts'));
  symlinkSync(join(stage, 'package/dist'), join(prefix, 'dist'));
  return join(prefix, 'bin/ch-image-ts');
}

const withNode = obstacle ? '' : install();
const programs = [program, withNode];

/** What a command line does, without what differs between two runs. */
async function answer(place: Place, user: User, words: readonly string[]) {
  const plain = (text: string) =>
    text
      .replaceAll(place.directory, 'DIRECTORY')
      .replace(/127\.0\.0\.1:\d+/g, 'REGISTRY')
      .replace(/\[\d+\]/g, '[PID]')
      .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.Z]*/g, 'TIME')
      .replace(/"(time|pid)":\d+/g, '"$1":0');
  const { status, signal, stdout, stderr } = await runBeside(place, user, words);
  return { status, signal, stdout: plain(stdout), stderr: plain(stderr) };
}

/** Each line is run with both programs, each in its own place, and with its own registry in place of `REGISTRY`. */
async function compare(
  t: Test,
  user: User,
  lines: readonly (readonly string[])[],
  registries: readonly string[] = ['', ''],
): Promise<readonly Place[]> {
  const places = programs.map(() => makePlace(t, user));
  for (const place of places)
    writeFileSync(join(place.directory, 'saved.tar'), archiveOf(dockerFiles()), { mode: 0o644 });
  for (const words of lines) {
    const [wanted, found] = await Promise.all(
      programs.map((each, at) => {
        const own = words.map((word) => word.replace('REGISTRY', registries[at] ?? ''));
        return answer(places[at] as Place, user, [each, ...own]);
      }),
    );
    t.strictSame(found, wanted, words.join(' '));
  }
  return places;
}

test('the two programs have the two engines', async (t, user) => {
  const place = makePlace(t, user);
  t.match(await runBeside(place, user, [program, '--version']), { stdout: /^engine: QuickJS/m });
  t.match(await runBeside(place, user, [withNode, '--version']), { stdout: /^engine: Node\.js/m });
});

test('files are imported and converted alike', async (t, user) => {
  const places = await compare(t, user, [
    ['import', 'saved.tar', 'solver'],
    ['import', '--log=json', 'saved.tar', 'caf\u00e9'],
    ['list'],
    ['inspect', 'solver'],
    ['tag', 'solver', 'tool'],
    ['convert', 'saved.tar', 'solver.sqfs'],
    ['convert', 'solver.sqfs', 'oci-archive:solver.oci'],
    ['convert', 'solver.sqfs', 'root/'],
    ['import', 'nothing'],
    ['import', '--most-entries=1', 'saved.tar', 'other'],
    ['improt', 'saved.tar'],
    ['delete', 'solver'],
    ['delete', 'solver'],
    ['prune'],
    ['--help', 'pull'],
  ]);
  for (const name of ['solver.sqfs', 'solver.oci']) {
    const [wanted, found] = places.map(({ directory }) => readFileSync(join(directory, name)));
    t.ok(wanted && found?.equals(wanted), `${name} is the same, byte for byte`);
  }
  t.same(places[1]?.stored(), places[0]?.stored());
});

test('images are pulled and pushed alike', async (t, user) => {
  const { repository } = await serveImage(t);
  const uploads = [await serveUploads(t), await serveUploads(t)];
  const lines = [
    ['pull', '--dry-run', `${repository}:1.0`],
    ['pull', `${repository}:1.0`, 'solver'],
    ['pull', `${repository}:1.0`, 'solver'],
    ['tags', repository],
    ['inspect', `docker://${repository}:1.0`],
    ['pull', `${repository}:2.0`],
    ['push', 'solver', 'REGISTRY/tool/solver:1.0'],
  ];
  await compare(
    t,
    user,
    lines,
    uploads.map(({ registry }) => registry),
  );
  t.same([...(uploads[1]?.manifests ?? [])], [...(uploads[0]?.manifests ?? [])]);
});

test('a signal ends a pull that waits for its registry, and leaves nothing', async (t, user) => {
  for (const each of programs) {
    const place = makePlace(t, user);
    let arrived: () => void = () => undefined;
    const { repository } = await serveImage(t, {}, (request) => {
      if (!request.url?.includes('/blobs/')) return false;
      arrived();
      return true;
    });
    // its end is that of all who have its standard output: Node, too
    const ending = await runBeside(place, user, [each, 'pull', `${repository}:1.0`, 'solver'], {}, (kill) => {
      arrived = () => kill('SIGINT');
    });
    t.match(ending, { status: null, signal: 'SIGINT', stdout: '' });
    t.same(place.stored(), []);
  }
});

test('a signal that the program ignores, as under nohup, does not end Node', async (t, user) => {
  const place = makePlace(t, user);
  let arrived: () => void = () => undefined;
  const { repository } = await serveImage(t, {}, (request) => {
    if (request.url?.includes('/blobs/')) arrived();
    return false;
  });
  const words = ['-c', 'trap "" HUP; exec "$@"', 'sh', withNode, 'pull', `${repository}:1.0`, 'solver'];
  const child = spawn('sh', words, {
    cwd: place.directory,
    env: { ...environmentOf(user), CH_IMAGE_STORAGE: place.storage },
    stdio: 'ignore',
    detached: true,
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
  arrived = () => void process.kill(-(child.pid as number), 'SIGHUP');
  t.same(await once(child, 'close'), [0, null]);
});
