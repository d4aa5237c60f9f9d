// The components of the programs and their licences: for THIRD-PARTY, and for the bill of materials (SPDX 2.3).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { parts } from '../libraries.mjs';
import { programs } from '../programs.mjs';
import { epoch, manifest, output, root, sha256, version } from './base.mjs';

/** Linked statically: the Debian package that has each, and for another machine the one that its compiler needs. */
const linked = [
  { name: 'glibc', package: 'libc6-dev', cross: 'libc6-dev-DEB-cross', licence: 'LGPL-2.1-or-later' },
  {
    name: 'libstdc++ and libgcc',
    package: 'libstdc++-12-dev',
    cross: 'libstdc++-12-dev-DEB-cross',
    licence: 'GPL-3.0-or-later WITH GCC-exception-3.1',
  },
  { name: 'libseccomp', library: 'seccomp', package: 'libseccomp-dev', licence: 'LGPL-2.1-only' },
  { name: 'libdeflate', library: 'deflate', package: 'libdeflate-dev', licence: 'MIT' },
  { name: 'liblzma', library: 'lzma', package: 'liblzma-dev', licence: 'LicenseRef-public-domain' },
  { name: 'lz4', library: 'lz4', package: 'liblz4-dev', licence: 'BSD-2-Clause' },
  { name: 'zstd', library: 'zstd', package: 'libzstd-dev', licence: 'BSD-3-Clause' },
  { name: 'zlib', library: 'z', package: 'zlib1g-dev', licence: 'Zlib' },
  { name: 'bzip2', library: 'bz2', package: 'libbz2-dev', licence: 'bzip2-1.0.6' },
  { name: 'OpenSSL', library: 'ssl', package: 'libssl-dev', licence: 'Apache-2.0' },
  { name: 'nghttp2', library: 'nghttp2', package: 'libnghttp2-dev', licence: 'MIT' },
  { name: 'c-ares', library: 'cares', package: 'libc-ares-dev', licence: 'MIT' },
];

/** The Debian packages with the libraries that scripts/libraries.mjs names. */
export function libraryPackages() {
  const wanted = Object.values(parts).flatMap((rows) => rows.flatMap(({ library }) => library ?? []));
  const unknown = wanted.find((library) => library !== 'c' && !linked.some((row) => row.library === library));
  if (unknown) throw new Error(`scripts/package/licences.mjs has no row for lib${unknown}`);
  return linked.filter(({ library }) => library).map((row) => row.package);
}

/** The version of a Debian package, unpacked for another machine or installed, and its copyright file. */
function debianPackage({ package: name, cross }, foreign) {
  const installed = foreign && cross ? cross.replace('DEB', foreign.deb) : name;
  const text = readFileSync(join('/usr/share/doc', installed, 'copyright'), 'utf8');
  if (!foreign || cross)
    return { version: output('dpkg-query', ['-W', installed]).trim().split('\t')[1], text };
  const deb = readdirSync(foreign.debs).find((file) => file.startsWith(`${name}_`));
  return { version: output('dpkg-deb', ['-f', join(foreign.debs, deb), 'Version']).trim(), text };
}

function quickjs() {
  return {
    name: 'QuickJS',
    version: output(process.execPath, [join(root, 'scripts/quickjs.mjs'), 'version']).trim(),
    licence: 'MIT',
    text: readFileSync(join(root, 'build/quickjs/source/LICENSE'), 'utf8'),
  };
}

function curl() {
  return {
    name: 'curl',
    version: output(process.execPath, [join(root, 'scripts/curl.mjs'), 'version']).trim(),
    licence: 'curl',
    text: readFileSync(join(root, 'build/curl/source/COPYING'), 'utf8'),
  };
}

/** The npm packages whose files are in the bundles of the programs. */
export function bundledPackages() {
  const paths = programs.flatMap(({ name, parts }) => {
    const lines = readFileSync(join(root, `dist/${name}-lines.bundle.js`), 'utf8');
    return [...runInNewContext(lines)().files, ...parts.map((part) => `node_modules/${part}/`)];
  });
  // of a package within another the last one; node-addon-api is headers, in the addon
  const found = paths.flatMap(
    (path) => path.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/)?.[0] ?? [],
  );
  return [...new Set([...found, 'node_modules/node-addon-api'])].sort().map((path) => {
    const folder = join(root, path),
      name = path.replace(/^.*node_modules\//, '');
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    return {
      name,
      version,
      licence: license,
      text: file ? readFileSync(join(folder, file), 'utf8') : `${license}\n`,
      isNpm: true,
    };
  });
}

/** All third-party code in the programs for a machine. */
export const componentsOf = (foreign) => [
  quickjs(),
  curl(),
  ...linked.map((each) => ({ ...each, ...debianPackage(each, foreign) })),
  ...bundledPackages(),
];

const introduction = `ch-run-ts is under the Apache License 2.0 (LICENSE). It contains what is listed here.
`;

const lesser =
  () => `glibc and libseccomp are under the GNU Lesser General Public License 2.1. Their sources are those of the
Debian packages of these versions; to link the programs with others, build ch-run-ts from its source (npm run build).

${readFileSync('/usr/share/common-licenses/LGPL-2.1', 'utf8')}`;

/** The text of THIRD-PARTY. */
export function renderLicences(components) {
  const parts = components.map(
    ({ name, version, licence, text }) => `${name} ${version}: ${licence}\n\n${text.trim()}\n`,
  );
  if (components.some(({ licence }) => licence.startsWith('LGPL'))) parts.push(lesser());
  return [introduction, ...parts].join(`\n${'='.repeat(79)}\n`);
}

const identifier = (name) => `SPDXRef-${name.replace(/[^A-Za-z0-9.]+/g, '-').replace(/^-/, '')}`;

function describe({ name, version, licence, isNpm }) {
  return {
    name,
    SPDXID: identifier(name),
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: licence,
    licenseDeclared: licence,
    copyrightText: 'NOASSERTION',
    ...(isNpm && {
      externalRefs: [
        {
          referenceCategory: 'PACKAGE-MANAGER',
          referenceType: 'purl',
          referenceLocator: `pkg:npm/${name.replace('@', '%40')}@${version}`,
        },
      ],
    }),
  };
}

/** The bill of materials of the tree `name`, as JSON. */
export function renderBill(name, components) {
  const packages = [{ name: manifest.name, version, licence: manifest.license }, ...components].map(describe);
  const [own, ...others] = packages;
  const bill = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `https://spdx.org/spdxdocs/${name}-${sha256(JSON.stringify(packages)).slice(0, 32)}`,
    creationInfo: {
      created: new Date(epoch * 1000).toISOString().replace('.000Z', 'Z'),
      creators: ['Tool: ch-run-ts scripts/package'],
    },
    packages,
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: own.SPDXID },
      ...others.map(({ SPDXID }) => ({
        spdxElementId: own.SPDXID,
        relationshipType: 'CONTAINS',
        relatedSpdxElement: SPDXID,
      })),
    ],
    hasExtractedLicensingInfos: [
      {
        licenseId: 'LicenseRef-public-domain',
        extractedText: 'liblzma is in the public domain: see its part of THIRD-PARTY.',
      },
    ],
  };
  return `${JSON.stringify(bill, undefined, 2)}\n`;
}
