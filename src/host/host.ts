/** The only place that queries the machine. Every query is recorded: the facts that a plan depends on. */
import { compareBytes } from '../base/bytes.js';
import { failure, LaunchError } from '../base/errors.js';
import type { DeviceKind, Fact, PathKind, Way } from './facts.js';
import {
  type FilterRule,
  native,
  packageRoot,
  type Status,
  type SystemError,
  serverPaths,
} from './native.js';
import { withoutValues } from './secrets.js';

export type { DeviceKind, Fact, PathKind, Way };

/** Who owns something, and who can write to it. */
export interface Owner {
  readonly kind: 'directory' | 'file' | 'link' | 'other';
  readonly uid: number;
  readonly gid: number;
  /** The bits of chmod(2). */
  readonly mode: number;
  /** It is below this installation, and belongs to the user who installed it. */
  readonly installed: boolean;
  /** The owner is not mapped in this user namespace. */
  readonly unmapped: boolean;
  /** Which one it is: `device:inode`. */
  readonly inode: string;
}

/** A file, and the owner of exactly the file that was read. */
export interface OwnedFile {
  readonly text: string;
  readonly owner: Owner;
}

/** Where an image is: a directory, or the SquashFS that begins at a byte of a file. */
export interface GuestRoot {
  readonly kind: 'directory' | 'squashfs';
  readonly path: string;
  readonly offset?: number;
}

/** The queries of the planning code. Tests answer them in place of the machine. */
export interface Host {
  /** Effective ids of the caller. */
  user(): { readonly uid: number; readonly gid: number };
  /** The value of an environment variable; undefined if it is not set. */
  variable(name: string): string | undefined;
  /** All environment variables whose names begin with `prefix`. */
  variables(prefix: string): ReadonlyMap<string, string>;
  /** The caller's login name, from $USER or else from the name service; undefined if neither has it. */
  userName(): string | undefined;
  /** `path` itself if it is absolute, else below the working directory. Links and `..` are left to the kernel. */
  absolute(path: string): string;
  /** What is at an absolute path. Throws LaunchError if that can't be determined. */
  pathKind(path: string): PathKind;
  /** Whether a regular file, not a symbolic link, is at an absolute path. Throws LaunchError like pathKind(). */
  isPlainFile(path: string): boolean;
  /** The paths that match an absolute pattern as in glob(7), in the order of their bytes. */
  matchingPaths(pattern: string): readonly string[];
  /** The first `size` bytes of a file. Throws LaunchError if it can't be read. */
  readHead(path: string, size: number): Uint8Array;
  /** `size` bytes of a file from `offset` on; fewer where it ends. Throws LaunchError if it can't be read. */
  readPart(path: string, offset: number, size: number): Uint8Array;
  /** The owner of an absolute path; undefined if it does not exist. Throws LaunchError if that can't be determined. */
  ownerOf(path: string, links: 'follow' | 'no-follow'): Owner | undefined;
  /** Makes it a fact that exactly this directory, as reported by ownerOf(), is at an absolute path. */
  dependOn(path: string, inode: string): void;
  /** Which device is at a path. Throws LaunchError if that can't be determined. */
  deviceAt(path: string): DeviceKind;
  /** A whole file; undefined if it does not exist or can't be reached. Throws LaunchError if it can't be read. */
  readFile(path: string): OwnedFile | undefined;
  /**
   * A file in an image; links stay in the image. Undefined if there is no regular file. Throws LaunchError if it can't be
   * read.
   */
  readGuestFile(image: GuestRoot, path: string): string | undefined;
  /**
   * A system call filter for this machine's architecture. It depends only on this program, as every plan does. Throws
   * LaunchError if the program was built without libseccomp.
   */
  compileFilter(rules: readonly FilterRule[]): Uint8Array;
  /** The name that OCI has for the architecture of this program. Every plan depends on the program. */
  architecture(): string;
  /** The caller's control groups, /proc/self/cgroup, and where they are mounted, as native.ts has it. */
  controlGroups(): { readonly groups: string; readonly mounts: string };
  /** All queries so far, each once, in order. */
  facts(): readonly Fact[];
}

/** A pattern that matches this path alone, for matchingPaths(). */
export function patternOf(path: string): string {
  return path.replace(/[*?[\\]/g, '\\$&');
}

/** What the kernel shows for an owner that is not mapped in the user namespace. */
const overflowId = 65534;

function isMapped(uid: number): boolean {
  const ranges = native.content('/proc/self/uid_map').text.trim().split('\n');
  return ranges.some((range) => {
    const [inside = 0, , count = 0] = range.trim().split(/ +/).map(Number);
    return uid >= inside && uid < inside + count;
  });
}

function toOwner({ kind, uid, gid, mode, device, inode }: Status, installed = false): Owner {
  return {
    kind: kind === 'c' || kind === 'b' || kind === 'p' ? 'other' : kind,
    uid,
    gid,
    mode,
    installed,
    unmapped: uid === overflowId && !isMapped(uid),
    inode: `${device}:${inode}`,
  };
}

/** `path` as the kernel resolved it. */
function isInstalled(uid: number, path: string): boolean {
  // files below the root directory need not be part of the installation
  return packageRoot !== '' && path.startsWith(`${packageRoot}/`) && native.status(packageRoot).uid === uid;
}

/** What is at a path that was not asked for explicitly: if it can't be examined, for whatever reason, it is absent. */
export function kindIfAny(path: string, host: Host): PathKind {
  try {
    return host.pathKind(path);
  } catch {
    return 'absent';
  }
}

/** The machine that we run on. */
export class RealHost implements Host {
  readonly #facts = new Map<string, Fact>();

  facts(): readonly Fact[] {
    return [...this.#facts.values()];
  }

  user(): { uid: number; gid: number } {
    const { uid, gid } = native.identity();
    const ids = { uid, gid };
    this.#record('user', { kind: 'user', ...ids });
    return ids;
  }

  variable(name: string): string | undefined {
    const value = native.variable(name);
    this.#record(`variable ${name}`, { kind: 'variable', name, ...(value === undefined ? {} : { value }) });
    return value;
  }

  variables(prefix: string): ReadonlyMap<string, string> {
    const found = native.variables(prefix);
    const entries = found.map(withoutValues).sort(compareBytes);
    this.#record(`variables ${prefix}`, { kind: 'variables', prefix, entries });
    const parts = found.map((entry) => [entry, entry.indexOf('=')] as const);
    return new Map(parts.map(([entry, at]) => [entry.slice(0, at), entry.slice(at + 1)]));
  }

  userName(): string | undefined {
    const name = this.variable('USER');
    return name || native.loginName();
  }

  absolute(path: string): string {
    if (path.startsWith('/')) return path;
    const directory = this.#workingDirectory();
    const below = path.replace(/^(\.\/+)+/, '');
    if (below === '.' || below === '') return directory;
    return `${directory === '/' ? '' : directory}/${below}`;
  }

  pathKind(path: string): PathKind {
    return this.#lookFor(
      () => this.#findKind(path),
      (found) => this.#record(`path ${path}`, { kind: 'path', path, found }),
    );
  }

  isPlainFile(path: string): boolean {
    const plain = this.#look(path, 'no-follow')?.kind === 'file';
    this.#record(`plain-file ${path}`, { kind: 'plain-file', path, found: plain ? 'yes' : 'no' });
    return plain;
  }

  matchingPaths(pattern: string): readonly string[] {
    const paths = native.matches(pattern);
    this.#record(`glob ${pattern}`, { kind: 'glob', pattern, paths });
    return paths;
  }

  readHead(path: string, size: number): Uint8Array {
    return this.readPart(path, 0, size);
  }

  readPart(path: string, offset: number, size: number): Uint8Array {
    try {
      this.#recordFile(path);
      return native.part(path, offset, size);
    } catch (cause) {
      throw failure('read', path, cause);
    }
  }

  readFile(path: string): OwnedFile | undefined {
    if (kindIfAny(path, this) === 'absent') return undefined;
    try {
      this.#recordFile(path);
      const { text, path: real, status } = native.content(path);
      return { text, owner: toOwner(status, isInstalled(status.uid, real)) };
    } catch (cause) {
      throw failure('read', path, cause);
    }
  }

  readGuestFile({ kind, path: image, offset = 0 }: GuestRoot, path: string): string | undefined {
    try {
      if (kind === 'squashfs') {
        this.#recordFile(image);
        return this.#readFromSquashFS(image, offset, path);
      }
      const found = native.guestFile(image, path);
      // a link may lead to another place
      if (found) this.#recordFile(found.path, found.status);
      this.pathKind(`${image}${path}`);
      return found?.text;
    } catch (cause) {
      throw failure('read', `${path} in the image ${image}`, cause);
    }
  }

  ownerOf(path: string, links: 'follow' | 'no-follow'): Owner | undefined {
    const status = this.#lookFor(
      () => this.#look(path, links),
      (found) => {
        const owner = found === 'barred' ? undefined : found && toOwner(found);
        const words = owner ? `${owner.kind} ${owner.uid} ${owner.gid} ${owner.mode.toString(8)}` : 'absent';
        this.#record(`owner ${links} ${path}`, {
          kind: 'owner',
          path,
          links,
          found: found === 'barred' ? found : words,
        });
      },
    );
    return status && toOwner(status);
  }

  dependOn(path: string, inode: string): void {
    this.#record(`inode ${path}`, { kind: 'inode', path, inode });
  }

  deviceAt(path: string): DeviceKind {
    const found = this.#findDevice(path);
    this.#record(`device ${path}`, { kind: 'device', path, found });
    return found;
  }

  architecture(): string {
    return native.architecture();
  }

  controlGroups(): { groups: string; mounts: string } {
    const found = native.controlGroups();
    this.#record('control-groups', { kind: 'control-groups', ...found });
    return found;
  }

  compileFilter(rules: readonly FilterRule[]): Uint8Array {
    if (native.features().includes('seccomp')) return native.compileFilter(rules);
    throw new LaunchError('this ch-run-ts was built without libseccomp: there is no --seccomp', {
      hint:
        kindIfAny(`${packageRoot}/binding.gyp`, this) === 'file'
          ? 'install the library (Debian: libseccomp-dev) and build it again'
          : 'install a release with seccomp (--version prints what this one has)',
    });
  }

  #record(key: string, fact: Fact): void {
    if (!this.#facts.has(key)) this.#facts.set(key, fact);
  }

  /** That a path can't be reached is a fact, too: a plan may do without paths that were not requested. */
  #lookFor<Found>(look: () => Found, record: (found: Found | 'barred') => void): Found {
    try {
      const found = look();
      record(found);
      return found;
    } catch (error) {
      record('barred');
      throw error;
    }
  }

  /** The file-system server can read images; the launcher would grow by all decompressors. */
  #readFromSquashFS(image: string, offset: number, path: string): string | undefined {
    const server = serverPaths.find((each) => this.#look(each)?.kind === 'file') ?? serverPaths[0] ?? '';
    const { status, signal, output, errors } = native.run(
      server,
      ['--read', image, String(offset), path],
      60_000,
    );
    if (status === 1) return undefined;
    if (signal > 0) throw new LaunchError(`${server} was terminated by signal ${signal}`);
    if (status !== 0) throw new LaunchError(errors);
    return output;
  }

  /** As it was before it was read: a change meanwhile invalidates the fact, not the plan. */
  #recordFile(path: string, status?: Status): void {
    if (this.#facts.has(`file ${path}`)) return;
    const { device, inode, size, modified, changed } = status ?? native.status(path);
    this.#record(`file ${path}`, { kind: 'file', path, device, inode, size, modified, changed });
  }

  #findKind(path: string): PathKind {
    const kind = this.#look(path)?.kind ?? 'absent';
    return kind === 'directory' || kind === 'file' || kind === 'absent' ? kind : 'other';
  }

  #findDevice(path: string): DeviceKind {
    const status = this.#look(path);
    if (status === undefined) return 'absent';
    const { kind, numbers } = status;
    return kind === 'c' || kind === 'b' ? `${kind} ${numbers}` : kind === 'p' ? kind : 'other';
  }

  /** Undefined if it is absent. */
  #look(path: string, links: 'follow' | 'no-follow' = 'follow'): Status | undefined {
    try {
      return native.status(path, links);
    } catch (cause) {
      const { code } = cause as SystemError;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw failure('examine', path, cause);
    }
  }

  #workingDirectory(): string {
    try {
      const path = native.workingDirectory();
      this.#record('directory', { kind: 'directory', path });
      return path;
    } catch (cause) {
      if ((cause as SystemError).code === 'ENOENT')
        throw new LaunchError('the working directory has been removed', {
          hint: 'change to one that exists, or give absolute paths',
        });
      throw failure('find', 'the working directory', cause);
    }
  }
}
