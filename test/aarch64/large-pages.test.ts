/** The programs for aarch64 on a kernel with pages of 64 KiB, where a request for a read could be of 16 MiB. */
import t from 'tap';
import { ordinaryUser, skip, users } from '../helpers/support.js';
import { tryKernel } from '../package/machine.js';
import { unpackTree } from '../package/packages.js';
import { findKernel, version } from './kernel.js';
import { machine, missing } from './machine.js';

// it compiles the kernel
t.setTimeout(1_200_000);

const [self = ordinaryUser] = users;

t.test('they run, with all that the kernel has, and long reads are whole', async (t) => {
  const obstacle = missing('flex', 'bison', 'bc');
  if (obstacle) return skip(t, obstacle);
  const kernel = findKernel();
  if (!kernel) return skip(t, 'the source of Linux is not available');
  const tree = unpackTree(t, self, machine.arch);
  const { said, refused } = tryKernel(t, { ...machine, image: kernel }, tree);
  t.match(said, `Linux version ${version} `);
  t.match(said, /^KernelPageSize: +64 kB$/m);
  t.same(refused, []);
  const sums = [...said.matchAll(/^([0-9a-f]{32}) {2}\/large\n(\d+)\+\d+ records in$/gm)];
  t.equal(sums.length, 3, said);
  t.same(new Set(sums.map(([, sum]) => sum)).size, 1, 'as in a directory, read by pages');
  t.ok(
    sums.every(([, , records]) => Number(records) > 0),
    'and when asked for 16 MiB at once',
  );
});
