/** A directory with everything that the command lines of the documents speak of. */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { archiveOf, dockerFiles } from '../helpers/images.js';
import { makeSif } from '../helpers/sif.js';
import { checkout, image, isRoot, plant, type Tree, type User } from '../helpers/support.js';

const program = (text: string) => `#!/bin/sh\n${text}\n`;

/** What the images of the documents have, beside everyday programs. */
const programs: Tree = {
  'usr/bin/cmd': program('exit 0'),
  'usr/bin/my-program': program('echo "my program: $*"'),
  'usr/bin/python3': program('[ "$1" = -c ] && echo "python: $2"'),
  simulation: program('echo "simulated by rank $SLURM_PROCID"'),
  job: program('exit 0'),
  'make-mesh': program('echo mesh'),
  solve: program('echo solved'),
};

/** A specification as the tool of NVIDIA makes it, of a driver with one program. */
function describeGpu(driver: string): string {
  const mounts = [
    { hostPath: `${driver}/nvidia-smi`, containerPath: '/usr/bin/nvidia-smi', options: ['ro', 'bind'] },
  ];
  const devices = ['0', 'all'].map((name) => ({
    name,
    containerEdits: { deviceNodes: [{ path: '/dev/null' }] },
  }));
  return JSON.stringify({ cdiVersion: '0.5.0', kind: 'nvidia.com/gpu', devices, containerEdits: { mounts } });
}

/** Makes the room of `user` in the empty directory `place`. */
export function furnish(place: string, user: User): void {
  const within = (name: string) => join(place, name);
  cpSync(image, within('img'), { recursive: true, verbatimSymlinks: true });
  plant(within('img'), programs, user);
  cpSync(within('img'), within('mesh'), { recursive: true, verbatimSymlinks: true });
  for (const name of ['img.sqfs', 'solver.sqfs']) {
    const words = [within('img'), within(name), '-noI', '-noD', '-noF', '-quiet', '-no-progress'];
    execFileSync('mksquashfs', words, { stdio: 'ignore' });
  }
  writeFileSync(
    within('image.tar'),
    archiveOf(
      dockerFiles({ layers: [execFileSync('tar', ['c', '-C', within('img'), '.'], { maxBuffer: 1 << 28 })] }),
    ),
  );
  writeFileSync(within('img.sif'), makeSif(readFileSync(within('img.sqfs'))));
  cpSync(join(checkout, 'examples'), within('examples'), { recursive: true });
  const config = '[profile.scratch]\nbind = ["/scratch"]\n';
  const files = { 'home/.config/ch-run-ts/config.toml': config, 'new.toml': config };
  const gpu = {
    'driver/nvidia-smi': program('echo GPU 0'),
    'cdi/nvidia.json': describeGpu(within('driver')),
  };
  plant(place, { ...files, ...gpu, 'data/input': 'some data\n', 'lib/libsite.so': '' }, user);
  if (isRoot) execFileSync('chown', ['-hR', `${user.uid}:${user.gid}`, place]);
}
