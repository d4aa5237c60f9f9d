// How cost grows: ten times as many items must not take much more than ten times as long.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const ours = join(root, 'bin/ch-run-ts');
const folder = mkdtempSync('/var/tmp/ch-run-ts-growth-');
const image = join(folder, 'img');
const rounds = 5;

const times = (count, make) => Array.from({ length: count }, (_, at) => make(at));

/** Arguments with `count` of something; the larger count is one that a machine's limits allow. */
const rows = [
  {
    what: 'arguments before --',
    count: 2000,
    words: (count) => [...times(count, (at) => `--unset-env=NAME_${at}`), image, '--', 'true'],
  },
  {
    what: 'arguments behind --',
    count: 5000,
    words: (count) => [image, '--', 'true', ...times(count, (at) => `argument-${at}`)],
  },
  {
    what: 'lines of a --set-env file',
    count: 6000,
    words: (count) => {
      const file = join(folder, `lines-${count}`);
      writeFileSync(file, times(count, (at) => `N${at}=\n`).join(''));
      return [`--set-env=${file}`, '--unset-env=N*', image, '--', 'true'];
    },
  },
  {
    what: 'binds',
    count: 200,
    words: (count) => [
      ...times(count, (at) => `--bind=${folder}/host:/srv/directory-${at}`),
      image,
      '--',
      'true',
    ],
  },
];

/** Minimum milliseconds of a start that makes a new plan: other processes can only add to it. */
function measure(words) {
  const all = times(rounds, () => {
    const begin = process.hrtime.bigint();
    const { status, stderr } = spawnSync(ours, ['--no-memo', ...words], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return Number(process.hrtime.bigint() - begin) / 1e6;
  });
  return Math.min(...all);
}

try {
  mkdirSync(join(folder, 'host'));
  const made = spawnSync(join(root, 'examples/make-image'), [image], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  const start = measure([image, '--', 'true']);
  console.log(`a start with none takes ${start.toFixed(0)} ms, which is subtracted`);
  for (const { what, count, words } of rows) {
    const [few, many] = [count, 10 * count].map((each) => Math.max(measure(words(each)) - start, 0.1));
    const factor = (many / few).toFixed(1);
    console.log(`${what}: ${count} ${few.toFixed(1)} ms, ${10 * count} ${many.toFixed(1)} ms, x ${factor}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
