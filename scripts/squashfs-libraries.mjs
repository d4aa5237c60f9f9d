// Which decompressors this machine can build with: prints the compiler's defines (argument `defines`) or the linker's
// words (`libraries`). Prints nothing where gzip, which every SquashFS tool writes by default, is missing.
// Static ones are preferred: one file less to open at every start, and nothing to miss on a compute node.
import { spawnSync } from 'node:child_process';

const decompressors = [
  { define: 'SQUASHFS_WITH_DEFLATE', library: 'deflate', header: 'libdeflate.h' },
  { define: 'SQUASHFS_WITH_ZLIB', library: 'z', header: 'zlib.h' },
  { define: 'SQUASHFS_WITH_XZ', library: 'lzma', header: 'lzma.h' },
  { define: 'SQUASHFS_WITH_LZO', library: 'lzo2', header: 'lzo/lzo1x.h' },
  { define: 'SQUASHFS_WITH_LZ4', library: 'lz4', header: 'lz4.h' },
  { define: 'SQUASHFS_WITH_ZSTD', library: 'zstd', header: 'zstd.h' },
];

/** The linker's word for a library that programs can be built with; undefined if they can't. */
function findLibrary({ library, header }) {
  const source = `#include <cstddef>\n#include <${header}>\nint main() {}\n`;
  return [`-l:lib${library}.a`, `-l${library}`].find((word) => {
    const words = ['-x', 'c++', '-', '-x', 'none', word, '-o', '/dev/null'];
    return spawnSync(process.env.CXX ?? 'g++', words, { input: source }).status === 0;
  });
}

const found = decompressors
  .map((decompressor) => ({ ...decompressor, word: findLibrary(decompressor) }))
  .filter(({ word }) => word !== undefined);
const [gzip, second] = found;
if (gzip?.library === 'deflate' || gzip?.library === 'z') {
  // one of the two is enough
  const used = gzip.library === 'deflate' && second?.library === 'z' ? [gzip, ...found.slice(2)] : found;
  console.log(used.map(({ define, word }) => (process.argv[2] === 'defines' ? define : word)).join(' '));
}
