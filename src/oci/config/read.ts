/** Reading config.json, and what it must have as a whole. */
import { failure, LaunchError } from '../../base/errors.js';
import type { Host } from '../../host/host.js';
import { checkFields } from './check.js';
import type { Config, Linux, Process } from './config.js';
import { configFields, processFields } from './fields.js';

const largest = 64 << 20;

export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new LaunchError(`${path} is not JSON: ${(error as Error).message}`, { path });
  }
}

export function readText(path: string, host: Host): string {
  const file = host.readFile(path);
  if (file === undefined)
    throw failure('read', path, { syscall: 'open', reason: 'no such file or directory', code: 'ENOENT' });
  if (file.text.length > largest) throw new LaunchError(`${path} is larger than ${largest} bytes`);
  return file.text;
}

function refuse(message: string): never {
  throw new LaunchError(`config.json: ${message}`);
}

/** Throws LaunchError if it can't be a process of a container. */
export function checkProcess(process: Process | undefined): asserts process is Process {
  if (process === undefined) refuse('there is no process');
  if (!process.args || process.args.length === 0) refuse('process.args is empty: there is no command');
  if (process.cwd && !process.cwd.startsWith('/'))
    refuse(`process.cwd must be an absolute path, got ${JSON.stringify(process.cwd)}`);
}

/** The namespaces that a container has for itself, new or joined. */
export const ownNamespaces = ({ linux }: Config) =>
  new Map((linux?.namespaces ?? []).map((namespace) => [namespace.type, namespace]));

/** Those who have it would see every mount that is made in it. */
function checkJoinedMounts({ root, mounts = [], linux = {} }: Config): void {
  const changes: Readonly<Record<string, unknown>> = {
    mounts: mounts.length > 0,
    'root.readonly': root.readonly,
    'linux.devices': linux.devices?.length,
    'linux.maskedPaths': linux.maskedPaths?.length,
    'linux.readonlyPaths': linux.readonlyPaths?.length,
    'linux.rootfsPropagation': linux.rootfsPropagation,
  };
  const [change] = Object.entries(changes).find(([, asked]) => asked) ?? [];
  if (change) refuse(`${change} would change the mount namespace that is joined`);
  if (!root.path.startsWith('/')) refuse('root.path must be absolute in a mount namespace that is joined');
}

/** As the kernel takes them, netdevice(7). */
const isDeviceName = (name: string): boolean => /^(?!\.{1,2}$)[^/:\s]{1,15}$/.test(name);

function checkNetDevices({ netDevices = {} }: Linux, hasNetwork: boolean): void {
  const all = Object.entries(netDevices);
  const there = all.map(([host, { name }]) => name || host);
  const wrong = [...Object.keys(netDevices), ...there].find((name) => !isDeviceName(name));
  if (wrong !== undefined) refuse(`linux.netDevices: '${wrong}' is no name of a network device`);
  const twice = there.find((name, at) => !name.includes('%d') && there.indexOf(name) !== at);
  if (twice !== undefined) refuse(`linux.netDevices: two of them are called ${twice} in the container`);
  if (all.length > 0 && !hasNetwork) refuse('linux.netDevices need a network namespace');
}

/** What would change the host is refused before anything is done. */
function checkNamespaces(config: Config): void {
  const { linux = {}, hostname, domainname } = config;
  const own = ownNamespaces(config);
  const listed = linux.namespaces ?? [];
  const twice = listed.find(({ type }, at) => listed.findIndex((each) => each.type === type) !== at);
  if (twice) refuse(`the namespace ${twice.type} is there twice`);
  if (!own.has('mount')) refuse('a container needs a mount namespace of its own');
  if (own.get('mount')?.path) checkJoinedMounts(config);
  if ((hostname || domainname) && !own.has('uts'))
    refuse("hostname and domainname need a UTS namespace: they would be the host's");
  const user = own.get('user');
  if (user?.path && (linux.uidMappings?.length || linux.gidMappings?.length))
    refuse('a joined user namespace has its maps already');
  if (!user && (linux.uidMappings?.length || linux.gidMappings?.length))
    refuse('uidMappings and gidMappings need a user namespace');
  if (linux.timeOffsets && Object.keys(linux.timeOffsets).length > 0 && !own.has('time'))
    refuse('timeOffsets need a time namespace');
  checkNetDevices(linux, own.has('network'));
}

/** A configuration, and warnings about what it asks for in vain. Throws LaunchError. */
export function checkConfig(
  value: unknown,
  isRoot = false,
): {
  readonly config: Config;
  readonly warnings: readonly string[];
} {
  const warnings = checkFields(value, configFields, 'config.json', isRoot);
  const config = dropNulls(value) as Config;
  if (!/^1\.\d+\.\d+(-.*)?$/.test(config.ociVersion))
    refuse(`ociVersion ${config.ociVersion} is not supported, 1.0 to 1.3 are`);
  checkProcess(config.process);
  checkNamespaces(config);
  return { config, warnings };
}

/** Null is the same as absent. */
export function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropNulls);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(kept.map(([name, each]) => [name, dropNulls(each)]));
}

/** `exec --process`: its file, or `text`. */
export function readProcess(path: string, host: Host, text = readText(path, host)): Process {
  const value = parseJson(text, path);
  checkFields(value, processFields, path);
  const process = dropNulls(value) as Process;
  checkProcess(process);
  return process;
}
