/** What describes an image of one layer: for those who read OCI layouts, or what `docker save` writes. */
import { asObject, type Json, parseObject } from './json.js';

/** The digest and size of a blob. */
export interface Written {
  /** In hexadecimal digits. */
  readonly digest: string;
  readonly size: number;
}

/** The configuration for the only layer; `known`: that of the image that the layer was made from. */
export function configFor(known: string | undefined, diffId: string, architecture: string): string {
  const config: Json =
    known === undefined ? { architecture, os: 'linux', config: {} } : parseObject(known, 'the configuration');
  return JSON.stringify({
    ...config,
    config: asObject(config.config ?? {}, 'the configuration'),
    rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] },
    history: [{ created_by: 'ch-image-ts' }],
  });
}

const descriptor = (mediaType: string, { digest, size }: Written) => ({
  mediaType,
  digest: `sha256:${digest}`,
  size,
});

export function ociManifest(config: Written, layer: Written, compress?: 'gzip'): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor(`application/vnd.oci.image.layer.v1.tar${compress ? '+gzip' : ''}`, layer)],
  });
}

export function ociIndex(manifest: Written, name: string | undefined): string {
  const annotations =
    name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } };
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest), ...annotations }],
  });
}

export const ociLayoutFile = '{"imageLayoutVersion":"1.0.0"}';

export function dockerManifest(config: Written, layer: Written, name: string | undefined): string {
  return JSON.stringify([
    {
      Config: `${config.digest}.json`,
      RepoTags: name === undefined ? [] : [/:[^/]+$/.test(name) ? name : `${name}:latest`],
      Layers: [`${layer.digest}.tar`],
    },
  ]);
}
