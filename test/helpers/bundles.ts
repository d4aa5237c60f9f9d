/** Bundles of OCI containers, and starting ch-oci-ts with them. */
import { spawn } from 'node:child_process';
import { chownSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import {
  type Ending,
  environmentOf,
  eventually,
  image,
  isRoot,
  type StartOptions,
  scratch,
  stage,
  start,
  type User,
} from './support.js';

export const runtime = join(stage, 'package/bin/ch-oci-ts');

/** Without control groups: as root, tests that run at once would get the same ones. */
export const runtimeWords = [runtime, '--cgroup-manager', 'disabled'];

/** config.json, as tests change it. */
// biome-ignore lint/suspicious/noExplicitAny: tests also write invalid configurations
export type Config = any;

/** `groups`: with control groups. */
export type OciOptions = StartOptions & { readonly groups?: boolean };

export interface Bundle {
  readonly user: User;
  readonly path: string;
  /** The state directory of its containers. */
  readonly root: string;
  /** Starts ch-oci-ts with these arguments, in the bundle. */
  oci(words: readonly string[], options?: OciOptions): Ending;
  /** The saved state of a container, as `state` prints it. */
  state(id: string): { readonly status: string; readonly pid: number; readonly [key: string]: unknown };
  write(change: (config: Config) => void): void;
}

/** The example for an ordinary user, without a terminal, with a shared image as its root. */
export function makeBundle(t: Test, user: User, change: (config: Config) => void = () => {}): Bundle {
  const path = scratch(t, user);
  const root = join(path, 'containers');
  const oci = (words: readonly string[], { groups = false, ...options }: OciOptions = {}): Ending => {
    // not pipes, which a container would keep open; and new files, which no earlier container writes to
    const files = ['out', 'err'].map((name) => {
      rmSync(join(path, name), { force: true });
      return openSync(join(path, name), 'w');
    });
    const ending = start(
      user,
      runtime,
      [...(groups ? [] : runtimeWords.slice(1)), '--root', root, ...words],
      {
        cwd: path,
        timeout: 60_000,
        stdio: ['ignore', ...files],
        ...options,
      },
    );
    for (const file of files) closeSync(file);
    const [stdout = '', stderr = ''] = ['out', 'err'].map((name) => readFileSync(join(path, name), 'utf8'));
    return { ...ending, stdout, stderr };
  };
  const made = oci(['spec', '--rootless']);
  if (made.status !== 0) throw new Error(made.stderr);
  const example = readFileSync(join(path, 'config.json'), 'utf8');
  const write = (more: (config: Config) => void) => {
    const config: Config = JSON.parse(example);
    config.process.terminal = false;
    config.root.path = image;
    change(config);
    more(config);
    writeFileSync(join(path, 'config.json'), JSON.stringify(config));
  };
  write(() => {});
  t.teardown(() => {
    const { stdout } = oci(['list', '-q']);
    for (const id of stdout.split('\n').filter(Boolean)) oci(['delete', '--force', id]);
  });
  return { user, path, root, oci, write, state: (id) => JSON.parse(oci(['state', id]).stdout) };
}

/** What the shell of a container prints for a script. */
export function shellOf(
  t: Test,
  bundle: Bundle,
  script: string,
  change: (config: Config) => void = () => {},
): string {
  bundle.write((config) => {
    config.process.args = ['sh', '-c', script];
    change(config);
  });
  const { status, stdout, stderr } = bundle.oci(['run', 'shell']);
  t.same({ status, stderr }, { status: 0, stderr: '' }, `ends well as ${bundle.user.name}`);
  return stdout.trim();
}

/** A file below the bundle that its user can write. */
export function fileIn(bundle: Bundle, name: string, text: string, mode = 0o644): string {
  const path = join(bundle.path, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text, { mode });
  if (isRoot) chownSync(path, bundle.user.uid, bundle.user.gid);
  return path;
}

/** Follows the events of root's container with control groups, and prints its standard error. */
export function watch(bundle: Bundle, ...words: readonly string[]) {
  const child = spawn(runtime, ['--root', bundle.root, 'events', ...words], {
    cwd: bundle.path,
    env: environmentOf(bundle.user),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  return {
    output: () => text,
    /** Events of complete lines. */
    types: (): readonly string[] =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).type),
    ended: new Promise((resolve) => child.once('close', resolve)),
  };
}

/** Waits until a condition holds. */
export async function until(is: () => boolean, what: string): Promise<void> {
  if (!(await eventually(is))) throw new Error(`never: ${what}`);
}

export { isRoot };

/** As root, in the host's user namespace: there, root's files also belong to the container's root. */
export function onHost({ linux }: Config): void {
  linux.namespaces = linux.namespaces.filter(({ type }: Config) => type !== 'user');
  linux.uidMappings = [];
  linux.gidMappings = [];
}
