/** The command lines of the documents that are for a batch system, run by a real Slurm. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { blocksOf, pages, read } from '../../docs/command-lines.js';
import { furnish } from '../../docs/room.js';
import { launcher, noSquashfs, ordinaryUser, skip } from '../../helpers/support.js';
import { Cluster, obstacle } from './cluster.js';

t.test('the command lines of the documents that are for Slurm run', async (t) => {
  const reason = obstacle() || noSquashfs;
  if (reason) return skip(t, reason);
  const cluster = new Cluster(t);
  const room = join(cluster.shared, 'room');
  mkdirSync(room);
  furnish(room, ordinaryUser);
  const blocks = pages.flatMap((page) => blocksOf(read(page)).map((block) => ({ page, ...block })));
  const ours = blocks.filter(({ shell }) => shell === 'slurm');
  t.ok(ours.length > 4);
  for (const { page, line, script } of ours) {
    // sbatch does not wait for its job
    const wait = 'while squeue -h | grep -q .; do sleep 0.1; done; cat slurm-*.out 2>/dev/null || true';
    const text = `cd '${room}'; PATH='${dirname(launcher)}':$PATH HOME='${room}/home'\n${script}\n${wait}`;
    const { status, stdout, stderr } = cluster.run(['bash', '-euo', 'pipefail', '-c', text]);
    t.same([status, stderr], [0, ''], `${page}:${line}`, { script, stdout });
    t.match(stdout, /simulated|my program|mesh|solved/);
  }
  await cluster.isClean(t);
});
