/** Open MPI and MPICH in containers: started by the host's mpirun and by srun, on one node and on several. */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkout, launcher, skip, stage } from '../../helpers/support.js';
import { Cluster, obstacle } from '../slurm/cluster.js';

/** Everything over loopback. */
const env = {
  OMPI_MCA_btl_tcp_if_include: 'lo',
  OMPI_MCA_oob_tcp_if_include: 'lo',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
  UCX_NET_DEVICES: 'lo',
};

const libraries = ['openmpi', 'mpich'] as const;
type Library = (typeof libraries)[number];
const imageOf = (library: Library) => join(stage, `image-${library}`);

function missing(): string {
  const words = libraries.flatMap((library) => [`mpicc.${library}`, `mpirun.${library}`]);
  const absent = words.find((word) => spawnSync('which', [word]).status !== 0);
  return absent ? `there is no ${absent} (scripts/setup-cluster)` : obstacle();
}

interface Rank {
  readonly host: string;
  readonly container: string;
  readonly cma: string;
}

/** The ranks' lines of examples/mpi/ping-pong.c, in order. */
function ranksIn(output: string): Rank[] {
  const lines = output.matchAll(/^rank (\d+) of \d+ on (\S+) in (\S+): cma (\S+)$/gm);
  const ranks = [...lines].map(([, rank, host = '', container = '', cma = '']) => ({
    rank,
    host,
    container,
    cma,
  }));
  return ranks.sort((a, b) => Number(a.rank) - Number(b.rank));
}

/** Asserts that `nodes` × `each` ranks ran, one container a node, read each other, and played with 4 MiB. */
function allIsWell(t: Test, output: string, nodes: number, each: number): void {
  const ranks = ranksIn(output);
  t.equal(ranks.length, nodes * each, `${nodes * each} ranks report`);
  t.equal(new Set(ranks.map(({ host }) => host)).size, nodes, `on ${nodes} nodes`);
  const containers = new Set(ranks.map(({ host, container }) => `${host} ${container}`));
  t.equal(containers.size, nodes, 'in one container on each');
  const cma = `${each - 1}/${each - 1}`;
  t.ok(
    ranks.every((rank) => rank.cma === cma),
    `each can read its neighbours' memory: ${cma}`,
  );
  t.match(output, /^ping-pong 4194304 bytes/m, 'large messages arrive');
}

/** How ranks are started: words before the launcher, by nodes and ranks on each. */
type Starter = (nodes: number, each: number) => string[];

const srun =
  (mpi: string): Starter =>
  (nodes, each) => ['srun', `--mpi=${mpi}`, `-N${nodes}`, `--ntasks-per-node=${each}`];
const mpirunInJob =
  (library: Library): Starter =>
  (nodes, each) => [
    ...['salloc', '-Q', `-N${nodes}`, `--ntasks-per-node=${each}`],
    ...[`mpirun.${library}`, '-np', String(nodes * each)],
  ];
const mpirun =
  (library: Library): Starter =>
  (_, each) => [`mpirun.${library}`, '-np', String(each)];

const table: readonly (readonly [Library, string, Starter, readonly (readonly [number, number])[]])[] = [
  ['openmpi', 'mpirun without Slurm', mpirun('openmpi'), [[1, 4]]],
  [
    'openmpi',
    'mpirun in a job',
    mpirunInJob('openmpi'),
    [
      [1, 4],
      [2, 2],
    ],
  ],
  [
    'openmpi',
    'srun --mpi=pmix',
    srun('pmix'),
    [
      [1, 4],
      [2, 2],
      [3, 1],
      [4, 2],
    ],
  ],
  ['mpich', 'mpirun without Slurm', mpirun('mpich'), [[1, 4]]],
  [
    'mpich',
    'mpirun in a job',
    mpirunInJob('mpich'),
    [
      [1, 4],
      [2, 1],
    ],
  ],
  [
    'mpich',
    'srun --mpi=pmi2',
    srun('pmi2'),
    [
      [1, 4],
      [2, 1],
      [4, 1],
    ],
  ],
];

t.test('MPI in containers', { timeout: 500_000 }, async (t) => {
  const reason = missing();
  if (reason) return skip(t, reason);
  for (const library of libraries) {
    execFileSync(join(checkout, 'examples/mpi/make-mpi-image'), [imageOf(library), library]);
    t.teardown(() => rmSync(imageOf(library), { recursive: true }));
  }
  const cluster = new Cluster(t);

  for (const [library, title, starter, sizes] of table) {
    for (const [nodes, each] of sizes) {
      t.test(`${library}, ${title}, ${nodes} nodes with ${each} ranks each`, async (t) => {
        const words = [...starter(nodes, each), launcher, '--join', imageOf(library), '--', '/ping-pong'];
        // MPI_Finalize of Debian 12's MPICH can hang on several nodes, in containers and without them
        const mayHang = library === 'mpich' && nodes > 1;
        const limits = { env, seconds: mayHang ? 25 : 90 };
        let ending = cluster.run(words, limits);
        // the libraries themselves crash once in a while on a machine that is very busy: a second chance
        if (ending.status !== 0 && !mayHang && !ending.stderr.includes('ch-run-ts'))
          ending = cluster.run(words, limits);
        const { status, stdout, stderr } = ending;
        if (!mayHang) t.equal(status, 0, stderr);
        t.notMatch(stderr, /ch-run-ts/, 'and says nothing of ours');
        allIsWell(t, stdout, nodes, each);
      });
    }
  }

  t.test('without --join Open MPI has no CMA, and says so', async (t) => {
    const words = [...srun('pmix')(1, 3), launcher, imageOf('openmpi'), '--', '/ping-pong', '65536'];
    const { stdout, stderr } = cluster.run(words, { env });
    t.same(
      ranksIn(stdout).map(({ cma }) => cma),
      ['0/2', '0/2', '0/2'],
    );
    t.match(stderr, /CMA is\s+not available due to different user namespaces/);
  });

  t.test('without --join MPICH does not even start', async (t) => {
    const words = [...srun('pmi2')(1, 3), launcher, imageOf('mpich'), '--', '/ping-pong', '65536'];
    const { status, stdout, stderr } = cluster.run(words, { env });
    t.not(status, 0);
    t.match(stdout + stderr, /Permission denied/);
    t.same(ranksIn(stdout), []);
  });

  t.test('nothing is left when all have ended', (t) => cluster.isClean(t));
});
