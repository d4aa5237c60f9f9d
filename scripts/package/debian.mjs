// Debian packages of another architecture or suite, unpacked but not installed: apt uses separate package lists, and does
// not need root.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';

function findMirror() {
  const uris = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8' });
  const mirror = uris.split('\n').find((uri) => /\/debian\/?$/.test(uri));
  if (!mirror) throw new Error('apt-get knows no mirror of Debian');
  return mirror;
}

/**
 * The packages for `arch`, as Debian calls it: of this machine's sources, or of `suite`. `download(NAME…)` puts them, as
 * files, into the folder `debs` of `place`.
 */
export function openPackages(place, arch, suite) {
  const debs = join(place, 'debs');
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'debs'])
    mkdirSync(join(place, folder), { recursive: true });
  writeFileSync(join(place, 'status'), '');
  const settings = [
    `Dir::State=${place}/state`,
    `Dir::State::status=${place}/status`,
    `Dir::Cache=${place}/cache`,
    `APT::Architecture=${arch}`,
    `APT::Architectures=${arch}`,
    'Acquire::Languages=none',
  ];
  if (suite) {
    writeFileSync(join(place, 'sources.list'), `deb [signed-by=${keys}] ${findMirror()} ${suite} main\n`);
    settings.push(`Dir::Etc::sourcelist=${place}/sources.list`, 'Dir::Etc::sourceparts=-');
  }
  const run = (program, ...words) =>
    execFileSync(program, ['-qq', ...settings.flatMap((setting) => ['-o', setting]), ...words], {
      cwd: debs,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  run('apt-get', 'update');
  return {
    debs,
    download: (...names) => run('apt-get', 'download', ...names),
    /** What a package without files stands for. */
    dependenciesOf: (name) => run('apt-cache', 'depends', name).match(/(?<=Depends: )\S+/g) ?? [],
  };
}
