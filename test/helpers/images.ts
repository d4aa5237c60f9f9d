/** Images in exchange formats, made by hand, so that tests can damage each part. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { probe } from './support.js';
import { makeTar, type TarItem } from './tar.js';

export const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export interface ImageParts {
  /** Tar archives, the lowest first. */
  readonly layers?: readonly Buffer[];
  readonly compress?: (layer: Buffer) => Buffer;
  readonly diffIds?: readonly string[];
  readonly architecture?: string;
  readonly environment?: readonly string[];
  /** Changes of the layout's or archive's own JSON, before its digest is taken. */
  readonly manifest?: (manifest: Record<string, unknown>) => unknown;
  readonly layerType?: string;
  readonly tag?: string;
}

const machine = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** Two layers with the probe, of which the upper deletes and replaces. */
export const twoLayers: readonly Buffer[] = [
  makeTar([
    ...['dev/', 'proc/', 'sys/', 'tmp/', 'mnt/', 'etc/'].map((name): TarItem => ({ name })),
    { name: 'etc/passwd' },
    { name: 'etc/group' },
    { name: 'etc/old', data: 'old' },
    { name: 'etc/version', data: '1' },
    { name: 'probe', data: readFileSync(probe) },
  ]),
  makeTar([{ name: 'etc/version', data: '2' }, { name: 'etc/.wh.old' }]),
];

const configOf = ({
  layers = twoLayers,
  diffIds,
  architecture = machine,
  environment = ['A=1'],
}: ImageParts) =>
  JSON.stringify({
    architecture,
    os: 'linux',
    config: { Env: environment, WorkingDir: '/etc', Labels: { who: 'test' } },
    rootfs: { type: 'layers', diff_ids: diffIds ?? layers.map((layer) => `sha256:${sha256(layer)}`) },
    history: [],
  });

/** The files of an OCI layout, by name. */
export function ociLayout(parts: ImageParts = {}): Readonly<Record<string, Buffer>> {
  const { layers = twoLayers, compress = gzipSync, manifest = (same) => same, tag = '1.0' } = parts;
  const { layerType = 'application/vnd.oci.image.layer.v1.tar+gzip' } = parts;
  const blobs: Record<string, Buffer> = {};
  const add = (mediaType: string, content: string | Buffer) => {
    const bytes = Buffer.from(content as string);
    blobs[`blobs/sha256/${sha256(bytes)}`] = bytes;
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const described = manifest({
    schemaVersion: 2,
    config: add('application/vnd.oci.image.config.v1+json', configOf(parts)),
    layers: layers.map((layer) => add(layerType, compress(layer))),
  });
  const entry = add('application/vnd.oci.image.manifest.v1+json', JSON.stringify(described));
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  const index = { schemaVersion: 2, manifests: [{ ...entry, annotations }] };
  return {
    'oci-layout': Buffer.from('{"imageLayoutVersion":"1.0.0"}'),
    'index.json': Buffer.from(JSON.stringify(index)),
    ...blobs,
  };
}

/** The files in an archive of `docker save`. */
export function dockerFiles(parts: ImageParts = {}): Readonly<Record<string, Buffer>> {
  const { layers = twoLayers, manifest = (same) => same, tag = 'tool:1.0' } = parts;
  const config = Buffer.from(configOf(parts));
  const names = layers.map((layer) => `${sha256(layer)}.tar`);
  const image = manifest({ Config: `${sha256(config)}.json`, RepoTags: [tag], Layers: names });
  return {
    [`${sha256(config)}.json`]: config,
    ...Object.fromEntries(layers.map((layer, at) => [names[at], layer])),
    'manifest.json': Buffer.from(JSON.stringify([image].flat())),
  };
}

export const archiveOf = (files: Readonly<Record<string, Buffer>>) =>
  makeTar(Object.entries(files).map(([name, data]) => ({ name, data, mode: 0o644 })));

export function writeFiles(directory: string, files: Readonly<Record<string, Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
  }
}
