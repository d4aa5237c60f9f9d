// What the suites need: Debian's packages, and sources of its source packages.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findArchive, unpack } from '../../../scripts/debian-source.mjs';

export function must(command, words, options = {}) {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8', ...options });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${stderr}`);
  return stdout;
}

/** Debian packages, in the words of scripts/setup. */
export function install(packages) {
  must(join(import.meta.dirname, '../../../scripts/setup'), packages);
}

/** The unpacked source, in this directory. */
export function fetchSource(source, directory) {
  const place = join(directory, source.name);
  if (existsSync(place)) return place;
  const archive = findArchive(source, directory);
  if (!archive) throw new Error(`${source.archive} is not available: ${source.variable} can name a copy`);
  unpack(archive, place);
  return place;
}
