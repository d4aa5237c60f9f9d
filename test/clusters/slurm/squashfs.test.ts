/** SquashFS images and remembered plans in Slurm jobs: one server a node, and no Node.js at all. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { image, isQuick, launcher, noSquashfs, skip, squashed } from '../../helpers/support.js';
import { Cluster, obstacle, until } from './cluster.js';

const distinct = (text: string) => new Set(text.trim().split('\n')).size;

for (const tracking of ['linuxproc', 'cgroup'] as const) {
  t.test(`with proctrack/${tracking}`, async (t) => {
    const reason = obstacle(tracking) || noSquashfs;
    if (reason) return skip(t, reason);
    const cluster = new Cluster(t, tracking);

    for (const join of [['--join'], []]) {
      t.test(`one server on each node, ${join[0] ?? 'without --join'}`, async (t) => {
        const go = `go${join.length}`;
        const wait = `sleep 600 & until [ -e /mnt/${go} ]; do sleep 0.1; done; kill $!`;
        const words = [
          'srun',
          '-N2',
          '--ntasks-per-node=4',
          launcher,
          ...join,
          '-b',
          `${cluster.shared}:/mnt`,
          squashed,
          '--',
          'sh',
          '-c',
          wait,
        ];
        const step = cluster.start(words);
        const ended = new Promise((resolve) => step.once('exit', resolve));
        let processes: string[] = [];
        const running = await until(() => {
          processes = cluster.leftovers();
          // not launchers that are about to become one
          return (
            processes.filter((line) => /(^| )sleep 600$/.test(line) && !line.includes('ch-run')).length === 8
          );
        });
        t.ok(running, 'eight tasks run');
        // listed again: processes may have begun while the others were looked at
        const servers = cluster.leftovers().filter((line) => line.includes('ch-run-ts-squashfs'));
        t.same(servers.map((line) => line.slice(0, 2)).sort(), ['n1', 'n2'], processes.join('; '));
        writeFileSync(`${cluster.shared}/${go}`, '');
        t.equal(await ended, 0, 'the step ends');
        await cluster.isClean(t);
      });
    }

    t.test('the server neither dies under running peers nor holds the step open', async (t) => {
      const script = 'if [ $SLURM_LOCALID = 0 ]; then exit 0; fi; sleep 1; grep -c NAME /etc/os-release';
      const words = ['srun', '-N1', '-n4', launcher, '--join', squashed, '--', 'sh', '-c', script];
      // Slurm waits for a second before it kills what is left of a step
      isQuick(t, 6000, () => {
        const { stdout, stderr, status } = cluster.run(words);
        t.same({ stdout, stderr, status }, { stdout: '1\n1\n1\n', stderr: '', status: 0 });
      });
      await cluster.isClean(t);
    });

    t.test('tasks share one container', async (t) => {
      const words = [
        'srun',
        '-N1',
        '-n6',
        launcher,
        '--join',
        squashed,
        '--',
        'readlink',
        '/proc/self/ns/mnt',
      ];
      const { stdout, stderr } = cluster.run(words);
      t.same({ stderr, containers: distinct(stdout) }, { stderr: '', containers: 1 });
    });

    t.test('after the first launch no rank starts Node.js, whatever its step, node and rank', async (t) => {
      const env = { CH_RUN_MEMO_DIR: join(cluster.shared, 'memo') };
      const words = (verbose: string[]) => [launcher, '--join', ...verbose, image, '--', 'true'];
      for (const verbose of [[], ['-v']]) cluster.run(['srun', '-n1', ...words(verbose)], { env });
      for (const size of [
        ['-N1', '-n1'],
        ['-N2', '-n8'],
        ['-N4', '-n12'],
      ]) {
        const { stderr, status } = cluster.run(['srun', ...size, ...words(['-v'])], { env });
        t.equal(status, 0);
        const ranks = Number(size[1]?.slice(2));
        t.equal(stderr.match(/remembered plan: /g)?.length, ranks, `${ranks} ranks remember`);
        t.notMatch(stderr, /no remembered plan/);
      }
    });
  });
}
