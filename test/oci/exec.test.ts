/** `exec`: further processes in a container. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { fileIn, makeBundle, runtimeWords } from '../helpers/bundles.js';
import { ordinaryUser, start, users } from '../helpers/support.js';

for (const user of users) {
  const as = `, as ${user.name}`;

  t.test(
    `exec: in the container's namespaces, with its rights, and the status is the command's${as}`,
    (t) => {
      const bundle = makeBundle(t, user, ({ process }) => {
        process.args = ['sleep', '100'];
        process.env.push('A=1');
        process.capabilities = { bounding: ['CAP_KILL'], permitted: ['CAP_KILL'], effective: ['CAP_KILL'] };
      });
      t.equal(bundle.oci(['run', '--detach', 'a']).status, 0);
      const exec = (...words: string[]) => bundle.oci(['exec', ...words]);
      const { stdout, stderr } = exec(
        '-e',
        'B=2',
        '--cwd',
        '/tmp',
        'a',
        'sh',
        '-c',
        'echo $A $B $PWD $(hostname) $(id -u); grep CapEff /proc/self/status',
      );
      t.same([stdout, stderr], ['1 2 /tmp container 0\nCapEff:\t0000000000000020\n', '']);
      for (const space of ['user', 'pid', 'net', 'mnt', 'ipc', 'uts'])
        t.equal(
          exec('a', 'readlink', `/proc/self/ns/${space}`).stdout,
          exec('a', 'readlink', `/proc/1/ns/${space}`).stdout,
          space,
        );
      const path = exec('-e', 'PATH=/nowhere', '-e', 'PATH=/bin', 'a', 'env').stdout.match(/^PATH=.*$/gm);
      t.same(path, ['PATH=/bin'], 'what is given takes precedence over the configuration');
      t.equal(exec('a', 'sh', '-c', 'exit 9').status, 9);
      t.equal(exec('a', 'sh', '-c', 'kill -9 $$').status, 128 + 9);
      t.match(exec('a', 'nothing'), { status: 127, stderr: /executable file not found in \$PATH/ });
      t.match(exec('a', '/etc'), { status: 126, stderr: /can't start \/etc: execve: permission denied/ });
      t.match(exec('--cwd', '/nowhere', 'a', 'true'), {
        status: 127,
        stderr: /can't change to directory \/nowhere: chdir: no such file or directory/,
      });
      t.match(exec('--cap', 'CAP_FLY', 'a', 'true'), { status: 255, stderr: /unknown capability CAP_FLY/ });
      t.match(exec('b', 'true'), { status: 255, stderr: /container b does not exist/ });
      t.match(exec('a'), { status: 255, stderr: /expected a command after the id, or --process/ });
      t.match(exec('-e', 'X', 'a', 'true'), {
        status: 255,
        stderr: /expected NAME=VALUE for --env, got 'X'/,
      });
      t.end();
    },
  );

  t.test(`exec --process, detached, with a pid file${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sleep', '100'];
    });
    bundle.oci(['run', '-d', 'a']);
    const file = fileIn(
      bundle,
      'process.json',
      JSON.stringify({ args: ['sleep', '50'], cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/bin'] }),
    );
    const pidFile = join(bundle.path, 'pid');
    t.match(bundle.oci(['exec', '-d', '--process', file, '--pid-file', pidFile, 'a']), {
      status: 0,
      stderr: '',
    });
    const pid = readFileSync(pidFile, 'utf8');
    t.equal(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), 'sleep\x0050\0');
    bundle.oci(['delete', '--force', 'a']);
    t.end();
  });

  t.test(`an edited or vanished bundle changes nothing of what was created${as}`, (t) => {
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sleep', '100'];
      process.env.push('A=1');
    });
    bundle.oci(['create', 'a']);
    fileIn(bundle, 'config.json', '{');
    t.equal(bundle.oci(['start', 'a']).status, 0);
    t.equal(bundle.oci(['exec', 'a', 'sh', '-c', 'echo $A']).stdout, '1\n');
    t.end();
  });

  t.test(`processes of ours that enter can't be looked into from inside${as}`, (t) => {
    // it looks for processes that are not its own, and tries to open what they are
    const look =
      // what it is still after that was one of ours when it was looked into
      'say() { case $(cat $2/comm 2>/dev/null) in ch-oci-ts) echo $1; esac; }; while :; do for p in /proc/[0-9]*; do case $(cat $p/comm 2>/dev/null) in ch-oci-ts) ls $p/fd $p/root/ >/dev/null 2>&1 && say LOOKED $p; head -c 1 $p/exe >/dev/null 2>&1 && say OPENED $p; esac; done; done';
    const bundle = makeBundle(t, user, ({ process }) => {
      process.args = ['sh', '-c', look];
      process.capabilities = {
        bounding: ['CAP_SYS_PTRACE'],
        permitted: ['CAP_SYS_PTRACE'],
        effective: ['CAP_SYS_PTRACE'],
      };
    });
    const script =
      '"$@" run -d a > seen 2>&1 </dev/null; for i in 1 2 3 4 5 6 7 8; do "$@" exec a true; done; "$@" delete -f a; cat seen';
    const { stdout, stderr } = start(
      user,
      'sh',
      ['-c', script, 'sh', ...runtimeWords, '--root', bundle.root],
      {
        cwd: bundle.path,
      },
    );
    t.same([stdout, stderr], ['', '']);
    t.end();
  });
}

t.test('ps: the processes of a container, as a table and in JSON', (t) => {
  const bundle = makeBundle(t, ordinaryUser, ({ process }) => {
    process.args = ['sleep', '100'];
  });
  bundle.oci(['run', '-d', 'a']);
  const { pid } = bundle.state('a');
  bundle.oci(['exec', '-d', 'a', 'sleep', '90']);
  const all = JSON.parse(bundle.oci(['ps', '--format', 'json', 'a']).stdout);
  t.same([all.length, all.includes(pid)], [2, true]);
  const lines = bundle.oci(['ps', 'a']).stdout.trim().split('\n');
  t.match(lines[0] ?? '', /^UID +PID +PPID .* CMD$/, 'as ps -ef');
  t.same(
    lines.slice(1).map((line) => line.split(/ +/).at(-1)),
    ['100', '90'],
  );
  t.match(
    bundle.oci(['ps', 'a', '-A', '-o', 'pid,args']).stdout,
    /^ *PID COMMAND\n *\d+ sleep 100\n *\d+ sleep 90\n$/,
  );
  t.match(bundle.oci(['ps', 'a', '-o', 'args']), { status: 1, stderr: /prints no column PID/ });
  const without = bundle.oci(['ps', 'a'], { env: { PATH: '/nowhere' } }).stdout.split('\n');
  t.match(without[0] ?? '', /^PID +PPID +COMMAND$/, 'without ps(1)');
  t.same(
    [without[1], without[2]].map((line) => line?.split(/ +/)[2]),
    ['sleep', 'sleep'],
  );
  bundle.oci(['delete', '-f', 'a']);
  t.match(bundle.oci(['ps', 'a']), { status: 1, stderr: /container a does not exist/ });
  t.end();
});
