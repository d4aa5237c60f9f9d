/** An image as archives describe it: layers, and the configuration. */
import { LaunchError } from '../base/errors.js';
import { asObject, asText, asTexts, type Json, parseObject, textIn } from './json.js';

/** Bytes of a file. */
export interface Blob {
  readonly path: string;
  readonly offset: number;
  readonly size: number;
}

/** A tar archive, compressed or not. */
export interface Layer extends Blob {
  /** For messages. */
  readonly name: string;
  /** SHA-256 of the bytes, in hexadecimal digits; empty if none is given. */
  readonly digest: string;
  /** Of the archive that they are when decompressed. */
  readonly diffId: string;
  /** A directory at `path` is a layer, too; an archive if absent. */
  readonly kind?: 'directory';
}

export interface LayeredImage {
  /** From the bottom to the top. */
  readonly layers: readonly Layer[];
  /** The configuration, as it was read: application/vnd.oci.image.config.v1+json. */
  readonly config?: string;
  /** Its SHA-256, and that of the manifest. */
  readonly configDigest?: string;
  readonly manifestDigest?: string;
  /** What the archive calls the image: NAME:TAG. */
  readonly names: readonly string[];
}

/** The files of an archive or a directory, by name. */
export interface Files {
  /** For messages. */
  readonly name: string;
  find(name: string): Blob | undefined;
  /** The content of a small file. Throws LaunchError if there is none, or if it is larger than `most` bytes. */
  read(name: string): string;
  /** SHA-256 of a file, in hexadecimal digits. */
  digestOf(blob: Blob): string;
}

/** `sha256:` and 64 hexadecimal digits: the digits. */
export function hexOf(digest: string, what: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (hex === undefined) throw new LaunchError(`${what} has the digest '${digest}', which is not sha256`);
  return hex;
}

/** The diff ids of a configuration, of which there must be one for each layer. */
export function diffIdsOf(config: Json, count: number, what: string): readonly string[] {
  const ids = asTexts(asObject(config.rootfs ?? {}, `rootfs of ${what}`).diff_ids, `diff_ids of ${what}`);
  if (ids.length !== count)
    throw new LaunchError(`${what} has ${ids.length} diff ids, and the image ${count} layers`);
  return ids.map((id) => hexOf(id, what));
}

/** The machine that a configuration is for. Throws LaunchError if it is not `wanted`. */
export function checkPlatform(config: Json, wanted: string, what: string): void {
  const os = textIn(config, 'os') ?? 'linux';
  const architecture = textIn(config, 'architecture') ?? wanted;
  if (os === 'linux' && architecture === wanted) return;
  throw new LaunchError(`${what} is for ${os}/${architecture}, not for linux/${wanted}`, {
    hint: `--arch=${architecture} takes it all the same`,
  });
}

/** What a configuration says of running the image. */
export interface Settings {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** USER[:GROUP]; empty for the default. */
  readonly user: string;
  readonly environment: readonly string[];
  readonly directory: string;
  readonly labels: Json;
  readonly volumes: readonly string[];
  readonly shell: readonly string[];
  readonly architecture: string;
  readonly history: readonly unknown[];
}

export function settingsOf(text: string, what: string): Settings {
  const config = parseObject(text, what);
  const run = asObject(config.config ?? {}, `config of ${what}`);
  return {
    entrypoint: asTexts(run.Entrypoint, `config.Entrypoint of ${what}`),
    command: asTexts(run.Cmd, `config.Cmd of ${what}`),
    user: textIn(run, 'User') ?? '',
    environment: asTexts(run.Env, `config.Env of ${what}`),
    directory: textIn(run, 'WorkingDir') || '/',
    labels: asObject(run.Labels ?? {}, `config.Labels of ${what}`),
    volumes: Object.keys(asObject(run.Volumes ?? {}, `config.Volumes of ${what}`)),
    shell: run.Shell === undefined ? ['/bin/sh', '-c'] : asTexts(run.Shell, `config.Shell of ${what}`),
    architecture: asText(config.architecture ?? '', `architecture of ${what}`),
    history: Array.isArray(config.history) ? config.history : [],
  };
}
