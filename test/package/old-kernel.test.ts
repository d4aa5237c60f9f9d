/** The tree on Linux 5.10, that of Debian 11. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { skip } from '../helpers/support.js';
import { type Machine, tryKernel } from './machine.js';
import { arch, findObstacle, unpackTree } from './packages.js';

t.setTimeout(400_000);

const machine: Machine = {
  arch: 'x86_64',
  deb: 'amd64',
  suite: 'bullseye',
  console: 'ttyS0',
  qemu: ['-cpu', 'max'],
};

function missing(): string | undefined {
  if (arch !== machine.arch) return 'the tree is of another machine';
  return spawnSync('qemu-system-x86_64', ['--version']).error ? 'there is no qemu-system-x86_64' : undefined;
}

t.test('it runs, and what the kernel lacks is refused with a reason', async (t) => {
  const obstacle = findObstacle() ?? missing();
  if (obstacle) return skip(t, obstacle);
  const { said, refused } = tryKernel(t, machine, unpackTree(t));
  t.match(said, /^Linux version 5\.10\./m);
  // overlays in user namespaces came with 5.11, mount_setattr with 5.12
  t.same(refused, ['overlay', 'overlay-over-fuse', 'mount-setattr']);
  t.match(said, /error: .*overlay.*\n.*hint: .*\nstatus 31\n/);
});
