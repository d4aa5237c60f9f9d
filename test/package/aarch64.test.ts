/** The programs for aarch64, on Linux 6.1, that of Debian 12, and on one with pages of 16 KiB. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkout, image, ordinaryUser, scratch, skip, stage, start, users } from '../helpers/support.js';
import { type Machine, tryKernel } from './machine.js';
import { findObstacle, programsOf } from './packages.js';

// it compiles them
t.setTimeout(500_000);

const [self = ordinaryUser] = users;
const machine: Machine = {
  arch: 'aarch64',
  deb: 'arm64',
  suite: 'bookworm',
  console: 'ttyAMA0',
  qemu: ['-machine', 'virt', '-cpu', 'max,pauth-impdef=on'],
};

function missing(): string | undefined {
  const needed = ['qemu-system-aarch64', 'qemu-aarch64-static', 'aarch64-linux-gnu-g++'];
  const absent = needed.filter((program) => spawnSync(program, ['--version']).error);
  return absent.length > 0 ? `not installed: ${absent.join(', ')}` : undefined;
}

/** What runs containers, as scripts/package builds it; objects are kept. Without what only ch-image-ts needs. */
async function makeTree(t: Test): Promise<string> {
  const { crossBuild } = await import(join(checkout, 'scripts/package/cross.mjs'));
  const { targets } = await import(join(checkout, 'scripts/package/targets.mjs'));
  const target = targets.find(({ arch }: { arch: string }) => arch === machine.arch);
  const { built } = crossBuild(target, join(checkout, 'build/aarch64-test'), {
    programs: ['ch-run-ts', 'ch-run-ts-squashfs'],
    without: ['libssl-dev'],
  });
  const tree = scratch(t, self);
  for (const [folder, name] of [
    ['bin', 'ch-run-ts'],
    ['libexec/ch-run-ts', 'ch-run-ts-squashfs'],
  ] as const) {
    mkdirSync(join(tree, folder), { recursive: true });
    cpSync(join(built, name), join(tree, folder, name));
  }
  return tree;
}

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
  const obstacle = findObstacle() ?? missing();
  if (obstacle) return skip(t, obstacle);
  const tree = await makeTree(t);
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
    t.same(planOf(tree, words, 'qemu-aarch64-static'), planOf(join(stage, 'package'), words), `${words}`);
});
