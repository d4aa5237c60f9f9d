// Compares several ways to do the same in one run: medians of CPU seconds of all processes, wall time and peak memory.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** CPU seconds, wall seconds and peak memory (MiB) of a shell script and everything that it starts. */
export function measure(work, script) {
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

/** Medians of each way, by its name. */
export function compare(work, repeats, ways) {
  const found = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  // in turns, so that other load affects all of them equally
  for (let each = 0; each < repeats; each++)
    for (const [name, script] of Object.entries(ways)) found[name].push(measure(work, script));
  return Object.fromEntries(
    Object.entries(found).map(([name, all]) => [
      name,
      Object.fromEntries(['cpu', 'wall', 'peak'].map((key) => [key, median(all.map((one) => one[key]))])),
    ]),
  );
}

/** A row for each way, with the ratio of the first way to it. */
export function printRows(results) {
  const rows = Object.entries(results);
  const [, ours] = rows[0];
  for (const [name, { cpu, wall, peak }] of rows)
    console.log(
      `${name.padEnd(36)} ${cpu.toFixed(1).padStart(7)} CPU s ${wall.toFixed(1).padStart(7)} s ${peak.toFixed(0).padStart(6)} MiB   ours is ${(ours.cpu / cpu).toFixed(2)} CPU, ${(ours.wall / wall).toFixed(2)} wall`,
    );
}
