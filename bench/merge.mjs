// What merging binds saves: 50 files of one folder by one bind and symbolic links, by one bind each, and as files of a device.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync('/var/tmp/ch-run-ts-merge-');
const rounds = 5;

function run(program, words) {
  const { status, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Median seconds of each command line, over rounds in which each has its turn. */
function measure(commands) {
  const times = new Map(commands.map(({ name }) => [name, []]));
  const report = join(folder, 'report.json');
  for (let round = 0; round < rounds; round++) {
    run('hyperfine', [
      '-N',
      '-w',
      '3',
      '-r',
      '40',
      '--export-json',
      report,
      ...commands.map(({ line }) => line),
    ]);
    const { results } = JSON.parse(spawnSync('cat', [report], { encoding: 'utf8' }).stdout);
    results.forEach((result, at) => {
      times.get(commands[at].name).push(...result.times);
    });
  }
  return new Map([...times].map(([name, all]) => [name, median(all)]));
}

try {
  const [host, image] = [join(folder, 'host'), join(folder, 'img')];
  mkdirSync(host);
  run(join(root, 'examples/make-image'), [image]);
  const names = Array.from({ length: 50 }, (_, at) => `lib${at}.so`);
  for (const name of names) writeFileSync(join(host, name), '');
  const ours = join(root, 'bin/ch-run-ts');
  const files = (options) =>
    names.map((name, at) => `-b ${host}/${name}:/opt/x/${name}${options(at)}`).join(' ');
  const spec = join(folder, 'spec.json');
  const mounts = names.map((name) => ({ hostPath: `${host}/${name}`, containerPath: `/usr/lib/x/${name}` }));
  const edits = { mounts };
  writeFileSync(
    spec,
    JSON.stringify({ cdiVersion: '0.6.0', kind: 'v.com/c', devices: [{ name: 'd', containerEdits: edits }] }),
  );
  const seconds = measure([
    { name: '-W, no bind', line: `${ours} -W ${image} -- true` },
    { name: '-W, 50 files of one folder, merged', line: `${ours} -W ${files(() => '')} ${image} -- true` },
    {
      name: '-W, 50 files, a bind each',
      line: `${ours} -W ${files(() => ':optional,create')} ${image} -- true`,
    },
    { name: 'a device of 50 files', line: `${ours} --device=${spec} ${image} -- true` },
  ]);
  const base = seconds.get('-W, no bind');
  for (const [name, value] of seconds) {
    console.log(
      `${name.padEnd(40)} ${(value * 1000).toFixed(2).padStart(8)} ms ${(value / base).toFixed(2).padStart(6)}`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
