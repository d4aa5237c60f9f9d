/** `ch-image-ts commit DIR BASE NAME` */
import { toBytes } from '../base/bytes.js';
import { LaunchError } from '../base/errors.js';
import { visible } from '../base/visible.js';
import { asArray, asObject, type Json, parseObject, textIn } from '../formats/json.js';
import type { Host } from '../host/host.js';
import { native } from '../host/native.js';
import { toDescriptor } from '../registry/remote-image.js';
import { blobPath, blobsIn } from './blobs.js';
import { buildStored, workOf } from './build.js';
import { draftPath } from './drafts.js';
import { platformOf, readFetched } from './fetch.js';
import type { ImageValues } from './options.js';
import { packer } from './packer.js';
import {
  checkFree,
  checkName,
  describeStored,
  type ImageRecord,
  openStorage,
  place,
  readRecord,
  toolVersion,
} from './stored.js';
import { say, type Verb, warn } from './verb.js';

/** What `ch-run-ts --overlay=DIR` keeps in DIR. */
function upperIn(directory: string, host: Host): string {
  const upper = `${host.absolute(directory)}/upper`;
  if (host.pathKind(upper) === 'directory') return upper;
  throw new LaunchError(`${directory} has no changes of a container: there is no ${upper}`, {
    hint: "'ch-run-ts --overlay=DIR IMAGE' keeps them in DIR",
  });
}

interface Base {
  readonly record: ImageRecord;
  readonly manifest: Json;
  readonly config: Json;
}

/** Throws LaunchError if storage has not what the image was pulled as. */
function readBase(storage: string, name: string): Base {
  const record = readRecord(storage, name);
  const { manifestDigest = '' } = record ?? {};
  const read = (digest: string, what: string) =>
    parseObject(native.content(blobPath(storage, digest)).text, what);
  try {
    const manifest = read(manifestDigest.slice('sha256:'.length), 'the manifest');
    const config = read(toDescriptor(manifest.config, 'the configuration').digest, 'the configuration');
    if (record) return { record, manifest, config };
  } catch (cause) {
    if (cause instanceof LaunchError) throw cause;
  }
  throw new LaunchError(`storage does not have the layers of ${name}`, {
    hint: "'ch-image-ts pull' keeps them; images that were imported have none",
  });
}

/** A blob of a text; returns its descriptor. */
function saveBlob(storage: string, mediaType: string, text: string) {
  const size = toBytes(text).length;
  const draft = `${blobsIn(storage)}/text.${native.identity().pid}`;
  packer.save(draft, text);
  const digest = packer.hash({ path: draft, offset: 0, size });
  packer.rename(draft, blobPath(storage, digest));
  return { mediaType, digest: `sha256:${digest}`, size };
}

/** The changes as a compressed blob, and the digest of what is in it. */
function saveLayer(storage: string, upper: string, threads: number) {
  const draft = draftPath(storage, 'layer');
  packer.removeAtSignal(draft);
  packer.removeAtSignal(`${draft}.gz`);
  const layer = packer.overlayLayer(upper, draft);
  try {
    const { digest, size } = packer.gzip(draft, `${draft}.gz`, threads);
    packer.rename(`${draft}.gz`, blobPath(storage, digest));
    return { diffId: layer.digest, digest, size, entries: layer.entries, leftOut: layer.leftOut };
  } finally {
    packer.remove(draft);
  }
}

/** The configuration of the base, with one layer more. No date: the same changes make the same image. */
function extendConfig(config: Json, diffId: string): string {
  const rootfs = asObject(config.rootfs, 'rootfs of the configuration');
  const ids = [...asArray(rootfs.diff_ids, 'diff_ids of the configuration'), `sha256:${diffId}`];
  const history = asArray(config.history ?? [], 'history of the configuration');
  return JSON.stringify({
    ...config,
    rootfs: { ...rootfs, diff_ids: ids },
    history: [...history, { created_by: 'ch-image-ts commit' }],
  });
}

const isDockers = (manifest: Json) => textIn(manifest, 'mediaType')?.includes('docker') === true;

/** Manifest and configuration of the base with the layer on top, as blobs. */
function saveManifest(storage: string, { manifest, config }: Base, layer: ReturnType<typeof saveLayer>) {
  const old = asObject(manifest.config, 'config of the manifest');
  const described = saveBlob(storage, textIn(old, 'mediaType') ?? '', extendConfig(config, layer.diffId));
  const mediaType = isDockers(manifest)
    ? 'application/vnd.docker.image.rootfs.diff.tar.gzip'
    : 'application/vnd.oci.image.layer.v1.tar+gzip';
  const added = { mediaType, digest: `sha256:${layer.digest}`, size: layer.size };
  const layers = [...asArray(manifest.layers, 'layers of the manifest'), added];
  const type = textIn(manifest, 'mediaType') ?? 'application/vnd.oci.image.manifest.v1+json';
  return saveBlob(storage, type, JSON.stringify({ ...manifest, config: described, layers }));
}

function commit(directory: string, base: string, name: string, values: ImageValues, host: Host) {
  const storage = openStorage(values.storage, host);
  checkFree(storage, checkName(name), values.force === true);
  const upper = upperIn(directory, host);
  const found = readBase(storage, base);
  const layer = saveLayer(storage, upper, workOf(values).threads);
  const manifest = saveManifest(storage, found, layer);
  const layered = readFetched(storage, manifest, platformOf(values, host).architecture);
  const draft = draftPath(storage, name);
  const built = buildStored({ kind: 'layers', format: 'commit', ...layered }, draft, values, storage);
  place(storage, draft, {
    name,
    // where the other layers can be had
    source: found.record.source,
    format: 'commit',
    date: new Date().toISOString(),
    manifestDigest: manifest.digest,
    configDigest: `sha256:${layered.configDigest}`,
    diffIds: built.diffIds.map((id) => `sha256:${id}`),
    tool: toolVersion(),
    config: JSON.parse(layered.config ?? '{}'),
  });
  say(
    `${visible(name)}: ${describeStored(storage, name)}, ${visible(base)} and ${layer.entries} changes, ${manifest.digest.slice(0, 19)}`,
    values,
  );
  const { leftOut: count } = layer;
  return [
    ...(count > 0 ? [`left out of the changes: ${count} device files and sockets`] : []),
    ...built.warnings,
  ];
}

export const commitOverlay: Verb = async ([directory = '', base = '', name = ''], values, host) =>
  warn(commit(directory, base, name, values, host), values);
