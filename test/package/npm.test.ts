/** The packages for npm, installed from a registry, without scripts. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  checkout,
  image,
  isRoot,
  ordinaryUser,
  scratch,
  skip,
  squashed,
  start,
  type User,
  users,
} from '../helpers/support.js';
import { findObstacle, findPackages, version } from './packages.js';

t.setTimeout(120_000);
const obstacle = findObstacle();
// as who runs the tests: in the checkout's place for packages
const [self = ordinaryUser] = users;

/** What each package is called, and its file; the one for the other machine has none here. */
const files: Readonly<Record<string, string>> = {
  'ch-run-ts': `ch-run-ts-${version}.tgz`,
  [`@ch-run-ts/linux-${process.arch}`]: `ch-run-ts-linux-${process.arch}-${version}.tgz`,
};
const other = process.arch === 'x64' ? 'arm64' : 'x64';

/** What a registry says of a package. */
function describe(name: string, address: string): object {
  const file = files[name];
  const bytes = file ? readFileSync(join(findPackages(), file)) : Buffer.from('');
  const manifest = file ? manifestOf(file) : { os: ['linux'], cpu: [other] };
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  const dist = { tarball: `${address}/files/${file ?? 'none'}`, integrity };
  return {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, name, version, dist } },
  };
}

function manifestOf(file: string): object {
  const path = join(findPackages(), file);
  return JSON.parse(start(self, 'tar', ['-xOf', path, 'package/package.json']).stdout);
}

async function openRegistry(t: Test): Promise<string> {
  const known = [...Object.keys(files), `@ch-run-ts/linux-${other}`];
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1);
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    if (path.startsWith('files/')) return response.end(readFileSync(join(findPackages(), path.slice(6))));
    if (known.includes(path)) return response.end(JSON.stringify(describe(path, address)));
    response.statusCode = 404;
    return response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Not synchronously: the registry is in this process. */
async function install(t: Test, program: string, words: readonly string[], place: string): Promise<void> {
  const env = {
    ...process.env,
    HOME: place,
    npm_config_cache: join(place, 'cache'),
    npm_config_registry: await openRegistry(t),
  };
  const child = spawn(program, words, { cwd: place, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part) => {
      said += part;
    });
  const status = await new Promise((resolve) => child.once('close', resolve));
  t.equal(status, 0, said);
}

/** The command is the process that was started, and all works. */
function works(t: Test, command: string, user: User): void {
  for (const each of [image, squashed])
    t.match(start(user, command, ['--no-memo', '--no-share', each, '--', 'echo', 'here']), {
      status: 0,
      stdout: 'here\n',
      stderr: '',
    });
  const script = '"$0" "$1" -- sh -c \'echo $$ $PPID\' & echo $! $$; wait';
  const { stdout } = start(user, 'sh', ['-c', script, command, image]);
  const [started, ran] = stdout.trim().split('\n').sort();
  t.equal(started, ran, 'no shell and no Node stay as its parent');
  t.match(
    start(user, command, ['--doctor']).stdout,
    /installation +npm package at .*\n.*yes {3}all of its files$/m,
  );
}

const library = (words: string) => `
  import { launch, planLaunch } from 'ch-run-ts';
  launch(planLaunch({ image: ${words} }), ['echo', 'from Node'], { stdio: 'inherit' });`;

/** Directories of root's own are closed to others. */
const installers = isRoot ? users : [ordinaryUser];

t.test('npm -g installs the programs of this machine', async (t) => {
  if (obstacle) return skip(t, obstacle);
  for (const more of [[], ['--ignore-scripts']]) {
    const place = scratch(t, self),
      prefix = join(place, 'prefix');
    await install(
      t,
      'npm',
      ['install', '-g', '--no-audit', '--no-fund', ...more, '--prefix', prefix, 'ch-run-ts'],
      place,
    );
    for (const user of installers) works(t, join(prefix, 'bin/ch-run-ts'), user);
    t.throws(() =>
      realpathSync(join(prefix, `lib/node_modules/ch-run-ts/node_modules/@ch-run-ts/linux-${other}`)),
    );
  }
});

for (const [program, words] of [
  ['npm', ['install', '--no-audit', '--no-fund', 'ch-run-ts']],
  ['pnpm', ['add', 'ch-run-ts']],
] as const) {
  t.test(`${program} installs them in a project, where Node programs can use the library`, async (t) => {
    if (obstacle) return skip(t, obstacle);
    const place = scratch(t, self);
    writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
    const path = program === 'npm' ? 'npm' : join(checkout, 'node_modules/.bin/pnpm');
    await install(t, path, words, place);
    for (const user of installers) works(t, join(place, 'node_modules/.bin/ch-run-ts'), user);
    writeFileSync(join(place, 'program.js'), library(JSON.stringify(image)));
    t.match(start(self, process.execPath, [join(place, 'program.js')]), {
      status: 0,
      stdout: 'from Node\n',
      stderr: '',
    });
  });
}

t.test('without the optional packages it says what is missing', async (t) => {
  if (obstacle) return skip(t, obstacle);
  const place = scratch(t, self);
  await install(t, 'npm', ['install', '--no-audit', '--no-fund', '--omit=optional', 'ch-run-ts'], place);
  const { status, stderr } = start(self, join(place, 'node_modules/.bin/ch-run-ts'), ['--version']);
  t.equal(status, 31);
  t.match(stderr, /error: no package with programs for this machine(.|\n)*hint: .*--omit=optional/);
});
