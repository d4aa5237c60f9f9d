/** A Slurm cluster of four nodes on loopback for a test file: test/clusters/slurm/cluster says what it is. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { checkout, type Ending, isRoot, ordinaryUser, stage } from '../../helpers/support.js';

const script = join(checkout, 'test/clusters/slurm/cluster');
export const nodes = ['n1', 'n2', 'n3', 'n4'] as const;

/** Why there can be no cluster here; empty if there can. */
export function obstacle(tracking = 'linuxproc'): string {
  if (!isRoot) return 'a cluster needs root';
  const { status } = spawnSync('sh', ['-c', 'command -v srun slurmctld slurmd munged setpriv nsenter'], {
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  if (status !== 0) return 'Slurm is not installed (scripts/setup-cluster)';
  if (tracking !== 'cgroup') return '';
  const lost = ['freezer', 'memory', 'cpuacct'].find(
    (name) => spawnSync('test', ['-w', `/sys/fs/cgroup/${name}/tasks`]).status !== 0,
  );
  return lost ? `there is no ${lost} controller of control groups, version 1` : '';
}

export class Cluster {
  /** A directory that the login node and all nodes see, and everybody can write to. */
  readonly shared: string;
  readonly #files: string;

  /** Starts it; it stops at the end of `t`. */
  constructor(t: Test, tracking: 'linuxproc' | 'cgroup' = 'linuxproc') {
    this.#files = mkdtempSync(join(stage, 'cluster-'));
    this.shared = mkdtempSync(join(stage, 'shared-'));
    chmodSync(this.#files, 0o755);
    chmodSync(this.shared, 0o1777);
    t.teardown(() => {
      execFileSync(script, ['down', this.#files]);
      for (const path of [this.#files, this.shared]) rmSync(path, { recursive: true, force: true });
    });
    execFileSync(script, ['up', this.#files, tracking, stage], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
        CLUSTER_OWNER: String(process.pid),
        CLUSTER_UID: String(ordinaryUser.uid),
        CLUSTER_GID: String(ordinaryUser.gid),
      },
    });
  }

  #words(words: readonly string[], seconds: number): string[] {
    const user = [String(ordinaryUser.uid), String(ordinaryUser.gid)];
    return ['-k', '2', String(seconds), script, 'run', this.#files, ...user, ...words];
  }

  #options(env: NodeJS.ProcessEnv) {
    return { cwd: '/', env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', ...env } };
  }

  /** Runs a command on the login node, as the ordinary user, at most so many seconds. */
  run(words: readonly string[], { seconds = 90, env = {} as NodeJS.ProcessEnv } = {}): Ending {
    const { status, signal, stdout, stderr, pid, error } = spawnSync('timeout', this.#words(words, seconds), {
      ...this.#options(env),
      encoding: 'utf8',
    });
    if (error) throw error;
    return { status, signal, stdout, stderr, pid };
  }

  /**
   * Sets the OCI runtime of `srun --container`: the command line before its verb. Steps that start later use it. `form`:
   * with RunTimeRun, or with RunTimeCreate and RunTimeStart: then output is in a file JOB.created in the shared directory.
   */
  useRuntime(command: string, form: 'run' | 'create' = 'run'): void {
    const id = '%n.%u.%j.%s.%t';
    const verbs = {
      Query: `state ${id}`,
      Kill: `kill -a ${id}`,
      Delete: `delete --force ${id}`,
      ...(form === 'run'
        ? { Run: `run --bundle %b ${id}` }
        : { Create: `create --bundle %b ${id} >${this.shared}/%j.created 2>&1`, Start: `start ${id}` }),
    };
    const lines = Object.entries(verbs).map(([name, verb]) => `RunTime${name}="${command} ${verb}"`);
    writeFileSync(join(this.#files, 'oci.conf'), `${lines.join('\n')}\n`);
  }

  /** Starts a command there and does not wait for it. */
  start(words: readonly string[], { seconds = 90, env = {} as NodeJS.ProcessEnv } = {}) {
    return spawn('timeout', this.#words(words, seconds), { ...this.#options(env), stdio: 'ignore' });
  }

  /** Runs a shell script on a node, as root. */
  on(node: string, text: string): string {
    const { stdout, stderr } = spawnSync(script, ['node', this.#files, node, 'sh', '-c', text], {
      encoding: 'utf8',
    });
    return stdout + stderr;
  }

  /** What of ours is on the nodes: processes whose program is in the stage's package or images, shared memory. */
  leftovers(): string[] {
    const look =
      'ls /dev/shm | grep ch-run-ts; for p in /proc/[0-9]*; do ' +
      `grep -qE "^(ch-run|sh |sleep)" $p/comm 2>/dev/null && [ "$(stat -c %u $p 2>/dev/null)" = ${ordinaryUser.uid} ] && ` +
      'echo $p $(tr "\\0" " " <$p/cmdline); done; true';
    return nodes.flatMap((node) =>
      this.on(node, look)
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => `${node}: ${line}`),
    );
  }

  /** Asserts that soon nothing of ours is on the nodes. */
  async isClean(t: Test): Promise<void> {
    let left = this.leftovers();
    for (let i = 0; i < 300 && left.length > 0; i++) {
      await sleep(100);
      left = this.leftovers();
    }
    t.same(left, [], 'nothing of ours is left on the nodes');
  }
}

/** Waits until `condition` holds, at most a minute. */
export async function until(condition: () => boolean): Promise<boolean> {
  for (let i = 0; i < 600; i++) {
    if (condition()) return true;
    await sleep(100);
  }
  return false;
}
