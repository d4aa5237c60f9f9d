/** Options from files, profiles and variables, in whole runs. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type Ending,
  failsWith,
  image,
  isRoot,
  launcher,
  ordinaryUser,
  plant,
  run,
  runQuietly,
  scratch,
  stage,
  start,
  type User,
  users,
} from '../helpers/support.js';

/** A directory of the test's own with the user's configuration file, and a memory of its own. */
interface Setup {
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
}

function configured(t: Test, user: User, text: string): Setup {
  const place = scratch(t, user);
  plant(place, { 'xdg/ch-run-ts/config.toml': text }, user);
  const env = { XDG_CONFIG_HOME: join(place, 'xdg'), CH_RUN_MEMO_DIR: join(place, 'memo') };
  return { file: join(place, 'xdg/ch-run-ts/config.toml'), env };
}

/** Runs with `text` as the site's file: in a mount namespace of its own, where an overlay over /etc has it. */
function runWithSite(
  t: Test,
  user: User,
  text: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Ending {
  const place = scratch(t, user);
  plant(place, { 'etc/ch-run-ts/config.toml': text }, user);
  const script = 'mount -t overlay none -o "lowerdir=$1:/etc" /etc && shift && exec "$@"';
  const identity = isRoot
    ? ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups']
    : ['env'];
  const [starter = user] = users;
  return start(
    starter,
    'unshare',
    [isRoot ? '-m' : '-rm', 'sh', '-c', script, 'sh', join(place, 'etc'), ...identity, launcher, ...words],
    { env: { HOME: place, ...env } },
  );
}

const print = 'echo "$A $(pwd) $(id -u)"';

for (const user of users) {
  t.test(`as ${user.name}`, async (t) => {
    t.test('the command line is heard before a variable, a profile and a file', async (t) => {
      const { env } = configured(
        t,
        user,
        '[options]\nset-env = "A=file"\ncd = "/usr"\nuid = 1\n[profile.p]\ncd = "/tmp"\nuid = 2\n',
      );
      const shell = (words: readonly string[], more: NodeJS.ProcessEnv = {}) =>
        runQuietly(t, user, [...words, image, '--', 'sh', '-c', print], { env: { ...env, ...more } }).trim();
      t.equal(shell([]), 'file /usr 1');
      t.equal(shell(['--profile=p']), 'file /tmp 2');
      t.equal(shell([], { CH_RUN_PROFILE: 'p', CH_RUN_UID: '3' }), 'file /tmp 3');
      t.equal(shell(['--uid=4'], { CH_RUN_UID: '3', CH_RUN_SET_ENV: 'A=variable' }), 'variable /usr 4');
      t.equal(shell(['--no-config']), `/ ${user.uid}`);
    });

    t.test('a change of a file or a variable is noticed, and nothing else starts Node', async (t) => {
      const { file, env } = configured(t, user, '[options]\nset-env = "A=1"\n');
      const story = (more: NodeJS.ProcessEnv = {}) => {
        const { stdout, stderr } = run(user, ['-v', image, '--', 'sh', '-c', 'echo $A'], {
          env: { ...env, ...more },
        });
        return `${stdout.trim()} ${/ {2}remembered plan: /.test(stderr) ? 'remembered' : 'new'}`;
      };
      t.same([story(), story()], ['1 new', '1 remembered']);
      writeFileSync(file, '[options]\nset-env = "A=2"\n');
      t.same([story(), story()], ['2 new', '2 remembered']);
      const variable = { CH_RUN_SET_ENV: 'A=3' };
      t.same([story(variable), story(variable)], ['3 new', '3 remembered']);
      t.same([story(), story()], ['2 new', '2 remembered']);
      renameSync(file, `${file}.off`);
      t.same([story(), story()], [' new', ' remembered']);
      renameSync(`${file}.off`, file);
      t.same([story(), story()], ['2 new', '2 remembered']);
      t.equal(story({ CH_RUN_NO_MEMO: '1' }), '2 new');
      t.equal(story({ CH_RUN_NO_MEMO: '1' }), '2 new');
    });

    t.test('bytes in variables stay what they are', async (t) => {
      const { env } = configured(t, user, '');
      const script = `CH_RUN_SET_ENV=$'A=\\xff\\xc3\\xa9' "$0" -v "$1" -- sh -c 'printf %s "$A" | od -An -tx1'`;
      const launch = () => start(user, 'bash', ['-c', script, launcher, image], { env });
      const [first, second] = [launch(), launch()];
      t.same([first.stdout, second.stdout], [' ff c3 a9\n', ' ff c3 a9\n']);
      t.match(second.stderr, / {2}remembered plan: /);
    });

    t.test('--config takes the place of your own file, also as a pipe', async (t) => {
      const { env } = configured(t, user, '[options]\nset-env = "A=own"\n');
      const place = scratch(t, user);
      writeFileSync(join(place, 'c.toml'), '[options]\ncd = "/tmp"\n');
      const options = { env, cwd: place };
      t.equal(
        runQuietly(t, user, ['--config=c.toml', image, '--', 'sh', '-c', 'echo $A; pwd'], options),
        '\n/tmp\n',
      );
      const words = [
        '-c',
        '"$0" --config=<(echo "options.cd = \'/usr\'") "$@"',
        launcher,
        image,
        '--',
        'pwd',
      ];
      t.match(start(user, 'bash', words, options), { status: 0, stdout: '/usr\n', stderr: '' });
    });

    t.test('a mistake is told with file, line and key, and nothing is started', async (t) => {
      const { file, env } = configured(t, user, '[options]\nset-env = "A=1"\nbnid = "/usr"\n');
      const ending = run(user, [image, '--', 'true'], { env });
      failsWith(t, ending, 64, `in ${file}:3, options.bnid: there is no option bnid`, 'did you mean bind?');
      t.match(run(user, ['--help'], { env }), { status: 0, stderr: '' });
      failsWith(
        t,
        run(user, [image, '--', 'true'], { env: { CH_RUN_UID: 'x' } }),
        64,
        'in CH_RUN_UID: expected',
      );
    });

    t.test('a variable that is nearly one of ours is warned about at every launch', async (t) => {
      const { env } = configured(t, user, '');
      for (const _ of [1, 2]) {
        const { status, stderr } = run(user, [image, '--', 'true'], { env: { ...env, CH_RUN_BNID: '1' } });
        t.equal(status, 0);
        t.match(
          stderr,
          /^ch-run-ts\[\d+\]: warning: CH_RUN_BNID has no effect: did you mean CH_RUN_BIND\?\n$/,
        );
      }
    });

    t.test('--dry-run tells who set what', async (t) => {
      const { file, env } = configured(t, user, '[profile.p]\nbind = "/usr"\n');
      const options = { env: { ...env, CH_RUN_CD: '/tmp' } };
      const text = runQuietly(t, user, ['--dry-run', '--profile=p', '-t', image], options);
      t.ok(
        text.startsWith(`# options: what was set, and where
bind               "/usr"  # ${file}:2 (profile p)
cd                 "/tmp"  # CH_RUN_CD
private-tmp                # the command line
profile            "p"     # the command line
# facts`),
        text,
      );
      const plan = JSON.parse(runQuietly(t, user, ['--dry-run=json', '--profile=p', image], options));
      t.same(plan.options, [
        { option: 'bind', value: '/usr', source: { kind: 'file', file, line: 2, profile: 'p' } },
        { option: 'cd', value: '/tmp', source: { kind: 'variable', name: 'CH_RUN_CD' } },
        { option: 'profile', value: 'p', source: { kind: 'command-line' } },
      ]);
    });

    t.test('images are listed and completed where the file says that they lie', async (t) => {
      const storage = scratch(t, user);
      mkdirSync(join(storage, 'img/stored'), { recursive: true });
      const { env } = configured(t, user, `[options]\nstorage = "${storage}"\n`);
      t.match(runQuietly(t, user, ['--list'], { env }), /^stored /);
      t.equal(runQuietly(t, user, ['--completion=images'], { env }), 'stored\0');
    });

    t.test('a profile brings devices, and is activated where their description exists', async (t) => {
      const place = scratch(t, user);
      const device = (name: string) => ({ name, containerEdits: { env: [`GPU_${name}=there`] } });
      const description = { cdiVersion: '0.6.0', kind: 'acme.com/gpu', devices: ['0', '1'].map(device) };
      const { env } = configured(
        t,
        user,
        `[options]\ncdi-dirs = "${place}"\n[profile.gpu]\nwhen = "${place}/acme.json"\ndevice = ["acme.com/gpu=0"]\n`,
      );
      const shell = (more: NodeJS.ProcessEnv = {}) =>
        runQuietly(t, user, [image, '--', 'sh', '-c', 'echo "$GPU_0 $GPU_1"'], { env: { ...env, ...more } });
      t.equal(shell(), ' \n', 'no description yet');
      writeFileSync(join(place, 'acme.json'), JSON.stringify(description));
      t.equal(shell(), 'there \n');
      t.equal(shell({ CH_RUN_DEVICE: 'acme.com/gpu=1' }), 'there there\n');
    });

    t.test("the site's file holds for everybody: defaults, rules, additions", async (t) => {
      const site = `
        forbid = ["write", "uid"]
        [options]
        set-env = "A=site"
        cd = "/usr"
        [always]
        unset-env = "SECRET"`;
      const env = { SECRET: 'x' };
      const shell = (words: readonly string[], more: NodeJS.ProcessEnv = {}) =>
        runWithSite(t, user, site, [...words, image, '--', 'sh', '-c', 'echo "$A $(pwd) $SECRET"'], {
          ...env,
          ...more,
        });
      t.match(shell([]), { status: 0, stdout: 'site /usr \n', stderr: '' });
      t.match(shell(['-c/', '--set-env=SECRET=y']), { status: 0, stdout: 'site / \n', stderr: '' });
      t.match(shell(['--no-config']), { status: 0, stdout: ' / \n', stderr: '' });
      const forbidden = 'this site forbids --write, which the command line sets';
      failsWith(t, shell(['-w']), 64, forbidden, /see \/etc\/ch-run-ts\/config\.toml:2/);
      failsWith(t, shell(['-w', '--no-config']), 64, forbidden);
      failsWith(t, shell([], { CH_RUN_UID: '0' }), 64, 'this site forbids --uid, which CH_RUN_UID sets');
    });
  });
}

t.test('where the way to your own file is barred, there is none', async (t) => {
  const { env } = configured(t, ordinaryUser, '[options]\nset-env = "A=1"\n');
  const directory = join(env.XDG_CONFIG_HOME ?? '', 'ch-run-ts');
  const shell = () => runQuietly(t, ordinaryUser, [image, '--', 'sh', '-c', 'echo "$A"'], { env });
  t.equal(shell(), '1\n');
  chmodSync(directory, 0);
  t.same([shell(), shell()], ['\n', '\n']);
  chmodSync(directory, 0o755);
  t.equal(shell(), '1\n');
});

for (const user of users) {
  t.test(`the site's file below the installation holds for everybody, as ${user.name}`, async (t) => {
    const place = scratch(t);
    cpSync(join(stage, 'package'), join(place, 'package'), { recursive: true });
    if (isRoot) execFileSync('chown', ['-R', String(ordinaryUser.uid), join(place, 'package')]);
    symlinkSync('package/bin/ch-run-ts', join(place, 'ch-run-ts'));
    const env = { CH_RUN_MEMO_DIR: join(scratch(t, user), 'memo') };
    const show = () => start(user, join(place, 'ch-run-ts'), [image, '--', 'sh', '-c', 'echo "$A"'], { env });
    t.match(show(), { status: 0, stdout: '\n', stderr: '' });
    const file = join(place, 'package/etc/ch-run-ts/config.toml');
    const write = (text: string) => plant(place, { 'package/etc/ch-run-ts/config.toml': text });
    write('[options]\nset-env = "A=site"\n');
    for (const _ of [1, 2]) t.match(show(), { status: 0, stdout: 'site\n', stderr: '' });
    chmodSync(file, 0o666);
    failsWith(
      t,
      show(),
      31,
      `refusing the configuration file ${file}: others can write to it`,
      /the installation/,
    );
    if (!isRoot) return;
    chmodSync(file, 0o644);
    chownSync(file, ordinaryUser.uid + 1, 0);
    failsWith(
      t,
      show(),
      31,
      `refusing the configuration file ${file}: it belongs to user`,
      /the installation/,
    );
  });
}
