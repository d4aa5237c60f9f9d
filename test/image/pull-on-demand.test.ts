/** Images of a registry that ch-run-ts names, and gets where that is allowed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { environmentOf, failsWith, isRoot, launcher, plant, type User } from '../helpers/support.js';
import { makePlace, type Place, test } from './image.js';
import { serveImage } from './registry.js';

t.setTimeout(120_000);

/** Starts the launcher beside the registry, which is in this process. */
async function launch(place: Place, user: User, words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(launcher, ['-s', place.storage, ...words], {
    cwd: place.directory,
    env: { ...environmentOf(user), CH_RUN_MEMO_DIR: join(place.directory, 'memo'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [status] = await once(child, 'close');
  return { status: status as number | null, signal: null, stdout, stderr, pid: child.pid ?? 0 };
}

test('an image is got when it is first run, if that is allowed', async (t, user) => {
  const place = makePlace(t, user);
  const { repository, asked } = await serveImage(t);
  const image = `docker://${repository}:1.0`;
  const command = [image, '--', '/probe', 'status', '7'];
  const hint = `get it with 'ch-image-ts pull ${image}', or use --pull`;
  failsWith(t, await launch(place, user, command), 31, `there is no image ${image} in storage`, hint);
  t.same(asked, [], 'nothing was asked for');

  const first = await launch(place, user, ['--pull', ...command]);
  t.match(first, { status: 7, stdout: '', stderr: new RegExp(`^${repository}:1.0: \\d.*, sha256:\\w+\\n$`) });
  const before = asked.length;
  t.match(await launch(place, user, ['--pull', ...command]), { status: 7, stderr: '' });
  t.match(await launch(place, user, ['-v', '--pull', ...command]), { stderr: /remembered plan: / });
  t.equal(asked.length, before, 'what is there needs no network');
  t.equal((await launch(place, user, command)).status, 7);
  const byName = [`${repository}:1.0`, '--', '/probe', 'status', '7'];
  t.equal((await launch(place, user, byName)).status, 7, 'it has its name in storage');
});

test('the configuration can allow it; an option takes precedence', async (t, user) => {
  const place = makePlace(t, user);
  const { repository, asked } = await serveImage(t);
  plant(place.directory, { 'config/ch-run-ts/config.toml': "[options]\npull = 'missing'\n" }, user);
  const env = { XDG_CONFIG_HOME: join(place.directory, 'config') };
  const command = [`docker://${repository}:1.0`, '--', '/probe', 'status', '7'];
  t.equal((await launch(place, user, ['--pull=never', ...command], env)).status, 31);
  t.same(asked, []);
  t.equal((await launch(place, user, command, env)).status, 7);
});

test('of many processes one gets it', async (t, user) => {
  const place = makePlace(t, user);
  const { repository, asked } = await serveImage(t);
  const command = ['--pull', '--quiet', `docker://${repository}:1.0`, '--', '/probe', 'status', '7'];
  const crowd = [
    ...Array(6).fill([]),
    ...Array(6).fill(['--join', '--join-ct=6', '--join-tag=pull']),
  ] as string[][];
  const endings = await Promise.all(crowd.map((more) => launch(place, user, [...more, ...command])));
  t.same(
    endings.filter(({ status, stderr }) => status !== 7 || stderr !== ''),
    [],
  );
  const blobs = asked.filter((each) => each.startsWith('GET blobs'));
  t.equal(blobs.length, new Set(blobs).size, 'each blob is transferred once');
});

test('what goes wrong is said by ch-image-ts', async (t, user) => {
  const place = makePlace(t, user);
  const { repository } = await serveImage(t);
  const image = `docker://${repository}:9.9`;
  const { status, stderr } = await launch(place, user, ['--pull', image, '--', '/probe']);
  t.equal(status, 31);
  t.match(stderr, /^ch-image-ts\[\d+\]: error: .*9\.9/);
  t.match(
    stderr,
    /\nch-run-ts\[\d+\]: error: can't get docker:.*: ch-image-ts pull exited with status 31\n$/,
  );
});
