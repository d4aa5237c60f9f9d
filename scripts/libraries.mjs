// Which libraries this machine can build with. `squashfs`: decompressors, nothing where gzip, which every SquashFS tool
// writes by default, is missing; `seccomp`: what makes filters of system calls; `libc`: the C library itself. Prints the
// compiler's defines (second argument `defines`) or the linker's words (`libraries`); nothing where that part can't be
// built.
// Static ones are preferred: one file less to open at every start, and nothing to miss on a compute node.
import { spawnSync } from 'node:child_process';

const parts = {
  squashfs: [
    { define: 'SQUASHFS_WITH_DEFLATE', library: 'deflate', header: 'libdeflate.h' },
    { define: 'SQUASHFS_WITH_ZLIB', library: 'z', header: 'zlib.h' },
    { define: 'SQUASHFS_WITH_XZ', library: 'lzma', header: 'lzma.h' },
    { define: 'SQUASHFS_WITH_LZO', library: 'lzo2', header: 'lzo/lzo1x.h' },
    { define: 'SQUASHFS_WITH_LZ4', library: 'lz4', header: 'lz4.h' },
    { define: 'SQUASHFS_WITH_ZSTD', library: 'zstd', header: 'zstd.h' },
  ],
  // its code goes into the addon, a shared object: not every static library can
  seccomp: [
    { define: 'CH_RUN_SECCOMP', library: 'seccomp', header: 'seccomp.h', shared: 'seccomp_version()' },
  ],
  libc: [{ library: 'c', header: 'cstdlib' }],
};

/** The linker's word for a library that can be built with; undefined if it can't. */
function findLibrary({ library, header, shared }) {
  const body = shared ? `const void* use() { return ${shared}; }` : 'int main() {}';
  const source = `#include <cstddef>\n#include <${header}>\n${body}\n`;
  const kind = shared ? ['-fPIC', '-shared'] : [];
  // that of C is in every program; the question is whether the program can be without all shared ones
  const candidates = library === 'c' ? ['-static'] : [`-l:lib${library}.a`, `-l${library}`];
  return candidates.find((word) => {
    const words = [...kind, '-x', 'c++', '-', '-x', 'none', word, '-o', '/dev/null'];
    return spawnSync(process.env.CXX ?? 'g++', words, { input: source }).status === 0;
  });
}

/** Of the libraries that were found, those to build with. */
function choose(part, found) {
  if (part !== 'squashfs') return found;
  const [gzip, second] = found;
  if (gzip?.library !== 'deflate' && gzip?.library !== 'z') return [];
  // one of the two is enough
  return gzip.library === 'deflate' && second?.library === 'z' ? [gzip, ...found.slice(2)] : found;
}

const [part, wanted] = process.argv.slice(2);
const found = parts[part]
  .map((library) => ({ ...library, word: findLibrary(library) }))
  .filter(({ word }) => word !== undefined);
const used = choose(part, found);
if (used.length > 0)
  console.log(used.map(({ define, word }) => (wanted === 'defines' ? define : word)).join(' '));
