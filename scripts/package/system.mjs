// Packages of the system: .deb and .rpm, of the tree below /usr.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readHints } from '../../dist/doctor/troubleshooting.js';
import { programs } from '../programs.mjs';
import { archive, epoch, filesBelow, manifest, normalize, output, root, version, write } from './base.mjs';
import { addSums } from './tree.mjs';

const maintainer = 'ch-run-ts maintainers <maintainers@localhost>';
const explanation = [
  'The command that is started becomes the process in the container: nothing stays',
  'resident. Images are directories or SquashFS files. No setuid program, no daemon.',
];

/** The tree as packages have it. */
function placeBelowUsr(tree, place) {
  rmSync(place, { recursive: true, force: true });
  cpSync(tree, join(place, 'usr'), { recursive: true });
  // a module file is not needed: /usr/bin is in every PATH
  rmSync(join(place, 'usr/share/modulefiles'), { recursive: true });
  return join(place, 'usr');
}

function move(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  renameSync(from, to);
}

/** Ubuntu 23.10 and later require this profile before a program may create user namespaces. Older AppArmor can't parse it. */
function profile() {
  const hints = readHints(output(join(root, 'bin/ch-run-ts'), ['--hints']));
  const { file } = hints.find(({ title }) => title === 'AppArmor restricts user namespaces');
  return file.replace(
    '{programs}',
    '/usr/{bin/ch-run-ts,bin/ch-oci-ts,libexec/ch-run-ts/ch-run-ts-squashfs}',
  );
}

const shipped = '/usr/share/ch-run-ts/apparmor/ch-run-ts';
const installed = '/etc/apparmor.d/ch-run-ts';

const scripts = {
  // also called when a newer AppArmor is installed later: see triggers
  postinst: `#!/bin/sh
set -e
if [ -e /etc/apparmor.d/abi/4.0 ] && [ ! -e ${installed} ]; then
  cp ${shipped} ${installed}
fi
if [ -e ${installed} ] && [ -d /sys/kernel/security/apparmor ] && command -v apparmor_parser >/dev/null; then
  apparmor_parser --replace --skip-cache ${installed} || true
fi
`,
  prerm: `#!/bin/sh
set -e
if [ "$1" != upgrade ] && cmp -s ${shipped} ${installed}; then
  if [ -d /sys/kernel/security/apparmor ] && command -v apparmor_parser >/dev/null; then
    apparmor_parser --remove ${installed} || true
  fi
  rm ${installed}
fi
`,
};

/** A Debian package of `tree`; returns its name. */
export function makeDeb(tree, place, { deb }, into) {
  const prefix = placeBelowUsr(tree, place);
  move(join(prefix, 'share/zsh/site-functions'), join(prefix, 'share/zsh/vendor-completions'));
  for (const { name } of programs) {
    const manual = join(prefix, `share/man/man1/${name}.1`);
    if (existsSync(manual)) output('gzip', ['-9n', manual]);
  }
  write(join(place, shipped), profile());
  addSums(prefix);
  const size = filesBelow(place).reduce((sum, name) => sum + readFileSync(join(place, name)).length, 0);
  const control = `Package: ch-run-ts
Version: ${version}
Architecture: ${deb}
Maintainer: ${maintainer}
Installed-Size: ${Math.ceil(size / 1024)}
Section: admin
Priority: optional
Description: ${manifest.description}
${explanation.map((line) => ` ${line}`).join('\n')}
`;
  const md5 = output('md5sum', filesBelow(place), { cwd: place });
  write(join(place, 'DEBIAN/control'), control);
  write(join(place, 'DEBIAN/md5sums'), md5);
  write(join(place, 'DEBIAN/triggers'), 'interest-noawait /etc/apparmor.d/abi\n');
  for (const [name, text] of Object.entries(scripts)) write(join(place, 'DEBIAN', name), text, 0o755);
  normalize(place);
  const name = `ch-run-ts_${version}_${deb}.deb`;
  output('dpkg-deb', ['--root-owner-group', '-Zxz', '-z9', '--build', place, join(into, name)], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
  });
  return name;
}

const macros = {
  _build_id_links: 'none',
  _buildhost: 'localhost',
  _binary_payload: 'w9.xzdio', // rpm of RHEL 8 can't read zstd
  use_source_date_epoch_as_buildtime: '1',
  clamp_mtime_to_source_date_epoch: '1',
  __os_install_post: '%{nil}',
  debug_package: '%{nil}',
};

/** A package for rpm of `tree`, which consists of `components`; returns its name. */
export function makeRpm(tree, place, { arch }, components, into) {
  const files = join(place, 'files');
  addSums(placeBelowUsr(tree, files));
  normalize(files);
  const licences = [...new Set([manifest.license, ...components.map(({ licence }) => licence)])];
  const spec = `Name: ch-run-ts
Version: ${version}
Release: 1
Summary: ${manifest.description}
License: ${licences.join(' AND ')}
AutoReqProv: no
%description
${explanation.join('\n')}
%install
mkdir -p %{buildroot}
cp -a '${files}/.' %{buildroot}/
%files
%defattr(-,root,root)
${filesBelow(files)
  .map((name) => `/${name}`)
  .join('\n')}
`;
  write(join(place, 'ch-run-ts.spec'), spec);
  const top = join(place, 'top');
  const settings = Object.entries({ ...macros, _topdir: top }).flatMap(([name, value]) => [
    '--define',
    `${name} ${value}`,
  ]);
  output('rpmbuild', ['-bb', '--quiet', '--target', arch, ...settings, join(place, 'ch-run-ts.spec')], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
  });
  const [name] = readdirSync(join(top, 'RPMS', arch));
  cpSync(join(top, 'RPMS', arch, name), join(into, name));
  return name;
}

/** The archive that users unpack; returns its name. */
export function makeArchive(place, name, into) {
  archive(join(into, `${name}.tar.xz`), place, name, ['xz', '-9e', '-T1']);
  return `${name}.tar.xz`;
}
