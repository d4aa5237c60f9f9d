/** The real registry: TLS by an authority of our own, names and passwords, a mirror that pulls through. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ociLayout, writeFiles } from '../helpers/images.js';
import { skip } from '../helpers/support.js';
import { configure, makeCertificate, makePassword, noRegistry, runs, serve } from './docker-registry.js';
import { makePlace, type Place, refuses, test } from './image.js';

t.setTimeout(120_000);

function push(t: Test, place: Place, registry: string, ...words: readonly string[]): void {
  const fixed = ['--insecure-policy', 'copy', '--dest-tls-verify=false'];
  const [from, to] = [`oci:${place.directory}/layout:1.0`, `docker://${registry}/team/tool:1.0`];
  const { status, stderr } = spawnSync('skopeo', [...fixed, ...words, from, to], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
}

test('TLS with an authority of our own, a name and a password, and a mirror', async (t, user) => {
  if (noRegistry) return skip(t, noRegistry);
  const place = makePlace(t, user);
  const { key, certificate } = makeCertificate(place);
  const tls = `http: {addr: 127.0.0.1:0, tls: {certificate: ${certificate}, key: ${key}}}\n`;
  const auth = makePassword(place, 'alice', 'p:w');
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
  const plain = 'http: {addr: 127.0.0.1:0}\n';
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
