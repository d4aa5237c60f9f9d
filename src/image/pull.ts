/** `ch-image-ts pull REF [NAME]` */
import { LaunchError } from '../base/errors.js';
import { visible } from '../base/visible.js';
import type { Files } from '../formats/image.js';
import { readOciLayout } from '../formats/oci-layout.js';
import type { Host } from '../host/host.js';
import { print } from '../host/messages.js';
import { native } from '../host/native.js';
import type { Registry } from '../registry/client.js';
import { parseReference, type Reference, renderReference } from '../registry/reference.js';
import { Refusal } from '../registry/refusals.js';
import { nearTags, type Platform, type RemoteImage, resolveImage } from '../registry/remote-image.js';
import { renderSize } from '../store/list-storage.js';
import { blobPath, blobsIn, fetchBlobs, missingBlobs, type WantedBlob } from './blobs.js';
import { buildSquashfs, workOf } from './build.js';
import { filesOfDirectory } from './files.js';
import { withLease } from './lease.js';
import type { ImageValues } from './options.js';
import { packer } from './packer.js';
import { askRegistry } from './remote.js';
import {
  checkFree,
  checkName,
  draftPath,
  findImage,
  imagePath,
  openStorage,
  place,
  readRecord,
  toolVersion,
} from './stored.js';
import { TransferLine } from './transfer-line.js';
import { say, type Verb, warnAfter } from './verb.js';

/** `ARCH[/VARIANT]`, or `OS/ARCH[/VARIANT]`. */
function platformOf(values: ImageValues, host: Host): Platform {
  const parts = (values.arch ?? host.architecture()).split('/');
  const [os = 'linux', architecture = '', variant] =
    parts.length > 1 && parts[0] === 'linux' ? parts : ['linux', ...parts];
  return { os, architecture, variant };
}

/** The manifest, from the registry or a mirror; a tag that is not there comes with those that are. */
function resolve(
  reference: Reference,
  values: ImageValues,
  host: Host,
  ear: Parameters<typeof askRegistry>[3],
): { readonly registry: Registry; readonly image: RemoteImage } {
  const { registry, result: image } = askRegistry(reference, values, host, ear, (asked) => {
    try {
      return resolveImage(asked, platformOf(values, host));
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 404) throw error;
      const hint = nearTags(asked);
      throw new LaunchError(error.message, hint === undefined ? {} : { hint });
    }
  });
  return { registry, image };
}

const blobsOf = ({ config, layers }: RemoteImage): readonly WantedBlob[] => [
  { ...config, name: 'the configuration' },
  ...layers.map((layer, at) => ({ ...layer, name: `layer ${at + 1} (sha256:${layer.digest.slice(0, 12)})` })),
];

/** Storage as an OCI layout that has this image alone. */
function layoutOf(storage: string, { manifest }: RemoteImage): Files {
  const files = filesOfDirectory('the image', storage);
  const descriptor = { mediaType: manifest.type, digest: `sha256:${manifest.digest}`, size: manifest.size };
  const made: Readonly<Record<string, string>> = {
    'oci-layout': JSON.stringify({ imageLayoutVersion: '1.0.0' }),
    'index.json': JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }),
  };
  return { ...files, read: (file) => made[file] ?? files.read(file) };
}

/** What would be fetched. */
function renderPlan(storage: string, image: RemoteImage): string {
  const blobs = blobsOf(image);
  const missing = missingBlobs(storage, blobs);
  const rows = blobs.map((blob) => {
    const there = missing.some(({ digest }) => digest === blob.digest) ? 'to be fetched' : 'there already';
    return `${renderSize(blob.size).padStart(10)}  ${there}  ${blob.name}\n`;
  });
  const total = missing.reduce((sum, { size }) => sum + size, 0);
  return `manifest sha256:${image.manifest.digest}\n${rows.join('')}${renderSize(total).padStart(10)}  in all\n`;
}

/** Makes the image of blobs that are in storage. Returns warnings. */
function build(
  storage: string,
  name: string,
  source: string,
  image: RemoteImage,
  values: ImageValues,
  host: Host,
): readonly string[] {
  const { architecture } = platformOf(values, host);
  const layered = readOciLayout(layoutOf(storage, image), undefined, architecture);
  const draft = draftPath(storage, name);
  const built = buildSquashfs({ kind: 'layers', format: 'registry', ...layered }, draft, values);
  place(storage, draft, {
    name,
    source,
    format: 'registry',
    date: new Date().toISOString(),
    manifestDigest: `sha256:${image.manifest.digest}`,
    configDigest: `sha256:${image.config.digest}`,
    diffIds: built.diffIds.map((id) => `sha256:${id}`),
    tool: toolVersion(),
    config: JSON.parse(layered.config ?? '{}'),
  });
  return built.warnings;
}

function pull(
  text: string,
  given: string | undefined,
  values: ImageValues,
  host: Host,
  note: (warning: string) => void,
): void {
  const reference = parseReference(text);
  const storage = openStorage(values.storage, host);
  for (const directory of [blobsIn(storage), `${storage}/leases`]) packer.makeDirectories(directory);
  const name = checkName(given ?? renderReference({ ...reference, digest: undefined }));
  // what was pulled before is replaced by what is new; other images only if that is wanted
  if (readRecord(storage, name)?.format !== 'registry') checkFree(storage, name, values.force === true);
  let line: TransferLine | undefined;
  const { registry, image } = resolve(reference, values, host, {
    onRetry: note,
    onTick: (all) => line?.show(all),
  });
  if (values['dry-run']) {
    print(1, renderPlan(storage, image));
    return;
  }
  const digest = `sha256:${image.manifest.digest}`;
  const isDone = () =>
    readRecord(storage, name)?.manifestDigest === digest && findImage(storage, name) !== undefined;
  const wait = (what: string) => say(`another process is at ${what}: waiting`, values);
  const work = () => {
    const missing = missingBlobs(storage, blobsOf(image));
    if (workOf(values).progress) line = new TransferLine(missing.reduce((sum, { size }) => sum + size, 0));
    packer.save(blobPath(storage, image.manifest.digest), image.manifest.text);
    try {
      fetchBlobs(registry, storage, blobsOf(image), (count) => wait(`${count} of its blobs`));
    } finally {
      line?.clear();
    }
    const source = `docker://${renderReference(registry.reference)}`;
    for (const warning of build(storage, name, source, image, values, host)) note(warning);
  };
  const path = `${storage}/leases/${image.manifest.digest}`;
  const isOurs = withLease(path, isDone, () => wait(visible(name)), work);
  const size = renderSize(Number(native.status(imagePath(storage, name)).size));
  say(`${visible(name)}: ${isOurs ? size : 'is up to date'}, ${digest.slice(0, 19)}`, values);
}

export const pullImage: Verb = ([text = '', given], values, host) =>
  warnAfter(values, (note) => pull(text, given, values, host, note));
