/** Plans of containers, and of exec, are remembered, with names for what always differs; anything else that changes makes a new plan. */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { type Bundle, type Config, makeBundle, runtime } from '../helpers/bundles.js';
import { image, ordinaryUser, scratch, start, type User, users } from '../helpers/support.js';

interface Shown {
  readonly how: string;
  /** Its steps; or the message if there is no plan. */
  readonly plan: string;
}

/** A configuration with a value in as many fields as fit together. */
function fill(config: Config): void {
  Object.assign(config.process, {
    env: ['PATH=/bin', 'SECRET=of the first container', 'EMPTY='],
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 128 }],
    noNewPrivileges: true,
    oomScoreAdj: 100,
    user: { uid: 0, gid: 0, umask: 18 },
    scheduler: { policy: 'SCHED_BATCH', nice: 5 },
    ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 },
  });
  config.hostname = 'first';
  config.mounts.push({ destination: '/data', type: 'bind', source: image, options: ['rbind', 'ro'] });
  config.annotations = { 'run.oci.keep_original_groups': '0', first: 'one' };
  config.hooks = { poststop: [{ path: '/bin/true', args: ['true'], env: ['A=b'], timeout: 3 }] };
  Object.assign(config.linux, {
    cgroupsPath: 'first/group',
    timeOffsets: { boottime: { secs: 5, nanosecs: 6 } },
    sysctl: { 'kernel.msgmax': '8000' },
    seccomp: {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 5 }],
    },
    personality: { domain: 'LINUX' },
    rootfsPropagation: 'slave',
  });
  config.linux.namespaces.push({ type: 'time' });
}

/** Prints the plan of `create`, as it would be carried out. */
function showIn(bundle: Bundle, user: User, memos: string) {
  return (how: 'by-names' | 'as-a-whole', id = 'a', words: readonly string[] = []): Shown => {
    const { status, stdout, stderr } = start(
      user,
      runtime,
      [`--show-plan`, how, '--root', bundle.root, '--cgroup-manager=disabled', 'create', ...words, id],
      { cwd: bundle.path, env: { CH_RUN_MEMO_DIR: memos } },
    );
    const end = stdout.indexOf('\n');
    return status === 0
      ? { how: stdout.slice(0, end), plan: stdout.slice(end) }
      : { how: 'refused', plan: stderr };
  };
}

function prepare(t: Test, user: User) {
  const bundle = makeBundle(t, user, fill);
  const memos = scratch(t, user);
  chmodSync(memos, 0o700);
  const show = showIn(bundle, user, memos);
  const same = (t: Test, how: string, message: string, id?: string, words?: readonly string[]) => {
    const shown = show('by-names', id, words);
    t.equal(shown.how, how, message);
    t.ok(shown.plan === show('as-a-whole', id, words).plan, `${message}: the plan is the same`);
  };
  return { bundle, memos, show, same };
}

/** Every way to change one value of a document: a scalar gets another value, a member or item is left out. */
function* changesOf(
  value: Config,
  place = '',
): Generator<{ readonly place: string; readonly change: (config: Config) => void }> {
  for (const [key, below] of Object.entries<Config>(value)) {
    const path = `${place}${place && '.'}${key}`;
    const parentOf = (config: Config) =>
      place
        .split('.')
        .filter(Boolean)
        .reduce((each, name) => each[name], config);
    const put = (next: unknown) => (config: Config) => {
      parentOf(config)[key] = next;
    };
    if (typeof below === 'string') {
      yield { place: path, change: put(`${below}x`) };
      yield { place: path, change: put('') };
    } else if (typeof below === 'number') yield { place: path, change: put(below + 1) };
    else if (typeof below === 'boolean') yield { place: path, change: put(!below) };
    else yield* changesOf(below, path);
    yield {
      place: `${path} left out`,
      change: (config) => {
        const parent = parentOf(config);
        if (Array.isArray(parent)) parent.splice(Number(key), 1);
        else delete parent[key];
      },
    };
  }
}

/** Values that have names. */
const named =
  /^(hostname|root\.path|annotations\.first|linux\.cgroupsPath|process\.(args|env)\.\d+|mounts\.\d+\.source)$/;

for (const user of users) {
  t.test(`what always differs does not make a new plan, as ${user.name}`, (t) => {
    const { bundle, memos, same } = prepare(t, user);
    same(t, 'decided', 'the first container');
    same(t, 'remembered', 'another id', 'another-id');
    same(t, 'remembered', 'once more', 'b');
    same(t, 'remembered', 'by a relative path', 'a', ['--bundle', '.']);
    same(t, 'decided as a whole', 'by a way round', 'a', ['--bundle', `../${basename(bundle.path)}`]);
    bundle.write((config) => {
      config.hostname = 'second "host"\t';
      config.linux.cgroupsPath = 'second';
      config.annotations = { 'run.oci.keep_original_groups': '0', 'it is "quoted"': 'é \\ \u2028', more: '' };
      config.process.env = ['PATH=/usr/bin', 'SECRET=of the second', 'EMPTY='];
      config.process.args = ['of the second'];
      config.mounts.at(-1).source = `${bundle.path}`;
    });
    same(
      t,
      'remembered',
      'another host name, control group, annotations, command, environment, source of a bind',
    );
    const all = readdirSync(memos).map((name) => readFileSync(join(memos, name), 'utf8'));
    t.notMatch(
      all.join(''),
      /of the (first|second)/,
      'no argument and no value of the environment is kept on disk',
    );
    t.end();
  });
}

t.test('any other change of any field makes a new plan, or is refused', (t) => {
  const { bundle, memos, show } = prepare(t, ordinaryUser);
  const text = readFileSync(join(bundle.path, 'config.json'), 'utf8');
  show('by-names');
  const changes = [...changesOf(JSON.parse(text))];
  t.ok(changes.length > 150, `${changes.length} changes`);
  for (const { place, change } of changes) {
    const config = JSON.parse(text);
    change(config);
    writeFileSync(join(bundle.path, 'config.json'), JSON.stringify(config));
    const shown = show('by-names');
    if (shown.plan !== show('as-a-whole').plan) t.fail(`${place}: the plan is another`);
    if (shown.how === 'remembered' && !named.test(place)) t.fail(`${place}: it was not decided about`);
  }
  t.ok(readdirSync(memos).length > 50, `${readdirSync(memos).length} plans`);
  t.end();
});

t.test('options that change the plan are decided about', (t) => {
  const { same } = prepare(t, ordinaryUser);
  same(t, 'decided', 'the first');
  same(t, 'decided', 'without pivot_root(2)', 'a', ['--no-pivot']);
  same(t, 'decided', 'with descriptors', 'a', ['--preserve-fds', '3']);
  same(t, 'decided', 'with a pid file', 'a', ['--pid-file', '/tmp/a']);
  same(t, 'remembered', 'with another', 'a', ['--pid-file=/tmp/b']);
  t.end();
});

t.test('a value can not be mistaken for a name', (t) => {
  const { bundle, show, same } = prepare(t, ordinaryUser);
  show('by-names');
  const attacks: readonly ((config: Config) => void)[] = [
    (config) => {
      config.annotations.first = '__named.0__';
    },
    (config) => {
      config.hostname = '__named.4__';
    },
    (config) => {
      config.process.args[0] = '__named.6__';
    },
    (config) => {
      config.annotations['__named.5__'] = '';
    },
  ];
  for (const attack of attacks) {
    bundle.write(attack);
    same(t, 'decided as a whole', 'a name in the text');
  }
  bundle.write((config) => config.process.args.push('@named.6__'));
  const path = join(bundle.path, 'config.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('@named', '\\u005f\\u005fnamed'));
  same(t, 'decided as a whole', 'a name in escaped letters');
  bundle.write(() => {});
  writeFileSync(path, readFileSync(path, 'utf8').replace('"hostname"', '"host\\u006eame":"x","hostname"'));
  same(t, 'decided as a whole', 'a key in escaped letters');
  t.end();
});

t.test('a plan that others can write is not used', (t) => {
  const { memos, show } = prepare(t, ordinaryUser);
  show('by-names');
  t.equal(show('by-names').how, 'remembered');
  for (const name of readdirSync(memos)) chmodSync(join(memos, name), 0o622);
  t.equal(show('by-names').how, 'decided');
  chmodSync(memos, 0o777);
  t.equal(show('by-names').how, 'decided');
  t.end();
});

t.test('a remembered plan makes the container of this configuration', (t) => {
  const memos = scratch(t, ordinaryUser);
  chmodSync(memos, 0o700);
  const bundle = makeBundle(t, ordinaryUser, ({ process }) => {
    process.args = ['sh', '-c', 'hostname; echo $WHO; ls /mnt'];
  });
  for (const name of ['one', 'two']) {
    const data = scratch(t, ordinaryUser);
    writeFileSync(join(data, `in-${name}`), '');
    bundle.write((config) => {
      config.hostname = name;
      config.process.env.push(`WHO=${name}`);
      config.mounts.push({ destination: '/mnt', type: 'bind', source: data, options: ['bind'] });
    });
    const { status, stdout, stderr } = bundle.oci(['run', name], { env: { CH_RUN_MEMO_DIR: memos } });
    t.same({ status, stderr }, { status: 0, stderr: '' });
    t.equal(stdout, `${name}\n${name}\nin-${name}\n`);
  }
  t.equal(readdirSync(memos).length, 1);
  t.end();
});

t.test('exec by a remembered plan runs this command in this container', (t) => {
  const memos = scratch(t, ordinaryUser);
  chmodSync(memos, 0o700);
  const bundle = makeBundle(t, ordinaryUser, ({ process }) => {
    process.args = ['sleep', '100'];
  });
  const env = { CH_RUN_MEMO_DIR: memos };
  for (const id of ['one', 'two']) {
    bundle.write((config) => {
      config.hostname = id;
    });
    bundle.oci(['run', '-d', id]);
  }
  const plans = () => readdirSync(memos).length;
  const exec = (...words: string[]) => bundle.oci(['exec', ...words], { env }).stdout;
  t.equal(exec('one', 'sh', '-c', 'hostname; echo "$1"', 'sh', '--of one'), 'one\n--of one\n');
  t.equal(exec('two', 'sh', '-c', 'hostname; echo "$1"', 'sh', '__of two'), 'two\n__of two\n');
  t.equal(plans(), 1);
  t.equal(exec('--cwd', '/usr', 'two', 'pwd'), '/usr\n');
  t.equal(exec('--cwd', '/', 'two', 'pwd'), '/\n', 'an option makes a new plan');
  const before = plans();
  for (const who of ['first', 'second']) {
    const process = { args: ['sh', '-c', 'echo $WHO'], cwd: '/', env: ['PATH=/bin', `WHO=${who}`] };
    writeFileSync(join(bundle.path, 'process.json'), JSON.stringify(process));
    t.equal(exec('--process', join(bundle.path, 'process.json'), 'one'), `${who}\n`);
  }
  t.equal(plans(), before + 1);
  t.end();
});

t.test('what waits for its start takes at most 2 MB, however its plan came to be', (t) => {
  const memos = scratch(t, ordinaryUser);
  chmodSync(memos, 0o700);
  const bundle = makeBundle(t, ordinaryUser);
  for (const directory of ['', memos, memos]) {
    t.equal(bundle.oci(['create', 'a'], { env: { CH_RUN_MEMO_DIR: directory } }).status, 0);
    const rollup = readFileSync(`/proc/${bundle.state('a').pid}/smaps_rollup`, 'utf8');
    const size = Number(/^Pss: +(\d+) kB$/m.exec(rollup)?.[1]);
    t.ok(size > 100 && size <= 2048, `${size} KiB`);
    bundle.oci(['delete', 'a']);
  }
  t.end();
});
