// Measures how long it takes until N ranks run in one container, side by side with `ch-run --join`, in one run and
// as an ordinary user: `node bench/join.mjs [--quick]`. Ours runs a plan, as ranks with a remembered plan do.
// Prints a table of medians and ratios, and writes bench/results/join.json.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, release } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const quick = process.argv.includes('--quick');
const rounds = quick ? 3 : 12;
const groups = quick ? 2 : 5;
const sizes = [2, 4, 8, 16, 32, 64];
const nobody = 65534;
const isRoot = process.geteuid() === 0;

/** A folder that an ordinary user can reach: our program, and an image with the program that is started. */
function makeWorkplace() {
  const folder = mkdtempSync('/var/tmp/ch-run-ts-bench-');
  chmodSync(folder, 0o755);
  for (const part of ['bin', 'build/Release/ch_run_ts.node', 'dist', 'package.json']) {
    cpSync(join(root, part), join(folder, 'ch-run-ts', part), { recursive: true });
  }
  for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'root', 'mnt']) {
    mkdirSync(join(folder, 'img', name), { recursive: true });
  }
  for (const name of ['passwd', 'group', 'hosts', 'resolv.conf'])
    writeFileSync(join(folder, 'img/etc', name), '');
  const flags = ['-std=c++20', '-O2', '-static', '-o', join(folder, 'img/peers')];
  execFileSync('g++', [...flags, join(root, 'test/launch/join/peers.cc')]);
  return folder;
}

/** Runs a program as an ordinary user: as the caller, if that is one. */
function tryAsUser(folder, program, words) {
  const ids = isRoot ? { uid: nobody, gid: nobody } : {};
  const env = { PATH: '/usr/bin:/bin', HOME: '/', USER: 'nobody' };
  return spawnSync(program, words, { cwd: folder, env, encoding: 'utf8', ...ids });
}

function runAsUser(folder, program, words) {
  const { status, stdout, stderr } = tryAsUser(folder, program, words);
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${status}\n${stderr}${stdout}`);
  return stdout;
}

/** The command line of each launcher, for groups of `size`. */
function launchers(folder, size) {
  const ours = join(folder, 'ch-run-ts/bin/ch-run-ts');
  const options = ['--join', `--join-ct=${size}`, `--join-tag=bench`];
  const plan = join(folder, `plan-${size}`);
  writeFileSync(plan, runAsUser(folder, ours, [...options, '--dry-run=plan', 'img']), { mode: 0o600 });
  if (isRoot) chownSync(plan, nobody, nobody);
  return {
    'ch-run-ts': [ours, '--plan', plan],
    'ch-run': ['/usr/bin/ch-run', ...options, 'img', '--'],
    'no container': [],
  };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Milliseconds until all peers run, for each launcher; their turns alternate. */
function measure(folder, size) {
  const words = launchers(folder, size);
  const times = Object.fromEntries(Object.keys(words).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, launcher] of Object.entries(words)) {
      const report = launcher.length > 0 ? ['/peers', 'report'] : [join(folder, 'img/peers'), 'report'];
      const peers = ['start', String(size), String(groups), ...launcher, ...report];
      const text = tryAsUser(folder, join(folder, 'img/peers'), peers).stdout;
      const { milliseconds, lost, apart } = JSON.parse(text);
      if (lost > 0 || (apart > 0 && launcher.length > 0)) throw new Error(`${name} lost peers: ${text}`);
      times[name].push(...milliseconds);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
}

const folder = makeWorkplace();
try {
  const results = {};
  console.log('ranks   ch-run-ts      ch-run   ratio   no container   (ms until all run, medians)');
  for (const size of sizes) {
    const medians = measure(folder, size);
    const ratio = medians['ch-run-ts'] / medians['ch-run'];
    results[size] = { ...medians, ratio: Number(ratio.toFixed(3)) };
    const column = (number) => number.toFixed(2).padStart(10);
    console.log(
      `${String(size).padStart(5)} ${column(medians['ch-run-ts'])}  ${column(medians['ch-run'])}  ${ratio.toFixed(2).padStart(6)}     ${column(medians['no container'])}`,
    );
  }
  const machine = { kernel: release(), architecture: arch(), cpus: cpus().length, model: cpus()[0]?.model };
  const version = spawnSync('ch-run', ['--version'], { encoding: 'utf8' });
  const peer = `${version.stdout}${version.stderr}`.trim();
  const report = {
    date: new Date().toISOString().slice(0, 10),
    machine,
    peer,
    groups: rounds * groups,
    results,
  };
  if (!quick) writeFileSync(join(root, 'bench/results/join.json'), `${JSON.stringify(report, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
