/** A machine that answers as the test says. */
import { LaunchError } from '../src/errors.js';
import type { Fact, Host, PathKind } from '../src/host.js';

export interface FakeMachine {
  readonly uid?: number;
  readonly gid?: number;
  readonly directory?: string;
  /** The environment; by default the caller is alice. */
  readonly variables?: Readonly<Record<string, string>>;
  /** What the name service calls the caller; undefined if it does not know. */
  readonly name?: string;
  /** What lies where; everything else is absent. A Buffer is a file's content. */
  readonly paths?: Readonly<Record<string, PathKind | Buffer | 'unreadable'>>;
}

const alice: Readonly<Record<string, string>> = { USER: 'alice', HOME: '/home/alice' };

export function fakeHost(machine: FakeMachine = {}): Host {
  const { uid = 1001, gid = 100, directory = '/work', variables = alice, name, paths = {} } = machine;
  const facts: Fact[] = [];
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
    facts: () => facts,
    matchingPaths(pattern) {
      facts.push({ kind: 'glob', pattern, paths: [] });
      return [];
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
        throw new LaunchError(`can't look at ${path}: stat: permission denied`, { path });
      const kind = Buffer.isBuffer(found) ? 'file' : found;
      facts.push({ kind: 'path', path, found: kind });
      return kind;
    },
    readFile(path) {
      const found = paths[path];
      if (found === 'unreadable' || this.pathKind(path) === 'absent') return undefined;
      return Buffer.isBuffer(found) ? found : Buffer.of();
    },
    readHead(path, size) {
      const found = paths[path];
      return Buffer.isBuffer(found) ? found.subarray(0, size) : Buffer.of();
    },
  };
}
