/** Every party of a create is killed at its system calls, one after the other. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeBundle, runtimeWords, until } from '../helpers/bundles.js';
import { ordinaryUser, start } from '../helpers/support.js';

/** The n-th call of a name in one of the processes. */
interface Point {
  readonly name: string;
  readonly n: number;
}

/** The calls of both sides from the making of the container's directory on, counted as strace does. */
function pointsOf(log: string): readonly Point[] {
  const counts = new Map<string, number>();
  const points = new Map<string, Point>();
  let begun = false;
  for (const line of log.split('\n')) {
    const [, process = '', name = ''] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    const n = (counts.get(`${process} ${name}`) ?? 0) + 1;
    counts.set(`${process} ${name}`, n);
    begun ||= name === 'mkdir';
    // strace may count the call that starts the program, and a signal comes too late in what ends a process
    if (begun && name && !/^(execve|exit_group|rt_sigaction)$/.test(name))
      points.set(`${name} ${n}`, { name, n });
  }
  return [...points.values()];
}

/** Processes of ours that make this container, or wait in it. */
function processesOf(id: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').endsWith(`\0${id}\0`);
      } catch {
        return false;
      }
    });
}

t.test('whoever is killed at whichever call: the state is told right, and nothing is left', async (t) => {
  const bundle = makeBundle(t, ordinaryUser, ({ process }) => {
    process.args = ['sleep', '100'];
  });
  const log = join(bundle.path, 'log');
  /** Creates a container; strace, which waits for the container, too, is not waited for. */
  const createTraced = (options: readonly string[], id: string) => {
    const create = [...runtimeWords, '--root', bundle.root, 'create', id];
    start(ordinaryUser, 'strace', ['-D', '-f', '-qq', ...options, ...create], {
      cwd: bundle.path,
      stdio: 'ignore',
    });
  };
  const traced = `traced-${process.pid}`;
  createTraced(['-o', log], traced);
  bundle.oci(['delete', '--force', traced]);
  await until(() => processesOf(traced).length === 0, 'the log is whole');
  const all = pointsOf(readFileSync(log, 'utf8'));
  t.ok(all.length > 80, `${all.length} calls`);
  // each call of the kernel a few times: all of them would take a minute
  const points = all.filter(({ n }, at) => n === 1 || at % 16 === 0);
  for (const [at, { name, n }] of points.entries()) {
    const id = `killed-${at}-${process.pid}`;
    const inject = ['-o', '/dev/null', '-e', `trace=${name}`, '-e', `inject=${name}:signal=KILL:when=${n}`];
    createTraced(inject, id);
    const where = `${name} ${n}`;
    if (existsSync(join(bundle.root, id))) {
      await until(() => bundle.state(id).status !== 'creating', `${where}: the state is told`);
      const { status } = bundle.state(id);
      t.ok(['created', 'stopped'].includes(status), `${where}: ${status}`);
      t.equal(bundle.oci(['delete', '--force', id]).status, 0, where);
    }
    await until(() => processesOf(id).length === 0, `${where}: no process is left`);
  }
  t.same(readdirSync(bundle.root), []);
  t.end();
});
