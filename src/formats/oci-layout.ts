/** OCI image layouts, in a directory or a tar archive (image-spec, image-layout.md). */
import { LaunchError } from '../base/errors.js';
import { type Blob, checkPlatform, diffIdsOf, type Files, hexOf, type LayeredImage } from './image.js';
import { asArray, asObject, asText, type Json, parseObject, textIn } from './json.js';

const refName = 'org.opencontainers.image.ref.name';
const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const layerType =
  /^application\/vnd\.(oci\.image\.layer\.(nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(foreign\.)?diff\.tar)([.+](gzip|zstd))?$/;
/** Indexes in indexes. */
const deepest = 8;

/** The image called `tag`; without one, the only one for this machine. */
export function readOciLayout(files: Files, tag: string | undefined, architecture: string): LayeredImage {
  const version = textIn(parseObject(files.read('oci-layout'), 'oci-layout'), 'imageLayoutVersion');
  if (!version?.startsWith('1.'))
    throw new LaunchError(`${files.name} has the unknown layout version '${version ?? ''}'`);
  const index = parseObject(files.read('index.json'), `index.json of ${files.name}`);
  const entries = manifestsOf(index, 'index.json');
  const names = entries.map((entry) => annotation(entry, refName)).filter((name) => name !== undefined);
  const named = tag === undefined ? entries : entries.filter((entry) => annotation(entry, refName) === tag);
  const hint = `it has ${names.join(', ') || 'no names'}`;
  if (named.length === 0)
    throw new LaunchError(`${files.name} has no image${tag === undefined ? '' : ` ${tag}`}`, { hint });
  const found = named.flatMap((entry) => choose(files, entry, architecture, 0));
  const [descriptor, another] = found;
  if (!descriptor) throw new LaunchError(`${files.name} has no image for linux/${architecture}`);
  if (another && textIn(another, 'digest') !== textIn(descriptor, 'digest'))
    throw new LaunchError(`${files.name} has ${found.length} images`, {
      hint: `say which: oci:DIR:TAG; ${hint}`,
    });
  const name = tag ?? annotation(named[0] ?? {}, refName);
  return readManifest(files, descriptor, architecture, name === undefined ? [] : [name]);
}

const annotation = (entry: Json, key: string) =>
  textIn(asObject(entry.annotations ?? {}, 'annotations'), key);

function manifestsOf(index: Json, what: string): readonly Json[] {
  return asArray(index.manifests, `manifests of ${what}`).map((each) =>
    asObject(each, `a manifest of ${what}`),
  );
}

/** Descriptors of manifests for this machine; indexes are followed. A circle can't be: digests would have to know themselves. */
function choose(files: Files, entry: Json, architecture: string, depth: number): readonly Json[] {
  if (depth > deepest)
    throw new LaunchError(`${files.name} has indexes in indexes, more than ${deepest} deep`);
  const type = textIn(entry, 'mediaType') ?? '';
  if (indexTypes.includes(type)) {
    const index = parseObject(readBlob(files, entry, 'an index'), 'an index');
    const below = manifestsOf(index, 'an index').flatMap((each) =>
      choose(files, each, architecture, depth + 1),
    );
    return below.slice(0, 1);
  }
  if (type !== '' && !manifestTypes.includes(type)) return [];
  const platform = entry.platform === undefined ? undefined : asObject(entry.platform, 'platform');
  if (platform === undefined) return [entry];
  return textIn(platform, 'os') === 'linux' && textIn(platform, 'architecture') === architecture
    ? [entry]
    : [];
}

/** The blob of a descriptor, whose size must be as it says. */
function find(files: Files, descriptor: Json, what: string): Blob & { readonly hex: string } {
  const digest = asText(descriptor.digest, `digest of ${what}`);
  const hex = hexOf(digest, what);
  const blob = files.find(`blobs/sha256/${hex}`);
  if (!blob) throw new LaunchError(`${files.name} has no blob ${digest}, which is ${what}`);
  if (descriptor.size !== blob.size)
    throw new LaunchError(`${what} of ${files.name} has ${blob.size} bytes, not ${String(descriptor.size)}`);
  return { ...blob, hex };
}

/** A small blob, whose digest is checked. */
function readBlob(files: Files, descriptor: Json, what: string): string {
  const blob = find(files, descriptor, what);
  const digest = files.digestOf(blob);
  if (digest !== blob.hex)
    throw new LaunchError(
      `${what} of ${files.name} is damaged: its digest is sha256:${digest}, not sha256:${blob.hex}`,
    );
  return files.read(`blobs/sha256/${blob.hex}`);
}

function readManifest(
  files: Files,
  descriptor: Json,
  architecture: string,
  names: readonly string[],
): LayeredImage {
  const manifest = parseObject(readBlob(files, descriptor, 'the manifest'), 'the manifest');
  const configDescriptor = asObject(manifest.config, 'config of the manifest');
  const config = readBlob(files, configDescriptor, 'the configuration');
  const parsed = parseObject(config, 'the configuration');
  checkPlatform(parsed, architecture, files.name);
  const descriptors = asArray(manifest.layers, 'layers of the manifest').map((each) =>
    asObject(each, 'a layer'),
  );
  const diffIds = diffIdsOf(parsed, descriptors.length, 'the configuration');
  const layers = descriptors.map((each, at) => {
    const type = textIn(each, 'mediaType') ?? '';
    if (!layerType.test(type))
      throw new LaunchError(
        `layer ${at + 1} of ${files.name} is '${type}', which is no layer of a root file system`,
      );
    const { hex, ...blob } = find(files, each, `layer ${at + 1}`);
    return {
      ...blob,
      name: `layer ${at + 1} (sha256:${hex.slice(0, 12)})`,
      digest: hex,
      diffId: diffIds[at] ?? '',
    };
  });
  return {
    layers,
    config,
    configDigest: hexOf(asText(configDescriptor.digest, 'digest of the configuration'), 'the configuration'),
    manifestDigest: hexOf(asText(descriptor.digest, 'digest of the manifest'), 'the manifest'),
    names,
  };
}
