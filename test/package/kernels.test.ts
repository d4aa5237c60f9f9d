/** The tree on other kernels, and on another processor: Linux 5.10 for x86-64, 6.1 for aarch64. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { trials } from '../../src/doctor/trials.js';
import { image, ordinaryUser, scratch, skip, stage, start, users } from '../helpers/support.js';
import { type Machine, runInMachine } from './machine.js';
import { arch, findObstacle, makePackages, programsOf, unpackTree, version } from './packages.js';

t.setTimeout(400_000);

const [self = ordinaryUser] = users;

/** Each command's output, and its status. */
const job = `
export NO_COLOR=1
try() { "$@"; echo "status $?"; }
cat /proc/version
try ch-run-ts -v /images/directory -- cat /etc/os-release
for name in directory gzip zstd; do
  try ch-run-ts --no-memo "/images/$name$([ $name = directory ] || echo .sqfs)" -- cat /etc/os-release
done
try ch-run-ts --seccomp /images/directory -- sh -c 'chown 5 /bin/busybox && echo faked'
try ch-run-ts -W /images/directory -- sh -c 'echo new >/file; cat /file'
ch-run-ts --doctor`;

const obstacle = (qemu: string) =>
  findObstacle() ?? (spawnSync(qemu, ['--version']).error ? `${qemu} is not installed` : undefined);

const old: Machine = {
  arch: 'x86_64',
  deb: 'amd64',
  suite: 'bullseye',
  console: 'ttyS0',
  qemu: ['-cpu', 'max'],
};
const arm: Machine = {
  arch: 'aarch64',
  deb: 'arm64',
  suite: 'bookworm',
  console: 'ttyAMA0',
  qemu: ['-machine', 'virt', '-cpu', 'max,pauth-impdef=on'],
};

/** Checks what is the same on all kernels; returns the trials that were refused. */
function works(t: Test, said: string): readonly string[] {
  t.equal(said.match(/^NAME=small\nstatus 0$/gm)?.length, 4, said);
  t.match(said, /^faked\nstatus 0$/m);
  t.match(said, /^Containers can be run here\.$/m);
  return trials.filter(({ title }) => said.includes(`\nno    ${title}`)).map(({ name }) => name);
}

t.test('it runs on Linux 5.10, and what that lacks is refused with a reason', async (t) => {
  const reason =
    obstacle('qemu-system-x86_64') ?? (arch === 'x86_64' ? undefined : 'the tree is of another machine');
  if (reason) return skip(t, reason);
  const said = runInMachine(old, unpackTree(t), job, scratch(t, self));
  t.match(said, /^Linux version 5\.10\./m);
  // overlays in user namespaces came with 5.11, mount_setattr with 5.12
  t.same(works(t, said), ['overlay', 'overlay-over-fuse', 'mount-setattr']);
  t.match(said, /error: .*overlay.*\n.*hint: .*\nstatus 31\n/);
});

/** A plan without what differs: where the program lies, and the filter of system calls, which have other numbers. */
function readPlan(text: string, place: string): unknown {
  const plan = JSON.parse(text.replaceAll(place, ''));
  for (const step of plan.create.concat(plan.enter)) if (step.kind === 'seccomp') delete step.program;
  return plan;
}

/** The tree for aarch64; its programs are compiled again where their sources changed. */
function makeOtherTree(t: Test): string {
  const packages = scratch(t, self);
  makePackages(packages, 'aarch64');
  execFileSync('tar', ['-xf', join(packages, `ch-run-ts-${version}-linux-aarch64.tar.xz`), '-C', packages]);
  return join(packages, `ch-run-ts-${version}-linux-aarch64`);
}

t.test('it runs on aarch64, with all that the kernel has', async (t) => {
  const reason = obstacle('qemu-system-aarch64') ?? obstacle('aarch64-linux-gnu-g++');
  if (reason) return skip(t, reason);
  const tree = makeOtherTree(t);
  for (const program of programsOf(tree))
    t.notMatch(execFileSync('readelf', ['-ldW', program]).toString(), /INTERP|NEEDED/);
  const said = runInMachine(arm, tree, job, scratch(t, self));
  t.match(said, /^Linux version 6\.1\./m);
  t.same(works(t, said), []);
  t.match(said, /^new\nstatus 0$/m);

  if (spawnSync('qemu-aarch64-static', ['--version']).error)
    return skip(t, 'qemu-aarch64-static is not installed');
  for (const words of [[], ['-W', '-b', '/usr:/mnt'], ['--join', '-u0'], ['--seccomp']]) {
    const plan = (place: string, ...first: string[]) => {
      const program = [
        ...first,
        join(place, 'bin/ch-run-ts'),
        '--no-memo',
        '--dry-run=json',
        ...words,
        image,
      ];
      return readPlan(start(self, 'env', program).stdout, place);
    };
    t.same(plan(tree, 'qemu-aarch64-static'), plan(join(stage, 'package')), `the plan of ${words}`);
  }
});
