/** The only place that asks the machine anything. What it was asked is recorded: the facts that a plan rests on. */
import {
  type BigIntStats,
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { fromBytes, toBytes } from '../base/bytes.js';
import { failure, LaunchError } from '../base/errors.js';
import type { DeviceKind, Fact, PathKind, Way } from './facts.js';
import { type FilterRule, loadNative, packageRoot } from './native.js';
import { withoutValues } from './secrets.js';

export type { DeviceKind, Fact, PathKind, Way };

/** Whose something is, and who can write it. */
export interface Owner {
  readonly kind: 'directory' | 'file' | 'link' | 'other';
  readonly uid: number;
  readonly gid: number;
  /** The bits of chmod(2). */
  readonly mode: number;
  /** It lies below this installation, and belongs to who installed it. */
  readonly installed: boolean;
  /** The owner has no number in this user namespace. */
  readonly unmapped: boolean;
  /** Which one it is: `device:inode`. */
  readonly inode: string;
}

/** A file, and whose the very file is that was read. */
export interface OwnedFile {
  readonly bytes: Uint8Array;
  readonly owner: Owner;
}

/** What the deciding code may ask. Tests answer in the machine's place. */
export interface Host {
  /** Effective ids of the caller. */
  user(): { readonly uid: number; readonly gid: number };
  /** The value of an environment variable; undefined if it is not set. */
  variable(name: string): string | undefined;
  /** All environment variables whose names begin with `prefix`. */
  variables(prefix: string): ReadonlyMap<string, string>;
  /** The caller's login name, by $USER or else by the name service; undefined where neither knows. */
  userName(): string | undefined;
  /** `path` itself if it is absolute, else below the working directory. Links and `..` are left to the kernel. */
  absolute(path: string): string;
  /** What lies at an absolute path. Throws LaunchError if that can't be found out. */
  pathKind(path: string): PathKind;
  /** Whether there is a regular file at an absolute path, and not by a link. Throws LaunchError as pathKind(). */
  isPlainFile(path: string): boolean;
  /** The paths that match an absolute pattern as in glob(7), in the order of their bytes. */
  matchingPaths(pattern: string): readonly string[];
  /** The first `size` bytes of a file. Throws LaunchError if it can't be read. */
  readHead(path: string, size: number): Uint8Array;
  /** `size` bytes of a file from `offset` on; fewer where it ends. Throws LaunchError if it can't be read. */
  readPart(path: string, offset: number, size: number): Uint8Array;
  /** Whose an absolute path is; undefined for what is not there. Throws LaunchError if that can't be found out. */
  ownerOf(path: string, links: 'follow' | 'no-follow'): Owner | undefined;
  /** Makes it a fact that this very directory, of which ownerOf() has told, lies at an absolute path. */
  dependOn(path: string, inode: string): void;
  /** Which device a path leads to. Throws LaunchError if that can't be found out. */
  deviceAt(path: string): DeviceKind;
  /** A whole file; undefined if there is none, or the way there is barred. Throws LaunchError if it can't be read. */
  readFile(path: string): OwnedFile | undefined;
  /**
   * A filter of system calls for this machine's architecture. It rests on nothing but this program, which every plan
   * does. Throws LaunchError where that was built without libseccomp.
   */
  compileFilter(rules: readonly FilterRule[]): Uint8Array;
  /** Everything asked so far, each question once, in the order of asking. */
  facts(): readonly Fact[];
}

/** A pattern that matches this path alone, for matchingPaths(). */
export function patternOf(path: string): string {
  return path.replace(/[*?[\\]/g, '\\$&');
}

/** process.env has U+FFFD in place of bytes that are not UTF-8; the environment that we were started with has them. */
function variableOf(name: string): string | undefined {
  const value = process.env[name];
  if (!value?.includes('\ufffd')) return value;
  const entries = fromBytes(readFileSync('/proc/self/environ')).split('\0');
  return entries.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? value;
}

/** `major:minor` of a device number, which the C library packs in four parts (makedev(3)). */
function deviceNumbers(number: number): string {
  const bits = BigInt(number);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & ~0xfffn);
  const minor = (bits & 0xffn) | ((bits >> 12n) & ~0xffn & 0xffffffffn);
  return `${major}:${minor}`;
}

/** What the kernel shows where a user namespace has no number for an owner. */
const overflowId = 65534;

function isMapped(uid: number): boolean {
  const ranges = readFileSync('/proc/self/uid_map', 'latin1').trim().split('\n');
  return ranges.some((range) => {
    const [inside = 0, , count = 0] = range.trim().split(/ +/).map(Number);
    return uid >= inside && uid < inside + count;
  });
}

function toOwner(status: BigIntStats, file?: number): Owner {
  const [uid, gid] = [Number(status.uid), Number(status.gid)];
  return {
    kind: status.isSymbolicLink()
      ? 'link'
      : status.isDirectory()
        ? 'directory'
        : status.isFile()
          ? 'file'
          : 'other',
    uid,
    gid,
    mode: Number(status.mode) & 0o7777,
    installed: file !== undefined && isInstalled(uid, file),
    unmapped: uid === overflowId && !isMapped(uid),
    inode: `${status.dev}:${status.ino}`,
  };
}

/** Links and mounts count as the kernel has followed them. */
function isInstalled(uid: number, file: number): boolean {
  const path = readlinkSync(`/proc/self/fd/${file}`);
  return path.startsWith(`${packageRoot}/`) && statSync(packageRoot).uid === uid;
}

/** What lies at a path that nobody asked for: what can't be looked at, for whatever reason, counts as absent. */
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
    const ids = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    this.#record('user', { kind: 'user', ...ids });
    return ids;
  }

  variable(name: string): string | undefined {
    const value = variableOf(name);
    this.#record(`variable ${name}`, { kind: 'variable', name, ...(value === undefined ? {} : { value }) });
    return value;
  }

  variables(prefix: string): ReadonlyMap<string, string> {
    const names = Object.keys(process.env).filter((name) => name.startsWith(prefix));
    const values = new Map(names.map((name) => [name, variableOf(name) ?? '']));
    const entries = [...values]
      .map(([name, value]) => withoutValues(`${name}=${value}`))
      .sort((a, b) => Buffer.compare(toBytes(a), toBytes(b)));
    this.#record(`variables ${prefix}`, { kind: 'variables', prefix, entries });
    return values;
  }

  userName(): string | undefined {
    const name = this.variable('USER');
    if (name) return name;
    try {
      return userInfo().username;
    } catch {
      return undefined;
    }
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
    const plain = this.#look(path, lstatSync)?.isFile() ?? false;
    this.#record(`plain-file ${path}`, { kind: 'plain-file', path, found: plain ? 'yes' : 'no' });
    return plain;
  }

  matchingPaths(pattern: string): readonly string[] {
    const found = fromBytes(loadNative().glob(toBytes(pattern)));
    const paths = found.split('\0').slice(0, -1);
    this.#record(`glob ${pattern}`, { kind: 'glob', pattern, paths });
    return paths;
  }

  readHead(path: string, size: number): Uint8Array {
    return this.readPart(path, 0, size);
  }

  readPart(path: string, offset: number, size: number): Uint8Array {
    try {
      this.#recordFile(path);
      const file = openSync(toBytes(path), 'r');
      try {
        const bytes = new Uint8Array(size);
        return bytes.subarray(0, readSync(file, bytes, 0, size, offset));
      } finally {
        closeSync(file);
      }
    } catch (cause) {
      throw failure('read', path, cause);
    }
  }

  readFile(path: string): OwnedFile | undefined {
    if (kindIfAny(path, this) === 'absent') return undefined;
    try {
      this.#recordFile(path);
      const file = openSync(toBytes(path), 'r');
      try {
        return { bytes: readFileSync(file), owner: toOwner(fstatSync(file, { bigint: true }), file) };
      } finally {
        closeSync(file);
      }
    } catch (cause) {
      throw failure('read', path, cause);
    }
  }

  ownerOf(path: string, links: 'follow' | 'no-follow'): Owner | undefined {
    const status = this.#lookFor(
      () => this.#look(path, (name) => (links === 'follow' ? statSync : lstatSync)(name, { bigint: true })),
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

  compileFilter(rules: readonly FilterRule[]): Uint8Array {
    const native = loadNative();
    if (native.features.includes('seccomp')) return native.compileFilter(rules);
    throw new LaunchError('this ch-run-ts was built without libseccomp: there is no --seccomp', {
      hint: 'install the library (Debian: libseccomp-dev) and build it again',
    });
  }

  #record(key: string, fact: Fact): void {
    if (!this.#facts.has(key)) this.#facts.set(key, fact);
  }

  /** That the way is barred is a fact, too: a plan may go without what nobody asked for. */
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

  /** Before it is read: a change meanwhile makes the fact a wrong one, and not the plan. */
  #recordFile(path: string): void {
    if (this.#facts.has(`file ${path}`)) return;
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(toBytes(path), { bigint: true });
    this.#record(`file ${path}`, {
      kind: 'file',
      path,
      device: String(dev),
      inode: String(ino),
      size: String(size),
      modified: String(mtimeNs),
      changed: String(ctimeNs),
    });
  }

  #findKind(path: string): PathKind {
    const status = this.#look(path);
    if (status === undefined) return 'absent';
    return status.isDirectory() ? 'directory' : status.isFile() ? 'file' : 'other';
  }

  #findDevice(path: string): DeviceKind {
    const status = this.#look(path);
    if (status === undefined) return 'absent';
    const type = status.isCharacterDevice() ? 'c' : status.isBlockDevice() ? 'b' : undefined;
    return type ? `${type} ${deviceNumbers(status.rdev)}` : status.isFIFO() ? 'p' : 'other';
  }

  /** Undefined for what is absent. */
  #look(path: string): Stats | undefined;
  #look<Found>(path: string, stat: (path: Buffer) => Found): Found | undefined;
  #look(path: string, stat: (path: Buffer) => unknown = statSync): unknown {
    try {
      return stat(toBytes(path));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw failure('look at', path, cause);
    }
  }

  #workingDirectory(): string {
    try {
      // as bytes: process.cwd() would spoil what is not UTF-8. It is asked all the same, for a removed directory.
      process.cwd();
      const path = fromBytes(readlinkSync('/proc/self/cwd', { encoding: 'buffer' }));
      this.#record('directory', { kind: 'directory', path });
      return path;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
        throw new LaunchError('the working directory has been removed', {
          hint: 'change to one that exists, or give absolute paths',
        });
      throw failure('find', 'the working directory', cause);
    }
  }
}
