/** An image in a registry, by the options: found, described, fetched into storage. */
import { LaunchError } from '../base/errors.js';
import type { Files, LayeredImage } from '../formats/image.js';
import type { Json } from '../formats/json.js';
import { readOciLayout } from '../formats/oci-layout.js';
import type { Host } from '../host/host.js';
import type { Registry } from '../registry/client.js';
import { policiesFor, readKey } from '../registry/policy.js';
import { type Reference, renderReference } from '../registry/reference.js';
import { Refusal } from '../registry/refusals.js';
import { qualify, readRegistries } from '../registry/registries-conf.js';
import {
  type Descriptor,
  nearTags,
  type Platform,
  type RemoteImage,
  resolveImage,
} from '../registry/remote-image.js';
import { verifySignature } from '../registry/signatures.js';
import { checkTrust } from '../registry/trust.js';
import { blobPath, blobsIn, fetchBlobs, missingBlobs, type WantedBlob } from './blobs.js';
import { workOf } from './build.js';
import { filesOfDirectory } from './files.js';
import type { ImageValues } from './options.js';
import { packer } from './packer.js';
import { askRegistry } from './remote.js';
import { TransferLine } from './transfer-line.js';

export interface Found {
  readonly registry: Registry;
  readonly image: RemoteImage;
  /**
   * Gets what storage has not. `onWait`: other processes are at it. `onConfigured`: the configuration is there, and layers are
   * to follow.
   */
  fetch(storage: string, onWait: (count: number) => void, onConfigured?: () => void): void;
}

/** `ARCH[/VARIANT]`, or `OS/ARCH[/VARIANT]`. */
export function platformOf(values: ImageValues, host: Host): Platform {
  const parts = (values.arch ?? host.architecture()).split('/');
  const [os = 'linux', architecture = '', variant] =
    parts.length > 1 && parts[0] === 'linux' ? parts : ['linux', ...parts];
  return { os, architecture, variant };
}

/** What to do about a refusal, if there is more to say than what the refusal itself knows. */
function hintFor(error: Refusal, registry: Registry, reference: Reference): string | undefined {
  const tags = error.status === 404 ? nearTags(registry) : undefined;
  if (tags !== undefined || reference.registry !== undefined) return tags;
  const name = renderReference(reference);
  return [0, 401, 403, 404].includes(error.status)
    ? `'${name}' does not begin with a registry, so it was looked for in ${registry.reference.registry}; others: HOST[:PORT]/${name}`
    : undefined;
}

/** By what the user asked for, not where it was found: a mirror is not more trusted. */
function check(
  asked: Reference,
  registry: Registry,
  { digests }: RemoteImage,
  values: ImageValues,
  host: Host,
): void {
  const reference = qualify(asked, readRegistries(host));
  const given = values['verify-key'];
  const key = given === undefined ? undefined : readKey(given, host);
  const policies = policiesFor(reference, host);
  checkTrust({ registry, reference, digests, policies, key, verify: verifySignature });
}

/**
 * The manifest, from the registry or a mirror. Throws LaunchError: for a tag that is not there, with those that are; for
 * an image that a policy or --verify-key refuses.
 */
export function findRemote(
  reference: Reference,
  values: ImageValues,
  host: Host,
  note: (warning: string) => void,
  trust: 'checked' | 'unchecked' = 'checked',
): Found {
  let line: TransferLine | undefined;
  const onRetry = (warning: string) => {
    line?.clear();
    note(warning);
  };
  const ear = { onRetry, onTick: (all: Parameters<TransferLine['show']>[0]) => line?.show(all) };
  const { registry, result: image } = askRegistry(reference, values, host, ear, (asked) => {
    try {
      return resolveImage(asked, platformOf(values, host));
    } catch (error) {
      const hint = error instanceof Refusal ? hintFor(error, asked, reference) : undefined;
      if (hint === undefined) throw error;
      throw new LaunchError((error as Refusal).message, { hint });
    }
  });
  if (trust === 'checked') check(reference, registry, image, values, host);
  const fetch: Found['fetch'] = (storage, onWait, onConfigured) => {
    for (const directory of [blobsIn(storage), `${storage}/leases`]) packer.makeDirectories(directory);
    const missing = missingBlobs(storage, blobsOf(image));
    if (workOf(values).progress === 'line')
      line = new TransferLine(missing.reduce((sum, { size }) => sum + size, 0));
    packer.save(blobPath(storage, image.manifest.digest), image.manifest.text);
    try {
      const [config, ...layers] = blobsOf(image);
      if (onConfigured && config && missingBlobs(storage, layers).length > 0) {
        fetchBlobs(registry, storage, [config], onWait);
        onConfigured();
      }
      fetchBlobs(registry, storage, blobsOf(image), onWait);
    } finally {
      line?.clear();
    }
  };
  return { registry, image, fetch };
}

export const blobsOf = ({ config, layers }: RemoteImage): readonly WantedBlob[] => [
  { ...config, name: 'the configuration' },
  ...layers.map((layer, at) => ({ ...layer, name: `layer ${at + 1} (sha256:${layer.digest.slice(0, 12)})` })),
];

/**
 * What was fetched into storage, as layers; `manifest`: a descriptor of the image specification. `arriving` are those that may
 * be missing yet.
 */
export function readFetched(
  storage: string,
  manifest: Json,
  architecture: string,
  arriving: readonly Descriptor[] = [],
): LayeredImage {
  const files = filesOfDirectory('the image', storage);
  const made: Readonly<Record<string, string>> = {
    'oci-layout': JSON.stringify({ imageLayoutVersion: '1.0.0' }),
    'index.json': JSON.stringify({ schemaVersion: 2, manifests: [manifest] }),
  };
  const toCome = new Map(
    arriving.map(({ digest, size }) => [
      `blobs/sha256/${digest}`,
      { path: blobPath(storage, digest), offset: 0, size },
    ]),
  );
  const layout: Files = {
    ...files,
    find: (file) => files.find(file) ?? toCome.get(file),
    read: (file) => made[file] ?? files.read(file),
  };
  const image = readOciLayout(layout, undefined, architecture);
  // that of a blob was checked when it came; its diff id is checked each time
  return { ...image, layers: image.layers.map((layer) => ({ ...layer, digest: '' })) };
}

/** The same of an image as the registry has described it. */
export function readPulled(
  storage: string,
  { manifest, layers }: RemoteImage,
  architecture: string,
): LayeredImage {
  const { type, digest, size } = manifest;
  return readFetched(storage, { mediaType: type, digest: `sha256:${digest}`, size }, architecture, layers);
}
