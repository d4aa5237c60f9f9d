/** The time limit of a job; apart from the rest, because Slurm looks at limits every half minute only. */
import t from 'tap';
import { image, launcher, skip } from '../../helpers/support.js';
import { Cluster, obstacle, until } from './cluster.js';

t.test('the time limit ends a job and leaves nothing', { timeout: 300_000 }, async (t) => {
  const reason = obstacle();
  if (reason) return skip(t, reason);
  const cluster = new Cluster(t);
  const words = [
    '-N2',
    '--ntasks-per-node=2',
    '-J',
    'limited',
    launcher,
    '--join-ct=3',
    image,
    '--',
    'sleep',
    '900',
  ];
  const job = cluster.start(['srun', '-t', '5', ...words], { seconds: 200 });
  const ended = new Promise<number | null>((resolve) => job.once('exit', (status) => resolve(status)));
  t.ok(
    await until(() => cluster.leftovers().filter((line) => line.includes('sleep 900')).length === 4),
    'it runs',
  );
  const id = cluster.run(['squeue', '-h', '--name=limited', '-o', '%i']).stdout.trim();
  t.match(cluster.run(['scontrol', 'update', `JobId=${id}`, 'EndTime=now+1']), { status: 0, stderr: '' });
  t.not(await ended, 0);
  await cluster.isClean(t);
});
