// Measures ch-oci-ts, and beside it crun and runc where they are installed and work here: `npm run bench:oci [COUNT]`, as
// an ordinary user or as root. Prints milliseconds (median, minimum) of each, and the ratio to crun, or else to runc: all
// in one run, one after the other in each round, since only ratios say anything.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const count = Number(process.argv[2] ?? 30);
const room = mkdtempSync(join(tmpdir(), 'ch-oci-ts-bench.'));
const ours = join(import.meta.dirname, '../bin/ch-oci-ts');
const runtimes = [
  ['ch-oci-ts', ours],
  ['crun', 'crun', '--cgroup-manager=disabled'],
  ['runc', 'runc'],
].map(([name, program, ...options]) => ({ name, words: [program, ...options, '--root', join(room, name)] }));

function makeBundle() {
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  mkdirSync(join(room, 'rootfs/bin'), { recursive: true });
  for (const name of ['true', 'sleep']) cpSync(busybox, join(room, 'rootfs/bin', name));
  execFileSync(ours, ['spec', '--rootless', '--bundle', room]);
  const config = JSON.parse(readFileSync(join(room, 'config.json'), 'utf8'));
  config.process.terminal = false;
  const write = (name, args) => {
    mkdirSync(join(room, name));
    config.process.args = args;
    config.root.path = join(room, 'rootfs');
    writeFileSync(join(room, name, 'config.json'), JSON.stringify(config));
  };
  write('true', ['true']);
  write('sleep', ['sleep', '100']);
}

/** Runs words of a runtime; returns whether all went well. */
const call = ({ words: [program, ...words] }, ...more) =>
  spawnSync(program, [...words, ...more], { stdio: 'ignore' }).status === 0;
const bundle = (name) => ['--bundle', join(room, name)];

/** What is measured; `before` and `after` are not. */
const tasks = {
  'run true': { run: (r) => call(r, 'run', ...bundle('true'), 'a') },
  'create, start, delete': {
    run: (r) =>
      call(r, 'create', ...bundle('sleep'), 'b') &&
      call(r, 'start', 'b') &&
      call(r, 'delete', '--force', 'b'),
  },
  exec: {
    before: (r) => call(r, 'run', '--detach', ...bundle('sleep'), 'c'),
    run: (r) => call(r, 'exec', 'c', 'true'),
    after: (r) => call(r, 'delete', '--force', 'c'),
  },
  state: {
    before: (r) => call(r, 'run', '--detach', ...bundle('sleep'), 'd'),
    run: (r) => call(r, 'state', 'd'),
    after: (r) => call(r, 'delete', '--force', 'd'),
  },
};

function measure(task, runtime) {
  const start = performance.now();
  const well = task.run(runtime);
  return { time: performance.now() - start, well };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

try {
  makeBundle();
  for (const [name, task] of Object.entries(tasks)) {
    const working = runtimes.filter((runtime) => (task.before?.(runtime) ?? true) && task.run(runtime));
    const times = new Map(working.map((runtime) => [runtime.name, []]));
    for (let round = 0; round < count; round++)
      for (const runtime of working) {
        const { time, well } = measure(task, runtime);
        if (!well) throw new Error(`${runtime.name} failed: ${name}`);
        times.get(runtime.name).push(time);
      }
    for (const runtime of working) task.after?.(runtime);
    const base = median(times.get('crun') ?? times.get('runc') ?? [Number.NaN]);
    for (const [runtime, all] of times) {
      const ratio = (median(all) / base).toFixed(2);
      console.log(
        `${name.padEnd(24)}${runtime.padEnd(12)}${median(all).toFixed(1).padStart(8)} ms ${Math.min(...all)
          .toFixed(1)
          .padStart(8)} ms ${ratio.padStart(6)}`,
      );
    }
  }
} finally {
  rmSync(room, { recursive: true, force: true });
}
