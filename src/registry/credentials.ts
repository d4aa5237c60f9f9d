/** Who we are at a registry: what docker, podman and their credential helpers have kept. */
import { decodeBase64 } from '../base/base64.js';
import { LaunchError } from '../base/errors.js';
import { asObject, type Json, parseObject, textIn } from '../formats/json.js';
import type { Host } from '../host/host.js';
import { native } from '../host/native.js';

export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  /** A refresh token (OAuth 2), which gets others. */
  | { readonly kind: 'token'; readonly token: string };

const helperTime = 30_000; // ms
/** What a helper says for "I know none", in all languages that helpers are written in. */
const unknown = /credentials not found|no credentials/i;

/** The files that may have credentials, in order; `given` alone, if it is. */
export function authFiles(given: string | undefined, host: Host): readonly string[] {
  if (given !== undefined) return [host.absolute(given)];
  const named = host.variable('REGISTRY_AUTH_FILE');
  if (named) return [host.absolute(named)];
  const home = host.variable('HOME');
  const below = (directory: string | undefined, file: string) => (directory ? [`${directory}/${file}`] : []);
  const config = host.variable('XDG_CONFIG_HOME') || (home ? `${home}/.config` : undefined);
  return [
    ...below(host.variable('XDG_RUNTIME_DIR'), 'containers/auth.json'),
    ...below(config, 'containers/auth.json'),
    ...below(host.variable('DOCKER_CONFIG') || (home ? `${home}/.docker` : undefined), 'config.json'),
  ];
}

/** Those for a repository of a registry; undefined if there are none. Throws LaunchError if a file or a helper is broken. */
export function findCredentials(
  registry: string,
  repository: string,
  files: readonly string[],
  host: Host,
): Credentials | undefined {
  for (const file of files) {
    const text = host.readFile(file)?.text;
    if (text === undefined) continue;
    const found = findIn(parseObject(text, file), file, registry, repository);
    if (found) return found;
  }
  return undefined;
}

/** Where `login` puts credentials: on all nodes that have the home directory, so not in $XDG_RUNTIME_DIR, which one has. */
export function newAuthFile(given: string | undefined, host: Host): string {
  const files = authFiles(given, host);
  const runtime = host.variable('XDG_RUNTIME_DIR');
  const first = files.find((file) => !runtime || !file.startsWith(`${runtime}/`)) ?? files[0];
  if (first === undefined)
    throw new LaunchError('there is no file for credentials: HOME is not set', {
      hint: '--authfile names one',
    });
  return first;
}

/** The names that a registry has in these files, and with its repository before these. */
export function keysOf(registry: string, repository = ''): readonly string[] {
  const parts = repository === '' ? [] : repository.split('/');
  const paths = parts.map((_, at) => `${registry}/${parts.slice(0, parts.length - at).join('/')}`);
  const hub = ['https://index.docker.io/v1/', 'index.docker.io', 'registry-1.docker.io'];
  const plain = [
    registry,
    `https://${registry}`,
    `http://${registry}`,
    `https://${registry}/v1/`,
    `https://${registry}/v2/`,
  ];
  return [...paths, ...plain, ...(registry === 'docker.io' ? hub : [])];
}

function findIn(config: Json, file: string, registry: string, repository: string): Credentials | undefined {
  const keys = keysOf(registry, repository);
  const object = (name: string) => asObject(config[name] ?? {}, `${name} in ${file}`);
  const helpers = object('credHelpers');
  const helped = keys.find((key) => Object.hasOwn(helpers, key));
  if (helped !== undefined) return askHelper(textIn(helpers, helped) ?? '', helped, file);
  const entries = object('auths');
  const key = keys.find((each) => Object.hasOwn(entries, each));
  const own =
    key === undefined ? undefined : readEntry(asObject(entries[key], `${key} in ${file}`), key, file);
  if (own) return own;
  // what a store has is listed in `auths`, with nothing in it, if docker put it there
  const store = textIn(config, 'credsStore');
  return store
    ? askHelper(store, key ?? (registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry), file)
    : undefined;
}

function readEntry(entry: Json, key: string, file: string): Credentials | undefined {
  const token = textIn(entry, 'identitytoken');
  if (token) return { kind: 'token', token };
  const encoded = textIn(entry, 'auth');
  const pair = encoded
    ? decodeBase64(encoded)
    : `${textIn(entry, 'username') ?? ''}:${textIn(entry, 'password') ?? ''}`;
  const colon = pair?.indexOf(':') ?? -1;
  if (pair === undefined || colon < 0)
    throw new LaunchError(`${key} in ${file} has an auth that is not USER:PASSWORD in base64`);
  return colon === 0
    ? undefined
    : { kind: 'password', user: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

/** The protocol of docker-credential-helpers: `get`, the registry on standard input, JSON on standard output. */
function askHelper(name: string, registry: string, file: string): Credentials | undefined {
  if (!/^[\w.-]+$/.test(name))
    throw new LaunchError(`${file} names the credential helper '${name}', which can't be a program`);
  const program = `docker-credential-${name}`;
  const script = 'printf %s "$2" | "$1" get';
  const { status, output, errors } = native.run(
    '/bin/sh',
    ['-c', script, 'sh', program, registry],
    helperTime,
  );
  if (status !== 0) {
    if (unknown.test(output + errors)) return undefined;
    throw new LaunchError(
      `the credential helper ${program}, which ${file} names, failed: ${(errors || output).trim() || `status ${status}`}`,
    );
  }
  const answer = parseObject(output, `the answer of ${program}`);
  const [user, password] = [textIn(answer, 'Username') ?? '', textIn(answer, 'Secret') ?? ''];
  return user === '<token>' ? { kind: 'token', token: password } : { kind: 'password', user, password };
}
