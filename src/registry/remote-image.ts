/** What a registry has under a reference: the manifest for this machine, and what it names. */
import { toBytes } from '../base/bytes.js';
import { LaunchError } from '../base/errors.js';
import { byNearness } from '../base/nearest.js';
import { visible } from '../base/visible.js';
import { hexOf } from '../formats/image.js';
import { asArray, asObject, asText, type Json, parseObject, textIn } from '../formats/json.js';
import type { Registry } from './client.js';
import { renderReference, versionOf } from './reference.js';

/** A descriptor of the image specification. */
export interface Descriptor {
  readonly type: string;
  /** SHA-256, in hexadecimal digits. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

export interface RemoteImage {
  readonly manifest: Descriptor & { readonly text: string };
  /** SHA-256 of the manifest, and of the indexes that led to it. */
  readonly digests: readonly string[];
  readonly config: Descriptor;
  /** From the bottom to the top. */
  readonly layers: readonly Descriptor[];
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** As in `v8`; undefined for any. */
  readonly variant: string | undefined;
}

/** As the specification has it, and what registries enforce. */
const largestManifest = 4 << 20;
const deepestIndex = 8;

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const accept = [...manifestTypes, ...indexTypes].join(', ');

interface Manifest {
  readonly type: string;
  readonly text: string;
  readonly json: Json;
  readonly digest: string;
}

function fetchManifest(registry: Registry, version: string): Manifest {
  const name = renderReference(registry.reference);
  const answer = registry.ask({
    path: `manifests/${version}`,
    what: name,
    limit: largestManifest,
    headers: { Accept: accept },
  });
  if (version.startsWith('sha256:') && answer.digest !== hexOf(version, name))
    throw new LaunchError(
      `${name} has the digest sha256:${answer.digest}, and not that by which it was asked for`,
    );
  const json = parseObject(answer.body, `the manifest of ${name}`);
  // a registry may say less in the header than the manifest itself does
  const type = (textIn(json, 'mediaType') ?? answer.header('content-type') ?? '').replace(/\s*;.*/, '');
  return { type, text: answer.body, json, digest: answer.digest };
}

export function toDescriptor(value: unknown, what: string): Descriptor {
  const json = asObject(value, what);
  const size = json.size;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw new LaunchError(`${what} has no size`);
  return {
    type: textIn(json, 'mediaType') ?? '',
    digest: hexOf(asText(json.digest, `digest of ${what}`), what),
    size,
  };
}

/** The machines in an index, for messages. */
const show = ({ os, architecture, variant }: Partial<Platform>) =>
  `${os ?? '?'}/${architecture ?? '?'}${variant ? `/${variant}` : ''}`;

function platformOf(entry: Json): Partial<Platform> {
  const json = asObject(entry.platform ?? {}, 'platform');
  const [os, architecture, variant] = ['os', 'architecture', 'variant'].map((key) => textIn(json, key));
  return { ...(os ? { os } : {}), ...(architecture ? { architecture } : {}), variant };
}

/** arm64 has one variant, which many leave out. */
const plainVariant = ({ architecture, variant }: Partial<Platform>) =>
  architecture === 'arm64' && variant === 'v8' ? '' : (variant ?? '');

function fits(found: Partial<Platform>, wanted: Platform): boolean {
  if (found.os !== wanted.os || found.architecture !== wanted.architecture) return false;
  return wanted.variant === undefined || plainVariant(found) === plainVariant(wanted);
}

/** The digest of the manifest for `wanted`. */
function choose({ json }: Manifest, wanted: Platform, name: string): string {
  const entries = asArray(json.manifests, `manifests of ${name}`).map((each) =>
    asObject(each, `a manifest of ${name}`),
  );
  const found =
    entries.find((entry) => fits(platformOf(entry), wanted)) ??
    (entries.length === 1 && entries[0]?.platform === undefined ? entries[0] : undefined);
  if (found) return asText(found.digest, `digest of a manifest of ${name}`);
  const all = [...new Set(entries.map((entry) => show(platformOf(entry))))].filter(
    (each) => !each.startsWith('unknown'),
  );
  throw new LaunchError(`${name} has no image for ${show(wanted)}`, {
    hint: all.length ? `it has ${all.join(', ')}; --arch takes another` : 'it is an empty index',
  });
}

/** Asks for the manifest, and through indexes for that of the machine. Throws LaunchError. */
export function resolveImage(registry: Registry, wanted: Platform): RemoteImage {
  const name = renderReference(registry.reference);
  let manifest = fetchManifest(registry, versionOf(registry.reference));
  const digests = [manifest.digest];
  for (let depth = 0; indexTypes.includes(manifest.type); depth++) {
    if (depth === deepestIndex)
      throw new LaunchError(`${name} is an index in indexes, more than ${deepestIndex} deep`);
    manifest = fetchManifest(registry, choose(manifest, wanted, name));
    digests.push(manifest.digest);
  }
  const { type, text, json, digest } = manifest;
  if (!manifestTypes.includes(type))
    throw new LaunchError(
      type.includes('v1+prettyjws') || json.schemaVersion === 1
        ? `${name} is in Docker's schema 1, which registries gave up in 2017`
        : `${name} is no image of containers: its manifest is '${type}'`,
    );
  return {
    manifest: { type, text, digest, size: toBytes(text).length },
    digests,
    config: toDescriptor(json.config, `the configuration of ${name}`),
    layers: asArray(json.layers, `layers of ${name}`).map((each, at) =>
      toDescriptor(each, `layer ${at + 1} of ${name}`),
    ),
  };
}

/** All tags of the repository; the registry gives them in parts. */
export function listTags(registry: Registry): readonly string[] {
  const tags: string[] = [];
  let path = 'tags/list?n=1000';
  for (;;) {
    const answer = registry.ask({
      path,
      what: `the tags of ${registry.reference.repository}`,
      limit: largestManifest,
    });
    const json = parseObject(answer.body, 'the list of tags');
    const part = asArray(json.tags, 'tags').map((tag) => asText(tag, 'a tag'));
    tags.push(...part);
    const [, last] =
      /<[^>]*[?&]last=([^&>]+)[^>]*>\s*;\s*rel="?next"?/.exec(answer.header('link') ?? '') ?? [];
    if (last === undefined || part.length === 0) return tags;
    path = `tags/list?n=1000&last=${last}`;
  }
}

const tagsShown = 8;

/** A hint for a tag that is not there: those that are, nearest first. */
export function nearTags(registry: Registry): string | undefined {
  const wanted = versionOf(registry.reference);
  if (wanted.startsWith('sha256:')) return undefined;
  try {
    const tags = byNearness(wanted, listTags(registry)).map(visible);
    const more = tags.length > tagsShown ? ` and ${tags.length - tagsShown} more` : '';
    return tags.length ? `it has ${tags.slice(0, tagsShown).join(', ')}${more}` : undefined;
  } catch {
    return undefined;
  }
}
