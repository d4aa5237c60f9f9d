/** The real registry: TLS by an authority of our own, names and passwords, a mirror that pulls through. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ociLayout, writeFiles } from '../helpers/images.js';
import { launcher, skip, start, type User } from '../helpers/support.js';
import { makePlace, type Place, refuses, test } from './image.js';

t.setTimeout(120_000);

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

async function listens(port: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.end());
    });
    if (up) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

/** Runs until the test ends. */
async function serve(t: Test, directory: string, settings: string): Promise<number> {
  const port = await freePort();
  mkdirSync(directory);
  const file = join(directory, 'config.yml');
  writeFileSync(
    file,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${directory}/data}}\n${settings.replace('PORT', String(port))}`,
  );
  const child: ChildProcess = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  t.teardown(async () => {
    child.kill();
    await ended;
  });
  t.ok(await listens(port), 'the registry is up');
  return port;
}

function makeCertificate(place: Place): { readonly key: string; readonly certificate: string } {
  const [key, certificate] = [join(place.directory, 'key'), join(place.directory, 'ca.crt')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const name = ['-subj', '/CN=test', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', ['req', ...kind, ...name, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  });
  return { key, certificate };
}

/** What the user has in the home directory. */
function configure(place: Place, files: Readonly<Record<string, string>>) {
  const home = join(place.directory, 'home');
  writeFiles(
    home,
    Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])),
  );
  return { env: { CH_IMAGE_STORAGE: place.storage, HOME: home } };
}

function push(t: Test, place: Place, registry: string, ...words: readonly string[]): void {
  const fixed = ['--insecure-policy', 'copy', '--dest-tls-verify=false'];
  const [from, to] = [`oci:${place.directory}/layout:1.0`, `docker://${registry}/team/tool:1.0`];
  const { status, stderr } = spawnSync('skopeo', [...fixed, ...words, from, to], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
}

function runs(t: Test, place: Place, user: User, name: string): void {
  t.equal(start(user, launcher, ['-s', place.storage, name, '--', '/probe', 'report']).status, 0);
}

test('TLS with an authority of our own, a name and a password, and a mirror', async (t, user) => {
  if (!existsSync('/usr/bin/docker-registry')) return skip(t, 'docker-registry is not installed');
  const place = makePlace(t, user);
  const { key, certificate } = makeCertificate(place);
  const hashed = execFileSync('htpasswd', ['-Bbn', 'alice', 'p:w'], { encoding: 'utf8' }).trim();
  writeFileSync(join(place.directory, 'htpasswd'), `${hashed}\n`);
  const tls = `http: {addr: 127.0.0.1:PORT, tls: {certificate: ${certificate}, key: ${key}}}\n`;
  const auth = `auth: {htpasswd: {realm: test, path: ${place.directory}/htpasswd}}\n`;
  const port = await serve(t, join(place.directory, 'registry'), tls + auth);
  writeFiles(join(place.directory, 'layout'), ociLayout());
  push(t, place, `localhost:${port}`, '--dest-creds=alice:p:w');

  const reference = `localhost:${port}/team/tool:1.0`;
  const authority = {
    [`.config/containers/certs.d/localhost:${port}/ca.crt`]: execFileSync('cat', [certificate], {
      encoding: 'utf8',
    }),
  };
  const none = configure(place, {});
  refuses(
    t,
    place.image(['pull', reference, 'x'], none),
    /certificate|TLS|SSL/i,
    /certs\.d\/localhost:\d+\/ca\.crt, or use --tls-no-verify/,
  );
  const trusting = configure(place, authority);
  refuses(
    t,
    place.image(['pull', reference, 'x'], trusting),
    /access is refused: authentication required \(status 401\)/,
    /log in/,
  );
  const file = join(place.storage, 'auth.json');
  const known = { env: { ...trusting.env, REGISTRY_AUTH_FILE: file } };
  const login = ['login', '--username=alice', '--password-stdin', `localhost:${port}`];
  refuses(t, place.image(login, { ...known, input: 'wrong' }), /refuses alice with this password/);
  t.match(place.image(login, { ...known, input: 'p:w' }), { status: 0, stderr: '' });
  t.match(place.image(['pull', reference, 'tool'], known), { status: 0, stderr: '' });
  runs(t, place, user, 'tool');
  t.match(place.image(['tags', `localhost:${port}/team/tool`], known), { status: 0, stdout: '1.0\n' });

  // the same, through a mirror that pulls through
  const plain = 'http: {addr: 127.0.0.1:PORT}\n';
  const upstream = await serve(t, join(place.directory, 'upstream'), plain);
  push(t, place, `localhost:${upstream}`);
  const through = `${plain}proxy: {remoteurl: 'http://localhost:${upstream}'}\n`;
  const mirror = await serve(t, join(place.directory, 'mirror'), through);
  const conf = `[[registry]]\nlocation = "registry.example"\n[[registry.mirror]]\nlocation = "localhost:${mirror}"\ninsecure = true\n`;
  const mirrored = configure(place, { '.config/containers/registries.conf': conf });
  const ending = place.image(['pull', 'registry.example/team/tool:1.0', 'mirrored'], mirrored);
  t.match(ending, { status: 0, stderr: '' });
  runs(t, place, user, 'mirrored');
});
