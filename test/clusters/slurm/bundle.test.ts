/** A bundle of ch-image-ts as the container of a step: `srun --container`. */
import { join } from 'node:path';
import t from 'tap';
import { runtime } from '../../helpers/bundles.js';
import { image, noSquashfs, skip, stage } from '../../helpers/support.js';
import { Cluster, obstacle } from './cluster.js';

t.setTimeout(300_000);

t.test('srun --container runs a command in a bundle, with the host around it', async (t) => {
  const reason = obstacle() || noSquashfs;
  if (reason) return skip(t, reason);
  const cluster = new Cluster(t);
  const program = join(stage, 'package/bin/ch-image-ts');
  const bundle = join(cluster.shared, 'bundle');
  t.equal(cluster.run([program, 'bundle', '-q', image, bundle], { seconds: 60 }).stderr, '');
  const script = 'echo $SLURM_JOB_ID $(id -u) $(readlink /proc/self/ns/ipc); touch /x';
  const host = cluster.run(['srun', '-w', 'n1', 'readlink', '/proc/self/ns/ipc']).stdout.trim();
  for (const command of ['runc', runtime]) {
    cluster.useRuntime(`${command} --root=${cluster.shared}/%n.%u`);
    const { stdout, stderr } = cluster.run(['srun', '-w', 'n1', `--container=${bundle}`, 'sh', '-c', script]);
    t.match(stdout, /^\d+ 0 /, `${command}: ${stderr}`);
    t.ok(stdout.trim().endsWith(host), 'MPI meets the others');
    t.match(stderr, /read-only file system/i);
  }
  await cluster.isClean(t);
});
