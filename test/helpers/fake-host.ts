/** A simulated machine, whose answers the test defines. */
import { LaunchError } from '../../src/base/errors.js';
import type { DeviceKind, Fact, Host, Owner, PathKind } from '../../src/host/host.js';
import { fromBytes } from './bytes.js';

export interface FakeMachine {
  readonly uid?: number;
  readonly gid?: number;
  readonly directory?: string;
  /** The environment; by default the caller is alice. */
  readonly variables?: Readonly<Record<string, string>>;
  /** The caller's name in the name service; undefined if there is none. */
  readonly name?: string;
  /** Files by path; everything else is absent. A Buffer is a file's content. */
  readonly paths?: Readonly<Record<string, PathKind | Buffer | 'unreadable'>>;
  /** Which devices there are: `c 1:3`. */
  readonly devices?: Readonly<Record<string, DeviceKind>>;
  /** Owners by path; other files belong to the caller, and nobody else can write to them. */
  readonly owners?: Readonly<Record<string, Partial<Owner>>>;
}

/** As glob(7), for patterns with stars in the last component only. */
function matchesGlob(path: string, pattern: string): boolean {
  const words = pattern.split('*').map((text) => text.replace(/[.[\]\\^$|?()+{}]/g, '\\$&'));
  return new RegExp(`^${words.join('[^/]*')}$`).test(path);
}

const alice: Readonly<Record<string, string>> = { USER: 'alice', HOME: '/home/alice' };

export function fakeHost(machine: FakeMachine = {}): Host {
  const {
    uid = 1001,
    gid = 100,
    directory = '/work',
    variables = alice,
    name,
    paths = {},
    devices = {},
    owners = {},
  } = machine;
  const facts: Fact[] = [];
  const ownerOf = (path: string, kind: Owner['kind']): Owner => ({
    kind,
    uid,
    gid,
    mode: 0o644,
    installed: false,
    unmapped: false,
    inode: `1:${path.length}`,
    ...owners[path],
  });
  const part = (path: string, from: number, size?: number): Buffer => {
    const found = paths[path];
    return Buffer.isBuffer(found)
      ? found.subarray(from, size === undefined ? undefined : from + size)
      : Buffer.of();
  };
  const variable = (wanted: string): string | undefined => {
    const value = variables[wanted];
    facts.push({ kind: 'variable', name: wanted, ...(value === undefined ? {} : { value }) });
    return value;
  };
  return {
    variable,
    variables(prefix) {
      const found = Object.entries(variables).filter(([name]) => name.startsWith(prefix));
      facts.push({ kind: 'variables', prefix, entries: found.map((entry) => entry.join('=')) });
      return new Map(found);
    },
    userName: () => variable('USER') || name,
    facts: () => [...new Map(facts.map((fact) => [JSON.stringify(fact), fact])).values()],
    matchingPaths(pattern) {
      const found = Object.keys(paths).filter((path) => matchesGlob(path, pattern));
      facts.push({ kind: 'glob', pattern, paths: found });
      return found;
    },
    isPlainFile(path) {
      const found = Buffer.isBuffer(paths[path]) || paths[path] === 'file';
      facts.push({ kind: 'plain-file', path, found: found ? 'yes' : 'no' });
      return found;
    },
    deviceAt(path) {
      const found = devices[path] ?? 'absent';
      facts.push({ kind: 'device', path, found });
      return found;
    },
    architecture: () => 'amd64',
    controlGroups() {
      facts.push({ kind: 'control-groups', groups: '', mounts: '' });
      return { groups: '', mounts: '' };
    },
    compileFilter: (rules) => Buffer.from(JSON.stringify(rules)),
    user() {
      facts.push({ kind: 'user', uid, gid });
      return { uid, gid };
    },
    absolute(path) {
      if (path.startsWith('/')) return path;
      facts.push({ kind: 'directory', path: directory });
      return `${directory}/${path}`;
    },
    pathKind(path) {
      const found = paths[path] ?? 'absent';
      if (found === 'unreadable')
        throw new LaunchError(`can't examine ${path}: stat: permission denied`, { path });
      const kind = Buffer.isBuffer(found) ? 'file' : found;
      facts.push({ kind: 'path', path, found: kind });
      return kind;
    },
    readHead: (path, size) => part(path, 0, size),
    readPart: part,
    ownerOf(path, links) {
      const there = paths[path] ?? 'absent';
      const kind = Buffer.isBuffer(there) ? 'file' : there === 'unreadable' ? 'other' : there;
      const owner = ownerOf(path, kind === 'absent' ? 'other' : kind);
      const found = kind === 'absent' ? kind : `${kind} ${owner.uid} ${owner.gid} ${owner.mode.toString(8)}`;
      facts.push({ kind: 'owner', path, links, found });
      return kind === 'absent' ? undefined : owner;
    },
    dependOn(path, inode) {
      facts.push({ kind: 'inode', path, inode });
    },
    readGuestFile({ path: image }, path) {
      return this.readFile(`${image}${path}`)?.text;
    },
    readFile(path) {
      const found = paths[path];
      if (found === 'unreadable' || this.pathKind(path) === 'absent') return undefined;
      return { text: Buffer.isBuffer(found) ? fromBytes(found) : '', owner: ownerOf(path, 'file') };
    },
  };
}
