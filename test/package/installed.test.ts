/** Packages of the system, installed into roots of their own. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { image, isRoot, root, scratch, skip, squashed, start, type User, users } from '../helpers/support.js';
import { arch, findObstacle, findPackages, version } from './packages.js';

const obstacle = findObstacle() ?? (isRoot ? undefined : 'packages are installed by root');

/** Runs what was installed at `place`, which an installed program takes for its prefix. */
function runs(t: Test, place: string, user: User): void {
  const program = join(place, 'usr/bin/ch-run-ts');
  for (const each of [image, squashed])
    t.match(start(user, program, ['--no-memo', '--no-share', each, '--', 'echo', 'here']), {
      status: 0,
      stdout: 'here\n',
    });
  t.match(start(user, program, ['--doctor']).stdout, /^yes {3}all of its files$/m);
}

const debArch = arch === 'x86_64' ? 'amd64' : 'arm64';

t.test('dpkg installs, and removes without a trace', async (t) => {
  if (obstacle) return skip(t, obstacle);
  const place = scratch(t, root),
    deb = join(findPackages(), `ch-run-ts_${version}_${debArch}.deb`);
  for (const folder of [
    'var/lib/dpkg/info',
    'var/lib/dpkg/updates',
    'var/lib/dpkg/triggers',
    'etc/apparmor.d/abi',
    'tmp',
  ])
    mkdirSync(join(place, folder), { recursive: true });
  for (const file of ['var/lib/dpkg/status', 'var/lib/dpkg/available', 'etc/apparmor.d/abi/4.0'])
    execFileSync('touch', [join(place, file)]);
  // its scripts run in the root, and need these programs alone
  mkdirSync(join(place, 'bin'));
  execFileSync('cp', ['/bin/busybox', join(place, 'bin/busybox')]);
  for (const name of ['sh', 'cp', 'cmp', 'rm']) symlinkSync('busybox', join(place, 'bin', name));
  const dpkg = (...words: string[]) =>
    start(root, 'dpkg', [`--root=${place}`, '--force-bad-path', ...words], { env: process.env });
  t.match(dpkg('-i', deb), { status: 0 });
  const profile = readFileSync(join(place, 'etc/apparmor.d/ch-run-ts'), 'utf8');
  t.match(profile, '"/usr/{bin/ch-run-ts,bin/ch-oci-ts,libexec/ch-run-ts/ch-run-ts-squashfs}"');
  t.match(profile, /^ {2}userns,$/m);
  for (const user of users) runs(t, place, user);
  t.match(dpkg('--purge', 'ch-run-ts'), { status: 0 });
  const words = [place, '-name', '*ch-run-ts*', '-not', '-path', '*/var/lib/dpkg/*'];
  const left = execFileSync('find', words, { encoding: 'utf8' });
  t.equal(left, '');
});

t.test('rpm installs, with the owner root, and removes', async (t) => {
  if (obstacle) return skip(t, obstacle);
  const place = scratch(t, root),
    file = join(findPackages(), `ch-run-ts-${version}-1.${arch}.rpm`);
  // Debian's rpm refuses to install beside dpkg unless told to
  const rpm = (...words: string[]) =>
    start(root, 'rpm', ['--root', place, '--force-debian', ...words], { env: process.env });
  t.match(rpm('-i', file), { status: 0 });
  t.match(
    rpm('-q', '--requires', 'ch-run-ts').stdout.replace(/^rpmlib\(.*\n/gm, ''),
    /^$/,
    'it needs nothing',
  );
  t.match(rpm('-V', 'ch-run-ts'), { status: 0, stdout: '' });
  for (const user of users) runs(t, place, user);
  t.match(rpm('-e', 'ch-run-ts'), { status: 0 });
});
