/** Image references: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, as people know them from docker, podman and skopeo. */
import { usageError } from '../base/errors.js';

export interface Reference {
  /** `HOST[:PORT]`; undefined for a short name, which configuration completes. */
  readonly registry: string | undefined;
  /** `NAME/NAME…` */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:` and 64 hexadecimal digits: exactly this manifest. */
  readonly digest: string | undefined;
}

export const defaultRegistry = 'docker.io';
export const defaultTag = 'latest';

const host = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[0-9]{1,5})?$/;
const repository = /^[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*)*$/;
const tag = /^\w[\w.-]{0,127}$/;
const digest = /^sha256:[0-9a-f]{64}$/;
const longest = 255;

/** Throws LaunchError if it is none. */
export function parseReference(text: string): Reference {
  const wrong = (why: string) => usageError(`'${text}' is no image reference: ${why}`);
  const [name = '', pin, ...more] = text.replace(/^docker:\/\//, '').split('@');
  if (more.length > 0 || (pin !== undefined && !digest.test(pin)))
    throw wrong('after @ comes sha256: and 64 hexadecimal digits');
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(0, slash));
  // a host has a dot or a port, or is this one; a first part without is that of a short name
  const hasHost = /[.:]/.test(first) || first === 'localhost';
  const rest = hasHost ? name.slice(slash + 1) : name;
  const [, path = '', label] = /^(.*?)(?::([^/:]*))?$/s.exec(rest) ?? [];
  if (hasHost && !host.test(first)) throw wrong(`'${first}' is no host`);
  if (!repository.test(path))
    throw wrong(
      /[A-Z]/.test(path)
        ? `'${path}' has capital letters`
        : `'${path}' is no repository, as library/debian is`,
    );
  if (path.length > longest) throw wrong(`it is longer than ${longest} characters`);
  if (label !== undefined && !tag.test(label)) throw wrong(`'${label}' is no tag`);
  return { registry: hasHost ? first : undefined, repository: path, tag: label, digest: pin };
}

/** A reference whose registry is known. */
export interface FullReference extends Reference {
  readonly registry: string;
}

/** Docker Hub is called by several names, and keeps images without an owner under `library`. */
export function complete(reference: Reference, registry: string): FullReference {
  const real =
    registry === 'index.docker.io' || registry === 'registry-1.docker.io' ? defaultRegistry : registry;
  const { repository } = reference;
  const owned = real !== defaultRegistry || repository.includes('/');
  return { ...reference, registry: real, repository: owned ? repository : `library/${repository}` };
}

export function renderReference({ registry, repository, tag, digest }: Reference): string {
  const name = registry === undefined ? repository : `${registry}/${repository}`;
  return `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** What a registry is asked for: the digest if there is one, else the tag. */
export const versionOf = ({ tag, digest }: Reference): string => digest ?? tag ?? defaultTag;
