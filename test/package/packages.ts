/** What users install, made once for all tests of the checkout as it is built. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import {
  checkout,
  launcher,
  noSquashfs,
  ordinaryUser,
  scratch,
  start,
  type User,
} from '../helpers/support.js';

export const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
export const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const treeOf = (target: string) => `ch-run-ts-${version}-linux-${target}`;
export const treeName = treeOf(arch);

const isBuiltIn = /^engine: QuickJS/m.test(start(ordinaryUser, launcher, ['--version']).stdout);

/** Why no packages can be made here; undefined if they can. */
export function findObstacle(): string | undefined {
  if (noSquashfs) return noSquashfs;
  if (!isBuiltIn) return 'built without QuickJS';
  return spawnSync('rpmbuild', ['--version']).error ? 'rpmbuild is not installed' : undefined;
}

/** Makes the packages of this machine, or of another. */
export function makePackages(into: string, target = arch): void {
  const words = [join(checkout, 'scripts/package/main.mjs'), `--arch=${target}`, `--into=${into}`];
  execFileSync(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** The folder with the packages of this machine, or of another: made again if something of them is newer. */
export function findPackages(target = arch): string {
  const place = join(checkout, target === arch ? 'build/packages' : `build/packages-${target}`);
  mkdirSync(place, { recursive: true });
  const script = `[ -e "$0/SHA256SUMS" ] && [ -z "$(find *.md addon bin dist docs examples man profiles scripts -newer "$0/SHA256SUMS")" ] ||
    "$1" scripts/package/main.mjs --arch=${target} --into="$0"`;
  execFileSync('flock', [`${place}.lock`, 'sh', '-c', script, place, process.execPath], {
    cwd: checkout,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return place;
}

/** Unpacks the tree as a user does; returns it. */
export function unpackTree(t: Test, user: User = ordinaryUser, target = arch): string {
  const place = scratch(t, user);
  execFileSync('tar', ['-xf', join(findPackages(target), `${treeOf(target)}.tar.xz`), '-C', place]);
  return join(place, treeOf(target));
}

/** The programs of a tree. */
export const programsOf = (tree: string): readonly string[] =>
  ['bin', 'libexec/ch-run-ts'].flatMap((folder) =>
    readdirSync(join(tree, folder)).map((name) => join(tree, folder, name)),
  );
