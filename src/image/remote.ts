/** Registries, as the options and the configuration of this machine have them. */
import { LaunchError } from '../base/errors.js';
import type { Host } from '../host/host.js';
import { trustFor } from '../registry/certificates.js';
import { Registry, type RegistryOptions } from '../registry/client.js';
import { authFiles, findCredentials } from '../registry/credentials.js';
import { network } from '../registry/network.js';
import type { FullReference, Reference } from '../registry/reference.js';
import { endpointsOf, qualify, readRegistries } from '../registry/registries-conf.js';
import type { ImageValues } from './options.js';

type Ear = Pick<RegistryOptions, 'onTick' | 'onRetry'>;

/** One place, as configuration and options say it is to be talked to. */
export function openRegistry(
  place: FullReference,
  values: ImageValues,
  host: Host,
  more: Partial<RegistryOptions>,
): Registry {
  const files = authFiles(values.authfile, host);
  return new Registry(place, {
    network,
    host,
    credentials: () => findCredentials(place.registry, place.repository, files, host),
    trust: trustFor(place.registry, host),
    ...more,
    insecure: more.insecure === true || values['tls-no-verify'] === true,
  });
}

/** Where an image is put: the registry itself, never a mirror. */
export function openForPush(reference: Reference, values: ImageValues, host: Host, ear: Ear): Registry {
  const registries = readRegistries(host);
  const place = endpointsOf(qualify(reference, registries), registries).find(({ isMirror }) => !isMirror);
  if (place === undefined) throw new LaunchError('there is no place to ask');
  const { insecure } = place;
  return openRegistry(place.reference, values, host, { ...ear, insecure, action: 'pull,push' });
}

/** What is asked of the first place that answers: mirrors first. `onRetry` is told why one was passed over. */
export function askRegistry<Result>(
  reference: Reference,
  values: ImageValues,
  host: Host,
  ear: Ear,
  ask: (registry: Registry) => Result,
): { readonly registry: Registry; readonly result: Result } {
  const registries = readRegistries(host);
  const endpoints = endpointsOf(qualify(reference, registries), registries);
  for (const { reference: place, insecure, isMirror } of endpoints) {
    const registry = openRegistry(place, values, host, { ...ear, insecure });
    try {
      return { registry, result: ask(registry) };
    } catch (error) {
      if (!isMirror || !(error instanceof LaunchError)) throw error;
      ear.onRetry?.(`${error.message}; trying the next place`);
    }
  }
  throw new LaunchError('there is no place to ask');
}
