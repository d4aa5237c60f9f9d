/** The programs for aarch64, on Linux 6.1, that of Debian 12, and on one with pages of 16 KiB. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { image, ordinaryUser, skip, start, users } from '../helpers/support.js';
import { tryKernel } from '../package/machine.js';
import { programsOf, unpackTree } from '../package/packages.js';
import { machine, missing } from './machine.js';

// it compiles them
t.setTimeout(900_000);

const [self = ordinaryUser] = users;

/** A plan without what differs: where the program lies, and the filter of system calls, which have other numbers. */
function readPlan(text: string, place: string): unknown {
  const plan = JSON.parse(text.replaceAll(place, ''));
  for (const step of plan.create.concat(plan.enter)) if (step.kind === 'seccomp') delete step.program;
  return plan;
}

function planOf(place: string, words: readonly string[], ...emulator: string[]): unknown {
  const program = [...emulator, join(place, 'bin/ch-run-ts'), '--no-memo', '--dry-run=json'];
  return readPlan(start(self, 'env', [...program, ...words, image]).stdout, place);
}

t.test('they run, with all that the kernel has, and plan as those for x86-64', async (t) => {
  const obstacle = missing();
  if (obstacle) return skip(t, obstacle);
  const tree = unpackTree(t, self, machine.arch);
  for (const program of programsOf(tree))
    t.notMatch(execFileSync('readelf', ['-ldW', program]).toString(), /INTERP|NEEDED/);
  const { said, refused } = tryKernel(t, machine, tree);
  t.match(said, /^Linux version 6\.1\./m);
  t.same(refused, []);
  t.match(said, /^new\nstatus 0$/m);
  const large = tryKernel(t, { ...machine, suite: 'trixie', kernel: '-16k' }, tree);
  t.match(large.said, /^Linux version .*-arm64-16k /m);
  t.same(large.refused, []);
  for (const words of [[], ['-W', '-b', '/usr:/mnt'], ['--join', '-u0'], ['--seccomp']])
    t.same(planOf(tree, words, 'qemu-aarch64-static'), planOf(unpackTree(t, self), words), `${words}`);
});
