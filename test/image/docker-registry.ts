/** The real registry, as Debian has it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { writeFiles } from '../helpers/images.js';
import { launcher, start, type User } from '../helpers/support.js';
import type { Place } from './image.js';

/** Why it can't be used here. */
export const noRegistry = existsSync('/usr/bin/docker-registry')
  ? undefined
  : 'docker-registry is not installed';

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

async function listens(port: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.end());
    });
    if (up) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

/** Runs Debian's docker-registry until the test ends; returns its port. */
export async function serve(t: Test, directory: string, settings: string): Promise<number> {
  const port = await freePort();
  mkdirSync(directory);
  const file = join(directory, 'config.yml');
  writeFileSync(
    file,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${directory}/data}}\n${settings.replace('PORT', String(port))}`,
  );
  const child: ChildProcess = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  t.teardown(async () => {
    child.kill();
    await ended;
  });
  t.ok(await listens(port), 'the registry is up');
  return port;
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
