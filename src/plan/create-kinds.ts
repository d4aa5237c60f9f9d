/** The steps that create a container: carried out once, by its first process. Paths are absolute. */
import type { Way } from '../host/host.js';
import type { Kinds } from './kinds.js';
import { type HookCall, hookWords, outsideKinds } from './outside-kinds.js';

/** A map of one ID: `inside` the namespace and `outside` of it. */
export interface IdMap {
  readonly inside: number;
  readonly outside: number;
}

/** In the words of the OCI runtime specification. */
export type NamespaceKind = 'user' | 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'cgroup' | 'time';

/** What to do if a side of a bind is missing. */
export type BindOption =
  /** Skip it if source or destination is missing. */
  | 'optional'
  /** Create a missing destination. */
  | 'create'
  /** Read-only, including everything mounted below it if the kernel supports that. */
  | 'read-only'
  /** As in mount(8), including everything mounted below it if the kernel supports that. */
  | 'nosuid'
  | 'nodev'
  | 'noexec';

/** Where writes go: a tmpfs of this size, or a host directory. */
type Upper =
  | { readonly upper: 'memory'; readonly size: string }
  | { readonly upper: 'directory'; readonly path: string };

/** An image; with the storage directories if it was found by name. */
interface ImageFile {
  readonly path: string;
  readonly way?: Way;
}

const idMap = ({ inside, outside }: IdMap): string => `${inside}:${outside}`;
const wayWords = ({ way = [] }: ImageFile) => way.flatMap(({ path, inode }) => [path, inode]);
const upperWords = (step: Upper) => [step.upper, step.upper === 'memory' ? step.size : step.path];

export const createKinds = {
  /**
   * Share one container with the peers: the first to arrive carries out the other `create` steps, the others enter the
   * container. `count` and `tag` may be read from the environment: they differ between ranks that share a plan.
   * `timeout` is in seconds.
   */
  join: (step: {
    readonly count: number | 'environment';
    readonly timeout: number;
    readonly tag?: string;
  }) => [String(step.count), String(step.timeout), ...(step.tag === undefined ? [] : [step.tag])],
  /** Enter the container of this process; no other `create` step is needed. */
  'join-pid': (step: { readonly pid: number }) => [String(step.pid)],
  /** Enter new user and mount namespaces, and more that belong to the user namespace. */
  'user-namespace': (step: {
    readonly uid: IdMap;
    readonly gid: IdMap;
    readonly more?: readonly 'uts'[];
  }) => [idMap(step.uid), idMap(step.gid), ...(step.more ?? [])],
  /** Set the host name in the container's UTS namespace, and HOSTNAME, also for processes that enter it. */
  hostname: (step: { readonly name: string }) => [step.name],
  /**
   * Get a mount of a SquashFS image from its file-system server, shared or private. `offset`: where it begins in the file;
   * `remember`: what the command reads is remembered, and read ahead.
   */
  squashfs: (
    step: ImageFile & {
      readonly server: 'shared' | 'private';
      readonly offset?: number;
      readonly remember?: boolean;
    },
  ) => [
    step.path,
    step.server,
    String(step.offset ?? 0),
    step.remember ? 'remember-reads' : '-',
    ...wayWords(step),
  ],
  /** Attach that mount at a host path: it will become the root directory. */
  attach: (step: { readonly place: string }) => [step.place],
  /** Mount the directory image that will become the root directory. */
  root: (step: ImageFile & { readonly access: 'read-only' | 'writable' }) => [
    step.path,
    step.access,
    ...wayWords(step),
  ],
  /**
   * Let the steps up to `overlay` create files in a tmpfs of this size, or in a host directory, instead of the image;
   * it becomes the overlay's upper directory. So they can add to an image that belongs to another user.
   */
  upper: (step: Upper) => upperWords(step),
  /** Mount that overlay over the image; or one that writes to a tmpfs of this size, or to a host directory. */
  overlay: (step: Upper | { readonly upper: 'made' }) =>
    step.upper === 'made' ? [step.upper] : upperWords(step),
  /** Create missing destinations of binds; in memory if the image is read-only. */
  destinations: (step: {
    readonly binds: readonly { readonly source: string; readonly destination: string }[];
  }) => step.binds.flatMap(({ source, destination }) => [source, destination]),
  /** Bind host path `source` at guest path `destination`, with everything mounted below it. */
  bind: (step: {
    readonly source: string;
    readonly destination: string;
    readonly options: readonly BindOption[];
  }) => [step.source, step.destination, ...step.options],
  /** The same, with the value of an environment variable as source; `fallback` if it is unset or empty. */
  'bind-variable': (step: {
    readonly variable: string;
    readonly fallback: string;
    readonly destination: string;
    readonly options: readonly BindOption[];
  }) => [step.variable, step.fallback, step.destination, ...step.options],
  /** Mount a fresh tmpfs; `options` as in tmpfs(5). */
  tmpfs: (step: { readonly destination: string; readonly options: string }) => [
    step.destination,
    step.options,
  ],
  /** Write a small guest file, if its directory exists and the file does not. */
  file: (step: { readonly path: string; readonly text: string }) => [step.path, step.text],
  /** Create symbolic links in a guest directory, replacing existing files or links. */
  links: (step: {
    readonly directory: string;
    readonly links: readonly { readonly target: string; readonly name: string }[];
  }) => [step.directory, ...step.links.flatMap(({ target, name }) => [target, name])],
  /** Let programs find these libraries in a guest directory: with links where the image's dynamic linker searches. */
  libraries: (step: { readonly folder: string; readonly names: readonly string[] }) => [
    step.folder,
    ...step.names,
  ],
  /** Prefer the image's CUDA libraries in this directory if they are for a newer driver than this. */
  'cuda-compat': (step: { readonly directory: string; readonly driver: string }) => [
    step.directory,
    step.driver,
  ],
  /** Change the mode, in octal, of a guest path, if it exists. */
  chmod: (step: { readonly mode: string; readonly path: string }) => [step.mode, step.path],
  /** Run a program of the host that prepares the container; `timeout` in seconds, 0 for none. */
  hook: (step: HookCall) => hookWords(step),
  /** Make the overlay read-only, as the image is. */
  seal: () => [],
  /** Write /etc/passwd and /etc/group for these guest ids; HOME where it is not the default. */
  identity: (step: { readonly uid: number; readonly gid: number; readonly home?: string }) => [
    String(step.uid),
    String(step.gid),
    ...(step.home === undefined ? [] : [step.home]),
  ],
  /** Wait until the other side reaches its step with this name, in the list `outside`. */
  meet: outsideKinds.meet,
  pass: outsideKinds.pass,
  init: outsideKinds.init,
  /** Enter new namespaces of these kinds. */
  namespaces: (step: { readonly kinds: readonly NamespaceKind[] }) => step.kinds,
  /** Enter the namespace at a path; one that `may` be refused here is joined by a later step. */
  'join-namespace': (step: {
    readonly namespace: NamespaceKind;
    readonly path: string;
    readonly must: boolean;
  }) => [step.namespace, step.path, step.must ? 'must' : 'may'],
  /** Enter the namespaces of a running OCI container, as root of its user namespace. */
  'enter-container': (step: { readonly root: string; readonly id: string }) => [step.root, step.id],
  /** How likely this process is killed where memory is short: proc(5), oom_score_adj. */
  'oom-score': (step: { readonly score: number }) => [String(step.score)],
  /** Run on these processors only: `0-3,7`. */
  processors: (step: { readonly list: string }) => [step.list],
  /** Let nobody in a container look into this process. */
  hide: () => [],
  /** Become root of the user namespace, or the first of its ids, without supplementary groups. */
  'become-root': () => [],
  /** Find what the steps name on the host, with the rights that this process has now. */
  'host-paths': () => [],
  /** Set the offset of a clock in the new time namespace. */
  'time-offset': (step: {
    readonly clock: 'monotonic' | 'boottime';
    readonly seconds: string;
    readonly nanoseconds: string;
  }) => [step.clock, step.seconds, step.nanoseconds],
  /** Set a kernel parameter of our namespaces: its path below /proc/sys. */
  sysctl: (step: { readonly path: string; readonly value: string }) => [step.path, step.value],
  /** Bring up `lo` in the new network namespace. */
  loopback: () => [],
  /** Set the host name of a new or joined UTS namespace. */
  'host-name': (step: { readonly name: string }) => [step.name],
  'domain-name': (step: { readonly name: string }) => [step.name],
  /** Close the caller's descriptors, but for the standard streams and this many after them. */
  descriptors: (step: { readonly count: number }) => [String(step.count)],
  /** Run a hook in the container's namespaces, in its root directory: at a path, or, with `-`, the one to be. */
  'container-hook': (step: HookCall & { readonly root: string }) => [step.root, ...hookWords(step)],
  /**
   * Make a terminal of the container's own, and let it be the standard streams, and /dev/console. A size of 0 is not set.
   */
  'own-terminal': (step: {
    readonly owner: number;
    readonly width: number;
    readonly height: number;
    readonly console: boolean;
  }) => [...[step.owner, step.width, step.height].map(String), step.console ? 'console' : 'other'],
  /**
   * Mount at a guest path, which is made if it is missing. `type` is a file system, bind, or rbind with all mounts below.
   * An option is that of mount(8), with `-` before it to clear it, after `r:` for all mounts below; or copy-up: begin with
   * what the place holds; or-bind: bind `source` if the kernel refuses a new file system; remount: change what is mounted
   * there; dest-nofollow: mount over a link; idmap: show other ids of files, by `uid-map=` and `gid-map=` for each range.
   */
  mount: (step: {
    readonly destination: string;
    readonly type: string;
    readonly source: string;
    readonly data: string;
    readonly options: readonly string[];
  }) => [step.destination, step.type, step.source, step.data, ...step.options],
  /** Make a device, or bind the host's where the kernel refuses that. `mode` in octal. */
  device: (step: {
    readonly path: string;
    readonly type: 'c' | 'b' | 'p';
    /** `MAJOR:MINOR` */
    readonly numbers: string;
    readonly mode: string;
    readonly uid: number;
    readonly gid: number;
    readonly hostPath: string;
  }) => [step.path, step.type, step.numbers, step.mode, String(step.uid), String(step.gid), step.hostPath],
  /**
   * Mount a root file system at PLACE/root in this mount namespace, with the places of mounts that it lacks: files or
   * directories, like their sources; and have an empty directory at PLACE/empty. What CRIU restores is made of these.
   */
  'restored-root': (step: {
    readonly rootfs: string;
    readonly place: string;
    readonly mounts: readonly { readonly source: string; readonly destination: string }[];
  }) => [step.rootfs, step.place, ...step.mounts.flatMap(({ source, destination }) => [source, destination])],
  /** Make this file or directory in the image if it is missing, while it is writable. */
  make: (step: { readonly path: string; readonly type: 'file' | 'directory' }) => [step.path, step.type],
  /** Hide what is at these guest paths, if it is there. */
  mask: (step: { readonly paths: readonly string[] }) => step.paths,
  /** Make these guest paths read-only, if they are there. */
  protect: (step: { readonly paths: readonly string[] }) => step.paths,
  /** The propagation of what is mounted at /, which is the host's until `pivot`. */
  propagation: (step: { readonly propagation: string }) => [step.propagation],
  /** Make a directory of the mount namespace that was joined the root directory. */
  'change-root': (step: { readonly path: string }) => [step.path],
  /** Make the image the root directory without pivot_root(2). */
  'move-root': () => [],
  /** Make the image the root directory, and detach the host's. */
  pivot: () => [],
} as const satisfies Kinds;
