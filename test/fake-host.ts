/** A machine that answers as the test says. */
import { LaunchError } from '../src/errors.js';
import type { Fact, Host, PathKind } from '../src/host.js';

export interface FakeMachine {
  readonly uid?: number;
  readonly gid?: number;
  readonly directory?: string;
  /** What lies where; everything else is absent. A Buffer is a file's content. */
  readonly paths?: Readonly<Record<string, PathKind | Buffer | 'unreadable'>>;
}

export function fakeHost({ uid = 1001, gid = 100, directory = '/work', paths = {} }: FakeMachine = {}): Host {
  const facts: Fact[] = [];
  const host = {
    facts: () => facts,
    variable: (): string | undefined => undefined,
    userName: (): string | undefined => undefined,
    user() {
      facts.push({ kind: 'user', uid, gid });
      return { uid, gid };
    },
    absolute(path: string) {
      if (path.startsWith('/')) return path;
      facts.push({ kind: 'directory', path: directory });
      return `${directory}/${path}`;
    },
    pathKind(path: string) {
      const found = paths[path] ?? 'absent';
      if (found === 'unreadable')
        throw new LaunchError(`can't look at ${path}: stat: permission denied`, { path });
      const kind = Buffer.isBuffer(found) ? 'file' : found;
      facts.push({ kind: 'path', path, found: kind });
      return kind;
    },
    readHead(path: string, size: number) {
      const found = paths[path];
      return Buffer.isBuffer(found) ? found.subarray(0, size) : Buffer.of();
    },
  };
  return host;
}
