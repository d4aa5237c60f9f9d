// Compares ch-image-ts pull with the peers' ways to the same result: from a registry on this machine (Debian's
// docker-registry) to a SquashFS file that can be run. Then 16 processes pull one image at once, and one pulls
// through a slow link. Runs as root or as an ordinary user.
// usage: node bench/pull.mjs [WORK-DIRECTORY [REPEATS [PATTERN]]]; PATTERN: of the names of the peers' rows
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { makeLayout } from './image-layout.mjs';
import { compare, measure, printRows } from './measure.mjs';

const [given, repeats = '3', pattern = ''] = process.argv.slice(2);
const work = given ?? mkdtempSync(join(tmpdir(), 'ch-bench-'));
mkdirSync(work, { recursive: true });
const program = join(import.meta.dirname, '../bin/ch-image-ts');
const port = 20_000 + (process.pid % 20_000);
const tlsPort = port + 1;
const image = `localhost:${port}/bench:1.0`;
const log = join(work, 'registry.log');

// Charliecloud's programs want it, and the Python that the system's packages are for, whichever comes first in PATH
process.env.USER ??= userInfo().username;
const systemPath = `/usr/bin:${process.env.PATH}`;

/** Installed with all that it needs. */
function works(name, word = '--version') {
  const found = spawnSync(name, [word], { env: { ...process.env, PATH: systemPath } });
  if (found.status !== 0) console.log(`left out: ${name}, which is not installed or lacks what it needs`);
  return found.status === 0;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.end();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}

/** A registry of what lies in the work directory; `tls`: lines of its configuration. */
async function serve(port, log, tls = '') {
  const config = join(work, `registry-${port}.yml`);
  const storage = `storage: {filesystem: {rootdirectory: ${work}/registry}}`;
  writeFileSync(
    config,
    `version: 0.1\nlog: {accesslog: {disabled: false}}\n${storage}\nhttp: {addr: 127.0.0.1:${port}${tls}}\n`,
  );
  const file = openSync(log, 'w');
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', file, file] });
  while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 50));
  return child;
}

/** The same images by TLS: Charliecloud's ch-image knows nothing else. */
async function serveTls() {
  const [key, certificate] = [join(work, 'key'), join(work, 'certificate')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const words = ['req', ...kind, ...name, '-keyout', key, '-out', certificate];
  execFileSync('openssl', words, { stdio: 'ignore' });
  return serve(tlsPort, join(work, 'registry-tls.log'), `, tls: {certificate: ${certificate}, key: ${key}}`);
}

const transfers = () =>
  readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => /"GET \/v2\/bench\/blobs\//.test(line)).length;

/** The peers' ways, of those that are installed here. */
function peers() {
  const copy = `rm -rf peer; skopeo copy -q --src-tls-verify=false docker://${image} oci:peer:1.0`;
  const unpack = 'rm -rf bundle peer.sqfs; umoci unpack --rootless --image peer:1.0 bundle 2>/dev/null';
  const pack = (words) =>
    `mksquashfs bundle/rootfs peer.sqfs -all-root -noappend -quiet -no-progress ${words}`;
  const podman = 'podman --root podman/root --runroot podman/run';
  return {
    'skopeo copy (blobs alone)': copy,
    'skopeo + umoci + mksquashfs, zstd 3': `${copy}; ${unpack}; ${pack('-comp zstd -Xcompression-level 3')}`,
    'skopeo + umoci + mksquashfs, gzip 9': `${copy}; ${unpack}; ${pack('')}`,
    ...(works('podman')
      ? { 'podman pull': `${podman} rmi -af; ${podman} pull -q --tls-verify=false ${image}` }
      : {}),
    ...(withCharliecloud
      ? {
          'ch-image pull (TLS) + ch-convert': `export PATH=${systemPath} CH_IMAGE_STORAGE=$PWD/ch REQUESTS_CA_BUNDLE=$PWD/certificate; rm -rf ch ch.sqfs; { ch-image pull localhost:${tlsPort}/bench:1.0 x && ch-convert -i ch-image x ch.sqfs; } >/dev/null 2>&1`,
        }
      : {}),
  };
}

async function pullAtOnce(count) {
  rmSync(join(work, 'storage'), { recursive: true, force: true });
  const before = transfers();
  const start = process.hrtime.bigint();
  const statuses = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve) =>
          spawn(program, ['pull', '-q', '-s', 'storage', image, 'x'], { cwd: work, stdio: 'inherit' }).on(
            'close',
            resolve,
          ),
        ),
    ),
  );
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const blobs = readdirSync(join(work, 'storage/dlcache/ch-image-ts/blobs/sha256')).length - 1;
  const failed = statuses.filter((status) => status !== 0).length;
  console.log(
    `${count} pulls at once: ${seconds.toFixed(1)} s, ${transfers() - before} transfers of ${blobs} blobs, ${failed} failed`,
  );
}

/** Through a link of 100 Mbit/s with 50 ms round trip, as a ratio to the time that the bytes alone take. */
async function pullOverWire() {
  const rate = 100e6 / 8;
  const script = join(import.meta.dirname, 'slow-wire.mjs');
  const wire = spawn(process.execPath, [script, String(port), String(rate), '25'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [there] = await once(wire.stdout, 'data');
    const far = image.replace(String(port), String(there).trim());
    const { cpu, wall } = measure(work, `rm -rf storage; ${program} pull -q -s storage ${far} x`);
    const blobs = join(work, 'storage/dlcache/ch-image-ts/blobs/sha256');
    const bytes = readdirSync(blobs).reduce((sum, name) => sum + statSync(join(blobs, name)).size, 0);
    console.log(
      `through 100 Mbit/s and 50 ms: ${wall.toFixed(1)} s, ${cpu.toFixed(1)} CPU s, ${(wall / (bytes / rate)).toFixed(2)} of the wire's time`,
    );
  } finally {
    wire.kill();
  }
}

makeLayout(work);
const withCharliecloud = works('ch-image') && works('openssl', 'version');
const registries = [];
try {
  registries.push(await serve(port, log));
  if (withCharliecloud) registries.push(await serveTls());
  execFileSync('skopeo', ['copy', '-q', '--dest-tls-verify=false', 'oci:layout:1.0', `docker://${image}`], {
    cwd: work,
  });
  const pull = `${program} pull -q -s storage ${image} x`;
  const results = compare(work, Number(repeats), {
    'ch-image-ts pull': `rm -rf storage; ${pull}`,
    'the same tag again': pull,
    'ch-image-ts convert, of local layers': `${program} convert -qf oci:layout:1.0 local.sqfs`,
    ...Object.fromEntries(Object.entries(peers()).filter(([name]) => name.match(pattern))),
  });
  printRows(results);
  const skopeo = results['skopeo copy (blobs alone)'];
  const blobs = results['ch-image-ts pull'].cpu - results['ch-image-ts convert, of local layers'].cpu;
  if (skopeo)
    console.log(`blobs alone (pull less convert): ${(blobs / skopeo.cpu).toFixed(2)} of skopeo copy (CPU)`);
  console.log(`size: ${(statSync(join(work, 'storage/img/x.sqfs')).size / 2 ** 20).toFixed(0)} MiB`);
  await pullAtOnce(16);
  await pullOverWire();
} finally {
  for (const registry of registries) registry.kill();
}
if (given === undefined) rmSync(work, { recursive: true });
