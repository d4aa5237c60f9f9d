/** `srun --container` and `sbatch --container`, in both forms of oci.conf: with RunTimeRun, and with create and start. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runtime } from '../../helpers/bundles.js';
import { image, skip } from '../../helpers/support.js';
import { Cluster, obstacle, until } from './cluster.js';

t.setTimeout(120_000);

/** What slurmstepd fills in: arguments and environment. Mounts are those of an empty machine. */
function writeBundle(cluster: Cluster, name: string): string {
  const bundle = join(cluster.shared, name);
  cluster.run(['mkdir', bundle]);
  cluster.run([runtime, 'spec', '--rootless', '--bundle', bundle]);
  const config = JSON.parse(cluster.run(['cat', join(bundle, 'config.json')]).stdout);
  config.process.terminal = false;
  config.root.path = image;
  cluster.run(['sh', '-c', 'cat > "$0" <<\\END\n$1\nEND'.replace('$1', JSON.stringify(config)), join(bundle, 'config.json')]);
  return bundle;
}
