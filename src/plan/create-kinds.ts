/** The steps that create a container: carried out once, by its first process. Paths are absolute. */
import type { Way } from '../host/host.js';
import type { Kinds } from './kinds.js';
import { outsideKinds } from './outside-kinds.js';

/** A map of one id: `inside` the namespace and `outside` of it. */
export interface IdMap {
  readonly inside: number;
  readonly outside: number;
}

/** What to do about a bind with a missing side. */
export type BindOption =
  /** Skip it where source or destination is missing. */
  | 'optional'
  /** Make a missing destination. */
  | 'create'
  /** Nothing can be written there, nor to what is mounted below it where the kernel can do that. */
  | 'read-only'
  /** As of mount(8); they hold for what is mounted below it, too, where the kernel can do that. */
  | 'nosuid'
  | 'nodev'
  | 'noexec';

/** Where writes go: a tmpfs of this size, or a host directory. */
type Upper =
  | { readonly upper: 'memory'; readonly size: string }
  | { readonly upper: 'directory'; readonly path: string };

/** An image; with the directories of storage where it is named in it. */
interface ImageFile {
  readonly path: string;
  readonly way?: Way;
}

const idMap = ({ inside, outside }: IdMap): string => `${inside}:${outside}`;
const wayWords = ({ way = [] }: ImageFile) => way.flatMap(({ path, inode }) => [path, inode]);
const upperWords = (step: Upper) => [step.upper, step.upper === 'memory' ? step.size : step.path];

export const createKinds = {
  /**
   * Share one container with the peers: the first one to come carries out the other `create` steps, the others
   * enter what it made. `count` and `tag` are read from the environment where they say so: they differ between
   * ranks that share a plan. `timeout` is in seconds.
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
  /** Name the machine in the container's UTS namespace; HOSTNAME follows, for those who enter it, too. */
  hostname: (step: { readonly name: string }) => [step.name],
  /** Get a mount of a SquashFS image from its file-system server, a shared one or one of its own. */
  squashfs: (step: ImageFile & { readonly server: 'shared' | 'private' }) => [
    step.path,
    step.server,
    ...wayWords(step),
  ],
  /** Attach that mount at a host path: it is to become the root. */
  attach: (step: { readonly place: string }) => [step.place],
  /** Mount the directory image that is to become the root. */
  root: (step: ImageFile & { readonly access: 'read-only' | 'writable' }) => [
    step.path,
    step.access,
    ...wayWords(step),
  ],
  /**
   * Make what the steps up to the overlay make in the image in a tmpfs of this size, or in a host directory; it becomes
   * the overlay's upper directory. So they can add to an image that belongs to somebody else.
   */
  upper: (step: Upper) => upperWords(step),
  /** Put that over the image; or an overlay whose writes go to a tmpfs of this size, or to a host directory. */
  overlay: (step: Upper | { readonly upper: 'made' }) =>
    step.upper === 'made' ? [step.upper] : upperWords(step),
  /** Make the missing ones among the destinations of binds; where the image is read-only, in memory. */
  destinations: (step: {
    readonly binds: readonly { readonly source: string; readonly destination: string }[];
  }) => step.binds.flatMap(({ source, destination }) => [source, destination]),
  /** Bind host path `source` at guest path `destination`, with all that is mounted below it. */
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
  /** Write a small guest file, if its directory is there and it is not. */
  file: (step: { readonly path: string; readonly text: string }) => [step.path, step.text],
  /** Make links in a guest directory, in place of files or links that are there. */
  links: (step: {
    readonly directory: string;
    readonly links: readonly { readonly target: string; readonly name: string }[];
  }) => [step.directory, ...step.links.flatMap(({ target, name }) => [target, name])],
  /** Let programs find these libraries of a guest directory: links where the image's own loader looks. */
  libraries: (step: { readonly folder: string; readonly names: readonly string[] }) => [
    step.folder,
    ...step.names,
  ],
  /** Prefer the image's CUDA libraries in this directory if they are for a newer driver than this. */
  'cuda-compat': (step: { readonly directory: string; readonly driver: string }) => [
    step.directory,
    step.driver,
  ],
  /** Change the mode, in octal, of what is at a guest path, if it is there. */
  chmod: (step: { readonly mode: string; readonly path: string }) => [step.mode, step.path],
  /** Run a program of the host that prepares the container; `timeout` in seconds, 0 for none. */
  hook: (step: {
    readonly path: string;
    /** All of them, argv[0] included. */
    readonly arguments: readonly string[];
    /** `NAME=VALUE` each; nothing else is passed on. */
    readonly environment: readonly string[];
    readonly timeout: number;
  }) => [
    String(step.timeout),
    step.path,
    String(step.arguments.length),
    ...step.arguments,
    ...step.environment,
  ],
  /** Make the overlay read-only, as the image is. */
  seal: () => [],
  /** Write /etc/passwd and /etc/group for these guest ids; HOME where it is not the default. */
  identity: (step: { readonly uid: number; readonly gid: number; readonly home?: string }) => [
    String(step.uid),
    String(step.gid),
    ...(step.home === undefined ? [] : [step.home]),
  ],
  /** Wait until the other side has come to its step of this name, in the list `outside`. */
  meet: outsideKinds.meet,
  /** Make the image the root directory, and detach the host's. */
  pivot: () => [],
} as const satisfies Kinds;
