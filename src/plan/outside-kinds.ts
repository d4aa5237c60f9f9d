/** The steps of the process that stays outside while a container is created. */
import type { Kinds } from './kinds.js';

/** A program that prepares a container: `arguments` are all of them, argv[0] included; `timeout` in seconds, 0 for none. */
export interface HookCall {
  readonly path: string;
  readonly arguments: readonly string[];
  /** `NAME=VALUE` each, and nothing else; or that of who creates the container. */
  readonly environment: readonly string[] | 'inherit';
  readonly timeout: number;
}

export const hookWords = (hook: HookCall): readonly string[] => [
  String(hook.timeout),
  hook.environment === 'inherit' ? 'inherit' : 'exactly',
  hook.path,
  String(hook.arguments.length),
  ...hook.arguments,
  ...(hook.environment === 'inherit' ? [] : hook.environment),
];

/** A control group to be. */
export interface GroupOf {
  /** Of version 1; empty for version 2. */
  readonly controllers: string;
  readonly mount: string;
  /** Empty: that of the scope. */
  readonly path: string;
  /** `must` be had for a limit; was `asked` for; or `may` be left out silently. */
  readonly need: 'must' | 'asked' | 'may';
}

/** An option of a request to CRIU, by its name in rpc.proto; some have a key. */
export interface CriuOption {
  readonly name: string;
  readonly key?: string;
  readonly value: string;
}

const criuWords = (options: readonly CriuOption[]): readonly string[] =>
  options.flatMap(({ name, key = '', value }) => [name, key, value]);

/** A range of a map of ids. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

export const outsideKinds = {
  /** Wait until the other side reaches its step with this name, in the list `create`. */
  meet: (step: { readonly name: string }) => [step.name],
  /**
   * Pass something to the other side, or take it from there: the gate where the container waits for its start, its state
   * for hooks inside, the number of its process, the other end of its terminal, the connection to CRIU.
   */
  pass: (step: { readonly what: 'gate' | 'state' | 'pid' | 'console' | 'criu' }) => [step.what],
  /** Make the directory ROOT/ID of an OCI container; `saved`, in JSON, becomes part of its state. */
  container: (step: {
    readonly root: string;
    readonly id: string;
    readonly saved: string;
    readonly configuration: string;
  }) => [step.root, step.id, step.saved, step.configuration],
  /** Have systemd make a scope with the other side in it; `properties` as busctl(1) has them. */
  scope: (step: {
    readonly unit: string;
    readonly manager: 'system' | 'user';
    readonly need: 'must' | 'asked';
    readonly properties: readonly (readonly string[])[];
  }) => [step.unit, step.manager, step.need, String(step.properties.length), ...step.properties.flat()],
  /** Make control groups, and put the other side into them; with these controllers in version 2, where they can be had. */
  groups: (step: { readonly enable: readonly string[]; readonly groups: readonly GroupOf[] }) => [
    String(step.enable.length),
    ...step.enable,
    ...step.groups.flatMap(({ controllers, mount, path, need }) => [controllers, mount, path, need]),
  ],
  /**
   * Write a value to the first of these files that the group has: that of version 1 with this controller, or that of
   * version 2. Where there is no such group, what `may` be set is left out.
   */
  'group-setting': (step: {
    readonly controller: string;
    readonly need: 'must' | 'may';
    readonly files: readonly (readonly [name: string, value: string])[];
  }) => [step.controller, step.need, ...step.files.flat()],
  /** Let a BPF program, in hexadecimal, decide which devices the group of version 2 may use. */
  'group-devices': (step: { readonly program: string }) => [step.program],
  /** If a process that enters this container is killed, find out whether memory had run out. */
  'watch-memory': (step: { readonly root: string; readonly id: string }) => [step.root, step.id],
  /** Put the other side into the control groups of a running container. */
  'enter-groups': (step: {
    readonly root: string;
    readonly id: string;
    readonly paused: 'refuse' | 'accept';
    /** Control groups below the container's: `PATH`, or `CONTROLLERS:PATH` of version 1. */
    readonly groups: readonly string[];
  }) => [step.root, step.id, step.paused, ...step.groups],
  /** Write the map of users or groups of the other side's user namespace, directly or by newuidmap(1), newgidmap(1). */
  'id-map': (step: {
    readonly ids: 'users' | 'groups';
    readonly writer: 'direct' | 'helper';
    readonly ranges: readonly IdRange[];
  }) => [
    step.ids,
    step.writer,
    ...step.ranges.flatMap(({ inside, outside, count }) => [inside, outside, count].map(String)),
  ],
  /** Give up setgroups(2) in that namespace. */
  'no-setgroups': () => [],
  /** From here on the other side is the container's first process. */
  init: () => [],
  /** Move a network device of the host into the other side's network namespace; `%d` is the first free number there. */
  'net-device': (step: { readonly name: string; readonly nameThere: string }) => [step.name, step.nameThere],
  /** Run a hook in the host's namespaces, in directory `bundle`. */
  'runtime-hook': (step: HookCall & { readonly bundle: string }) => [step.bundle, ...hookWords(step)],
  /** Wait until the other side is made, and comes to its step `part`. */
  ready: () => [],
  /** Set a limit of the first process: setrlimit(2). Numbers in decimal, as the kernel has them. */
  limit: (step: { readonly name: string; readonly soft: string; readonly hard: string }) => [
    step.name,
    step.soft,
    step.hard,
  ],
  /** Save the container's state. */
  save: () => [],
  /** Write the first process's number to a file. */
  'pid-file': (step: { readonly path: string }) => [step.path],
  /** From here on neither side waits for the other. */
  part: () => [],
  /** Make the directory of the container's sd_notify(3) socket, in its own. */
  notices: () => [],
  /** From here on, have a child pass on what the container says there, while it lives. */
  'pass-notices': () => [],
  /** Start the container, which waits at its gate; without `pass-notices`, wait until it says that it is ready. */
  start: () => [],
  /** Send the other end of the terminal to who listens at this socket. */
  'send-console': (step: { readonly socket: string }) => [step.socket],
  /** Wait until the other side is the command. */
  'await-command': () => [],
  /** Wait for the end of the first process; that is the exit status. */
  await: () => [],
  /**
   * Have the other side, which is CRIU now, save a running container in the directory `images`: the whole of it, or what
   * changes in memory; its log is written to `work`, and `descriptors` to descriptors.json. Then remove the container, if
   * CRIU has ended it.
   */
  checkpoint: (step: {
    readonly root: string;
    readonly id: string;
    readonly images: string;
    readonly work: string;
    readonly descriptors: string;
    readonly what: 'whole' | 'memory';
    readonly after: 'remove' | 'leave';
    readonly options: readonly CriuOption[];
  }) => [
    ...[step.root, step.id, step.images, step.work, step.descriptors, step.what, step.after],
    ...criuWords(step.options),
  ],
  /**
   * Have the other side, which is CRIU now, begin to restore a container: until its namespaces are made. The option `bind`
   * is CRIU's ext_mnt, with the path that its key has in the root file system. The group `searcher` may search `images`.
   */
  restore: (step: {
    readonly images: string;
    readonly work: string;
    readonly rootfs: string;
    readonly searcher?: number | undefined;
    readonly options: readonly CriuOption[];
  }) => [step.images, step.work, step.rootfs, String(step.searcher ?? '-'), ...criuWords(step.options)],
  /** Bring up `lo` in the network namespace of what is being restored. */
  'restored-loopback': () => [],
  /** Wait until all is restored, and take over its first process; `place` is where its mounts were made. */
  restored: (step: { readonly place: string }) => [step.place],
  /** Let others change the container. */
  unlock: () => [],
  /** Remove what is left of the container. */
  remove: () => [],
} as const satisfies Kinds;
