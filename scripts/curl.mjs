// Builds libcurl, the HTTP client of ch-image-ts, statically with the OpenSSL, nghttp2, c-ares and zlib of this machine,
// in build/curl/. Prints, by its argument, the `libraries` for the linker or the folder of its `headers`. If it can't
// be built, prints nothing and says why: ch-image-ts is then built without pull.
//
// The source is Debian's (suite trixie); CH_RUN_CURL_SOURCE can name the archive.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { findArchive, unpack } from './debian-source.mjs';

const version = '8.14.1';
const origin = {
  name: 'curl',
  archive: `curl_${version}.orig.tar.gz`,
  checksum: '6766ada7101d292b42b8b15681120acd68effa4a9660935853cf6d61f0d984d4',
  variable: 'CH_RUN_CURL_SOURCE',
};
const needed = {
  ssl: 'openssl/ssl.h',
  crypto: 'openssl/sha.h',
  nghttp2: 'nghttp2/nghttp2.h',
  cares: 'ares.h',
  z: 'zlib.h',
};

// HTTP and HTTPS only. Names are resolved without the host's C library, whose modules a static program can't load. No
// path of certificates is built in: it differs between distributions (src/registry/certificates.ts).
const options = [
  '--disable-shared --enable-static --disable-symbol-hiding',
  '--with-openssl --with-nghttp2 --with-zlib --enable-ares --without-ca-bundle --without-ca-path',
  '--without-libpsl --without-libidn2 --without-libssh2 --without-librtmp --without-brotli --without-zstd --without-libgsasl',
  '--disable-ftp --disable-file --disable-ipfs --disable-ldap --disable-ldaps --disable-rtsp --disable-dict --disable-telnet',
  '--disable-tftp --disable-pop3 --disable-imap --disable-smb --disable-smtp --disable-gopher --disable-mqtt',
  '--disable-websockets --disable-unix-sockets --disable-alt-svc --disable-hsts --disable-doh --disable-netrc --disable-cookies',
  '--disable-ntlm --disable-kerberos-auth --disable-negotiate-auth --disable-aws --disable-manual --disable-docs',
  '--disable-threaded-resolver --disable-libcurl-option',
]
  .join(' ')
  .split(' ');

const directory = join(import.meta.dirname, '../build/curl');
const source = join(directory, 'source');
const compiler = process.env.CC ?? 'gcc';
const library = join(directory, 'libcurl.a');

/** The first library that this machine lacks. */
function findMissing() {
  return Object.entries(needed).find(([name, header]) => {
    const words = ['-x', 'c', '-', '-x', 'none', `-l:lib${name}.a`, '-l:libcrypto.a', '-ldl', '-lpthread'];
    const text = `#include <stddef.h>\n#include <${header}>\nint main(void) { return 0; }\n`;
    return spawnSync(compiler, [...words, '-o', '/dev/null'], { input: text }).status !== 0;
  });
}

function build() {
  const stamp = join(directory, 'built-by');
  const built = `${version} ${compiler} 1`;
  if (existsSync(library) && existsSync(stamp) && readFileSync(stamp, 'utf8') === built) return;
  unpack(join(directory, origin.archive), source);
  const log = join(directory, 'log');
  const run = (program, ...words) => {
    const { status, stdout, stderr } = spawnSync(program, words, {
      cwd: source,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      env: { ...process.env, CFLAGS: '-O2 -fPIC -w' },
    });
    writeFileSync(log, stdout + stderr, { flag: 'a' });
    if (status !== 0) throw new Error(`${program} failed: see ${log}`);
  };
  rmSync(log, { force: true });
  const machineOf = (name) => spawnSync(name, ['-dumpmachine'], { encoding: 'utf8' }).stdout?.trim();
  const foreign = machineOf(compiler) === machineOf('gcc') ? [] : [`--host=${machineOf(compiler)}`];
  run('./configure', '--quiet', ...foreign, ...options);
  run('make', '--silent', '-C', 'lib', `-j${availableParallelism()}`);
  renameSync(join(source, 'lib/.libs/libcurl.a'), library);
  writeFileSync(stamp, built);
}

/** Where the headers are, and what the linker needs; undefined if it can't be built: the reason is printed. */
export function findCurl() {
  try {
    const missing = findMissing();
    mkdirSync(directory, { recursive: true });
    if (missing) throw new Error(`lib${missing[0]} (${missing[1]}) is missing`);
    if (!findArchive(origin, directory))
      throw new Error(
        `the source of curl, ${origin.archive}, is not available (${origin.variable} can name it)`,
      );
    build();
    return {
      version,
      headers: join(source, 'include'),
      libraries: [library, ...Object.keys(needed).map((name) => `-l:lib${name}.a`), '-ldl', '-lpthread'].join(
        ' ',
      ),
    };
  } catch (error) {
    console.error(`ch-run-ts: ch-image-ts without pull: ${error.message}`);
    return undefined;
  }
}

if (import.meta.filename === process.argv[1]) console.log(findCurl()?.[process.argv[2] ?? 'libraries'] ?? '');
