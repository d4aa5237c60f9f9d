/** `ch-image-ts pull REF [NAME]` */
import { visible } from '../base/visible.js';
import type { Host } from '../host/host.js';
import { print } from '../host/messages.js';
import { parseReference, renderReference } from '../registry/reference.js';
import type { RemoteImage } from '../registry/remote-image.js';
import { renderSize } from '../store/list-storage.js';
import { missingBlobs } from './blobs.js';
import { beginSquashfs, buildStored, type Early } from './build.js';
import { draftPath } from './drafts.js';
import { blobsOf, type Found, findRemote, platformOf, readPulled } from './fetch.js';
import { withLease } from './lease.js';
import type { ImageValues } from './options.js';
import { packer } from './packer.js';
import {
  checkFree,
  checkName,
  describeStored,
  findImage,
  imagePath,
  openStorage,
  place,
  readRecord,
  toolVersion,
  treePath,
} from './stored.js';
import { say, type Verb, withWarnings } from './verb.js';

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

/** Fetches what is missing, and makes the image of it: while it arrives, if that is possible. Returns warnings. */
function fetchAndBuild(
  storage: string,
  name: string,
  source: string,
  { image, fetch }: Found,
  values: ImageValues,
  host: Host,
  onWait: (count: number) => void,
): readonly string[] {
  const { architecture } = platformOf(values, host);
  const draft = draftPath(storage, name);
  const read = () => ({
    kind: 'layers' as const,
    format: 'registry',
    ...readPulled(storage, image, architecture),
  });
  let early: Early | undefined;
  const begin = () => {
    early = beginSquashfs(read(), draft, values, storage);
  };
  try {
    fetch(storage, onWait, values.unpack ? undefined : begin);
  } catch (error) {
    early?.drop();
    throw error;
  }
  const layered = read();
  const built = early?.finish() ?? buildStored(layered, draft, values, storage);
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
  packer.makeDirectories(`${storage}/leases`);
  const name = checkName(given ?? renderReference({ ...reference, digest: undefined }));
  // what was pulled before is replaced by what is new; other images only if that is wanted
  if (readRecord(storage, name)?.format !== 'registry') checkFree(storage, name, values.force === true);
  const found = findRemote(reference, values, host, note);
  const { registry, image } = found;
  if (values['dry-run']) {
    print(1, renderPlan(storage, image));
    return;
  }
  const digest = `sha256:${image.manifest.digest}`;
  const isDone = () =>
    readRecord(storage, name)?.manifestDigest === digest &&
    findImage(storage, name) === (values.unpack ? treePath : imagePath)(storage, name);
  const wait = (what: string) => say(`another process is at ${what}: waiting`, values);
  const work = () => {
    const source = `docker://${renderReference(registry.reference)}`;
    const onWait = (count: number) => wait(`${count} of its blobs`);
    for (const warning of fetchAndBuild(storage, name, source, found, values, host, onWait)) note(warning);
  };
  const path = `${storage}/leases/${image.manifest.digest}`;
  const isOurs = withLease(path, isDone, () => wait(visible(name)), work);
  say(
    `${visible(name)}: ${isOurs ? describeStored(storage, name) : 'is up to date'}, ${digest.slice(0, 19)}`,
    values,
  );
}

export const pullImage: Verb = ([text = '', given], values, host) =>
  withWarnings(values, (note) => pull(text, given, values, host, note));
