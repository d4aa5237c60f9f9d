/** --join under a real Slurm: the tasks of a node share a container, and nothing outlives a step. */
import { cpSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { checkout, image, launcher, skip } from '../../helpers/support.js';
import { Cluster, obstacle, until } from './cluster.js';

/** Prints where a task is: node and namespaces. */
const where = 'echo $(hostname) $(readlink /proc/self/ns/user) $(readlink /proc/self/ns/mnt)';

/** Of lines as `where` prints them: how many there are for each container. */
function containers(output: string): Record<string, number[]> {
  const counts: Record<string, Record<string, number>> = {};
  for (const line of output.trim().split('\n')) {
    const [node = '', ...namespaces] = line.split(' ');
    counts[node] ??= {};
    const key = namespaces.join(' ');
    counts[node][key] = (counts[node][key] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).map(([node, each]) => [node, Object.values(each)]));
}

/** The same, once so many tasks have come to it: what has ended leaves its numbers to others. */
const together = (mark: string, tasks: number) =>
  `: >/mnt/${mark}-$SLURM_STEP_ID-$SLURM_PROCID; until [ $(ls /mnt | grep -c ^${mark}-) -ge ${tasks} ]; do sleep 0.1; done; ${where}`;

const inside = (...options: string[]) => [launcher, ...options, image, '--', 'sh', '-c'];

for (const tracking of ['linuxproc', 'cgroup'] as const) {
  t.test(`with proctrack/${tracking}`, async (t) => {
    const reason = obstacle(tracking);
    if (reason) return skip(t, reason);
    const cluster = new Cluster(t, tracking);

    /** Slurm may kill a keeper together with the last task it waits for; then the user's next group cleans up. */
    async function isCleanAfterKill(t: Test): Promise<void> {
      if (tracking === 'cgroup') cluster.run(['srun', '-N4', '-n8', ...inside('--join'), 'true']);
      await cluster.isClean(t);
    }

    t.test('tasks share one container on each node, and none across nodes', async (t) => {
      const { stdout, stderr, status } = cluster.run([
        'srun',
        '-N4',
        '--ntasks-per-node=3',
        ...inside('--join'),
        where,
      ]);
      t.same({ stderr, status }, { stderr: '', status: 0 });
      t.same(containers(stdout), { n1: [3], n2: [3], n3: [3], n4: [3] });
      await cluster.isClean(t);
    });

    t.test('the count is that of each node, when they differ', async (t) => {
      const tasks = ['-n8', '-m', 'arbitrary', '-w', 'n1,n1,n1,n1,n1,n2,n3,n4'];
      const { stdout, stderr } = cluster.run(['srun', ...tasks, ...inside('--join'), `sleep 0.3; ${where}`]);
      t.equal(stderr, '');
      t.same(containers(stdout), { n1: [5], n2: [1], n3: [1], n4: [1] });
    });

    t.test('without --join each task has its own', async (t) => {
      const { stdout } = cluster.run([
        'srun',
        '-N2',
        '--ntasks-per-node=2',
        ...inside('-b', `${cluster.shared}:/mnt`),
        together('alone', 4),
      ]);
      t.same(containers(stdout), { n1: [1, 1], n2: [1, 1] });
    });

    t.test('two steps of one job, at once and one after the other, are two groups', async (t) => {
      const words = `srun --overlap ${launcher} --join -b ${cluster.shared}:/mnt ${image} -- sh -c`;
      const step = `${words} '${together('steps', 8)}'`;
      const script = `${step} & ${step} & wait; ${step}`;
      const { stdout, stderr, status } = cluster.run([
        ...'salloc -Q -N2 --ntasks-per-node=2 sh -c'.split(' '),
        script,
      ]);
      t.same({ stderr, status }, { stderr: '', status: 0 });
      const [both, after] = [stdout.trim().split('\n').slice(0, 8), stdout.trim().split('\n').slice(8)];
      t.same(containers(both.join('\n')), { n1: [2, 2], n2: [2, 2] });
      t.same(containers(after.join('\n')), { n1: [2], n2: [2] });
    });

    t.test('the batch script of examples/slurm works as it stands', async (t) => {
      cpSync(join(checkout, 'examples/slurm/job.sh'), join(cluster.shared, 'job.sh'));
      const output = join(cluster.shared, `out-${tracking}`);
      const words = ['sbatch', '-o', output, join(cluster.shared, 'job.sh'), image, 'sh', '-c', where];
      const env = { PATH: `${dirname(launcher)}:/usr/bin:/bin:/usr/sbin:/sbin` };
      t.match(cluster.run(words, { env }), { status: 0, stderr: '' });
      t.ok(await until(() => cluster.run(['squeue', '-h']).stdout === ''), 'the job ends');
      const [title = '', ...lines] = readFileSync(output, 'utf8').split('\n');
      t.match(title, /^job \d+: 8 tasks on 2 nodes$/);
      t.same(containers(lines.join('\n')), { n1: [4], n2: [4] });
    });

    t.test('the first command may end before the last task comes', async (t) => {
      const command = `sleep $SLURM_LOCALID; ${launcher} -v --join ${image} -- readlink /proc/self/ns/mnt; true`;
      const { stdout, stderr } = cluster.run(['srun', '-N1', '-n2', 'sh', '-c', command]);
      t.notMatch(stderr, /error|warning/);
      const [first, second] = stdout.trim().split('\n');
      t.equal(first, second, `both were in one container: ${stderr}`);
    });

    t.test('the exit status of the worst task is that of the step', async (t) => {
      t.match(cluster.run(['srun', '-N1', '-n3', ...inside('--join'), 'exit $SLURM_PROCID']), { status: 2 });
    });

    t.test('a count that is too high is told to those who run, with the numbers', async (t) => {
      const options = ['--join-ct=4', '--join-timeout=4'];
      const { stderr, status } = cluster.run(['srun', '-N1', '-n3', ...inside(...options), 'sleep 4.5']);
      t.equal(status, 0);
      t.match(stderr, /^ch-run-ts\[\d+\]: warning: --join: only 3 of 4 peers joined within 4 s;.*\n$/);
      await cluster.isClean(t);
    });

    t.test('a count that is too low is told by the task that has no place', async (t) => {
      const { stderr, status } = cluster.run(['srun', '-N1', '-n3', ...inside('--join-ct=2'), 'true']);
      t.equal(status, 31);
      t.match(stderr, /error: --join: the group has no room for rank 2 .*: the count is 2\n/);
      await cluster.isClean(t);
    });

    t.test('the end of a step leaves nothing, though a peer never came', async (t) => {
      const { status } = cluster.run(['srun', '-N2', '-n4', ...inside('--join-ct=5'), 'sleep 0.3']);
      t.equal(status, 0);
      await isCleanAfterKill(t);
    });

    for (const [title, count] of [
      ['a complete group', '--join'],
      ['a group that waits for more', '--join-ct=9'],
    ] as const) {
      t.test(`scancel leaves nothing of ${title}`, async (t) => {
        const step = cluster.start(['srun', '-N4', '-n8', '-J', 'cancelled', ...inside(count), 'sleep 600']);
        t.ok(await until(() => cluster.leftovers().filter((line) => line.includes('sleep 600')).length >= 8));
        cluster.run(['scancel', '--name=cancelled']);
        await new Promise((resolve) => (step.exitCode === null ? step.once('exit', resolve) : resolve(0)));
        await isCleanAfterKill(t);
      });
    }

    t.test('a task that is killed takes no other with it, and leaves nothing', async (t) => {
      const kill = 'if [ $SLURM_PROCID = 1 ]; then kill -9 $$; fi; sleep 0.5; echo lives';
      const { stdout } = cluster.run(['srun', '-K0', '-N1', '-n4', ...inside('--join'), kill]);
      t.equal(stdout, 'lives\n'.repeat(3));
      await cluster.isClean(t);
    });

    if (tracking === 'linuxproc') {
      t.test('a shell beside a running job enters its container', async (t) => {
        const job = cluster.start([
          'srun',
          '-w',
          'n1',
          '-n1',
          '-J',
          'beside',
          ...inside('--join'),
          'sleep 601',
        ]);
        t.ok(await until(() => cluster.leftovers().some((line) => line.includes('sleep 601'))));
        const script = `p=$(pgrep -f '^sleep 601'); readlink /proc/$p/ns/mnt; ${launcher} --join-pid=$p ${image} -- readlink /proc/self/ns/mnt`;
        const jobid = cluster.run(['squeue', '-h', '--name=beside', '-o', '%i']).stdout.trim();
        const { stdout, stderr } = cluster.run(['srun', `--jobid=${jobid}`, '--overlap', 'sh', '-c', script]);
        t.equal(stderr, '');
        const [theirs, ours] = stdout.trim().split('\n');
        t.match(theirs, /^mnt:/);
        t.equal(ours, theirs);
        cluster.run(['scancel', jobid]);
        await new Promise((resolve) => (job.exitCode === null ? job.once('exit', resolve) : resolve(0)));
        await cluster.isClean(t);
      });
    }
  });
}
