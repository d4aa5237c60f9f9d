/** `ch-image-ts pull REF [NAME]` */
import { LaunchError } from '../base/errors.js';
import { visible } from '../base/visible.js';
import type { Files } from '../formats/image.js';
import { readOciLayout } from '../formats/oci-layout.js';
import type { Host } from '../host/host.js';
import { print } from '../host/messages.js';
import { native } from '../host/native.js';
import { parseReference, type Reference, renderReference } from '../registry/reference.js';
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
} from './stored.js';
import { TransferLine } from './transfer-line.js';
import { say, type Verb, warn } from './verb.js';

/** `ARCH[/VARIANT]`, or `OS/ARCH[/VARIANT]`. */
function platformOf(values: ImageValues, host: Host): Platform {
  const parts = (values.arch ?? host.architecture()).split('/');
  const [os = 'linux', architecture = '', variant] =
    parts.length > 1 && parts[0] === 'linux' ? parts : ['linux', ...parts];
  return { os, architecture, variant };
}

/** The tag that is nearest, where there is no such one. */
function resolve(
  reference: Reference,
  values: ImageValues,
  host: Host,
  onRetry: (message: string) => void,
  onTick: (all: Parameters<TransferLine['show']>[0]) => void,
) {
  return askRegistry(reference, values, host, { onRetry, onTick }, (registry) => {
    try {
      return resolveImage(registry, platformOf(values, host));
    } catch (error) {
      if (!(error instanceof LaunchError) || !/\(status 404\)$/.test(error.message)) throw error;
      const hint = nearTags(registry);
      throw new LaunchError(error.message, hint === undefined ? {} : { hint });
    }
  });
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

export const pullImage: Verb = async ([text = '', given], values, host) => {
  const reference = parseReference(text);
  const storage = openStorage(values.storage, host);
  for (const directory of [blobsIn(storage), `${storage}/leases`]) packer.makeDirectories(directory);
  const name = checkName(given ?? renderReference({ ...reference, digest: undefined }));
  const before = readRecord(storage, name);
  // what was pulled before is replaced by what is new; other images only if that is wanted
  if (before?.format !== 'registry') checkFree(storage, name, values.force === true);
  const notes: string[] = [];
  const { progress } = workOf(values);
  let line: TransferLine | undefined;
  const { registry, result: image } = resolve(
    reference,
    values,
    host,
    (note) => notes.push(note),
    (all) => line?.show(all),
  );
  if (values['dry-run']) return print(1, renderPlan(storage, image));
  const digest = `sha256:${image.manifest.digest}`;
  const isDone = () =>
    readRecord(storage, name)?.manifestDigest === digest && findImage(storage, name) !== undefined;
  const waits = (what: string) => say(`another process is at ${what}: waiting`, values);
  const made = withLease(
    `${storage}/leases/${image.manifest.digest}`,
    isDone,
    () => waits(visible(name)),
    () => {
      const missing = missingBlobs(storage, blobsOf(image));
      if (progress) line = new TransferLine(missing.reduce((sum, { size }) => sum + size, 0));
      packer.save(blobPath(storage, image.manifest.digest), image.manifest.text);
      fetchBlobs(registry, storage, blobsOf(image), (count) => waits(`${count} of its blobs`));
      line?.clear();
      const layered = readOciLayout(
        layoutOf(storage, image),
        undefined,
        platformOf(values, host).architecture,
      );
      const draft = draftPath(storage, name);
      const built = buildSquashfs({ kind: 'layers', format: 'registry', ...layered }, draft, values);
      place(storage, draft, {
        name,
        source: `docker://${renderReference(registry.reference)}`,
        format: 'registry',
        date: new Date().toISOString(),
        manifestDigest: digest,
        configDigest: `sha256:${image.config.digest}`,
        diffIds: built.diffIds.map((id) => `sha256:${id}`),
        tool:
          native
            .version()
            .split('\n', 1)[0]
            ?.replace(/^ch-run-ts (\S+).*/, 'ch-image-ts $1') ?? '',
        config: JSON.parse(layered.config ?? '{}'),
      });
      notes.push(...built.warnings);
    },
  );
  await warn(notes, values);
  const size = renderSize(Number(native.status(imagePath(storage, name)).size));
  say(`${visible(name)}: ${made ? size : 'is up to date'}, ${digest.slice(0, 19)}`, values);
};
