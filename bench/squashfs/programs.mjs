// What users wait for: programs of Debian packages that start from an image, with cold caches and warm, one and 16 at
// once, listings of all of it, and starts from storage that takes 2, 10 and 50 ms for each read. SquashFS served by
// ch-run-ts, with and without remembered reads, beside the same tree as a directory, the kernel's SquashFS (loop device),
// squashfuse_ll and ch-run; whole runs, mounting included. Writes bench/results/programs.json. As root, who drops caches
// and mounts for the kernel; programs run as user 1.
// usage: node bench/squashfs/programs.mjs [REPEATS [PATTERN]]; PATTERN: of rows, such as 'zstd.*python'
// The images are made once, in /var/tmp/ch-run-ts-bench or $CH_RUN_BENCH_CACHE, where an ordinary user must be able to
// read them. Slow storage needs build/squashfs/slow-file, which `npm run bench:squashfs` builds.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const [repeats = '5', pattern = ''] = process.argv.slice(2);
const cache = process.env.CH_RUN_BENCH_CACHE ?? '/var/tmp/ch-run-ts-bench';
const packages = 'python3-scipy,python3-pandas,python3-matplotlib,r-base-core';
const user = 1;

const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

function skip(reason) {
  console.log(`programs in SquashFS are not measured: ${reason}`);
  process.exit(0);
}

/** A tree in the cache, and images of it: each is there entirely or not at all. */
function makeImages() {
  mkdirSync(cache, { recursive: true });
  if (statSync(cache).uid !== 0) skip(`${cache} belongs to another user`);
  const make = (name, action) => {
    const draft = join(cache, `draft-${name}`);
    if (existsSync(join(cache, name))) return;
    rmSync(draft, { recursive: true, force: true });
    action(draft);
    renameSync(draft, join(cache, name));
  };
  const run = (program, ...words) => execFileSync(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  make('tree', (to) => {
    run(
      'mmdebstrap',
      '-q',
      '--variant=minbase',
      `--include=${packages}`,
      '--format=directory',
      'bookworm',
      to,
    );
    run('chmod', '-R', 'a+rX', to);
  });
  for (const compressor of ['gzip', 'zstd'])
    make(`${compressor}.sqfs`, (to) =>
      run('mksquashfs', join(cache, 'tree'), to, '-comp', compressor, '-quiet', '-no-progress'),
    );
}

/** Where an ordinary user can reach everything. */
function makeWorkplace() {
  const work = mkdtempSync('/var/tmp/ch-bench-');
  for (const part of ['bin', 'build/Release', 'dist', 'package.json'])
    cpSync(join(root, part), join(work, 'ch-run-ts', part), {
      recursive: true,
      filter: (path) => !path.endsWith('obj.target'),
    });
  execFileSync('chmod', ['-R', 'a+rX', work]);
  for (const name of ['home', 'at', 'images']) mkdirSync(join(work, name));
  for (const name of ['home', 'at']) chownSync(join(work, name), user, user);
  for (const name of ['tree', 'gzip.sqfs', 'zstd.sqfs'])
    execFileSync('ln', ['-s', join(cache, name), join(work, 'images', name)]);
  return work;
}

if (process.geteuid() !== 0) skip('only root can drop caches and mount by loop device');
for (const program of ['mmdebstrap', 'mksquashfs', 'setpriv'])
  if (!has(program)) skip(`there is no ${program}`);
makeImages();
const work = makeWorkplace();
const at = join(work, 'at');
const fonts = mkdtempSync('/tmp/ch-bench-');
chownSync(fonts, user, user);
const settings = `USER=daemon HOME=${work}/home MPLCONFIGDIR=${fonts} OPENBLAS_NUM_THREADS=1`;
const asUser = `setpriv --reuid=${user} --regid=${user} --clear-groups env -u XDG_CACHE_HOME -u CH_RUN_MEMO_DIR ${settings}`;
const launcher = `${asUser} ${work}/ch-run-ts/bin/ch-run-ts`;
const image = (name) => join(cache, name);

// `-b /tmp:/tmp` is the default of ch-run and ch-run-ts; matplotlib's list of fonts, made once, is kept there
const python = `python3 -c 'import scipy.stats, pandas, matplotlib.pyplot'`;
const programs = {
  python,
  'R start': `Rscript -e 'library(stats4); library(splines); library(grid); summary(lm(dist ~ speed, cars))'`,
  'find / -xdev': `find /usr /etc /var /bin -xdev`,
  'ls -lR': `ls -lR /usr /etc /var`,
  '16 x python': `sh -c 'for each in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do ${python.replaceAll("'", '"')} & done; wait'`,
};

/** Each peer's whole run of a command, as a shell script. */
function ways(file, command) {
  return {
    'ch-run-ts, remembered': `${launcher} --no-share ${file} -- ${command}`,
    'ch-run-ts, first time': `${launcher} --no-share --no-read-ahead ${file} -- ${command}`,
    directory: `${launcher} ${image('tree')} -- ${command}`,
    kernel: `mount -o loop,ro ${file} ${at}; ${launcher} ${at} -- ${command}; umount ${at}`,
    ...(has('squashfuse_ll')
      ? {
          squashfuse_ll: `${asUser} unshare --user --map-root-user --mount bash -c 'squashfuse_ll ${file} ${at}; mount --rbind /tmp ${at}/tmp; mount --rbind /proc ${at}/proc; mount --rbind /dev ${at}/dev; chroot ${at} "$@"; umount -l ${at}' - ${command}`,
        }
      : {}),
    ...(has('ch-run') ? { 'ch-run': `${asUser} ch-run -m ${at} ${file} -- ${command}` } : {}),
  };
}

function drop() {
  execFileSync('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

/** Wall-clock and CPU seconds of all processes, file-system servers included. */
function measure(script, cold) {
  if (cold) drop();
  const busy = () => {
    const [, ...ticks] = execFileSync('head', ['-1', '/proc/stat'], { encoding: 'utf8' }).trim().split(/\s+/);
    const [own = 0, nice = 0, system = 0] = ticks.map(Number);
    return (own + nice + system) / 100;
  };
  const before = busy();
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync('bash', ['-ec', script], {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const wall = Number(process.hrtime.bigint() - start) / 1e9;
  if (status !== 0) throw new Error(`failed: ${script}\n${stderr}`);
  return { wall, cpu: busy() - before };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function compare(title, scripts, cold) {
  const taken = Object.fromEntries(Object.keys(scripts).map((name) => [name, []]));
  // a round that is not counted: plans and lists of fonts are made, and with warm caches, they get warm
  for (const script of Object.values(scripts)) measure(script, false);
  // in turns, so that other load affects all of them equally
  for (let each = 0; each < Number(repeats); each++)
    for (const [name, script] of Object.entries(scripts)) taken[name].push(measure(script, cold));
  const row = Object.fromEntries(
    Object.entries(taken).map(([name, all]) => [
      name,
      {
        wall: median(all.map(({ wall }) => wall)),
        cpu: median(all.map(({ cpu }) => cpu)),
        // of each round, so that work that comes and goes counts less
        ratio: median(all.map(({ wall }, each) => Object.values(taken)[0][each].wall / wall)),
      },
    ]),
  );
  console.log(title);
  for (const [name, { wall, cpu, ratio }] of Object.entries(row))
    console.log(
      `  ${name.padEnd(22)} ${wall.toFixed(3).padStart(8)} s ${cpu.toFixed(2).padStart(7)} CPU s   ch-run-ts is ${ratio.toFixed(2)}`,
    );
  return row;
}

const rows = {};

function writeResults() {
  const machine = `${cpus().length} cores, Linux ${release()}`;
  const text = JSON.stringify({ machine, repeats: Number(repeats), packages, rows }, null, 2);
  writeFileSync(join(root, 'bench/results/programs.json'), `${text}\n`);
}

/** The image file in a file system where each read takes so much longer. */
function compareOnSlowStorage(title, milliseconds) {
  const slow = join(work, 'slow');
  mkdirSync(slow, { recursive: true });
  const server = join(root, 'build/squashfs/slow-file');
  execFileSync(server, [image('zstd.sqfs'), slow, String(milliseconds)], { stdio: 'ignore' });
  try {
    const { directory: _, 'ch-run': __, ...scripts } = ways(join(slow, 'file'), python);
    rows[title] = compare(title, scripts, true);
  } finally {
    execFileSync('umount', ['-l', slow]);
  }
}

try {
  for (const compressor of ['zstd', 'gzip'])
    for (const [name, command] of Object.entries(programs))
      for (const cold of name.startsWith('find') || name.startsWith('ls') ? [true] : [true, false]) {
        const title = `${compressor}, ${name}, ${cold ? 'cold' : 'warm'}`;
        if (title.match(pattern))
          rows[title] = compare(title, ways(image(`${compressor}.sqfs`), command), cold);
      }
  for (const milliseconds of [2, 10, 50]) {
    const title = `zstd on slow storage, ${milliseconds} ms a read, python, cold`;
    if (title.match(pattern)) compareOnSlowStorage(title, milliseconds);
  }
} finally {
  rmSync(fonts, { recursive: true, force: true });
  rmSync(work, { recursive: true });
}
// of all rows, or none
if (pattern === '') writeResults();
