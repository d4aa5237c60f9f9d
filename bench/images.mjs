// Compares ch-image-ts with umoci and mksquashfs, in one run: from an OCI layout to a SquashFS file that runs. Medians of CPU
// seconds (of all processes), wall time, peak memory, and ratios. As root or not; the image is made of this machine's files.
// usage: node bench/images.mjs [WORK-DIRECTORY [REPEATS]]
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [given, repeats = '3'] = process.argv.slice(2);
const work = given ?? mkdtempSync(join(tmpdir(), 'ch-bench-'));
mkdirSync(work, { recursive: true });
const program = join(import.meta.dirname, '../bin/ch-image-ts');
const run = (...words) =>
  execFileSync(words[0], words.slice(1), { cwd: work, stdio: ['ignore', 'pipe', 'inherit'] });

/** Directories of this machine as layers; the third layer deletes some of the second. */
const layers = [
  ['usr/bin', 'usr/sbin', 'etc'],
  ['usr/lib/gcc', 'usr/share/doc'],
  ['usr/lib/python3'],
  ['usr/lib/x86_64-linux-gnu'],
  ['usr/include'],
];

function makeLayout() {
  if (existsSync(join(work, 'layout'))) return;
  run('umoci', 'init', '--layout', 'layout');
  run('umoci', 'new', '--image', 'layout:1.0');
  run('umoci', 'new', '--image', 'layout:top');
  const more = join(work, 'more');
  writeFileSync(more, 'changed');
  layers.forEach((parts, at) => {
    const isTop = at === layers.length - 1;
    if (isTop) run('umoci', 'tag', '--image', 'layout:1.0', 'changed');
    const there = parts.filter((part) => existsSync(`/${part}`));
    const tar = join(work, 'layer.tar');
    const marks = at === 2 ? ['usr/share/.wh.doc'] : [];
    mkdirSync(join(work, 'marks/usr/share'), { recursive: true });
    for (const mark of marks) writeFileSync(join(work, 'marks', mark), '');
    spawnSync('tar', [
      '-cf',
      tar,
      '--ignore-failed-read',
      '-C',
      '/',
      ...there,
      ...(marks.length ? ['-C', join(work, 'marks'), ...marks] : []),
    ]);
    run('umoci', 'raw', 'add-layer', '--image', 'layout:1.0', tar);
    if (isTop) {
      spawnSync('tar', ['-rf', tar, '-C', work, 'more']);
      for (const tag of ['changed', 'top']) run('umoci', 'raw', 'add-layer', '--image', `layout:${tag}`, tar);
    }
    rmSync(tar);
  });
}

/** Seconds of the processor, wall seconds and peak memory in MiB of a shell script and all that it starts. */
function measure(script) {
  const times = join(work, 'times');
  const start = process.hrtime.bigint();
  const { status } = spawnSync('/usr/bin/time', ['-o', times, '-f', '%U %S %M', 'bash', '-ec', script], {
    cwd: work,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`failed: ${script}`);
  const wall = Number(process.hrtime.bigint() - start) / 1e9;
  const [user = 0, system = 0, peak = 0] = readFileSync(times, 'utf8').trim().split(' ').map(Number);
  return { cpu: user + system, wall, peak: peak / 1024 };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function compare(ways) {
  const found = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  // in turns, so that what else the machine does meets all of them
  for (let each = 0; each < Number(repeats); each++)
    for (const [name, script] of Object.entries(ways)) found[name].push(measure(script));
  return Object.fromEntries(
    Object.entries(found).map(([name, all]) => [
      name,
      Object.fromEntries(['cpu', 'wall', 'peak'].map((key) => [key, median(all.map((one) => one[key]))])),
    ]),
  );
}

makeLayout();
run('skopeo', 'copy', '-q', '--dest-compress-format', 'zstd', 'oci:layout:1.0', 'oci:zstd:1.0');
const unpack = 'rm -rf bundle peer.sqfs; umoci unpack --rootless --image layout:1.0 bundle 2>/dev/null';
const peer = (...words) =>
  `${unpack}; mksquashfs bundle/rootfs peer.sqfs -all-root -noappend -quiet -no-progress ${words.join(' ')}`;
run(program, 'import', '-qf', '-s', 'storage', 'oci:layout:1.0', 'known');
const results = compare({
  'ch-image-ts, gzip layers': `${program} convert -qf oci:layout:1.0 ours.sqfs`,
  'ch-image-ts, zstd layers': `${program} convert -qf zstd ours-zstd.sqfs`,
  'changed top layer': `${program} import -qf -s storage oci:layout:changed changed`,
  'that layer alone': `${program} convert -qf oci:layout:top top.sqfs`,
  'copying the image': 'cp ours.sqfs copy.sqfs',
  'umoci + mksquashfs, zstd 3': peer('-comp zstd -Xcompression-level 3'),
});
const size = (name) => statSync(join(work, name)).size;
const sizes = { ours: size('ours.sqfs'), zstd: size('ours-zstd.sqfs'), peer: size('peer.sqfs') };
const rows = Object.entries(results);
const [, ours] = rows[0];
for (const [name, { cpu, wall, peak }] of rows)
  console.log(
    `${name.padEnd(28)} ${cpu.toFixed(1).padStart(7)} CPU s ${wall.toFixed(1).padStart(7)} s ${peak.toFixed(0).padStart(6)} MiB   ours is ${(ours.cpu / cpu).toFixed(2)} CPU, ${(ours.wall / wall).toFixed(2)} wall`,
  );
console.log(
  `size: ${(sizes.ours / sizes.peer).toFixed(3)} of the peer's ${(sizes.peer / 2 ** 20).toFixed(0)} MiB; the same from gzip and zstd: ${sizes.ours === sizes.zstd}`,
);
const [changed, alone, copy] = ['changed top layer', 'that layer alone', 'copying the image'].map(
  (name) => results[name].cpu,
);
console.log(
  `a changed top layer: ${((changed - alone) / copy).toFixed(2)} of copying the image, and that layer's work (CPU)`,
);
if (given === undefined) rmSync(work, { recursive: true });
