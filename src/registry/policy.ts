/** containers-policy.json(5): what must be true of an image from a registry before it is used. */
import { LaunchError } from '../base/errors.js';
import { asArray, asObject, type Json, parseObject, textIn } from '../formats/json.js';
import type { Host } from '../host/host.js';
import { type FullReference, versionOf } from './reference.js';
import type { PublicKey } from './signatures.js';

export type Identity =
  /** The signer calls it as it was asked for; by digest: at least the repository. */
  | { readonly kind: 'reference' }
  | { readonly kind: 'repository' }
  | { readonly kind: 'exactly'; readonly repository: string };

export type Requirement =
  | { readonly kind: 'accept' }
  | { readonly kind: 'reject' }
  | { readonly kind: 'signed'; readonly keys: readonly PublicKey[]; readonly identity: Identity }
  /** One that can't be checked here: nothing fulfils it. */
  | { readonly kind: 'unknown'; readonly name: string };

export interface Policy {
  readonly file: string;
  /** Which part of the file these are: `registry.example/team`, or `default`. */
  readonly scope: string;
  /** All must be fulfilled. */
  readonly requirements: readonly Requirement[];
}

/** The user's file can add to what the site wants, and not take away from it. */
const files = (host: Host): readonly string[] => {
  const home = host.variable('HOME');
  return ['/etc/containers/policy.json', ...(home ? [`${home}/.config/containers/policy.json`] : [])];
};

/** What applies to an image, by each file that there is. Throws LaunchError if one can't be understood. */
export function policiesFor(reference: FullReference, host: Host): readonly Policy[] {
  return files(host).flatMap((file) => {
    const text = host.readFile(file)?.text;
    return text === undefined ? [] : [choose(parseObject(text, file), reference, file, host)];
  });
}

/** From the most specific scope to the least. */
function scopesOf({ registry, repository, tag, digest }: FullReference): readonly string[] {
  const name = `${registry}/${repository}`;
  const version = versionOf({ registry, repository, tag, digest });
  const parts = name.split('/');
  const namespaces = parts.map((_, at) => parts.slice(0, parts.length - at).join('/'));
  const labels = registry.replace(/:\d+$/, '').split('.');
  const domains = labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join('.')}`);
  return [digest === undefined ? `${name}:${version}` : `${name}@${digest}`, ...namespaces, ...domains, ''];
}

function choose(json: Json, reference: FullReference, file: string, host: Host): Policy {
  const transports = asObject(json.transports ?? {}, `transports in ${file}`);
  const scopes = asObject(transports.docker ?? {}, `docker in ${file}`);
  const scope = scopesOf(reference).find((each) => Object.hasOwn(scopes, each));
  const what = scope === undefined ? 'default' : scope || 'docker';
  const found = asArray(scope === undefined ? json.default : scopes[scope], `${what} in ${file}`);
  if (found.length === 0)
    throw new LaunchError(`${file}: ${what} has no requirements, which is neither yes nor no`);
  return {
    file,
    scope: what,
    requirements: found.map((each) => readRequirement(asObject(each, `${what} in ${file}`), file, host)),
  };
}

function readRequirement(json: Json, file: string, host: Host): Requirement {
  const type = textIn(json, 'type') ?? '';
  if (type === 'insecureAcceptAnything') return { kind: 'accept' };
  if (type === 'reject') return { kind: 'reject' };
  if (type !== 'sigstoreSigned') return { kind: 'unknown', name: type };
  const other = [
    'fulcio',
    'pki',
    'rekorPublicKeyPath',
    'rekorPublicKeyData',
    'rekorPublicKeyPaths',
    'rekorPublicKeyDatas',
    'keyDatas',
  ].find((name) => json[name] !== undefined);
  if (other !== undefined) return { kind: 'unknown', name: `${type} with ${other}` };
  const identity = readIdentity(asObject(json.signedIdentity ?? {}, `signedIdentity in ${file}`));
  return identity === undefined
    ? { kind: 'unknown', name: `signedIdentity of another kind` }
    : { kind: 'signed', keys: readKeys(json, file, host), identity };
}

function readIdentity(json: Json): Identity | undefined {
  switch (textIn(json, 'type') ?? 'matchRepoDigestOrExact') {
    case 'matchRepoDigestOrExact':
      return { kind: 'reference' };
    case 'matchRepository':
      return { kind: 'repository' };
    case 'exactRepository':
      return { kind: 'exactly', repository: textIn(json, 'dockerRepository') ?? '' };
    default:
      return undefined;
  }
}

function readKeys(json: Json, file: string, host: Host): readonly PublicKey[] {
  const one = textIn(json, 'keyPath');
  const paths = one === undefined ? asArray(json.keyPaths ?? [], `keyPaths in ${file}`).map(String) : [one];
  if (paths.length === 0) throw new LaunchError(`${file}: sigstoreSigned has no keyPath`);
  return paths.map((path) => readKey(path, host));
}

/** Throws LaunchError if there is none. */
export function readKey(path: string, host: Host): PublicKey {
  const text = host.readFile(host.absolute(path))?.text;
  if (text === undefined) throw new LaunchError(`there is no key ${path}`, { path });
  return { pem: text, name: path };
}
