/** `ch-image-ts login` and `logout`: what is asked, what is checked, and where it is kept. */
import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { committed, environmentOf, isRoot, type User } from '../helpers/support.js';
import { makePlace, type Place, program, test } from './image.js';
import { type Fault, runImage, serveImage } from './registry.js';

t.setTimeout(120_000);

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;

/** Wants this name and password. */
const wants =
  (pair: string): Fault =>
  (request, response) => {
    if (request.headers.authorization === basic(pair)) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
    return true;
  };

function homeOf(place: Place, user: User) {
  const home = join(place.directory, 'home');
  mkdirSync(home);
  if (isRoot) chownSync(home, user.uid, user.gid);
  return { env: { HOME: home }, file: join(home, '.config/containers/auth.json') };
}

test('a name and a password are checked, kept for their owner alone, and forgotten', async (t, user) => {
  const place = makePlace(t, user);
  const { env, file } = homeOf(place, user);
  const { repository } = await serveImage(t, {}, wants('alice:p:w ü'));
  const registry = repository.split('/')[0] ?? '';
  const log = (words: readonly string[], input = '') => runImage(place, user, words, env, undefined, input);
  const words = ['login', '--username=alice', '--password-stdin', registry];

  const wrong = await log(words, 'other\n');
  t.match(wrong, { status: 31, stderr: /refuses alice with this password; nothing was saved/ });
  t.throws(() => statSync(file));
  t.match(await log(words), { status: 64, stderr: /the password is empty/ });
  t.match(await log(words, 'p:w ü\n'), { status: 0, stderr: '', stdout: /: logged in as alice, kept in / });
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal(statSync(join(file, '..')).mode & 0o777, 0o700);
  const auth = basic('alice:p:w ü').slice(6);
  t.same(JSON.parse(readFileSync(file, 'utf8')), { auths: { [registry]: { auth } } });
  t.match(await log(['pull', `${repository}:1.0`, 'tool']), { status: 0, stderr: '' });

  t.match(await log(['logout', registry]), { status: 0, stdout: `${registry}: logged out\n` });
  t.same(JSON.parse(readFileSync(file, 'utf8')), { auths: {} });
  t.match(await log(['logout', registry]), { status: 31, stderr: /there are no credentials for 127/ });
  t.match(await log(['pull', '-f', `${repository}:1.0`, 'tool']), {
    status: 31,
    stderr: /access is refused.*\n.*hint: log in: 'ch-image-ts login 127/,
  });
});

test('what others keep in the file stays, and an old entry is replaced where it is', async (t, user) => {
  const place = makePlace(t, user);
  const { env } = homeOf(place, user);
  const { repository } = await serveImage(t, {}, wants('alice:new'));
  const registry = repository.split('/')[0] ?? '';
  const file = join(place.directory, 'run/containers/auth.json');
  mkdirSync(join(file, '..'), { recursive: true });
  const others = { auths: { 'h.org': { auth: 'eDp5' } }, credHelpers: { 'gcr.io': 'gcloud' } };
  const old = { ...others, auths: { ...others.auths, [`https://${registry}/v1/`]: { auth: 'eDp5' } } };
  writeFileSync(file, JSON.stringify(old));
  for (const path of [file, join(file, '..'), join(file, '../..')])
    if (isRoot) chownSync(path, user.uid, user.gid);
  const words = ['login', '-u', 'alice', '--password-stdin', registry];
  const runtime = { ...env, XDG_RUNTIME_DIR: join(place.directory, 'run') };
  t.match(await runImage(place, user, words, runtime, undefined, 'new'), { status: 0 });
  const auth = basic('alice:new').slice(6);
  t.same(JSON.parse(readFileSync(file, 'utf8')), {
    ...others,
    auths: { ...others.auths, [registry]: { auth } },
  });
});

test('a registry that asks nobody is told of', async (t, user) => {
  const place = makePlace(t, user);
  const { env, file } = homeOf(place, user);
  const { repository } = await serveImage(t);
  const words = ['login', '-u', 'a', '--password-stdin', repository.split('/')[0] ?? ''];
  const ending = await runImage(place, user, words, env, undefined, 'b');
  t.match(ending, { status: 0, stderr: /warning: 127.* whether name and password are right is not known/ });
  t.ok(statSync(file));
  t.match(await runImage(place, user, ['login', 'no-host'], env), { status: 64, stderr: /is no registry/ });
});

interface Typed {
  readonly text: string;
  readonly shown: readonly boolean[];
  readonly status: number;
  readonly same: boolean;
}

function typist(
  place: Place,
  user: User,
  answers: readonly string[],
  words: readonly string[],
  home: string,
) {
  return new Promise<Typed>((resolve) => {
    const child = spawn('python3', ['-', ...answers, '--', program, ...words], {
      env: { ...environmentOf(user), CH_IMAGE_STORAGE: place.storage, HOME: home },
      stdio: ['pipe', 'pipe', 'inherit'],
      ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
    });
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
    });
    child.on('close', () => resolve(JSON.parse(text)));
    child.stdin.end(committed('test/image/typist.py'));
  });
}

test('on a terminal the password does not appear, also if ^C ends it', async (t, user) => {
  const place = makePlace(t, user);
  const { env } = homeOf(place, user);
  const { repository } = await serveImage(t, {}, wants('alice:secret'));
  const words = ['login', repository.split('/')[0] ?? ''];
  const answers = ['user name: ', 'alice', 'password: ', 'secret'];
  const typed = await typist(place, user, answers, words, env.HOME);
  t.match(typed, { status: 0, shown: [true, false], same: true, text: /logged in as alice/ });
  t.notMatch(typed.text, /secret/);
  const ended = await typist(place, user, [...answers.slice(0, 3), '^C'], words, env.HOME);
  t.match(ended, { status: -2, shown: [true, false], same: true });
});
