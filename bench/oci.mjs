// Measures ch-oci-ts, and beside it crun and runc where they are installed and work here: `npm run bench:oci [COUNT]`, as
// an ordinary user or as root. Prints milliseconds (median, minimum, CPU) of each, and the ratios of medians and CPU to
// each peer: all in one run, one after the other in each round, since only ratios say anything.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const isRoot = process.getuid() === 0;
const settleTime = 30; // ms
const count = Number(process.argv[2] ?? 30);
const ours = join(import.meta.dirname, '../bin/ch-oci-ts');

/** crun refuses a machine that has both versions of control groups: then all are measured where only version 2 is seen. */
function enterPureGroups() {
  if (process.env.BENCH_INSIDE || existsSync('/sys/fs/cgroup/cgroup.controllers')) return;
  // podman leaves its locks in /dev/shm
  const script =
    'mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec "$@"';
  const namespaces = isRoot ? ['--mount'] : ['--user', '--map-root-user', '--mount', '--cgroup'];
  const whole = isRoot ? `umount -R /sys/fs/cgroup && ${script}` : script;
  const words = [...namespaces, 'sh', '-c', whole, 'sh', process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync('unshare', words, {
    stdio: 'inherit',
    env: { ...process.env, BENCH_INSIDE: isRoot ? 'root' : 'user' },
  });
  process.exit(status ?? 1);
}

enterPureGroups();
const isUser = process.env.BENCH_INSIDE === 'user' || !isRoot;
const room = mkdtempSync(join(tmpdir(), 'ch-oci-ts-bench.'));
const memos = join(room, 'memos');
/** In memory, as /run is. */
const roots = mkdtempSync('/dev/shm/ch-oci-ts-bench.');

const pathOf = (name) =>
  spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim() || name;

const runtimes = [
  { name: 'remembered', program: ours, memos },
  { name: 'decided', program: ours, memos: '' },
  { name: 'crun', program: pathOf('crun') },
  { name: 'runc', program: pathOf('runc') },
].map((runtime) => ({
  ...runtime,
  root: join(roots, runtime.name),
  words: ['--root', join(roots, runtime.name)],
  environment: { ...process.env, CH_RUN_MEMO_DIR: runtime.memos ?? '' },
}));

function makeBundles() {
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  mkdirSync(join(room, 'rootfs/bin'), { recursive: true });
  for (const name of ['true', 'sleep']) cpSync(busybox, join(room, 'rootfs/bin', name));
  execFileSync(ours, ['spec', ...(isUser ? ['--rootless'] : []), '--bundle', room]);
  const config = JSON.parse(readFileSync(join(room, 'config.json'), 'utf8'));
  config.process.terminal = false;
  config.root.path = join(room, 'rootfs');
  // for devices, crun raises a limit that not every machine lets root raise
  config.linux.resources = undefined;
  for (const args of [['true'], ['sleep', '100']]) {
    config.process.args = args;
    mkdirSync(join(room, args[0]));
    writeFileSync(join(room, args[0], 'config.json'), JSON.stringify(config));
  }
}

/** Runs words of a runtime; returns whether all went well. */
const call = ({ program, words, environment }, ...more) =>
  spawnSync(program, [...words, ...more], { stdio: 'ignore', env: environment }).status === 0;
const bundle = (name) => ['--bundle', join(room, name)];
const create = (r, id = 'a') => call(r, 'create', ...bundle('sleep'), id);
const start = (r) => call(r, 'start', 'a');
const remove = (r, id = 'a') => call(r, 'delete', '--force', id);

/** With limits that work on an ordinary machine, also without controllers of version 2. */
const podmanWords =
  `--root ${room}/podman --runroot ${room}/podman-run --cgroup-manager cgroupfs run --rm --network none --log-driver none ` +
  `--ulimit nofile=64:64 --ulimit nproc=1000:1000 --pids-limit -1 --rootfs ${room}/rootfs true`;

const podman = ({ program, environment }) =>
  spawnSync('podman', ['--runtime', program, ...podmanWords.split(' ')], {
    stdio: 'ignore',
    env: environment,
  }).status === 0;

/** What is measured: `run`; before and after it is not. */
const tasks = {
  'run true': { run: (r) => call(r, 'run', ...bundle('true'), 'a') },
  create: { run: create, after: remove },
  start: { before: create, run: start, after: remove },
  'create, start, delete': { run: (r) => create(r) && start(r) && remove(r) },
  exec: {
    before: (r) => create(r) && start(r),
    run: (r) => call(r, 'exec', 'a', 'true'),
    after: remove,
  },
  state: { before: create, run: (r) => call(r, 'state', 'a'), after: remove },
  kill: { before: (r) => create(r) && start(r), run: (r) => call(r, 'kill', 'a', 'KILL'), after: remove },
  delete: { before: (r) => create(r) && start(r), run: remove },
  ...(isUser ? {} : { 'podman run': { run: podman } }),
};

/** CPU time of children that have ended, in milliseconds: the kernel counts exactly, but reports hundredths of a second. */
function childrenTime() {
  const fields = readFileSync('/proc/self/stat', 'utf8').replace(/.*\) /, '').split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

function measureOnce(task, runtime) {
  if (task.before?.(runtime) === false) return undefined;
  // work that the previous runtime left to the kernel, such as removing control groups, must not count for this one
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, settleTime);
  const cpu = childrenTime();
  const begin = performance.now();
  const well = task.run(runtime);
  const time = performance.now() - begin;
  const used = childrenTime() - cpu;
  task.after?.(runtime);
  return well ? { time, cpu: used } : undefined;
}

function printRow(name, { runtime, times, cpu }, all) {
  const wall = median(times);
  const ratios = all
    .filter((peer) => ['crun', 'runc'].includes(peer.runtime) && peer.runtime !== runtime)
    .map(
      (peer) => `${(wall / median(peer.times)).toFixed(2)} ${(cpu / peer.cpu).toFixed(2)} of ${peer.runtime}`,
    );
  const numbers = [wall, Math.min(...times), cpu / times.length].map((each) => each.toFixed(1).padStart(7));
  console.log(`${name.padEnd(22)} ${runtime.padEnd(11)}${numbers.join(' ')}   ${ratios.join('   ')}`);
}

function compare(name, task) {
  const working = runtimes.filter((runtime) => measureOnce(task, runtime) !== undefined);
  const results = working.map(({ name: runtime }) => ({ runtime, times: [], cpu: 0 }));
  for (let round = 0; round < count; round++)
    for (let turn = 0; turn < working.length; turn++) {
      // the order changes each time: work left to the kernel must not always affect the same runtime
      const at = (turn * (round % 2 ? 1 : working.length - 1) + round) % working.length;
      const runtime = working[at];
      const result = measureOnce(task, runtime);
      if (result === undefined && runtime.program === ours)
        throw new Error(`${runtime.name} failed: ${name}`);
      if (result === undefined) continue;
      results[at].times.push(result.time);
      results[at].cpu += result.cpu;
    }
  for (const result of results) printRow(name, result, results);
}

/** Proportional set size of the first process of a container that waits for its start, and of what is beside it. */
function printMemory(runtime) {
  if (!create(runtime)) return;
  const state = execFileSync(runtime.program, [...runtime.words, 'state', 'a'], { encoding: 'utf8' });
  const rollup = readFileSync(`/proc/${JSON.parse(state).pid}/smaps_rollup`, 'utf8');
  const size = (key) => Number(new RegExp(`^${key}: +(\\d+)`, 'm').exec(rollup)?.[1]);
  console.log(
    `memory while it waits  ${runtime.name.padEnd(11)} ${size('Pss')} KiB, its own ${size('Private_Dirty')} KiB`,
  );
  remove(runtime);
}

const ended = (child) => new Promise((resolve) => child.on('exit', resolve));

async function printCrowd(runtime, size) {
  const begin = performance.now();
  const { program, words, environment } = runtime;
  const creators = Array.from({ length: size }, (_, at) =>
    spawn(program, [...words, 'create', ...bundle('sleep'), `c${at}`], { stdio: 'ignore', env: environment }),
  );
  const failed = (await Promise.all(creators.map(ended))).filter((status) => status !== 0).length;
  const time = performance.now() - begin;
  for (let at = 0; at < size; at++) remove(runtime, `c${at}`);
  const left = readdirSync(runtime.root).length;
  console.log(
    `${size} created at once   ${runtime.name.padEnd(11)} ${(time / size).toFixed(1)} ms each, ${failed} failed, ${left} left`,
  );
}

function printLongRun(runtime, size) {
  const times = Array.from(
    { length: size },
    () => measureOnce(tasks['run true'], runtime)?.time ?? Number.NaN,
  );
  const tenth = Math.ceil(size / 10);
  const left = readdirSync(runtime.root).length;
  console.log(
    `${size} in turn          ${runtime.name.padEnd(11)} ${median(times.slice(0, tenth)).toFixed(1)} ms at first, ${median(times.slice(-tenth)).toFixed(1)} ms at last, ${left} left`,
  );
}

try {
  makeBundles();
  console.log('what                   runtime     median     min     CPU   ratios of medians and CPU');
  for (const [name, task] of Object.entries(tasks)) compare(name, task);
  for (const runtime of runtimes) printMemory(runtime);
  await printCrowd(runtimes[0], 100);
  printLongRun(runtimes[0], 1000);
} finally {
  for (const runtime of runtimes)
    if (existsSync(runtime.root)) for (const id of readdirSync(runtime.root)) remove(runtime, id);
  // podman keeps it mounted
  spawnSync('umount', ['-R', join(room, 'podman/overlay')], { stdio: 'ignore' });
  // and the groups in which it has put its containers
  spawnSync('find', ['/sys/fs/cgroup/libpod_parent', '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+'], {
    stdio: 'ignore',
  });
  for (const directory of [room, roots]) rmSync(directory, { recursive: true, force: true });
}
