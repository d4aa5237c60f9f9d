// Measures starts side by side with the peers, in one run, as an ordinary user: `npm run bench [-- --quick]`.
// Prints tables of medians and ratios, and writes bench/results/start.json and start.svg.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { arch, cpus, release } from 'node:os';
import { join } from 'node:path';
import { renderBars } from './bars.mjs';

const root = join(import.meta.dirname, '..');
const quick = process.argv.includes('--quick');
const rounds = quick ? 2 : 5;
const daemon = 1; // whose names every host knows
const isRoot = process.geteuid() === 0;

/** Debian packages of the tools and peers. */
const packages = {
  hyperfine: 'hyperfine',
  busybox: 'busybox-static',
  'ch-run': 'charliecloud-runtime',
  bwrap: 'bubblewrap',
  runc: 'runc',
  unshare: 'util-linux',
  '/usr/bin/time': 'time',
};

function has(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

function installPeers() {
  const missing = Object.entries(packages).filter(([program]) => !has(program));
  if (missing.length === 0 || !isRoot) return;
  const names = missing.map(([, name]) => name);
  console.log(`installing ${names.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' });
  for (const name of names) {
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], { env, stdio: 'ignore' });
  }
}

/** A folder that an ordinary user can reach: a copy of the program and an image with a static shell. */
function makeWorkplace() {
  const folder = mkdtempSync('/var/tmp/ch-run-ts-bench-');
  chmodSync(folder, 0o755);
  for (const part of ['bin', 'build/Release/ch_run_ts.node', 'dist', 'package.json']) {
    cpSync(join(root, part), join(folder, 'ch-run-ts', part), { recursive: true });
  }
  const image = join(folder, 'img');
  for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'root', 'mnt']) {
    mkdirSync(join(image, name), { recursive: true });
  }
  for (const name of ['passwd', 'group', 'hosts', 'resolv.conf']) writeFileSync(join(image, 'etc', name), '');
  cpSync('/bin/busybox', join(image, 'bin/busybox'));
  for (const name of ['sh', 'true', 'sleep']) symlinkSync('busybox', join(image, 'bin', name));
  for (const name of ['home', 'data']) {
    mkdirSync(join(folder, name));
    if (isRoot) chownSync(join(folder, name), daemon, daemon);
  }
  return folder;
}

/** Without the variables that the developer's Node and shell need: they are not part of the measurement. */
function userEnvironment(folder) {
  const { PATH } = process.env;
  const home = join(folder, 'home');
  return { PATH: `${PATH}:/usr/sbin`, HOME: home, USER: 'daemon', LC_ALL: 'C', XDG_RUNTIME_DIR: home };
}

/** Runs a program as an ordinary user: as the caller, if that is one. */
function runAsUser(folder, program, words, options = {}) {
  const ids = isRoot ? { uid: daemon, gid: daemon } : {};
  return spawnSync(program, words, {
    cwd: folder,
    env: userEnvironment(folder),
    encoding: 'utf8',
    ...ids,
    ...options,
  });
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Median seconds of each command, over rounds in which every command has its turn. */
function measure(folder, commands, runs) {
  const times = new Map(commands.map(({ name }) => [name, []]));
  const report = join(folder, 'data/report.json');
  for (let round = 0; round < rounds; round++) {
    const words = ['-N', '-i', '-w', '3', '-r', String(quick ? 5 : runs), '--export-json', report];
    const outcome = runAsUser(folder, 'hyperfine', [...words, ...commands.map(({ line }) => line)]);
    if (outcome.status !== 0) throw new Error(outcome.stderr);
    const { results } = JSON.parse(spawnSync('cat', [report], { encoding: 'utf8' }).stdout);
    results.forEach((result, at) => {
      const { name } = commands[at];
      const failed = result.exit_codes.filter((code) => code !== 0);
      if (failed.length > 0)
        console.log(`${name}: ${failed.length} of ${result.times.length} failed: ${failed}`);
      times.get(name).push(...result.times);
    });
  }
  return Object.fromEntries([...times].map(([name, all]) => [name, median(all)]));
}

/** Leaves out what does not run here, and says so. */
function keepWorking(folder, commands) {
  return commands.filter(({ name, line }) => {
    const { status, stderr } = runAsUser(folder, 'sh', ['-c', line]);
    if (status !== 0) console.log(`left out: ${name}: ${(stderr || 'not installed').trim().split('\n')[0]}`);
    return status === 0;
  });
}

/** A bundle of the OCI runtime specification for the same image. */
function makeBundle(folder) {
  const bundle = join(folder, 'data/bundle');
  mkdirSync(bundle);
  if (isRoot) chownSync(bundle, daemon, daemon);
  const edit = `sed -i 's#"rootfs"#"${folder}/img"#; s#"terminal": true#"terminal": false#; s#"sh"#"true"#' config.json`;
  runAsUser(bundle, 'sh', ['-c', `runc spec --rootless && ${edit}`]);
  return bundle;
}

function startCommands(folder) {
  const ours = `${folder}/ch-run-ts/bin/ch-run-ts`;
  const plan = `${folder}/data/start.plan`;
  runAsUser(folder, 'sh', ['-c', `umask 077; ${ours} --dry-run=plan img > ${plan}`]);
  return keepWorking(folder, [
    { name: 'ch-run-ts, remembered', line: `${ours} ./img -- true` },
    { name: 'ch-run-ts --plan', line: `${ours} --plan ${plan} -- true` },
    { name: 'ch-run-ts, first run', line: `${ours} --no-memo ./img -- true` },
    { name: 'ch-run-ts --help', line: `${ours} --help` },
    // what deciding costs where there is no built-in engine
    { name: 'deciding by Node', line: `node ${folder}/ch-run-ts/dist/cli.cjs --dry-run=plan ./img` },
    { name: 'ch-run', line: 'ch-run ./img -- true' },
    {
      name: 'bubblewrap',
      line: 'bwrap --ro-bind img / --dev-bind /dev /dev --bind /proc /proc --bind /sys /sys true',
    },
    { name: 'unshare -Urm', line: 'unshare -Urm true' },
    { name: 'runc, rootless', line: `runc --root ${folder}/home/runc run -b ${makeBundle(folder)} bench` },
    { name: 'node -e 0', line: 'node -e 0' },
  ]);
}

/** 64 simultaneous launches, until the last one has ended. */
function crowdCommands(folder) {
  const crowd = (command) => `sh -c 'for i in $(seq 64); do ${command} & done; wait'`;
  const ours = `${folder}/ch-run-ts/bin/ch-run-ts`;
  return keepWorking(folder, [
    { name: 'ch-run-ts, remembered', line: crowd(`${ours} ./img -- true`) },
    {
      name: 'ch-run-ts, nothing remembered yet',
      line: crowd(`CH_RUN_MEMO_DIR=${folder}/home/$PPID ${ours} ./img -- true`),
    },
    {
      name: 'ch-run-ts, all different, first run',
      line: crowd(`${ours} --no-memo --set-env=A=$i ./img -- true`),
    },
    {
      name: 'deciding by Node, all different',
      line: crowd(`node ${folder}/ch-run-ts/dist/cli.cjs --dry-run=plan --set-env=A=$i ./img`),
    },
    { name: 'ch-run', line: crowd('ch-run ./img -- true') },
    { name: 'bubblewrap', line: crowd('bwrap --ro-bind img / --dev-bind /dev /dev true') },
  ]);
}

/** N binds of one file, each to a destination of its own. */
function bindCommands(folder) {
  const ours = `${folder}/ch-run-ts/bin/ch-run-ts`;
  const targets = Array.from({ length: 1000 }, (_, at) => `/mnt/${at}`);
  for (const target of targets) writeFileSync(join(folder, 'img', target), '');
  return [1, 10, 100, 1000].flatMap((count) => {
    const binds = targets.slice(0, count).map((target) => `-b /etc/hostname:${target}`);
    return keepWorking(folder, [
      { name: `ch-run-ts, ${count} binds`, line: `${ours} ${binds.join(' ')} ./img -- true` },
      { name: `ch-run, ${count} binds`, line: `ch-run ${binds.join(' ')} ./img -- true` },
    ]);
  });
}

/** Peak resident memory in KiB, of the process and what it executed before. */
function peakMemory(folder, line) {
  const words = line.split(' ').filter((word) => word !== '');
  const { stderr } = runAsUser(folder, '/usr/bin/time', ['-f', '%M', ...words]);
  return Number(stderr.trim().split('\n').at(-1));
}

/** How many of our processes there are while a command runs in a container. */
function residentProcesses(folder) {
  const ours = `${folder}/ch-run-ts/bin/ch-run-ts`;
  const script = `${ours} ./img -- sleep 2 & sleep 0.5; for p in /proc/[0-9]*; do readlink $p/exe; done | grep -c ${ours}; wait`;
  return Number(runAsUser(folder, 'sh', ['-c', script]).stdout);
}

/** How many bytes of our files a first run brings into the page cache; undefined if the cache can't be dropped. */
function coldBytes(folder) {
  const files = `find ${folder}/ch-run-ts -type f`;
  const evict = `${files} -exec dd of={} oflag=nocache conv=notrunc,fdatasync count=0 status=none \\;`;
  if (spawnSync('sh', ['-c', evict]).status !== 0) return undefined;
  runAsUser(folder, `${folder}/ch-run-ts/bin/ch-run-ts`, ['--no-memo', './img', '--', 'true']);
  const { stdout } = spawnSync('sh', ['-c', `${files} -exec fincore -b -n -o RES {} +`], {
    encoding: 'utf8',
  });
  return stdout
    .trim()
    .split('\n')
    .reduce((sum, line) => sum + Number(line), 0);
}

function printTable(title, seconds, base) {
  console.log(`\n${title}`);
  for (const [name, value] of Object.entries(seconds)) {
    const ratio = seconds[base] ? `${(value / seconds[base]).toFixed(2)} of ${base}` : '';
    console.log(`  ${name.padEnd(36)} ${(value * 1000).toFixed(2).padStart(9)} ms  ${ratio}`);
  }
}

/** Every goal with its measured ratio. */
function judge(results) {
  const { start, crowd, binds } = results;
  const perBind = (count) => (binds[`ch-run-ts, ${count} binds`] - binds['ch-run-ts, 1 binds']) / (count - 1);
  const goals = [
    ['remembered / ch-run', start['ch-run-ts, remembered'] / start['ch-run'], 0.8],
    ['remembered / unshare -Urm', start['ch-run-ts, remembered'] / start['unshare -Urm'], 1.15],
    ['first run / remembered', start['ch-run-ts, first run'] / start['ch-run-ts, remembered'], 5],
    ['first run / deciding by Node', start['ch-run-ts, first run'] / start['deciding by Node'], 0.25],
    ['--help / node -e 0', start['ch-run-ts --help'] / start['node -e 0'], 0.4],
    [
      '64 different first runs / deciding by Node',
      crowd['ch-run-ts, all different, first run'] / crowd['deciding by Node, all different'],
      0.25,
    ],
    ['first run, peak memory in MiB', results.peakKib['ch-run-ts, first run'] / 1024, 6],
    ['cold first run, bytes of ours in MiB', results.coldBytes / 2 ** 20, 4],
    ['64 at once / ch-run', crowd['ch-run-ts, remembered'] / crowd['ch-run'], 0.9],
    ['time per bind, 1000 / 100', perBind(1000) / perBind(100), 1.3],
    ['processes of ours while the command runs', results.residentProcesses, 0],
  ].filter(([, ratio]) => !Number.isNaN(ratio));
  console.log('\ngoals');
  for (const [name, ratio, goal] of goals) {
    console.log(
      `  ${name.padEnd(42)} ${ratio.toFixed(2).padStart(6)}  goal ${goal}  ${ratio <= goal ? 'met' : 'MISSED'}`,
    );
  }
  return goals.map(([name, ratio, goal]) => ({
    name,
    ratio: Number(ratio.toFixed(3)),
    goal,
    met: ratio <= goal,
  }));
}

installPeers();
const folder = makeWorkplace();
try {
  const commands = startCommands(folder);
  const start = measure(folder, commands, 60);
  printTable('one start', start, 'ch-run');
  const crowd = measure(folder, crowdCommands(folder), 8);
  printTable('64 at once', crowd, 'ch-run');
  const binds = measure(folder, bindCommands(folder), 10);
  printTable('binds', binds, 'ch-run, 1 binds');
  const peakKib = Object.fromEntries(
    commands
      .filter(({ name }) => !name.includes('runc'))
      .map(({ name, line }) => [name, peakMemory(folder, line)]),
  );
  console.log('\npeak memory, KiB');
  for (const [name, kib] of Object.entries(peakKib))
    console.log(`  ${name.padEnd(36)} ${String(kib).padStart(9)}`);
  const results = {
    machine: `${cpus().length} cores, Linux ${release()}, ${arch()}`,
    start,
    crowd,
    binds,
    peakKib,
  };
  results.residentProcesses = residentProcesses(folder);
  results.coldBytes = coldBytes(folder);
  results.goals = judge(results);
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  writeFileSync(join(root, 'bench/results/start.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(
    join(root, 'bench/results/start.svg'),
    renderBars("One start, in starts of Charliecloud's ch-run (shorter is better)", start, start['ch-run']),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
