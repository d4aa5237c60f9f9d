// Sources of libraries, pinned by checksum: Debian's, downloaded from the mirror that apt-get uses on this machine.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {object} Source
 * @property {string} name of Debian's source package
 * @property {string} archive file name of the original source
 * @property {string} checksum SHA-256
 * @property {string} variable names the archive if there is no mirror
 */

const isGenuine = (file, { checksum }) =>
  existsSync(file) && createHash('sha256').update(readFileSync(file)).digest('hex') === checksum;

/** Downloads with apt's own helper, which knows the proxies. */
function fetch(file, { name, archive, checksum }, directory) {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8' });
  const mirror = stdout
    ?.split('\n')
    .find((uri) => /\/debian\/?$/.test(uri))
    ?.replace(/\/$/, '');
  if (!mirror) return;
  const uri = `${mirror}/pool/main/${name[0]}/${name}/${encodeURIComponent(archive)}`;
  spawnSync('/usr/lib/apt/apt-helper', ['download-file', uri, file, `SHA256:${checksum}`], {
    cwd: directory,
  });
}

/** The archive, in this directory; undefined if it can't be downloaded. Throws if the variable names another file. */
export function findArchive(source, directory) {
  const file = join(directory, source.archive);
  const given = process.env[source.variable];
  mkdirSync(directory, { recursive: true });
  if (given) {
    if (!isGenuine(given, source))
      throw new Error(`${given} is not the ${source.archive} that this version is built with`);
    cpSync(given, file);
  }
  if (!isGenuine(file, source)) fetch(file, source, directory);
  return isGenuine(file, source) ? file : undefined;
}

/** Unpacks an archive into an empty directory. */
export function unpack(archive, directory) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const { status } = spawnSync('tar', ['-xf', archive, '--strip-components=1', '-C', directory], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`${archive} can't be unpacked`);
}
