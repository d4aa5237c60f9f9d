/** Standard streams of a container that lead out of it. Pure functions. */
import type { Status } from '../../host/native.js';
import type { CriuOption } from '../../plan/outside-kinds.js';
import { withText } from './criu.js';

export interface Stream {
  /** Where it led when the container was created: as in /proc/PID/fd. */
  readonly name: string;
  /** What it is now; without these, it is closed. */
  readonly kind?: Status['kind'];
  readonly inode?: string;
  readonly mount?: number;
}

const isPipe = (name: string): boolean => name.startsWith('pipe:');

/** The name by which a stream is connected again, and what CRIU must know of it; `mounts` are those of the container. */
export function findStream(
  { name, kind, inode, mount = 0 }: Stream,
  mounts: ReadonlySet<number>,
): { readonly name: string; readonly external: readonly CriuOption[] } {
  const isFile = kind === 'file' || kind === 'c';
  if (isPipe(name) || !isFile || mounts.has(mount)) return { name, external: [] };
  const file = `file[${mount.toString(16)}:${BigInt(inode ?? 0).toString(16)}]`;
  return { name: file, external: [withText('external', file)] };
}

/** `names`: what descriptors.json of a checkpoint says; those of the restored container are the caller's. */
export const inheritStreams = (names: readonly unknown[]): readonly CriuOption[] =>
  names.flatMap((name, number) =>
    typeof name === 'string' && /^(pipe:|file\[)/.test(name)
      ? [{ name: 'inherit_fd', key: name, value: String(number) }]
      : [],
  );
