// Which libraries this machine can build with. The first argument is a part: `squashfs`, decompressors (none if gzip is
// missing, the default of every SquashFS tool); `pack`, compression in ch-image-ts; `seccomp`, filters of system calls;
// `libc`, the C library itself. The second selects what is printed: the compiler's `defines`, the linker's `libraries`,
// what these are for (`names`), or how programs are linked (`kind`). Nothing is printed if the part can't be built.
// Static libraries are preferred: one file less to open at each start, and nothing that a compute node can lack.
import { spawnSync } from 'node:child_process';

export const parts = {
  squashfs: [
    { define: 'SQUASHFS_WITH_DEFLATE', library: 'deflate', header: 'libdeflate.h', name: 'gzip' },
    { define: 'SQUASHFS_WITH_ZLIB', library: 'z', header: 'zlib.h', name: 'gzip' },
    { define: 'SQUASHFS_WITH_XZ', library: 'lzma', header: 'lzma.h', name: 'xz' },
    // addon/squashfs/reader/lzo.cc: the library is under the GPL
    { name: 'lzo' },
    { define: 'SQUASHFS_WITH_LZ4', library: 'lz4', header: 'lz4.h', name: 'lz4' },
    { define: 'SQUASHFS_WITH_ZSTD', library: 'zstd', header: 'zstd.h', name: 'zstd' },
  ],
  // of ch-image-ts, which is not built if one of the first two is missing
  pack: [
    { define: 'PACK_WITH_GZIP', library: 'z', header: 'zlib.h', name: 'gzip' },
    { define: 'PACK_WITH_ZSTD', library: 'zstd', header: 'zstd.h', name: 'zstd' },
    { define: 'PACK_WITH_XZ', library: 'lzma', header: 'lzma.h', name: 'xz' },
    { define: 'PACK_WITH_BZIP2', library: 'bz2', header: 'bzlib.h', name: 'bzip2' },
  ],
  // it is linked into the addon, a shared object: not every static library can be
  seccomp: [
    {
      define: 'CH_RUN_SECCOMP',
      library: 'seccomp',
      header: 'seccomp.h',
      shared: 'seccomp_version()',
      name: 'seccomp',
    },
  ],
  libc: [{ library: 'c', header: 'cstdlib', name: 'static' }],
};

/** The linker's argument for a library; empty if it needs none, undefined if the library is missing. */
function findLibrary({ library, header, shared }, isStatic) {
  if (!library) return '';
  const body = shared ? `const void* use() { return ${shared}; }` : 'int main() {}';
  const source = `#include <cstddef>\n#include <${header}>\n${body}\n`;
  const kind = shared ? ['-fPIC', '-shared'] : [];
  // every program has the C library: the question is whether it can do without any shared one.
  // What is also linked into the launcher must be static if the launcher is
  const alone = library === 'c' ? '-static' : `-l:lib${library}.a`;
  const candidates = library === 'c' || (shared && isStatic) ? [alone] : [alone, `-l${library}`];
  return candidates.find((word) => links(source, [...kind, '-x', 'c++', '-', '-x', 'none', word]));
}

function links(source, words) {
  return spawnSync(process.env.CXX ?? 'g++', [...words, '-o', '/dev/null'], { input: source }).status === 0;
}

/**
 * Static, if that is possible. A program that reads other people's images must not lie at known addresses, so `pie` is
 * tried first; g++ 12 makes it a dynamic program if told how to link its own libraries, too.
 */
function chooseKind(libraries) {
  const words = [
    '-fPIE',
    '-x',
    'c++',
    '-',
    '-x',
    'none',
    ...libraries.map(({ word }) => word).filter(Boolean),
  ];
  const isStatic = ['-static-pie', '-static'].find((kind) => links('int main() {}', [...words, kind]));
  return isStatic ? [isStatic] : ['-static-libstdc++', '-static-libgcc'];
}

/** Of the libraries that were found, those to build with. */
function choose(part, found) {
  // it reads and writes both
  if (part === 'pack') return found[0]?.library === 'z' && found[1]?.library === 'zstd' ? found : [];
  if (part !== 'squashfs') return found;
  const [gzip, second] = found;
  if (gzip?.library !== 'deflate' && gzip?.library !== 'z') return [];
  // one of the two is enough
  return gzip.library === 'deflate' && second?.library === 'z' ? [gzip, ...found.slice(2)] : found;
}

/** The libraries of a part to build with, as above, each with the linker's argument for it. */
function findLibraries(part) {
  const isStatic = findLibrary(parts.libc[0]) !== undefined;
  const found = parts[part]
    .map((library) => ({ ...library, word: findLibrary(library, isStatic) }))
    .filter(({ word }) => word !== undefined);
  return choose(part, found);
}

/** What can't be built here, and which library it needs. */
export function findMissing() {
  return Object.entries(parts).flatMap(([part, libraries]) => {
    const found = findLibraries(part).map(({ name }) => name);
    const missing = libraries.filter(({ name }) => !found.includes(name));
    return missing.map(({ name, library, header }) => ({ part, name, needs: `lib${library} (${header})` }));
  });
}

const [part, wanted] = process.argv.slice(2);
if (import.meta.filename === process.argv[1]) {
  const key = { defines: 'define', libraries: 'word', names: 'name' }[wanted];
  const libraries = findLibraries(part);
  const words = key ? libraries.map((library) => library[key]).filter(Boolean) : chooseKind(libraries);
  if (words.length > 0) console.log(words.join(' '));
}
