/** Whatever happens between two runs: a remembered plan is the plan that would be made now, or is not used. */
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'tap';
import { parseCommandLine } from '../../src/command-line.js';
import { RealHost } from '../../src/host.js';
import { encodePlan } from '../../src/plan/encode.js';
import { makePlan } from '../../src/plan/make-plan.js';
import { environmentOf, image, ordinaryUser, run, scratch, stage, start, users } from '../support.js';

const [user = ordinaryUser] = users.filter(({ uid }) => uid === process.getuid?.());

// the plans that are made here are those of a process with the launcher's environment
Object.assign(process.env, environmentOf(user));
for (const name of ['CH_IMAGE_STORAGE', 'TMPDIR']) delete process.env[name];

/** A plan without what only a memo has: the key that it is found by. */
function comparable(plan: string): string {
  const records = plan.split('\0');
  const key = records.lastIndexOf('key');
  return records.slice(0, key < 0 ? records.lastIndexOf('end') : key).join('\0');
}

function freshPlan(words: readonly string[]): string | undefined {
  try {
    const line = parseCommandLine([...words, 'true']);
    if (line.kind !== 'launch') return undefined;
    return comparable(encodePlan(makePlan(line.request, new RealHost())).toString());
  } catch {
    return undefined;
  }
}

/** Words before the command: options that are remembered, and an image by relative or absolute path. */
const commandLines = fc.record({
  options: fc.subarray([
    ['-w'],
    ['-t'],
    ['-b', 'data:/mnt'],
    ['--bind=/etc/hostname'],
    ['-c', '/tmp'],
    ['--set-env=X=$PATH:y'],
    ['--set-env=variables'],
    ['--unset-env', 'S*'],
    ['--no-pass'],
    ['-u', '7', '-g8'],
    ['-q'],
    ['--color=never'],
  ]),
  reference: fc.constantFrom('a', './a', 'b', 'link', 'a/../link', 'file'),
  absolute: fc.boolean(),
});

/** Changes of the world between the two runs, each from a fresh world. */
const changes: Readonly<Record<string, () => void>> = {
  nothing: () => {},
  'the image is replaced by another directory': () => {
    rmSync('a', { recursive: true });
    cpSync(image, 'a', { recursive: true, verbatimSymlinks: true });
  },
  'the image is replaced by a file': () => {
    rmSync('a', { recursive: true });
    writeFileSync('a', 'hsqs');
  },
  'the image goes': () => renameSync('a', 'gone'),
  'the link moves to another image': () => {
    rmSync('link');
    symlinkSync('b', 'link');
  },
  'the link moves to a file': () => {
    rmSync('link');
    symlinkSync('file', 'link');
  },
  'a file becomes an image': () => {
    rmSync('file');
    mkdirSync('file');
  },
  'the environment file is edited': () => writeFileSync('variables', 'B=2\n'),
  'the bound directory goes': () => renameSync('data', 'other-data'),
  'a folder on the way becomes a link': () => {
    renameSync('a', 'elsewhere');
    symlinkSync('elsewhere', 'a');
  },
  'the working directory is another one': () => process.chdir('deeper'),
  'the working directory was moved': () => {
    const moved = `${process.cwd()}-moved`;
    renameSync(process.cwd(), moved);
    process.chdir(moved);
  },
  'a variable is changed': () => {
    process.env.TMPDIR = '/var/tmp';
  },
};

function makeWorld(place: string): void {
  rmSync(place, { recursive: true, force: true });
  for (const folder of [place, join(place, 'deeper')]) {
    mkdirSync(join(folder, 'data'), { recursive: true });
    for (const name of ['a', 'b']) mkdirSync(join(folder, name));
    symlinkSync('a', join(folder, 'link'));
    writeFileSync(join(folder, 'file'), 'text');
    writeFileSync(join(folder, 'variables'), 'A=1\n');
  }
  process.chdir(place);
}

test('the remembered run and a fresh run have the same plan, always', async (t) => {
  const base = scratch(t, user);
  t.teardown(() => process.chdir('/'));
  const env = { CH_RUN_MEMO_DIR: join(base, 'memo') };
  const seen = { hits: 0, misses: 0 };
  let world = 0;
  const property = fc.property(commandLines, fc.constantFrom(...Object.keys(changes)), (line, change) => {
    makeWorld(join(base, `world-${world++}`));
    const reference = line.absolute ? join(process.cwd(), line.reference) : line.reference;
    const words = [...line.options.flat(), reference];
    run(user, [...words, '--', 'true'], { env, cwd: process.cwd() });
    changes[change]?.();
    const tmpdir = process.env.TMPDIR ? { TMPDIR: process.env.TMPDIR } : {};
    const shown = run(user, ['--memo-show', ...words], { env: { ...env, ...tmpdir }, cwd: process.cwd() });
    const fresh = freshPlan(words);
    if (shown.status !== 0) {
      seen.misses++;
      return change !== 'nothing' || fresh === undefined;
    }
    seen.hits++;
    return comparable(shown.stdout) === fresh;
  });
  fc.assert(property, { numRuns: process.env.CI === 'true' ? 120 : 60 });
  t.ok(seen.hits > 10, `${seen.hits} were remembered`);
  t.ok(seen.misses > 10, `${seen.misses} did not hold any more`);
});

test('an upgraded program starts afresh', async (t) => {
  const place = scratch(t, user);
  cpSync(join(stage, 'package'), join(place, 'package'), { recursive: true });
  const program = join(place, 'package/bin/ch-run-ts');
  const env = { CH_RUN_MEMO_DIR: join(place, 'memo') };
  const showStatus = () => start(user, program, ['--memo-show', image], { env }).status;
  const launch = () => t.equal(start(user, program, [image, '--', 'true'], { env }).status, 0);
  launch();
  t.equal(showStatus(), 0, 'the same program remembers');
  utimesSync(program, 1, 1);
  t.equal(showStatus(), 31, 'a program with another time does not');
  launch();
  t.equal(showStatus(), 0);
});
