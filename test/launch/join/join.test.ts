/** --join and --join-pid from outside: groups, their tags and counts, and what can go wrong. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  checkout,
  type Ending,
  environmentOf,
  eventually,
  failsWith,
  image,
  isRoot,
  launcher,
  ordinaryUser,
  probe,
  run,
  stage,
  start,
  type User,
  users,
} from '../../helpers/support.js';

const where = ['--', 'readlink', '/proc/self/ns/mnt'];
let tags = 0;
const freshTag = () => `test-${process.pid}-${tags++}`;

const namesOf = (tag: string) => readdirSync('/dev/shm').filter((name) => name.endsWith(`.${tag}`));

/** Starts the launcher and does not wait for it. */
function begin(
  user: User,
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
  program = launcher,
): ChildProcess & { done: Promise<Ending> } {
  const child = spawn(program, words, {
    cwd: stage,
    env: { ...environmentOf(user), ...env },
    ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
  });
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (part) => {
      text[stream] += part;
    });
  }
  const done = new Promise<Ending>((resolve) =>
    child.once('close', (status, signal) => resolve({ status, signal, pid: child.pid ?? 0, ...text })),
  );
  return Object.assign(child, { done });
}

/** Waits until the first peer of a group has made its name. */
async function begins(t: Test, tag: string): Promise<void> {
  t.ok(await eventually(() => namesOf(tag).length > 0), 'the first peer has come');
}

/** Waits until a peer waits for the others of its group. */
async function waits(t: Test, { pid }: ChildProcess): Promise<void> {
  const isAsleep = () =>
    // the state of a group is a file without a name
    /\/dev\/shm\/.* \(deleted\)/.test(readFileSync(`/proc/${pid}/maps`, 'utf8')) &&
    /\) S/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  t.ok(await eventually(isAsleep), 'a peer waits');
}

/** Words for strace: whoever calls pivot_root stops then, until it is sent SIGCONT. It is not strace's child. */
const stopping = (...injected: readonly string[]) => {
  const inject = ['inject=pivot_root', ...injected, 'signal=STOP'].join(':');
  return ['-D', '-o', '/dev/null', '-e', 'trace=pivot_root', '-e', inject, launcher];
};

async function vanishes(t: Test, tag: string): Promise<void> {
  await eventually(() => namesOf(tag).length === 0);
  t.same(namesOf(tag), [], 'nothing stays in /dev/shm');
}

for (const user of users) {
  t.test(`peers share one container, as ${user.name}`, async (t) => {
    const tag = freshTag();
    const words = ['--join-ct=8', `--join-tag=${tag}`, image, ...where];
    const endings = await Promise.all(Array.from({ length: 8 }, () => begin(user, words).done));
    t.same(
      endings.map(({ status, stderr }) => ({ status, stderr })),
      Array(8).fill({ status: 0, stderr: '' }),
    );
    t.equal(new Set(endings.map(({ stdout }) => stdout)).size, 1);
    t.same(namesOf(tag), [], 'the name is gone as soon as all have come');
  });

  t.test(`peers that come one after the other share it too, as ${user.name}`, async (t) => {
    const tag = freshTag();
    const words = ['--join-ct=3', `--join-tag=${tag}`, image, ...where];
    const endings = [run(user, words), run(user, words), run(user, words)];
    t.same(endings.map(({ stderr }) => stderr).join(''), '');
    t.equal(new Set(endings.map(({ stdout }) => stdout)).size, 1);
    t.same(namesOf(tag), []);
    t.match(run(user, ['--join-ct=1', `--join-tag=${tag}`, image, ...where]), { status: 0, stderr: '' });
  });

  t.test(`--join-pid enters the container of a process, as ${user.name}`, async (t) => {
    const first = begin(user, [image, '--', 'sh', '-c', 'echo ready; read word']);
    await new Promise((resolve) => first.stdout?.once('data', resolve));
    const { stdout, stderr } = run(user, [`--join-pid=${first.pid}`, image, ...where]);
    t.equal(stderr, '');
    t.equal(stdout.trim(), readlinkSync(`/proc/${first.pid}/ns/mnt`));
    first.stdin?.end();
    await first.done;
    failsWith(t, run(user, [`--join-pid=${first.pid}`, image, ...where]), 31, 'there is no such process');
  });

  t.test(`--join-pid says why it can't, as ${user.name}`, (t) => {
    const pid = begin(user, ['--plan', '/nonexistent']).pid;
    t.ok(pid);
    const outside = spawn('sleep', ['60'], isRoot ? { uid: user.uid, gid: user.gid } : {});
    const theirs =
      user.uid === 0 ? spawn('sleep', ['60'], { uid: ordinaryUser.uid, gid: ordinaryUser.gid }) : undefined;
    failsWith(t, run(user, [`--join-pid=${outside.pid}`, image, ...where]), 31, 'it is not in a container');
    failsWith(
      t,
      run(user, [`--join-pid=${theirs?.pid ?? 1}`, image, ...where]),
      31,
      /it belongs to user \d+, not to you/,
    );
    outside.kill();
    theirs?.kill();
    t.end();
  });
}

const user = ordinaryUser;

for (const [title, options, message] of [
  ['bind', ['-b', '/usr:/mnt'], /it has nothing else, but this process asks for .*'bind \/usr \/mnt'/],
  [
    'identity',
    ['-u', '4711'],
    /it has .*'identity \d+ \d+'.*, but this process asks for .*'identity 4711 \d+'/,
  ],
  ['access', ['-w'], /it has .*'root \S+ read-only'.*, but this process asks for .*'root \S+ writable'/],
] as const) {
  t.test(`a peer that asks for another ${title} is told so`, async (t) => {
    const tag = freshTag();
    const first = run(user, ['--join-ct=2', `--join-tag=${tag}`, image, ...where]);
    const second = run(user, ['--join-ct=2', `--join-tag=${tag}`, ...options, image, ...where]);
    t.equal(second.stdout, first.stdout);
    t.match(
      second.stderr,
      /^ch-run-ts\[\d+\]: warning: --join: the container that process \d+ created is not what/,
    );
    t.match(second.stderr, message);
  });
}

t.test('a peer with another image is told so, and one with another count', async (t) => {
  const tag = freshTag();
  run(user, ['--join-ct=2', `--join-tag=${tag}`, image, ...where]);
  const second = run(user, ['--join-ct=3', `--join-tag=${tag}`, `${image}/.`, ...where]);
  t.match(second.stderr, /process \d+ expects 2 peers, this process 3\n/);
  t.match(second.stderr, /but this process asks for 'root \S+\/image\/\. read-only'/);
  t.end();
});

t.test('a source that comes from the environment is compared by its value', (t) => {
  const tag = freshTag();
  const words = ['--join-ct=2', `--join-tag=${tag}`, image, ...where];
  run(user, words);
  t.match(
    run(user, words, { env: { TMPDIR: '/var/tmp' } }).stderr,
    /but this process asks for 'bind-variable TMPDIR .* = \/var\/tmp'/,
  );
  t.end();
});

t.test('a count that is too high: who runs is told after the timeout, and the name goes', async (t) => {
  const tag = freshTag();
  const words = ['--join-ct=3', `--join-tag=${tag}`, '--join-timeout=4', image, '--', 'sleep', '4.6'];
  const endings = await Promise.all([begin(user, words).done, begin(user, words).done]);
  t.equal(endings.filter(({ status }) => status === 0).length, 2);
  const text = endings.map(({ stderr }) => stderr).join('');
  t.match(text, /^ch-run-ts\[\d+\]: warning: --join: only 2 of 3 peers joined within 4 s; .*\n$/);
  await vanishes(t, tag);
});

t.test('a peer that has waited long enough stops, with the numbers; the others wait on', async (t) => {
  const tag = freshTag();
  const words = ['--join-ct=3', `--join-tag=${tag}`];
  const winner = begin(user, [...stopping(), ...words, image, ...where], {}, 'strace');
  await begins(t, tag);
  const short = begin(user, [...words, '--join-timeout=1', image, ...where]);
  const long = begin(user, [...words, image, ...where]);
  const message =
    /gave up after 1 s: process \d+ is still creating the container; [23] of 3 peers have joined/;
  failsWith(t, await short.done, 31, message);
  winner.kill('SIGCONT');
  const endings = [await winner.done, await long.done];
  t.match(endings, [
    { status: 0, stderr: '' },
    { status: 0, stderr: '' },
  ]);
  t.equal(endings[0]?.stdout, endings[1]?.stdout);
  await vanishes(t, tag);
});

t.test("when the winner is refused, the others' log has call, errno and hint, too", async (t) => {
  const tag = freshTag();
  const words = ['--log=json', '--join-ct=2', `--join-tag=${tag}`, image, '--', 'true'];
  const winner = begin(ordinaryUser, [...stopping('error=EPERM'), ...words], {}, 'strace');
  await begins(t, tag);
  const other = begin(ordinaryUser, words);
  await waits(t, other);
  winner.kill('SIGCONT');
  const endings = await Promise.all([winner.done, other.done]);
  const [first, second] = endings.map(({ stderr }) => JSON.parse(stderr));
  t.match(first, { call: 'pivot_root', errno: constants.errno.EPERM, status: 31 });
  t.equal(
    second.message,
    `--join: process ${first.pid}, which was creating the container, failed: ${first.message}`,
  );
  t.same([second.call, second.errno, second.hint], [first.call, first.errno, first.hint]);
  t.ok(second.hint, 'there is a hint');
});

t.test('when the winner fails, the others fail with its reason', async (t) => {
  const tag = freshTag();
  const words = ['--join-ct=4', `--join-tag=${tag}`, '-b', `${stage}/nowhere:/mnt`, image, ...where];
  const endings = await Promise.all(Array.from({ length: 4 }, () => begin(user, words).done));
  for (const { status, stderr } of endings) {
    t.equal(status, 31);
    t.match(stderr, /can't bind \S+nowhere/);
  }
  await vanishes(t, tag);
});

/** Values of variables, and the count that they mean or the error. */
const counts: readonly (readonly [NodeJS.ProcessEnv, number | RegExp])[] = [
  [{ OMPI_COMM_WORLD_LOCAL_SIZE: '3' }, 3],
  [{ MPI_LOCALNRANKS: '4' }, 4],
  [{ OMPI_COMM_WORLD_LOCAL_SIZE: '3', MPI_LOCALNRANKS: '4', SLURM_STEP_TASKS_PER_NODE: '5' }, 3],
  [{ MPI_LOCALNRANKS: '4', SLURM_STEP_TASKS_PER_NODE: '1(x2)', SLURM_NODEID: '0' }, 4],
  [{ SLURM_STEP_TASKS_PER_NODE: '8' }, 8],
  [{ SLURM_STEP_TASKS_PER_NODE: '8', SLURM_NODEID: '0' }, 8],
  [{ SLURM_STEP_TASKS_PER_NODE: '4,2(x3)', SLURM_NODEID: '0' }, 4],
  [{ SLURM_STEP_TASKS_PER_NODE: '4,2(x3)', SLURM_NODEID: '1' }, 2],
  [{ SLURM_STEP_TASKS_PER_NODE: '4,2(x3)', SLURM_NODEID: '3' }, 2],
  [{ SLURM_STEP_TASKS_PER_NODE: '2(x3),7', SLURM_NODEID: '2' }, 2],
  [{ SLURM_STEP_TASKS_PER_NODE: '2(x3),7', SLURM_NODEID: '3' }, 7],
  [
    { SLURM_STEP_TASKS_PER_NODE: '2(x3),7', SLURM_NODEID: '4' },
    /expected a number of peers .* got '2\(x3\),7'/,
  ],
  [{ SLURM_STEP_TASKS_PER_NODE: '4,2(x3)' }, /SLURM_NODEID is not set/],
  [{ SLURM_STEP_TASKS_PER_NODE: 'many', SLURM_NODEID: '0' }, /got 'many'/],
  [{ SLURM_STEP_TASKS_PER_NODE: '2(x', SLURM_NODEID: '0' }, /got '2\(x'/],
  [{ OMPI_COMM_WORLD_LOCAL_SIZE: '0' }, /from 1 to 2147483647 in OMPI_COMM_WORLD_LOCAL_SIZE, got '0'/],
  [{ OMPI_COMM_WORLD_LOCAL_SIZE: '-1' }, /got '-1'/],
  [{ OMPI_COMM_WORLD_LOCAL_SIZE: '2147483648' }, /got '2147483648'/],
  [{ OMPI_COMM_WORLD_LOCAL_SIZE: '' }, /can't determine the number of peers/],
  [{}, /can't determine the number of peers/],
];

for (const [env, expected] of counts) {
  const words = Object.entries(env).map((pair) => pair.join('='));
  t.test(`the count by default: ${words.join(' ') || 'nothing is set'}`, (t) => {
    const options = ['--join', '-v', `--join-tag=${freshTag()}`, '--join-timeout=1'];
    const ending = run(user, [...options, image, '--', 'true'], { env });
    if (expected instanceof RegExp) failsWith(t, { ...ending, stderr: said(ending.stderr) }, 31, expected);
    else t.match(ending.stderr, new RegExp(`join group \\S+ of ${expected}\\n`));
    t.end();
  });
}

/** Without what -v prints. */
const said = (stderr: string) => stderr.replaceAll(/.* ms {2}.*\n/g, '');

t.test('the number of CPUs is a last resort, with a warning', (t) => {
  const { stderr, status } = run(user, ['--join', image, '--', 'true'], { env: { SLURM_CPUS_ON_NODE: '1' } });
  t.equal(status, 0);
  t.match(
    stderr,
    /^ch-run-ts\[\d+\]: warning: --join: using the number of CPUs as the number of peers, 1: .*\n$/,
  );
  t.end();
});

const slurm = { SLURM_JOB_ID: '12', SLURM_STEP_ID: '3', SLURM_NODEID: '1' };
for (const [title, env, tag] of [
  ['the parent process', {}, `parent\\.${process.pid}`],
  [
    'the parent process in a batch script',
    { SLURM_JOB_ID: '12', SLURM_NODEID: '0' },
    `parent\\.${process.pid}`,
  ],
  ['job, step and node under srun', slurm, 'step\\.12\\.3\\.1'],
  [
    'the parent under mpirun in a job',
    { ...slurm, OMPI_COMM_WORLD_LOCAL_SIZE: '1' },
    `parent\\.${process.pid}`,
  ],
  ['the parent under hydra in a job', { ...slurm, MPI_LOCALNRANKS: '1' }, `parent\\.${process.pid}`],
] as const) {
  t.test(`the tag by default: ${title}`, (t) => {
    const { stderr } = run(user, ['-v', '--join-ct=1', image, '--', 'true'], { env });
    t.match(stderr, new RegExp(`join group ${tag} of 1\\n`));
    t.end();
  });
}

for (const env of [
  { OMPI_COMM_WORLD_LOCAL_SIZE: '9', OMPI_COMM_WORLD_LOCAL_RANK: '2' },
  { MPI_LOCALNRANKS: '9', MPI_LOCALRANKID: '2' },
  { ...slurm, SLURM_LOCALID: '2' },
]) {
  t.test(`a rank beyond the count says so: ${Object.keys(env).at(-1)}`, (t) => {
    const ending = run(user, ['--join-ct=2', image, '--', 'true'], { env });
    failsWith(
      t,
      ending,
      31,
      'the group has no room for rank 2 of this node (counted from 0): the count is 2',
    );
    t.end();
  });
}

for (const [options, message] of [
  [['--join-ct=0'], "expected a number of peers from 1 to 2147483647 for --join-ct, got '0'"],
  [['--join-ct=-2'], "got '-2'"],
  [['--join-ct=3x'], "got '3x'"],
  [['--join-ct=2147483648'], "got '2147483648'"],
  [['--join-ct='], "got ''"],
  [['--join-tag='], "expected a tag for --join-tag, got ''"],
  [['--join-timeout=0'], 'expected a number of seconds from 1'],
  [['--join-pid=0'], 'expected a process ID from 1'],
  [['--join-pid=x'], "got 'x'"],
  [['--join-pid=5', '--join-ct=2'], '--join-ct and --join-pid exclude each other'],
  [['--join-ct=2', '--join-tag', 'x'.repeat(300)], 'the join tag is too long'],
] as const) {
  t.test(`${options.join(' ').slice(0, 40)} is refused`, (t) => {
    failsWith(t, run(user, [...options, image, '--', 'true']), 64, message);
    t.end();
  });
}

const shm = (tag: string) => join('/dev/shm', `ch-run-ts.${user.uid}.${tag}`);
const obstacles: Readonly<Record<string, readonly [(path: string) => void, RegExp]>> = {
  'a file of another size': [(path) => writeFileSync(path, 'x', { mode: 0o600 }), /it is too small/],
  'other content': [(path) => writeFileSync(path, 'x'.repeat(9999), { mode: 0o600 }), /it is no join group/],
  'a file that others may use': [(path) => writeFileSync(path, '', { mode: 0o666 }), /others may use it/],
  'a link': [(path) => symlinkSync('/etc/passwd', path), /it is a link/],
  'a pipe': [(path) => execFileSync('mkfifo', ['-m', '600', path]), /it is not a regular file/],
  'a directory': [(path) => mkdirSync(path), /can't join through \/dev\/shm.*: open: is a directory/],
};

for (const [title, [plant, message]] of Object.entries(obstacles)) {
  t.test(`where the name is taken by ${title}, nobody is joined`, (t) => {
    const tag = freshTag();
    const path = shm(tag);
    const umask = process.umask(0);
    plant(path);
    process.umask(umask);
    t.teardown(() => rmSync(path, { recursive: true, force: true }));
    if (isRoot) lchownSync(path, user.uid, user.gid);
    failsWith(t, run(user, ['--join-ct=2', `--join-tag=${tag}`, image, '--', 'true']), 31, message);
    t.ok(existsSync(path) || title === 'a link', 'what is not ours stays');
    t.end();
  });
}

/** Where a field of the door begins (addon/launcher/join/join_door.h), in bytes. */
const fields: Readonly<Record<string, readonly [offset: number, RegExp]>> = {
  'another version': [8, /it has version \d+, this program has \d+/],
  'another PID namespace': [16, /its peers are in another PID namespace/],
};

for (const [title, [offset, message]] of Object.entries(fields)) {
  t.test(`a group of ${title} is refused`, (t) => {
    const tag = freshTag();
    const words = ['--join-ct=2', `--join-tag=${tag}`, image, '--', 'true'];
    run(user, words);
    const state = readFileSync(shm(tag));
    t.teardown(() => rmSync(shm(tag)));
    state.writeUInt32LE(state.readUInt32LE(offset) + 1, offset);
    // its keeper lives there, and so not here
    state.writeInt32LE(0x7ffffffe, 12);
    writeFileSync(shm(tag), state);
    failsWith(t, run(user, words), 31, message, /--join-tag/);
    t.end();
  });
}

t.test(
  'where another user made the name first, all peers meet at the same other one',
  { skip: isRoot ? false : 'needs root' },
  (t) => {
    const tag = freshTag();
    const words = ['--join-ct=3', `--join-tag=${tag}`, image, ...where];
    const taken: readonly ((path: string) => void)[] = [
      (path) => writeFileSync(path, 'x'.repeat(9999), { mode: 0o600 }),
      (path) => writeFileSync(path, 'x'.repeat(9999), { mode: 0o644 }),
      (path) => mkdirSync(path),
      (path) => symlinkSync('/etc/passwd', path),
      (path) => execFileSync('mkfifo', ['-m', '666', path]),
    ];
    for (const [index, take] of taken.entries()) {
      const path = index === 0 ? shm(tag) : `${shm(tag)}~${index}`;
      take(path);
      t.teardown(() => rmSync(path, { recursive: true }));
      const endings = [run(user, words), run(user, words), run(user, words)];
      t.same(endings.map(({ stderr }) => stderr).join(''), '');
      t.equal(new Set(endings.map(({ stdout }) => stdout)).size, 1, 'one container');
    }
    t.end();
  },
);

t.test(
  'what another user gives back while peers come splits no group',
  { skip: isRoot ? false : 'needs root' },
  (t) => {
    const tag = freshTag();
    const words = ['--join-ct=2', `--join-tag=${tag}`, image, ...where];
    writeFileSync(shm(tag), '');
    const first = run(user, words);
    rmSync(shm(tag));
    t.equal(run(user, words).stdout, first.stdout);
    t.end();
  },
);

const inNamespaces = (flags: readonly string[], words: readonly string[]) =>
  start(user, 'unshare', ['-Urp', '--fork', ...flags, ...words]);
for (const option of ['--join-ct=2', '--join-pid=1']) {
  t.test(
    `${option.slice(0, -2)} with the /proc of another PID namespace says so, and leaves nothing`,
    (t) => {
      const tag = freshTag();
      const group = option.startsWith('--join-ct') ? [`--join-tag=${tag}`] : [];
      const ending = inNamespaces([], [launcher, option, ...group, image, '--', 'true']);
      failsWith(
        t,
        ending,
        31,
        /^\S+ error: --join(-pid)?: \/proc belongs to another PID namespace/,
        /--mount-proc/,
      );
      t.same(namesOf(tag), []);
      t.end();
    },
  );
}

t.test('peers in a PID namespace with its own /proc join', (t) => {
  const peer = `${launcher} --join-ct=2 --join-tag=${freshTag()} ${image} ${where.join(' ')}`;
  const { stdout, stderr } = inNamespaces(['-m', '--mount-proc'], ['sh', '-c', `${peer}; ${peer}`]);
  t.equal(stderr, '');
  t.match(stdout, /^(mnt:\[\d+\]\n)\1$/);
  t.end();
});

t.test('peers join where the kernel has no pidfd_open and close_range', async (t) => {
  const tag = freshTag();
  const old = ['with', 'forget=pidfd_open,close_range', '--', launcher];
  const words = [...old, '--join-ct=3', `--join-tag=${tag}`, image, ...where];
  const endings = await Promise.all(Array.from({ length: 3 }, () => begin(user, words, {}, probe).done));
  t.equal(endings.map(({ stderr }) => stderr).join(''), '');
  t.equal(new Set(endings.map(({ stdout }) => stdout)).size, 1);
  await vanishes(t, tag);
});

t.test('names with any bytes are tags, and do not leave /dev/shm', (t) => {
  const tag = `../a b/é%${freshTag()}`;
  const ending = run(user, ['--join-ct=2', '--join-tag', tag, image, '--', 'ls', '/dev/shm']);
  t.match(ending.stdout, /ch-run-ts\.\d+\.\.\.%2Fa%20b%2F%C3%A9%25test/);
  t.match(run(user, ['--join-ct=2', '--join-tag', tag, image, '--', 'true']), { status: 0, stderr: '' });
  t.end();
});

t.test('the command finds no child that it did not start, and no descriptor of ours', async (t) => {
  const tag = freshTag();
  const script =
    'cat /proc/$$/task/$$/children | cut -d" " -f3-; ls /proc/$$/fd; grep -c /dev/shm/ch-run /proc/$$/maps';
  const command = [image, '--', 'bash', '-c', script];
  const alone = run(user, command).stdout;
  t.match(alone, /^\n?0\n1\n2\n(\d+\n)*0\n$/);
  t.equal(run(user, ['--join-ct=2', `--join-tag=${tag}`, ...command]).stdout, alone);
  run(user, ['--join-ct=2', `--join-tag=${tag}`, image, '--', 'true']);
  await vanishes(t, tag);
});

t.test(
  'groups of 64, one after the other by one tag, lose nobody and leave nothing',
  { timeout: 300_000 },
  async (t) => {
    const program = join(checkout, 'build/test/peers');
    mkdirSync(join(checkout, 'build/test'), { recursive: true });
    execFileSync('g++', [
      '-std=c++20',
      '-O1',
      '-static',
      '-o',
      program,
      join(checkout, 'test/launch/join/peers.cc'),
    ]);
    const folder = join(stage, 'crowd');
    mkdirSync(folder);
    execFileSync('cp', ['-a', image, join(folder, 'img')]);
    execFileSync('cp', [program, join(folder, 'img/peers')]);
    const plan = join(folder, 'plan');
    const planned = run(user, ['--join-ct=64', '--join-tag=crowd', '--dry-run=plan', join(folder, 'img')]);
    writeFileSync(plan, planned.stdout, { mode: 0o600 });
    if (isRoot) chownSync(plan, user.uid, user.gid);
    const groups = process.env.CH_RUN_TS_JOIN_GROUPS ?? '40';
    const child = spawn(
      join(folder, 'img/peers'),
      ['start', '64', groups, launcher, '--plan', plan, '/peers', 'report'],
      {
        env: { ...environmentOf(user), PEERS_TAG: 'crowd' },
        ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
      },
    );
    let text = '';
    child.stdout.on('data', (part) => {
      text += part;
    });
    t.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
    t.match(JSON.parse(text), { groups: Number(groups), lost: 0, apart: 0, left: 0 });
  },
);
