// Compares ch-image-ts with umoci and mksquashfs, in one run: from an OCI layout to a SquashFS file that runs. Medians of CPU
// seconds (of all processes), wall time, peak memory, and ratios. As root or not; the image is made of this machine's files.
// usage: node bench/images.mjs [WORK-DIRECTORY [REPEATS]]
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeLayout } from './image-layout.mjs';
import { compare, printRows } from './measure.mjs';

const [given, repeats = '3'] = process.argv.slice(2);
const work = given ?? mkdtempSync(join(tmpdir(), 'ch-bench-'));
mkdirSync(work, { recursive: true });
const program = join(import.meta.dirname, '../bin/ch-image-ts');
const run = (...words) =>
  execFileSync(words[0], words.slice(1), { cwd: work, stdio: ['ignore', 'pipe', 'inherit'] });

makeLayout(work);
run('skopeo', 'copy', '-q', '--dest-compress-format', 'zstd', 'oci:layout:1.0', 'oci:zstd:1.0');
const unpack = 'rm -rf bundle peer.sqfs; umoci unpack --rootless --image layout:1.0 bundle 2>/dev/null';
const peer = (...words) =>
  `${unpack}; mksquashfs bundle/rootfs peer.sqfs -all-root -noappend -quiet -no-progress ${words.join(' ')}`;
run(program, 'import', '-qf', '-s', 'storage', 'oci:layout:1.0', 'known');
const results = compare(work, Number(repeats), {
  'ch-image-ts, gzip layers': `${program} convert -qf oci:layout:1.0 ours.sqfs`,
  'ch-image-ts, zstd layers': `${program} convert -qf zstd ours-zstd.sqfs`,
  'changed top layer': `${program} import -qf -s storage oci:layout:changed changed`,
  'that layer alone': `${program} convert -qf oci:layout:top top.sqfs`,
  'copying the image': 'cp ours.sqfs copy.sqfs',
  'umoci + mksquashfs, zstd 3': peer('-comp zstd -Xcompression-level 3'),
});
const size = (name) => statSync(join(work, name)).size;
const sizes = { ours: size('ours.sqfs'), zstd: size('ours-zstd.sqfs'), peer: size('peer.sqfs') };
printRows(results);
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
