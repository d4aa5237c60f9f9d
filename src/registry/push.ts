/** Putting blobs and manifests into a registry: distribution-spec, "Push". */
import { LaunchError } from '../base/errors.js';
import { hexOf } from '../formats/image.js';
import type { Job, Registry } from './client.js';
import type { Answer } from './network.js';
import { versionOf } from './reference.js';
import type { Descriptor } from './remote-image.js';
import { resolveUrl } from './url.js';

export interface Upload extends Descriptor {
  /** A file of exactly this blob. */
  readonly path: string;
  /** For messages. */
  readonly name: string;
}

export interface UploadOptions {
  /** Another repository of the registry that has the blobs: it need not get them again. */
  readonly from: string | undefined;
  /** Bytes of one request; undefined: all in one. */
  readonly chunk: number | undefined;
  /** What became of a blob. */
  readonly onEnd?: (upload: Upload, end: 'there' | 'mounted' | 'sent') => void;
}

const smallAnswer = 1 << 20;
const bytes = { 'Content-Type': 'application/octet-stream' };

/** Begins with a look whether the blob is there, goes on as answers have it, and ends when it is. */
export function uploadJob(upload: Upload, options: UploadOptions): Job {
  const { digest, size, path, name: what } = upload;
  const { from, chunk, onEnd } = options;
  const base = { what, limit: smallAnswer };
  const end = (how: 'there' | 'mounted' | 'sent') => {
    onEnd?.(upload, how);
    return true;
  };
  /** What the registry has said that it has. */
  let known = 0;

  const look = (): Job => ({
    ...base,
    path: `blobs/sha256:${digest}`,
    method: 'HEAD',
    accepts: [404],
    done: ({ status }) => (status === 404 ? begin(from) : end('there')),
  });

  const begin = (mountFrom: string | undefined): Job => ({
    ...base,
    path: `blobs/uploads/${mountFrom === undefined ? '' : `?mount=sha256:${digest}&from=${mountFrom}`}`,
    method: 'POST',
    body: '',
    done(answer, url) {
      if (answer.status === 201) return end('mounted');
      known = 0;
      return send(locationOf(answer, url, what), 0);
    },
    // whoever may not read the other repository can still send
    ...(mountFrom === undefined ? {} : { otherwise: () => begin(undefined) }),
  });

  /** The rest from `offset` on, or a part of it. */
  const send = (location: string, offset: number): Job => {
    const until = chunk === undefined ? size : Math.min(size, offset + chunk);
    if (offset === 0 && until === size) return commit(location, { path, offset, size });
    return {
      ...base,
      path: location,
      method: 'PATCH',
      headers: { ...bytes, 'Content-Range': `${offset}-${until - 1}` },
      source: { path, offset, size: until - offset },
      done(answer, url) {
        known = until;
        const next = locationOf(answer, url, what);
        return { ...(until < size ? send(next, until) : commit(next)), progressed: true };
      },
      otherwise: (answer) => (mayHaveCome(answer) ? ask(location) : undefined),
    };
  };

  const commit = (location: string, source?: Job['source']): Job => ({
    ...base,
    path: `${location}${location.includes('?') ? '&' : '?'}digest=sha256:${digest}`,
    method: 'PUT',
    headers: bytes,
    ...(source ? { source } : { body: '' }),
    done(answer) {
      checkDigest(answer, digest, what);
      return end('sent');
    },
    // it may have been taken, and the answer lost
    otherwise(answer) {
      if (!mayHaveCome(answer)) return undefined;
      return source ? ask(location) : look();
    },
  });

  /** How much came before the connection broke. */
  const ask = (location: string): Job => ({
    ...base,
    path: location,
    accepts: [400, 404, 405, 416],
    done(answer, url) {
      const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(answer.header('range') ?? '')?.[1]);
      // 0-0 is said of nothing, too
      if (answer.status >= 300 || !(last > 0) || last >= size) return look();
      const progressed = last + 1 > known;
      known = last + 1;
      return { ...send(locationOf(answer, url, what), known), progressed };
    },
  });

  return look();
}

/** Whether the registry may have some of it, or knows no more of it: not where it has said that it is wrong. */
const mayHaveCome = ({ failure, status }: Answer) =>
  failure !== '' || [404, 408, 416, 429].includes(status) || status >= 500;

function locationOf(answer: Answer, url: string, what: string): string {
  const location = answer.header('location');
  if (location === undefined) throw new LaunchError(`the registry does not say where ${what} is to be sent`);
  return resolveUrl(location, url);
}

/** What the registry calls it, if it says that. */
function checkDigest(answer: Answer, digest: string, what: string): void {
  const said = answer.header('docker-content-digest');
  if (said?.startsWith('sha256:') && hexOf(said, what) !== digest)
    throw new LaunchError(`the registry has something else as ${what}: ${said}, not sha256:${digest}`);
}

/** Under the reference of the registry, and last of all: what it names must be there. */
export function putManifest(registry: Registry, type: string, text: string, digest: string): void {
  const answer = registry.ask({
    path: `manifests/${versionOf(registry.reference)}`,
    what: 'the manifest',
    limit: smallAnswer,
    method: 'PUT',
    headers: { 'Content-Type': type },
    body: text,
  });
  checkDigest(answer, digest, 'the manifest');
}
