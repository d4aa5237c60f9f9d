/** The user's process is the launcher's process: compared with a plain exec, field by field. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  environmentOf,
  image,
  launcher,
  makeImage,
  probe,
  type Report,
  scratch,
  start,
  type User,
  users,
  variables,
} from '../helpers/support.js';

/** What a container changes; everything else in /proc/self/status must be the same. */
const changedLines =
  /^(Pid|Tgid|NStgid|NSpid|NSpgid|NSsid|PPid|Uid|Gid|Groups|Cap\w+|NoNewPrivs|Vm\w+|Rss\w+|HugetlbPages|voluntary_\w+|nonvoluntary_\w+|Speculation\w+|Seccomp\w*|SigQ):/;

/** Fields of the report that a container changes, or that differ between any two processes. */
const changedFields = ['argv', 'env', 'pid', 'status', 'mounts', 'cwd', 'descriptors'];

/** Runs the probe after `settings`, outside and inside. Both go through the same starter and the same file. */
function compare(t: Test, user: User, settings: readonly string[]) {
  const place = scratch(t, user);
  const reportOf = (name: string, command: readonly string[]): Report => {
    const file = join(place, name);
    const words = ['with', ...settings, `env=PROBE_REPORT=${file}`, '--', ...command];
    const { status, signal, stderr } = start(user, probe, words);
    t.same({ status, signal, stderr }, { status: 0, signal: null, stderr: '' }, `${name} ends well`);
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  };
  const outside = reportOf('outside', [probe, 'report']);
  // the report's place is bound at the same path: the probe writes it where its standard output may be closed
  const target = makeImage(t, { [`${place.slice(1)}/`]: null }, user);
  const inside = reportOf('inside', [launcher, '-b', place, target, '--', '/probe', 'report']);
  return { outside, inside };
}

function withoutChanges(report: Report) {
  const fields = Object.entries(report).filter(([name]) => !changedFields.includes(name));
  return {
    ...Object.fromEntries(fields),
    // a session that the probe began itself has its number
    pgid: report.pgid === report.pid ? 'itself' : report.pgid,
    sid: report.sid === report.pid ? 'itself' : report.sid,
    status: report.status.filter((line) => !changedLines.test(line)),
    descriptors: Object.fromEntries(
      // a pipe is another one each time
      Object.entries(report.descriptors).map(([number, { target, ...rest }]) => [
        number,
        { ...rest, target: target.replace(/\d+/, 'N') },
      ]),
    ),
  };
}

const many = Array.from({ length: 18 }, (_, index) => `open=${index + 3}:/dev/null`);

const cases: readonly [string, readonly string[], 'root'?][] = [
  ['nothing special', []],
  ['ignored SIGHUP, as nohup has it', ['ignore=1']],
  ['ignored SIGINT, SIGQUIT, SIGPIPE, SIGCHLD, SIGXFSZ', ['ignore=2,3,13,17,25']],
  ['an ignored real-time signal', ['ignore=34,64']],
  ['blocked signals', ['block=1,2,10,12,13,15,17,20,40,64']],
  ['closed standard input', ['close=0']],
  ['closed standard output', ['close=1']],
  ['closed standard error', ['close=2']],
  ['all standard descriptors closed', ['close=0,1,2']],
  ['input and error closed', ['close=0,2']],
  ['descriptors 3 to 20 open', many],
  ['descriptor 100 open', ['open=100:/dev/null']],
  ['descriptors with holes', ['open=3:/dev/null', 'open=7:/dev/zero', 'open=250:/dev/null', 'close=0']],
  ['a descriptor that is O_NONBLOCK', ['open=9:/dev/null', 'nonblock=9']],
  ['non-blocking standard descriptors', ['nonblock=0,1,2']],
  ['non-blocking standard output only', ['nonblock=1']],
  ['a low soft limit on open files', ['files=64:20000']],
  ['a low hard limit on open files', ['files=64:128']],
  ['equal limits on open files', ['files=1024:1024']],
  ['a limit on core files', ['core=0']],
  ['umask 0027', ['umask=027']],
  ['umask 0', ['umask=0']],
  ['umask 0377', ['umask=0377']],
  ['a nice value', ['nice=7']],
  ['batch scheduling', ['batch=1']],
  ['an out-of-memory score', ['oom=321']],
  ['one processor only', ['cpu=0']],
  ['a timer slack', ['slack=70000']],
  ['a session of its own', ['session=1']],
  [
    'many things at once',
    ['ignore=1,13', 'block=10', 'close=2', 'files=99:300', 'umask=077', 'nice=3', 'oom=5', 'cpu=0', ...many],
  ],
];

for (const user of users) {
  for (const [what, settings] of cases) {
    t.test(`${what}: the command has it as without a container, as ${user.name}`, (t) => {
      const { outside, inside } = compare(t, user, settings);
      t.same(withoutChanges(inside), withoutChanges(outside));
      t.equal(inside.cwd, '/');
      t.end();
    });
  }

  t.test(`the ids inside are those outside, as ${user.name}`, (t) => {
    const { inside } = compare(t, user, []);
    t.match(inside, { uid: user.uid, euid: user.uid, gid: user.gid, egid: user.gid });
    t.end();
  });

  t.test(
    `a container changes of the status only capabilities, groups and no_new_privs, as ${user.name}`,
    (t) => {
      const { outside, inside } = compare(t, user, []);
      const changed = inside.status
        .filter((line) => !outside.status.includes(line))
        .map((line) => line.split(':')[0]);
      const volatile = /^(Pid|Tgid|NS\w+|Vm\w+|Rss\w+|\w*voluntary\w+|SigQ)$/;
      const expected = ['CapEff', 'CapPrm', 'CapBnd', 'CapInh', 'Groups', 'NoNewPrivs', 'Uid', 'Gid'];
      t.same(
        changed.filter((name) => !volatile.test(name ?? '') && !expected.includes(name ?? '')),
        [],
      );
      t.ok(inside.status.includes('NoNewPrivs:\t1'));
      t.end();
    },
  );

  t.test(`environment and arguments arrive byte for byte, as ${user.name}`, (t) => {
    const words = ['with', 'env=BYTES=%FF%C3%28%01', 'env=caf%E9=x', 'env=EMPTY=', 'env=EQUALS=a=b', '--'];
    const arguments_ = ['', ' ', '%FE%FF', 'é', '-b', '--', '$HOME', "'", '"', '%0A', '\\', '*'];
    const { stdout, stderr } = start(user, probe, [
      ...words,
      launcher,
      image,
      '--',
      '/probe',
      'report',
      ...arguments_,
    ]);
    t.equal(stderr, '');
    const inside = JSON.parse(stdout) as Report;
    t.same(inside.argv.slice(2), [
      '',
      ' ',
      '\xfe\xff',
      '\xc3\xa9',
      '-b',
      '--',
      '$HOME',
      "'",
      '"',
      '\n',
      '\\',
      '*',
    ]);
    t.match(variables(inside), { BYTES: '\xff\xc3(\x01', 'caf\xe9': 'x', EMPTY: '', EQUALS: 'a=b' });
    t.end();
  });

  t.test(`NODE_OPTIONS reaches the command, and not our Node, as ${user.name}`, (t) => {
    const { stdout, stderr } = start(user, launcher, [image, '--', '/probe', 'report'], {
      env: { NODE_OPTIONS: '--no-such-option', NODE_EXTRA_CA_CERTS: '/nowhere' },
    });
    t.equal(stderr, '');
    t.match(variables(JSON.parse(stdout) as Report), {
      NODE_OPTIONS: '--no-such-option',
      NODE_EXTRA_CA_CERTS: '/nowhere',
    });
    t.end();
  });

  t.test(`the environment is the host's but for what docs/options.md names, as ${user.name}`, (t) => {
    const { outside, inside } = compare(t, user, ['env=ANY=thing']);
    const before = variables(outside);
    const after = variables(inside);
    delete before.PROBE_REPORT;
    delete after.PROBE_REPORT;
    t.same(after, {
      ...before,
      HOME: '/',
      PATH: before.PATH,
      PWD: '/',
      CH_RUNNING: 'ch-run-ts',
    });
    t.end();
  });

  t.test(
    `the process that was started is the command, child of who started it, as ${user.name}`,
    async (t) => {
      const child = spawn(launcher, [image, '--', '/probe', 'report'], {
        env: environmentOf(user),
        ...(users.length > 1 ? { uid: user.uid, gid: user.gid } : {}),
      });
      let text = '';
      for await (const part of child.stdout) text += part;
      const inside = JSON.parse(text) as Report;
      t.equal(inside.pid, child.pid);
      t.equal(inside.ppid, process.pid);
    },
  );

  t.test(`no process of ours is left beside the command, as ${user.name}`, async (t) => {
    const child = spawn(launcher, [image, '--', '/probe', 'wait'], {
      env: environmentOf(user),
      detached: true,
      ...(users.length > 1 ? { uid: user.uid, gid: user.gid } : {}),
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const { stdout } = start(user, 'ps', ['-o', 'pid=,args=', '-g', String(child.pid)]);
    t.equal(stdout.trim(), `${child.pid} /probe wait`, 'the only process of its session');
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  });
}
