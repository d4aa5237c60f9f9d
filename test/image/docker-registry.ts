/** The real registry, as Debian has it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { writeFiles } from '../helpers/images.js';
import { launcher, start, type User } from '../helpers/support.js';
import type { Place } from './image.js';

/** Why it can't be used here. */
export const noRegistry = existsSync('/usr/bin/docker-registry')
  ? undefined
  : 'docker-registry is not installed';

/** The port that the kernel has chosen for a registry, which says so; what it says later is not kept. */
async function portOf({ stderr }: ChildProcess): Promise<number> {
  let text = '';
  for await (const part of stderr?.iterator({ destroyOnReturn: false }) ?? []) {
    text += part;
    const [, port] = /listening on 127\.0\.0\.1:(\d+)/.exec(text) ?? [];
    if (port === undefined) continue;
    stderr?.resume();
    return Number(port);
  }
  throw new Error(`docker-registry ended: ${text}`);
}

/** Runs Debian's docker-registry until the test ends; returns its port. */
export async function serve(t: Test, directory: string, settings: string): Promise<number> {
  mkdirSync(directory);
  const file = join(directory, 'config.yml');
  writeFileSync(
    file,
    `version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: ${directory}/data}}\n${settings}`,
  );
  const child: ChildProcess = spawn('docker-registry', ['serve', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  t.teardown(async () => {
    child.kill();
    await ended;
  });
  return portOf(child);
}

export function makeCertificate(place: Place): { readonly key: string; readonly certificate: string } {
  const [key, certificate] = [join(place.directory, 'key'), join(place.directory, 'ca.crt')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const name = ['-subj', '/CN=test', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', ['req', ...kind, ...name, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  });
  return { key, certificate };
}

/** What the user has in the home directory. */
export function configure(place: Place, files: Readonly<Record<string, string>>) {
  const home = join(place.directory, 'home');
  writeFiles(
    home,
    Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])),
  );
  return { env: { CH_IMAGE_STORAGE: place.storage, HOME: home } };
}

/** With a name and a password for this registry, and a line for its configuration that wants them. */
export function makePassword(place: Place, user: string, password: string): string {
  const hashed = execFileSync('htpasswd', ['-Bbn', user, password], { encoding: 'utf8' }).trim();
  writeFileSync(join(place.directory, 'htpasswd'), `${hashed}\n`);
  return `auth: {htpasswd: {realm: test, path: ${place.directory}/htpasswd}}\n`;
}

export function runs(t: Test, place: Place, user: User, name: string): void {
  t.equal(start(user, launcher, ['-s', place.storage, name, '--', '/probe', 'report']).status, 0);
}
