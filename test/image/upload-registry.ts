/** A registry that takes images: what it has and what it was asked can be looked at, and a test may break it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { sha256 } from '../helpers/images.js';

/** May answer in place of the registry: then it returns true. */
export type UploadFault = (
  request: IncomingMessage,
  response: ServerResponse,
  keep: (bytes: Buffer) => void,
) => boolean;

export interface UploadRegistry {
  /** `127.0.0.1:PORT` */
  readonly registry: string;
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, { readonly type: string; readonly bytes: Buffer }>;
  /** Method, path and how many bytes came of each request, in order. */
  readonly asked: string[];
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

export async function serveUploads(t: Test, fault: UploadFault = () => false): Promise<UploadRegistry> {
  const blobs = new Map<string, Buffer>();
  const manifests: UploadRegistry['manifests'] = new Map();
  const uploads = new Map<string, Buffer>();
  const asked: string[] = [];
  let count = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
    const [, repository = '', kind = '', name = ''] =
      /^\/v2\/(.*)\/(blobs\/uploads|blobs|manifests)\/(.*)$/.exec(pathname) ?? [];
    const end = (status: number, headers: Record<string, string | number> = {}) =>
      void response.writeHead(status, headers).end();
    const place = (id: string) => ({
      location: `/v2/${repository}/blobs/uploads/${id}?state=${uploads.get(id)?.length}`,
    });
    const keep = (bytes: Buffer) =>
      void uploads.set(name, Buffer.concat([uploads.get(name) ?? Buffer.of(), bytes]));
    asked.push(
      `${request.method} ${kind}${name ? `/${name.slice(0, 12)}` : ''}${searchParams.get('mount') ? ' mount' : ''}`,
    );
    if (fault(request, response, keep)) return;
    const body = await bodyOf(request);
    if (kind === 'manifests' && request.method === 'PUT') {
      manifests.set(`${repository}:${name}`, { type: request.headers['content-type'] ?? '', bytes: body });
      return end(201, { 'docker-content-digest': `sha256:${sha256(body)}` });
    }
    if (kind === 'blobs') return end(blobs.has(`${repository}@${name}`) ? 200 : 404);
    if (request.method === 'POST') {
      const mounted = blobs.get(`${searchParams.get('from')}@${searchParams.get('mount')}`);
      if (mounted) {
        blobs.set(`${repository}@${searchParams.get('mount')}`, mounted);
        return end(201);
      }
      const id = String(++count);
      uploads.set(id, Buffer.of());
      return end(202, place(id));
    }
    const there = uploads.get(name);
    if (there === undefined) return end(404);
    if (request.method === 'GET')
      return end(204, { ...place(name), range: `0-${Math.max(0, there.length - 1)}` });
    const from = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1];
    if (from !== undefined && Number(from) !== there.length) return end(416);
    keep(body);
    if (request.method === 'PATCH') return end(202, place(name));
    const whole = uploads.get(name) ?? Buffer.of();
    if (`sha256:${sha256(whole)}` !== searchParams.get('digest')) return end(400);
    uploads.delete(name);
    blobs.set(`${repository}@sha256:${sha256(whole)}`, whole);
    return end(201, { 'docker-content-digest': `sha256:${sha256(whole)}` });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { registry: `127.0.0.1:${(server.address() as AddressInfo).port}`, blobs, manifests, asked };
}
