/** What somebody else has put where the launcher looks: storage, settings, devices, a home that is not one's own. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { launch, planLaunch } from '../../src/index.js';
import { writePlan } from '../helpers/plans.js';
import {
  checkout,
  environmentOf,
  failsWith,
  image,
  isRoot,
  launcher,
  makeImage,
  noSquashfs,
  ordinaryUser,
  plant,
  run,
  scratch,
  skip,
  start,
  type User,
} from '../helpers/support.js';
import { pack } from './servers.js';

const attacker: User = { name: 'somebody else', uid: ordinaryUser.uid + 2, gid: ordinaryUser.uid + 2 };
const root: User = { name: 'root', uid: 0, gid: 0 };
const needsRoot = 'only root can make what belongs to others';

/** An image that says at /ch/environment which one it is. */
function placeImage(t: Test, path: string, which: string, user: User): void {
  // storage may lie on another file system than what tests make
  execFileSync('cp', ['-a', makeImage(t, { 'ch/environment': `WHICH=${which}` }, user), path]);
}

/** A working directory with the image `tool`, and a storage directory with another one of that name. */
function twoImages(t: Test, owner: User = ordinaryUser): { readonly cwd: string; readonly storage: string } {
  const [cwd, storage] = [scratch(t), join(scratch(t, owner), 'storage')];
  placeImage(t, join(cwd, 'tool'), 'mine', ordinaryUser);
  plant(storage, { 'img/': null }, owner);
  placeImage(t, join(storage, 'img/tool'), 'stored', owner);
  return { cwd, storage };
}

/** Which image runs, and what is said about it; twice, as the second time a plan may be remembered. */
function whichTwice(words: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): readonly string[] {
  const memory = { CH_RUN_MEMO_DIR: join(cwd, 'memo') };
  const runs = [1, 2].map(() => {
    const { stdout, stderr } = run(ordinaryUser, ['--set-env', ...words, '--', '/probe'], {
      cwd,
      env: { ...memory, ...env },
    });
    const which = /"WHICH=([^"]*)"/.exec(stdout)?.[1] ?? '';
    return `${which} ${stderr.replace(/^.*?: /, '').trim()}`.trim();
  });
  return [...new Set(runs)];
}

t.test('storage that others can write to, or a link, does not count: a warning, and the path', (t) => {
  const changes: Record<string, (storage: string) => void> = {
    'others can write to it': (storage) => chmodSync(storage, 0o777),
    'img: others can write to it': (storage) => chmodSync(join(storage, 'img'), 0o757),
    'its group can write to it': (storage) => chmodSync(storage, 0o775),
    'it is a symbolic link': (storage) => {
      renameSync(storage, `${storage}.there`);
      symlinkSync(`${storage}.there`, storage);
    },
    'img: it is a symbolic link': (storage) => {
      renameSync(join(storage, 'img'), join(storage, 'there'));
      symlinkSync('there', join(storage, 'img'));
    },
  };
  for (const [reason, change] of Object.entries(changes)) {
    const { cwd, storage } = twoImages(t);
    t.same(whichTwice(['-s', storage, 'tool'], cwd), ['stored'], 'while it is one’s own');
    change(storage);
    const said = whichTwice(['-s', storage, 'tool'], cwd);
    t.equal(said.length, 1);
    const where = reason.startsWith('img: ') ? `${storage}/${reason}` : reason;
    t.equal(said[0], `mine warning: storage ${storage} is not used: ${where}`);
    t.match(run(ordinaryUser, ['-s', storage, '--list']), {
      stdout: /^tool /,
      stderr: `is not used: ${where}`,
    });
    t.equal(run(ordinaryUser, ['--completion=images'], { env: { CH_IMAGE_STORAGE: storage } }).stdout, '');
    failsWith(
      t,
      run(ordinaryUser, ['-s', storage, 'tool', '--', 'true']),
      31,
      'there is no image tool',
      where,
    );
  }
  t.end();
});

/** Storage with the image `tool`, a directory or a SquashFS file, where others can rename it; and what they put there. */
function twoStorages(t: Test, squashed: boolean): { readonly storage: string; readonly theirs: string } {
  const place = scratch(t, ordinaryUser);
  chmodSync(place, 0o777);
  const [storage, theirs] = ['storage', 'theirs'].map((name) => join(place, name)) as [string, string];
  for (const [path, which] of [
    [storage, 'stored'],
    [theirs, 'attack'],
  ] as const) {
    plant(path, { 'img/': null }, ordinaryUser);
    const tree = join(place, 'tree');
    placeImage(t, squashed ? tree : join(path, 'img/tool'), which, ordinaryUser);
    if (squashed) pack(tree, join(path, 'img/tool'));
    rmSync(tree, { recursive: true, force: true });
  }
  // nobody would take this for the user's own
  chmodSync(theirs, 0o777);
  return { storage, theirs };
}

for (const squashed of [false, true]) {
  const kind = squashed ? 'SquashFS' : 'directory';

  t.test(`storage that is exchanged after the decision is refused, with a ${kind} image`, (t) => {
    if (squashed && noSquashfs) return skip(t, noSquashfs);
    const { storage, theirs } = twoStorages(t, squashed);
    const words = ['-s', storage, '--set-env'];
    const made = run(ordinaryUser, ['--dry-run=plan', ...words, 'tool', '--', 'true']);
    const plan = writePlan(t, ordinaryUser, Buffer.from(made.stdout));
    const launch = () => run(ordinaryUser, [`--plan=${plan}`, '--', '/probe']);
    t.match(launch(), { status: 0, stdout: 'WHICH=stored' });
    const message = (path: string) =>
      `refusing the image ${storage}/img/tool: ${path} is not the directory that the plan was made for`;
    const away = `${storage}.away`;
    renameSync(storage, away);
    failsWith(t, launch(), 31, `can't open ${storage}: open: no such file or directory`);
    renameSync(theirs, storage);
    failsWith(t, launch(), 31, message(storage));
    renameSync(storage, theirs);
    symlinkSync(away, storage);
    failsWith(t, launch(), 31, message(storage));
    rmSync(storage);
    renameSync(away, storage);
    t.match(launch(), { status: 0, stdout: 'WHICH=stored' }, 'the very same is back');
    renameSync(join(storage, 'img'), join(storage, 'there'));
    symlinkSync('there', join(storage, 'img'));
    failsWith(t, launch(), 31, message(`${storage}/img`));
    t.end();
  });

  t.test(`storage that is exchanged all the time never gives the other ${kind} image`, async (t) => {
    if (squashed && noSquashfs) return skip(t, noSquashfs);
    const { storage, theirs } = twoStorages(t, squashed);
    const exchange = spawn('python3', [join(checkout, 'test/launch/exchange.py'), storage, theirs]);
    t.teardown(() => exchange.kill());
    await once(exchange.stdout, 'data');
    const env = { CH_RUN_MEMO_DIR: join(scratch(t), 'memo') };
    const seen = new Set<string>();
    for (let turn = 0; turn < 60; turn++) {
      const words = ['--no-config', '--set-env', '-s', storage, 'tool', '--', '/probe'];
      const { stdout, stderr } = run(ordinaryUser, words, { env, cwd: '/' });
      const said = /there is no image|is not the directory that the plan was made for/.exec(stderr)?.[0];
      seen.add(/"WHICH=([^"]*)"/.exec(stdout)?.[1] ?? said ?? stderr);
    }
    exchange.stdin.end();
    const [code] = await once(exchange, 'exit');
    t.equal(code, 0);
    t.same(
      [...seen].sort(),
      ['is not the directory that the plan was made for', 'stored', 'there is no image'],
      'refused, where it was the other one at one of the times',
    );
    t.end();
  });
}

t.test('a remembered plan notices that storage is another directory of one’s own now', (t) => {
  const { cwd, storage } = twoImages(t);
  t.same(whichTwice(['-s', storage, 'tool'], cwd), ['stored']);
  for (const path of [storage, join(storage, 'img')]) {
    renameSync(path, `${path}.old`);
    execFileSync('cp', ['-a', `${path}.old`, path]);
    t.same(whichTwice(['-s', storage, 'tool'], cwd), ['stored']);
  }
  t.end();
});

t.test('a group that is the owner’s own may write to storage', (t) => {
  if (!isRoot) return skip(t, needsRoot);
  const { cwd, storage } = twoImages(t);
  chownSync(storage, ordinaryUser.uid, ordinaryUser.uid);
  chmodSync(storage, 0o775);
  t.same(whichTwice(['-s', storage, 'tool'], cwd), ['stored']);
  t.end();
});

t.test('storage that somebody else has made under the name of a user is not that user’s', (t) => {
  if (!isRoot) return skip(t, needsRoot);
  const name = `ch-run-ts-test.${process.pid}`;
  const storage = `/var/tmp/${name}.ch`;
  const { cwd } = twoImages(t);
  t.teardown(() => rmSync(storage, { recursive: true, force: true }));
  plant(storage, { 'img/': null }, attacker);
  chownSync(storage, attacker.uid, attacker.gid);
  placeImage(t, join(storage, 'img/tool'), 'attack', attacker);
  const warning = `mine warning: storage ${storage} is not used: it belongs to user ${attacker.uid}`;
  t.same(whichTwice(['tool'], cwd, { USER: name }), [warning]);
  chownSync(storage, ordinaryUser.uid, ordinaryUser.gid);
  t.match(whichTwice(['tool'], cwd, { USER: name }), [/^mine warning: .*\/img: it belongs to user/]);
  chownSync(join(storage, 'img'), ordinaryUser.uid, ordinaryUser.gid);
  t.same(
    whichTwice(['tool'], cwd, { USER: name }),
    ['attack'],
    'in storage that is the user’s, an image may be anybody’s',
  );
  chownSync(storage, attacker.uid, attacker.gid);
  t.same(whichTwice(['tool'], cwd, { USER: name }), [warning], 'a remembered plan notices the new owner');
  t.end();
});

t.test(
  'a configuration file that others can write to is not used; one that was asked for is refused',
  (t) => {
    const place = scratch(t);
    plant(place, { 'xdg/ch-run-ts/config.toml': '[options]\nset-env = ["A=from the file"]\n' });
    const file = join(place, 'xdg/ch-run-ts/config.toml');
    const show = (words: readonly string[] = []) =>
      run(ordinaryUser, [...words, image, '--', 'sh', '-c', 'echo "$A"'], {
        env: { XDG_CONFIG_HOME: join(place, 'xdg'), CH_RUN_MEMO_DIR: join(place, 'memo') },
      });
    chmodSync(file, 0o644);
    for (const _ of [1, 2]) t.match(show(), { stdout: 'from the file\n', stderr: '' });
    chmodSync(file, 0o666);
    for (const _ of [1, 2])
      t.match(show(), { status: 0, stdout: '\n', stderr: `${file} is not used: others can write to it\n` });
    failsWith(
      t,
      show([`--config=${file}`]),
      31,
      `refusing the configuration file ${file}: others can write`,
      /yours or root's/,
    );
    if (isRoot) {
      chmodSync(file, 0o644);
      chownSync(file, attacker.uid, attacker.gid);
      t.match(show(), { stdout: '\n', stderr: `it belongs to user ${attacker.uid}\n` });
      chownSync(file, 0, 0);
      t.match(show(), { stdout: 'from the file\n', stderr: '' });
    }
    t.end();
  },
);

const hook = (program: string) =>
  JSON.stringify({
    cdiVersion: '0.6.0',
    kind: 'attack.org/device',
    devices: [
      {
        name: 'x',
        containerEdits: { hooks: [{ hookName: 'createContainer', path: program, args: [program] }] },
      },
    ],
  });

t.test('a specification of devices that others can write to is not used, and its hook not run', (t) => {
  const place = scratch(t);
  const program = join(place, 'hook');
  plant(place, { hook: `#!/bin/sh\ntouch ${place}/pwned\n`, 'cdi/attack.json': hook(program) });
  const words = [
    '--cdi-run-hooks',
    `--cdi-dirs=${place}/cdi`,
    '--device=attack.org/device=x',
    image,
    '--',
    'true',
  ];
  const file = join(place, 'cdi/attack.json');
  chmodSync(file, 0o666);
  failsWith(
    t,
    run(ordinaryUser, words),
    31,
    'there is no device attack.org/device=x',
    'others can write to it',
  );
  t.notOk(existsSync(join(place, 'pwned')));
  chmodSync(file, 0o644);
  t.equal(run(ordinaryUser, words).status, 0);
  t.ok(existsSync(join(place, 'pwned')), 'of one’s own file it is');
  t.end();
});

t.test('root obeys nothing below the home of somebody else, makes and forgets nothing there', (t) => {
  if (!isRoot) return skip(t, needsRoot);
  const place = scratch(t, root);
  const [home, theirs] = [join(place, 'root'), join(place, 'theirs')];
  const program = join(theirs, 'hook');
  plant(theirs, {
    hook: `#!/bin/sh\ntouch ${place}/pwned\n`,
    'cdi/attack.json': hook(program),
    '.config/ch-run-ts/config.toml': `[options]\nset-env = ["A=theirs"]\ncdi-dirs = ["${theirs}/cdi"]\ncdi-run-hooks = true\ndevice = ["attack.org/device=x"]\n`,
  });
  chownSync(theirs, ordinaryUser.uid, ordinaryUser.gid);
  plant(home, { '.config/ch-run-ts/config.toml': '[options]\nset-env = ["A=root’s"]\n' }, root);
  const precious = join(place, 'precious');
  mkdirSync(precious);
  symlinkSync(precious, join(theirs, '.cache'));
  lchownSync(join(theirs, '.cache'), ordinaryUser.uid, ordinaryUser.gid);
  writeFileSync(join(place, 'passwd'), `root:x:0:0:root:${home}:/bin/sh\n`);
  const launch = (words: readonly string[], env: NodeJS.ProcessEnv) => {
    const script = 'mount --bind "$1" /etc/passwd && shift && exec "$@"';
    return start(
      root,
      'unshare',
      ['-m', 'sh', '-c', script, 'sh', join(place, 'passwd'), launcher, ...words],
      {
        env: { ...environmentOf(root), ...env },
      },
    );
  };
  const words = [image, '--', 'sh', '-c', 'echo "$A"'];
  for (const env of [
    { HOME: theirs },
    { HOME: theirs, XDG_CACHE_HOME: join(theirs, '.cache'), XDG_CONFIG_HOME: join(theirs, '.config') },
  ]) {
    for (const _ of [1, 2]) t.match(launch(words, env), { status: 0, stdout: 'root’s\n', stderr: '' });
    t.same(readdirSync(precious), [], 'nothing is made where their link leads');
    t.ok(readdirSync(join(home, '.cache/ch-run-ts')).length > 0, 'plans are remembered in root’s own home');
    launch(['--memo-clear'], env);
    t.equal(readdirSync(join(home, '.cache/ch-run-ts')).length, 0);
  }
  t.notOk(existsSync(join(place, 'pwned')), 'no hook of theirs was run');
  // as it was: a directory of root's, which is taken for one of plans
  symlinkSync(precious, join(precious, 'ch-run-ts'));
  writeFileSync(join(precious, 'file'), '');
  launch(['--memo-clear'], { HOME: theirs });
  t.same(readdirSync(precious), ['ch-run-ts', 'file'], 'nothing is removed where their link leads');
  t.end();
});

t.test('--memo-clear removes remembered plans, and nothing else', (t) => {
  const place = scratch(t);
  plant(place, { 'memo/notes': '', 'memo/0123456789abcdef.old': '', 'memo/0123456789abcdefg': '' });
  const env = { CH_RUN_MEMO_DIR: join(place, 'memo') };
  t.equal(run(ordinaryUser, [image, '--', 'true'], { env }).status, 0);
  t.equal(run(ordinaryUser, ['--memo-clear'], { env }).stdout, 'remembered plans forgotten: 2\n');
  t.same(readdirSync(join(place, 'memo')), ['0123456789abcdefg', 'notes']);
  t.end();
});

t.test('a NUL makes no step: file and field are named, and no hook is run', (t) => {
  const place = scratch(t);
  const program = join(place, 'hook');
  plant(place, { hook: `#!/bin/sh\ntouch ${place}/pwned\n` });
  const attack = `/mnt\0create\x006\0hook\x000\0${program}\x001\0${program}\0`;
  const spec = {
    cdiVersion: '0.6.0',
    kind: 'attack.org/device',
    devices: [{ name: 'x', containerEdits: { mounts: [{ hostPath: '/tmp', containerPath: attack }] } }],
  };
  plant(place, {
    'cdi/attack.json': JSON.stringify(spec),
    'config.toml': `[options]\nbind = ["/tmp:${attack.replaceAll('\0', '\\u0000')}"]\n`,
  });
  for (const file of ['cdi/attack.json', 'config.toml']) chmodSync(join(place, file), 0o644);
  const device = [`--cdi-dirs=${place}/cdi`, '--device=attack.org/device=x'];
  failsWith(
    t,
    run(ordinaryUser, [...device, image, '--', 'true']),
    31,
    'attack.org/device=x',
    'attack.json is not used: NUL in devices[0].containerEdits.mounts[0].containerPath',
  );
  failsWith(
    t,
    run(ordinaryUser, [`--config=${place}/config.toml`, image, '--', 'true']),
    64,
    'config.toml:2, options.bind: NUL in a value',
  );
  t.throws(() => planLaunch({ image, binds: [{ source: '/tmp', destination: attack }] }), {
    message: 'NUL in the request: binds[0].destination',
  });
  const [plan] = [planLaunch({ image })];
  const step = { kind: 'bind', source: '/tmp', destination: attack, options: [] } as const;
  t.throws(() => launch({ ...plan, create: [...plan.create, step] }, ['true']), {
    message: /^NUL in the plan: create bind, field 2: /,
  });
  t.notOk(existsSync(join(place, 'pwned')));
  t.end();
});
