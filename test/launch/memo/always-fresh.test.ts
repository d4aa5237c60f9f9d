/** Whatever happens between two runs: a remembered plan is the plan that would be made now, or is not used. */
import {
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { type Test, test } from 'tap';
import { RealHost } from '../../../src/host/host.js';
import { encodePlan } from '../../../src/plan/encode.js';
import { decide } from '../../../src/run/decide.js';
import { makePlan } from '../../../src/run/plan/make-plan.js';
import { referToValues } from '../../../src/run/plan/references.js';
import {
  checkout,
  environmentOf,
  image,
  launcher,
  ordinaryUser,
  run,
  scratch,
  skip,
  stage,
  start,
  users,
} from '../../helpers/support.js';

const [user = ordinaryUser] = users.filter(({ uid }) => uid === process.getuid?.());

// the plans that are made here are those of a process with the launcher's environment
Object.assign(process.env, environmentOf(user));

/** A plan without what only a memo has: the key that it is found by. */
function comparable(plan: string): string {
  // the program in the stage is another installation than that whose TypeScript runs here
  const records = plan.replaceAll(join(stage, 'package'), checkout).split('\0');
  const key = records.lastIndexOf('key');
  return records.slice(0, key < 0 ? records.lastIndexOf('end') : key).join('\0');
}

async function freshPlan(words: readonly string[]): Promise<string | undefined> {
  try {
    const host = new RealHost();
    const { line, settings } = await decide([...words, 'true'], host);
    if (line.kind !== 'launch') return undefined;
    const plan = makePlan(line.request, host, settings.warnings);
    const kept = referToValues(plan, settings.entries, words, host.variables('CH_RUN_'));
    return kept && comparable(encodePlan(kept).toString());
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
  configuration: fc.constantFrom(
    [],
    ['--profile=p'],
    ['--config=own.toml'],
    ['--config=own.toml', '--profile', 'p'],
    ['--no-config'],
  ),
  reference: fc.constantFrom('a', './a', 'b', 'link', 'a/../link', 'file', 'stored'),
  absolute: fc.boolean(),
});

/** The storage directory of the world. */
const storage = () => process.env.CH_IMAGE_STORAGE as string;

/** The configuration file of the user of the world. */
const userFile = () => join(process.env.XDG_CONFIG_HOME as string, 'ch-run-ts/config.toml');

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
  'a name is added to storage': () => mkdirSync(join(storage(), 'img/a')),
  'a SquashFS file takes a name in storage': () => writeFileSync(join(storage(), 'img/a.sqfs'), 'hsqs'),
  'an image goes from storage': () => rmSync(join(storage(), 'img/stored'), { recursive: true }),
  'storage is another one': () => {
    process.env.CH_IMAGE_STORAGE = '/nonexistent';
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
  'the configuration file is edited': () =>
    writeFileSync(userFile(), '[options]\nset-env = "C=2"\n[profile.p]\ncd = "/etc"\n'),
  'the configuration file goes': () => rmSync(userFile()),
  'the configuration file becomes wrong': () => writeFileSync(userFile(), '[options]\ncd = 1.5\n'),
  'the chosen configuration file is edited': () => writeFileSync('own.toml', '[options]\ncd = "/tmp"\n'),
  'the chosen configuration file goes': () => rmSync('own.toml'),
  'configuration lies elsewhere': () => {
    process.env.XDG_CONFIG_HOME = '/nonexistent';
  },
  'what puts a profile on comes': () => writeFileSync('condition', ''),
  'an option is set by a variable': () => {
    process.env.CH_RUN_UID = '9';
  },
  'an option is set otherwise by a variable': () => {
    process.env.CH_RUN_CD = '/etc';
  },
  'a variable that sets an option goes': () => {
    delete process.env.CH_RUN_CD;
  },
  'a variable with a warning comes': () => {
    process.env.CH_RUN_BNID = '/x';
  },
};

/** Settings that one change may have made must not be there for the next world. */
function makeWorld(place: string): void {
  rmSync(place, { recursive: true, force: true });
  for (const name of ['TMPDIR', 'CH_RUN_UID', 'CH_RUN_BNID']) delete process.env[name];
  process.env.CH_RUN_CD = '/tmp';
  process.env.XDG_CONFIG_HOME = join(place, 'configuration');
  process.env.CH_IMAGE_STORAGE = join(place, 'storage');
  mkdirSync(join(storage(), 'img/stored'), { recursive: true });
  for (const folder of [place, join(place, 'deeper')]) {
    mkdirSync(join(folder, 'data'), { recursive: true });
    for (const name of ['a', 'b']) mkdirSync(join(folder, name));
    symlinkSync('a', join(folder, 'link'));
    writeFileSync(join(folder, 'file'), 'text');
    writeFileSync(join(folder, 'variables'), 'A=1\n');
    writeFileSync(join(folder, 'own.toml'), '[options]\nunset-env = "X*"\n[profile.p]\n');
  }
  mkdirSync(dirname(userFile()), { recursive: true });
  writeFileSync(
    userFile(),
    `[options]\nset-env = "C=1"\n[profile.p]\nhome = true\n[profile.q]\nwhen = "${place}/condition"\nset-env = "Q=1"\n`,
  );
  process.chdir(place);
}

test('the remembered run and a fresh run have the same plan, always', async (t) => {
  const base = scratch(t, user);
  t.teardown(() => process.chdir('/'));
  process.env.CH_RUN_MEMO_DIR = join(base, 'memo');
  const seen = { hits: 0, misses: 0 };
  let world = 0;
  const property = fc.asyncProperty(
    commandLines,
    fc.constantFrom(...Object.keys(changes)),
    async (line, change) => {
      makeWorld(join(base, `world-${world++}`));
      const reference = line.absolute ? join(process.cwd(), line.reference) : line.reference;
      const words = [...line.options.flat(), ...line.configuration, reference];
      const here = () => ({ env: process.env, cwd: process.cwd() });
      run(user, [...words, '--', 'true'], here());
      changes[change]?.();
      const shown = run(user, ['--memo-show', ...words, '--', 'true'], here());
      const fresh = await freshPlan(words);
      if (shown.status !== 0) {
        seen.misses++;
        return change !== 'nothing' || fresh === undefined;
      }
      seen.hits++;
      return comparable(shown.stdout) === fresh;
    },
  );
  await fc.assert(property, { numRuns: process.env.CI === 'true' ? 160 : 80 });
  t.ok(seen.hits > 10, `${seen.hits} were remembered`);
  t.ok(seen.misses > 10, `${seen.misses} did not hold any more`);
});

/** A copy of the package, and what asks it for a remembered plan. */
function copyPackage(t: Test) {
  const place = scratch(t, user);
  const program = join(place, 'package/bin/ch-run-ts');
  cpSync(join(stage, 'package'), join(place, 'package'), { recursive: true });
  const env = { CH_RUN_MEMO_DIR: join(place, 'memo') };
  const begin = (path: string, words: readonly string[]) => start(user, path, words, { env });
  return {
    place,
    program,
    env,
    launch: (path = program) => t.equal(begin(path, [image, '--', 'true']).status, 0),
    showStatus: (path = program) => begin(path, ['--memo-show', image, '--', 'true']).status,
  };
}

test('another build starts afresh', async (t) => {
  const { program, launch, showStatus } = copyPackage(t);
  launch();
  t.equal(showStatus(), 0, 'the same program remembers');
  const [, build = ''] = /^build: (\w+)$/m.exec(start(user, program, ['--version']).stdout) ?? [];
  const bytes = readFileSync(program);
  const at = bytes.indexOf(Buffer.from(build, 'hex'));
  t.ok(build && at > 0, 'it has a build id');
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(program, bytes);
  t.equal(showStatus(), 31, 'a program with another build id does not');
  launch();
  t.equal(showStatus(), 0);
});

test('an installation elsewhere has plans of its own: its configuration is another one', async (t) => {
  const { place, launch, showStatus } = copyPackage(t);
  launch();
  renameSync(join(place, 'package'), join(place, 'moved'));
  const moved = join(place, 'moved/bin/ch-run-ts');
  t.equal(showStatus(moved), 31);
  launch(moved);
  t.equal(showStatus(moved), 0);
});

const isBuiltIn = /^engine: QuickJS/m.test(start(user, launcher, ['--version']).stdout);

test('a program whose file has another time starts afresh only where it is not all that decides', async (t) => {
  const { program, launch, showStatus } = copyPackage(t);
  launch();
  utimesSync(program, 1, 1);
  t.equal(showStatus(), isBuiltIn ? 0 : 31);
});

test('the same tree mounted under another device number keeps what is remembered', async (t) => {
  if (!isBuiltIn) return skip(t, 'Node decides: by files beside the program');
  const { place, env } = copyPackage(t);
  const script = `
    mkdir "$0/mounted"
    for each in 1 2; do
      mount -t tmpfs none "$0/mounted"; cp -R "$0/package" "$0/mounted"; stat -c %d "$0/mounted/package"
      "$0/mounted/package/bin/ch-run-ts" --memo-show "$1" -- true >/dev/null 2>&1 && echo kept || echo none
      "$0/mounted/package/bin/ch-run-ts" "$1" -- true
    done`;
  const { status, stdout } = start(user, 'unshare', ['-Urm', 'sh', '-ec', script, place, image], { env });
  const [device, first, other, second] = stdout.trim().split('\n');
  t.not(device, other);
  t.same([status, first, second], [0, 'none', 'kept']);
});
