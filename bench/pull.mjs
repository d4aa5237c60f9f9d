// Compares ch-image-ts pull with what others need to get the same: from a registry on this machine (Debian's
// docker-registry) to a SquashFS file that runs. Then 16 processes that pull one image at once, and a pull through
// a slow wire. As root or not.
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
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeLayout } from './image-layout.mjs';
import { compare, measure, printRows } from './measure.mjs';

const [given, repeats = '3', pattern = ''] = process.argv.slice(2);
const work = given ?? mkdtempSync(join(tmpdir(), 'ch-bench-'));
mkdirSync(work, { recursive: true });
const program = join(import.meta.dirname, '../bin/ch-image-ts');
const port = 20_000 + (process.pid % 20_000);
const image = `localhost:${port}/bench:1.0`;
const log = join(work, 'registry.log');

/** Installed with all that it needs. */
const works = (name) => spawnSync(name, ['--version']).status === 0;

function answers() {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.end();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}

async function serve() {
  const config = join(work, 'registry.yml');
  const storage = `storage: {filesystem: {rootdirectory: ${work}/registry}}`;
  writeFileSync(
    config,
    `version: 0.1\nlog: {accesslog: {disabled: false}}\n${storage}\nhttp: {addr: 127.0.0.1:${port}}\n`,
  );
  const file = openSync(log, 'w');
  const child = spawn('docker-registry', ['serve', config], { stdio: ['ignore', file, file] });
  while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 50));
  return child;
}

const transfers = () =>
  readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => /"GET \/v2\/bench\/blobs\//.test(line)).length;

/** The peers' ways, as far as they are installed here. */
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
    ...(works('ch-image')
      ? {
          'ch-image pull + ch-convert': `export CH_IMAGE_STORAGE=$PWD/ch; rm -rf ch ch.sqfs; ch-image --tls-no-verify pull ${image} x; ch-convert x ch.sqfs`,
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

/** Through a wire of 100 Mbit/s with 50 ms there and back, in shares of the time that the bytes alone take. */
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
const registry = await serve();
try {
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
  registry.kill();
}
if (given === undefined) rmSync(work, { recursive: true });
