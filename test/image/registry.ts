/** A registry of the tests' own, which does as it is told, and remembers what it was asked. */
import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { type ImageParts, ociLayout, sha256 } from '../helpers/images.js';
import { environmentOf, isRoot, type User } from '../helpers/support.js';
import { type Place, program } from './image.js';

/** May answer in place of the registry: then it returns true. */
export type Fault = (request: IncomingMessage, response: ServerResponse, count: number) => boolean;

export interface TestRegistry {
  /** `127.0.0.1:PORT/tool/solver` */
  readonly repository: string;
  /** Method and path below the repository of each request, in order. */
  readonly asked: string[];
  readonly headers: IncomingMessage['headers'][];
}

const indexType = 'application/vnd.oci.image.index.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** Serves an image under the tag 1.0, through an index. */
export async function serveImage(
  t: Test,
  parts: ImageParts = {},
  fault: Fault = () => false,
): Promise<TestRegistry> {
  const files = ociLayout(parts);
  const blobs = new Map(
    Object.entries(files).map(([name, bytes]) => [name.replace('blobs/sha256/', 'sha256:'), bytes]),
  );
  const { manifests } = JSON.parse(String(files['index.json'])) as { manifests: { digest: string }[] };
  const architecture = parts.architecture ?? (process.arch === 'arm64' ? 'arm64' : 'amd64');
  const index = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [{ ...manifests[0], platform: { os: 'linux', architecture } }],
    }),
  );
  const asked: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace('/v2/tool/solver/', '');
    asked.push(`${request.method} ${path}`);
    headers.push(request.headers);
    if (fault(request, response, asked.length)) return;
    if (path === '/v2/') return void response.end('{}');
    const [, kind = '', version = ''] = /^(manifests|blobs)\/(.*)$/.exec(path) ?? [];
    if (path.startsWith('tags/list')) return void response.end('{"name":"tool/solver","tags":["0.9","1.0"]}');
    const bytes = version === '1.0' ? index : blobs.get(version);
    if (bytes === undefined)
      return void response
        .writeHead(404)
        .end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
    const type =
      version === '1.0' ? indexType : kind === 'manifests' ? manifestType : 'application/octet-stream';
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, {
      'content-type': type,
      'content-length': bytes.length - from,
      etag: `"${sha256(bytes)}"`,
      ...range,
    });
    response.end(bytes.subarray(from));
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { repository: `127.0.0.1:${(server.address() as AddressInfo).port}/tool/solver`, asked, headers };
}

export interface AsyncEnding {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs ch-image-ts while this process answers it. `onStart` gets what signals it, and what it has said on standard error
 * and on standard output so far.
 */
export function runImage(
  place: Place,
  user: User,
  words: readonly string[],
  ...more: [env?: NodeJS.ProcessEnv, onStart?: Parameters<typeof runBeside>[4], input?: string]
): Promise<AsyncEnding> {
  return runBeside(place, user, [program, ...words], ...more);
}

/** The same of any program. */
export function runBeside(
  place: Place,
  user: User,
  [command = '', ...words]: readonly string[],
  env: NodeJS.ProcessEnv = {},
  onStart?: (kill: (signal: NodeJS.Signals) => void, said: () => string, printed: () => string) => void,
  input?: string,
): Promise<AsyncEnding> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, {
      cwd: place.directory,
      env: { ...environmentOf(user), CH_IMAGE_STORAGE: place.storage, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(isRoot ? { uid: user.uid, gid: user.gid } : {}),
    });
    const texts = ['', ''];
    child.stdout.on('data', (data) => {
      texts[0] += data;
    });
    child.stderr.on('data', (data) => {
      texts[1] += data;
    });
    child.on('error', reject);
    child.on('close', (status, signal) =>
      resolve({ status, signal, stdout: texts[0] ?? '', stderr: texts[1] ?? '' }),
    );
    // it may end without having read it
    child.stdin.on('error', () => undefined).end(input ?? '');
    onStart?.(
      (signal) => child.kill(signal),
      () => texts[1] ?? '',
      () => texts[0] ?? '',
    );
  });
}
