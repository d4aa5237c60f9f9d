/** `ch-image-ts inspect NAME`, `ch-image-ts inspect docker://REF` */
import { LaunchError } from '../base/errors.js';
import { parseObject } from '../formats/json.js';
import type { Host } from '../host/host.js';
import { print } from '../host/messages.js';
import { native } from '../host/native.js';
import type { Registry } from '../registry/client.js';
import { parseReference, renderReference } from '../registry/reference.js';
import type { RemoteImage } from '../registry/remote-image.js';
import { findRemote } from './fetch.js';
import type { ImageValues } from './options.js';
import { findImage, openStorage, readRecord } from './stored.js';
import { type Verb, withWarnings } from './verb.js';

/** What a registry has: manifest and configuration, nothing else is fetched. */
function inspectRemote(text: string, values: ImageValues, host: Host, note: (warning: string) => void): void {
  const { registry, image } = findRemote(parseReference(text), values, host, note, 'unchecked');
  const { manifest, layers } = image;
  print(
    1,
    `${JSON.stringify(
      {
        name: renderReference(registry.reference),
        manifestDigest: `sha256:${manifest.digest}`,
        mediaType: manifest.type,
        configDigest: `sha256:${image.config.digest}`,
        size: layers.reduce((sum, { size }) => sum + size, 0),
        layers: layers.map(({ type, digest, size }) => ({
          mediaType: type,
          digest: `sha256:${digest}`,
          size,
        })),
        config: readConfig(registry, image),
      },
      null,
      2,
    )}\n`,
  );
}

function readConfig(registry: Registry, { config }: RemoteImage): unknown {
  const what = 'the configuration';
  const answer = registry.ask({ path: `blobs/sha256:${config.digest}`, what, limit: 4 << 20 });
  if (answer.digest !== config.digest)
    throw new LaunchError(`${what} is not what the manifest says: its digest is sha256:${answer.digest}`);
  return parseObject(answer.body, what);
}

export const inspectImage: Verb = ([name = ''], values, host) => {
  if (name.startsWith('docker://'))
    return withWarnings(values, (note) => inspectRemote(name, values, host, note));
  const storage = openStorage(values.storage, host);
  const path = findImage(storage, name);
  if (path === undefined)
    throw new LaunchError(`there is no image ${name} in storage`, {
      path: storage,
      hint: "'ch-image-ts list' shows which there are",
    });
  const { kind, size } = native.status(path);
  const about = {
    path,
    kind: kind === 'directory' ? kind : 'squashfs',
    ...(kind === 'file' ? { size: Number(size) } : {}),
  };
  print(1, `${JSON.stringify({ name, ...about, ...readRecord(storage, name) }, null, 2)}\n`);
};
