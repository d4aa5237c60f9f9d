/** `ch-image-ts push NAME REF` */
import { LaunchError } from '../base/errors.js';
import { visible } from '../base/visible.js';
import { asArray, asObject, parseObject, textIn } from '../formats/json.js';
import type { Host } from '../host/host.js';
import { native } from '../host/native.js';
import { putManifest, type Upload, type UploadOptions, uploadJob } from '../registry/push.js';
import { parseReference, renderReference } from '../registry/reference.js';
import { type Descriptor, toDescriptor } from '../registry/remote-image.js';
import { renderSize } from '../store/list-storage.js';
import { canBeName } from '../store/storage.js';
import { blobPath, mostAtOnce } from './blobs.js';
import { workOf } from './build.js';
import { writeFrom } from './convert.js';
import { bytesOf, type ImageValues } from './options.js';
import { packer } from './packer.js';
import { openForPush } from './remote.js';
import { openSource } from './source.js';
import { exists, findImage, openStorage, readRecord } from './stored.js';
import { TransferLine } from './transfer-line.js';
import { say, type Verb, withWarnings } from './verb.js';
import { writeOciLayout } from './write.js';

/** A manifest, and a file of each blob that it names. */
interface Pushable {
  readonly type: string;
  readonly text: string;
  readonly digest: string;
  readonly uploads: readonly Upload[];
  /** The reference that the blobs were pulled by. */
  readonly origin: string | undefined;
}

/** A manifest among blobs in files by digest; undefined if one of them is missing. */
function readPushable(
  digest: string,
  pathOf: (digest: string) => string,
  origin: string | undefined,
): Pushable | undefined {
  if (!exists(pathOf(digest))) return undefined;
  const { text } = native.content(pathOf(digest));
  const json = parseObject(text, 'the manifest');
  const upload = (descriptor: Descriptor, name: string) => ({
    ...descriptor,
    path: pathOf(descriptor.digest),
    name,
  });
  const layers = asArray(json.layers, 'layers of the manifest');
  const uploads = [
    upload(toDescriptor(asObject(json.config, 'configuration'), 'the configuration'), 'the configuration'),
    ...layers.map((each, at) => upload(toDescriptor(each, `layer ${at + 1}`), `layer ${at + 1}`)),
  ];
  if (uploads.some(({ path }) => !exists(path))) return undefined;
  const type = textIn(json, 'mediaType') ?? 'application/vnd.oci.image.manifest.v1+json';
  return { type, text, digest, uploads, origin };
}

/** The layers as they were pulled, if storage still has them all. */
function readKept(storage: string, name: string): Pushable | undefined {
  const { manifestDigest, source = '' } = readRecord(storage, name) ?? {};
  if (manifestDigest === undefined || findImage(storage, name) === undefined) return undefined;
  const origin = source.startsWith('docker://') ? source : undefined;
  return readPushable(manifestDigest.slice('sha256:'.length), (digest) => blobPath(storage, digest), origin);
}

/** Any other image as one layer, in an OCI layout that `push` can read. The same image makes the same bytes. */
function writeOneLayer(storage: string, name: string, directory: string, values: ImageValues, host: Host) {
  const stored = canBeName(name) ? findImage(storage, name) : undefined;
  const operand = stored ?? name;
  const architecture = values.arch ?? host.architecture();
  const { mostBytes } = workOf(values);
  const source = openSource({ operand, architecture, scratch: () => `${storage}/tmp`, mostBytes }, host);
  const warnings = writeFrom(source, writeOciLayout, { architecture, compress: 'gzip' }, directory, values);
  const index = parseObject(native.content(`${directory}/index.json`).text, 'index.json');
  const [first] = asArray(index.manifests, 'manifests');
  const { digest } = toDescriptor(first, 'the manifest');
  const made = readPushable(digest, (each) => `${directory}/blobs/sha256/${each}`, undefined);
  if (made === undefined) throw new LaunchError(`can't read ${directory}`);
  return { made, warnings };
}

/** The other repository of the same registry that the blobs came from. */
function mountFrom(origin: string | undefined, registry: string, repository: string): string | undefined {
  if (origin === undefined) return undefined;
  const from = parseReference(origin);
  return from.registry === registry && from.repository !== repository ? from.repository : undefined;
}

function send(
  image: Pushable,
  text: string,
  values: ImageValues,
  host: Host,
  note: (warning: string) => void,
) {
  const reference = parseReference(text);
  let line: TransferLine | undefined;
  const onRetry = (warning: string) => {
    line?.clear();
    note(warning);
  };
  const registry = openForPush(reference, values, host, { onRetry, onTick: (all) => line?.show(all) });
  const { registry: place, repository } = registry.reference;
  const total = image.uploads.reduce((sum, { size }) => sum + size, 0);
  if (workOf(values).progress === 'line') line = new TransferLine(total);
  const counts = { there: 0, mounted: 0, sent: 0 };
  const options: UploadOptions = {
    from: mountFrom(image.origin, place, repository),
    chunk: values.chunk === undefined ? undefined : bytesOf(values.chunk),
    onEnd: (_, end) => counts[end]++,
  };
  const each = new Map(image.uploads.map((upload) => [upload.digest, uploadJob(upload, options)]));
  try {
    registry.run([...each.values()], mostAtOnce);
    putManifest(registry, image.type, image.text, image.digest);
  } finally {
    line?.clear();
  }
  const kept = counts.there + counts.mounted;
  say(
    `${visible(renderReference(registry.reference))}: ${renderSize(total)}, sha256:${image.digest.slice(0, 12)}${kept ? `; ${kept} of ${each.size} blobs were there already` : ''}`,
    values,
  );
}

export const pushImage: Verb = ([name = '', text = ''], values, host) =>
  withWarnings(values, (note) => {
    parseReference(text);
    const storage = openStorage(values.storage, host);
    const pulled = readKept(storage, name);
    if (pulled) return send(pulled, text, values, host, note);
    const directory = `${storage}/tmp/push-${native.identity().pid}`;
    packer.removeAtSignal(directory);
    try {
      const { made, warnings } = writeOneLayer(storage, name, directory, values, host);
      for (const warning of warnings) note(warning);
      send(made, text, values, host, note);
    } finally {
      if (exists(directory)) packer.remove(directory);
    }
  });
