/** `ch-image-ts login REGISTRY`, `ch-image-ts logout REGISTRY` */
import { LaunchError, usageError } from '../base/errors.js';
import { visible } from '../base/visible.js';
import type { Host } from '../host/host.js';
import type { Registry } from '../registry/client.js';
import { authFiles, findCredentials, newAuthFile } from '../registry/credentials.js';
import { hasCredentials, withCredentials, withoutCredentials } from '../registry/keep-credentials.js';
import { complete, parseReference } from '../registry/reference.js';
import { Refusal } from '../registry/refusals.js';
import { endpointsOf, readRegistries } from '../registry/registries-conf.js';
import type { ImageValues } from './options.js';
import { packer } from './packer.js';
import { openRegistry } from './remote.js';
import { say, type Verb, withWarnings } from './verb.js';

/** As it is called in files of credentials. */
function checkRegistry(text: string): string {
  const name = text.replace(/^https?:\/\//, '').replace(/\/+$/, '');
  const { registry } = parseReference(`${name}/x`);
  if (registry === undefined || registry !== name)
    throw usageError(`'${text}' is no registry, as docker.io and localhost:5000 are`);
  return complete({ registry, repository: 'x', tag: undefined, digest: undefined }, registry).registry;
}

function askFor(values: ImageValues): { readonly user: string; readonly password: string } {
  const user = values.username ?? packer.askUser('user name: ', 'echo');
  if (user === '' || user.includes(':')) throw usageError(`'${user}' can't be the name of a user`);
  const password = values['password-stdin'] ? packer.readInput() : packer.askUser('password: ', 'hidden');
  if (password === '') throw usageError('the password is empty');
  return { user, password };
}

/** Whether the registry has asked for them. Throws LaunchError if it does not take them. */
function check(registry: Registry, user: string): boolean {
  const { registry: name } = registry.reference;
  try {
    registry.ask({ path: '/', what: 'an answer', limit: 1 << 20 });
  } catch (error) {
    if (!(error instanceof Refusal) || ![401, 403].includes(error.status)) throw error;
    throw new LaunchError(`${name} refuses ${visible(user)} with this password; nothing was saved`, {
      hint: 'many registries want a token, made on their web pages, in place of the password',
    });
  }
  return registry.hasAsked;
}

/** Where podman and we look for it first: that which has this registry already, so that no old entry hides the new one. */
function fileFor(registry: string, given: string | undefined, host: Host): string {
  const files = authFiles(given, host).filter(
    (file) => !file.endsWith('/config.json') || given !== undefined,
  );
  return files.find((file) => hasCredentials(file, registry, host)) ?? newAuthFile(given, host);
}

export const logIn: Verb = ([text = ''], values, host) =>
  withWarnings(values, (note) => {
    const name = checkRegistry(text);
    const file = fileFor(name, values.authfile, host);
    const credentials = askFor(values);
    const place = { registry: name, repository: '', tag: undefined, digest: undefined };
    const insecure = endpointsOf({ ...place, repository: 'x' }, readRegistries(host)).at(-1)?.insecure;
    const registry = openRegistry(place, values, host, {
      onRetry: note,
      credentials: () => ({ kind: 'password', ...credentials }),
      insecure: insecure === true,
    });
    if (!check(registry, credentials.user))
      note(`${name} lets everybody ask: whether name and password are right is not known`);
    packer.saveSecret(file, withCredentials(file, name, credentials, host));
    say(`${name}: logged in as ${visible(credentials.user)}, kept in ${file}`, values);
  });

export const logOut: Verb = ([text = ''], values, host) => {
  const name = checkRegistry(text);
  const files = authFiles(values.authfile, host);
  const ours = files.filter((file) => hasCredentials(file, name, host));
  for (const file of ours) packer.saveSecret(file, withoutCredentials(file, name, host));
  if (ours.length === 0 && findCredentials(name, '', files, host) === undefined)
    throw new LaunchError(`there are no credentials for ${name}`, {
      hint: `looked for in ${files.join(', ')}`,
    });
  if (findCredentials(name, '', files, host) !== undefined)
    throw new LaunchError(`a credential helper still has credentials for ${name}`, {
      hint: `'docker logout ${name}' makes it forget them`,
    });
  say(`${name}: logged out`, values);
};
