/** `srun --container` and `sbatch --container` by ch-oci-ts, in both forms of oci.conf: run, and create with start. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runtime } from '../../helpers/bundles.js';
import { image, noSquashfs, skip, stage } from '../../helpers/support.js';
import { Cluster, obstacle, until } from './cluster.js';

t.setTimeout(300_000);

function makeBundle(cluster: Cluster): string {
  const bundle = join(cluster.shared, 'bundle');
  const program = join(stage, 'package/bin/ch-image-ts');
  // with PID namespaces of their own, where a first process without a handler never sees SIGTERM
  cluster.run([program, 'bundle', '-q', '--isolate', image, bundle], { seconds: 60 });
  const path = join(bundle, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  config.mounts.push({ destination: '/mnt', type: 'bind', source: cluster.shared, options: ['bind'] });
  writeFileSync(path, JSON.stringify(config));
  return bundle;
}

/** A job whose command runs; it has written to a file which all nodes see. */
async function startJob(t: Test, cluster: Cluster, bundle: string, command: string, name: string) {
  const sign = join(cluster.shared, name);
  const script = `: >/mnt/${name}; ${command}`;
  const output = join(cluster.shared, `${name}.out`);
  const { stderr } = cluster.run([
    ...['sbatch', '-w', 'n1', '-o', output, `--container=${bundle}`, '--wrap', script],
  ]);
  t.equal(stderr, '');
  t.ok(await until(() => existsSync(sign)), 'it runs');
  return () => (existsSync(output) ? readFileSync(output, 'utf8') : '');
}

/** Cancels all jobs of the user; they must be gone within the time that `until` waits. */
async function cancel(t: Test, cluster: Cluster): Promise<void> {
  cluster.run(['scancel', '-u', 'tester']);
  t.ok(await until(() => cluster.run(['squeue', '-h']).stdout === ''), 'the job ends');
  await cluster.isClean(t);
}

/** A string of so many MB in the memory of a shell. */
const fill = (size: number) => `x=$(head -c ${size}000000 /dev/zero | tr '\\0' x)`;

async function isCounted(t: Test, cluster: Cluster, bundle: string): Promise<void> {
  const command = `${fill(20)}; : >/mnt/full; while :; do sleep 1; done`;
  await startJob(t, cluster, bundle, command, 'counted');
  t.ok(await until(() => existsSync(join(cluster.shared, 'full'))), 'its memory is used');
  const job = cluster.run(['squeue', '-h', '-o', '%i']).stdout.trim();
  const words = ['sstat', '-n', '-P', '--noconvert', '-o', 'MaxRSS', `${job}.batch`];
  const used = () => Number.parseInt(cluster.run(words).stdout, 10);
  t.ok(await until(() => used() >= 20_000_000), 'Slurm counts it');
  await cancel(t, cluster);
}

t.test('with RunTimeRun', async (t) => {
  const reason = obstacle() || noSquashfs;
  if (reason) return skip(t, reason);
  const cluster = new Cluster(t);
  const bundle = makeBundle(cluster);
  cluster.useRuntime(`${runtime} --root=${cluster.shared}/%n.%u`);

  t.test('the command runs on two nodes, and its exit status is that of the step', (t) => {
    const words = ['srun', '-N2', '-n2', `--container=${bundle}`, 'sh', '-c', 'echo $SLURM_JOB_ID; exit 3'];
    const { status, stdout } = cluster.run(words);
    t.equal(status, 3);
    t.match(stdout, /^(\d+)\n\1\n$/);
    t.end();
  });

  t.test('limits of the job hold in the container', (t) => {
    // Slurm passes soft limits on
    const { stdout, stderr } = cluster.run([
      ...['prlimit', '--nofile=99:', '--stack=1048576:', 'srun', `--container=${bundle}`],
      ...['sh', '-c', 'ulimit -Sn; ulimit -Ss'],
    ]);
    t.equal(`${stdout}${stderr}`, '99\n1024\n');
    t.end();
  });

  t.test('what it uses is accounted to the job', (t) => isCounted(t, cluster, bundle));

  for (const [title, command] of [
    ['has no handler', 'exec sleep 1000'],
    ['ignores SIGTERM', `trap '' TERM; while :; do sleep 1; done`],
  ] as const)
    t.test(`scancel ends a container whose first process ${title}`, async (t) => {
      await startJob(t, cluster, bundle, command, title.replaceAll(' ', '-'));
      await cancel(t, cluster);
    });
});

t.test('with RunTimeCreate and RunTimeStart', async (t) => {
  const reason = obstacle('cgroup') || noSquashfs;
  if (reason) return skip(t, reason);
  const cluster = new Cluster(t, 'cgroup');
  const bundle = makeBundle(cluster);
  cluster.useRuntime(`${runtime} --root=${cluster.shared}/%n.%u`, 'create');
  await startJob(t, cluster, bundle, 'true', 'short');
  t.ok(await until(() => cluster.run(['squeue', '-h']).stdout === ''), 'the step ends with its command');
  await startJob(t, cluster, bundle, 'exec sleep 1000', 'long');
  const groups = cluster.on('n1', 'cat /proc/$(pgrep -x sleep)/cgroup');
  for (const name of ['freezer', 'memory'])
    t.match(groups, new RegExp(`:${name}:.*/slurm_n1/.*/job_\\d+/`), `it stays in the job's group (${name})`);
  await cancel(t, cluster);

  await isCounted(t, cluster, bundle);
  await startJob(t, cluster, bundle, `${fill(300)}; : >/mnt/too-much`, 'limited');
  t.ok(
    await until(() => cluster.run(['squeue', '-h']).stdout === ''),
    'a job that takes more than it may ends',
  );
  t.notOk(existsSync(join(cluster.shared, 'too-much')));
  await cluster.isClean(t);
});
