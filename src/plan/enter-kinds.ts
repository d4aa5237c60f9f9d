/** The steps of every process that enters a container. Paths are absolute. */
import type { Kinds } from './kinds.js';
import { type HookCall, hookWords, outsideKinds } from './outside-kinds.js';

/** A change of the environment. */
type Change =
  /** Give these variables the container's default values. */
  | { readonly action: 'default'; readonly variables: readonly ('HOME' | 'PATH' | 'TMPDIR')[] }
  /** Carry out one `NAME=VALUE`. */
  | { readonly action: 'set'; readonly assignment: string; readonly expand: boolean }
  /**
   * Carry out an assignment that is in the command line, or in a variable such as CH_RUN_SET_ENV, given by its index
   * among them: a remembered plan keeps no values.
   */
  | { readonly action: 'set-word'; readonly index: number; readonly expand: boolean }
  | {
      readonly action: 'set-variable';
      readonly name: string;
      readonly index: number;
      readonly expand: boolean;
    }
  /** Carry out the assignments in a file. */
  | {
      readonly action: 'host-file' | 'guest-file';
      readonly path: string;
      readonly delimiter: 'lines' | 'nul';
      readonly expand: boolean;
    }
  /** Replace all by these `NAME=VALUE`. */
  | { readonly action: 'exactly'; readonly variables: readonly string[] }
  /** Remove the variables that match an extended glob. */
  | { readonly action: 'unset'; readonly glob: string }
  /** Name what later steps set in this variable, for shell code of the image: names with a space after each. */
  | { readonly action: 'name-in'; readonly variable: string };

const expansion = (expand: boolean): string => (expand ? 'expand' : 'literal');

function changeWords(change: Change): readonly string[] {
  switch (change.action) {
    case 'default':
    case 'exactly':
      return change.variables;
    case 'set':
      return [change.assignment, expansion(change.expand)];
    case 'set-word':
      return [String(change.index), expansion(change.expand)];
    case 'set-variable':
      return [change.name, String(change.index), expansion(change.expand)];
    case 'host-file':
    case 'guest-file':
      return [change.path, change.delimiter, expansion(change.expand)];
    case 'unset':
      return [change.glob];
    case 'name-in':
      return [change.variable];
  }
}

export const enterKinds = {
  environment: (step: Change) => [step.action, ...changeWords(step)],
  /** Change to a guest directory. */
  directory: (step: { readonly path: string }) => [step.path],
  /** Set no_new_privs: programs can't gain privileges, prctl(2) PR_SET_NO_NEW_PRIVS. */
  'no-new-privileges': () => [],
  /** Prevent programs from inserting input into the caller's terminal, if there is one and the kernel allows that. */
  terminal: () => [],
  /** Replace the caller's session keyring by a new one, keyctl(2). */
  'new-keyring': () => [],
  /**
   * Install a system call filter: a BPF program, 8 bytes per instruction, in hexadecimal. Flags are those of seccomp(2).
   * The `agent` who listens at a socket of the host is sent its descriptor, with `metadata`.
   */
  seccomp: (step: {
    readonly program: string;
    readonly flags?: readonly string[];
    readonly agent?: { readonly socket: string; readonly metadata: string } | undefined;
  }) => {
    const { program, flags = [], agent } = step;
    if (agent) return [program, flags.join(' '), agent.socket, agent.metadata];
    return flags.length > 0 ? [program, flags.join(' ')] : [program];
  },
  /** Write to the system log: the user, the command and whether the plan was remembered. */
  syslog: (step: { readonly version: string; readonly image: string }) => [step.version, step.image],
  /** Become the user's command, `before` which these words come; where there is none, it is `otherwise`. */
  command: (step: { readonly before?: readonly string[]; readonly otherwise?: readonly string[] }) => {
    const { before = [], otherwise = [] } = step;
    return before.length + otherwise.length === 0 ? [] : [String(before.length), ...before, ...otherwise];
  },
  /** Begin a session without a terminal: setsid(2). */
  session: () => [],
  /** umask(2), in octal. */
  'file-mask': (step: { readonly mode: string }) => [step.mode],
  /**
   * Change to a guest directory: `make` it if it is missing; where that `may` be refused to this user, a later step tries
   * again, which `must` have one of them succeed.
   */
  'working-directory': (step: { readonly path: string; readonly when: 'make' | 'may' | 'must' }) => [
    step.path,
    step.when,
  ],
  /** Set HOME, where it is unset or empty, to what the container's own passwd has for a user; else to /. */
  home: (step: { readonly uid: number }) => [String(step.uid)],
  /** Fail if it can be seen that there is no such program in PATH. */
  'find-program': (step: { readonly name: string }) => [step.name],
  part: outsideKinds.part,
  /** Wait at the gate for the start of the container; `visible`: its creator may look into this process. */
  wait: (step: { readonly process: 'visible' | 'hidden' }) => [step.process],
  /** Run a hook in the container. */
  'start-hook': (step: HookCall) => hookWords(step),
  /** Give up all capabilities but these. Sets of capabilities are in hexadecimal, a bit for each. */
  bounding: (step: { readonly set: string }) => [step.set],
  /** Give the standard streams that are pipes to a user. */
  'own-streams': (step: { readonly uid: number }) => [String(step.uid)],
  /** Find a user, and a group if it is not empty, in the container's own files: later steps take these in place of theirs. */
  'named-user': (step: { readonly user: string; readonly group: string }) => [step.user, step.group],
  /** Become this user; `groups` are the supplementary ones, or those of the caller. */
  user: (step: {
    readonly uid: number;
    readonly gid: number;
    readonly groups: readonly number[] | 'keep';
  }) => [
    String(step.uid),
    String(step.gid),
    ...(step.groups === 'keep' ? ['keep'] : ['only', ...step.groups.map(String)]),
  ],
  capabilities: (step: {
    readonly effective: string;
    readonly permitted: string;
    readonly inheritable: string;
    readonly ambient: string;
  }) => [step.effective, step.permitted, step.inheritable, step.ambient],
  /** sched_setattr(2); `times`: runtime, deadline and period in nanoseconds. */
  scheduler: (step: {
    readonly name: string;
    readonly policy: number;
    readonly flags: number;
    readonly nice: number;
    readonly priority: number;
    readonly times: readonly [number, number, number];
  }) => [step.name, ...[step.policy, step.flags, step.nice, step.priority, ...step.times].map(String)],
  /** ioprio_set(2). */
  'io-priority': (step: { readonly class: number; readonly priority: number }) => [
    String(step.class),
    String(step.priority),
  ],
  /** set_mempolicy(2), with nodes as `0-3,7`. */
  'memory-policy': (step: { readonly name: string; readonly mode: number; readonly nodes: string }) => [
    step.name,
    String(step.mode),
    step.nodes,
  ],
  /** personality(2). */
  personality: (step: { readonly domain: number }) => [String(step.domain)],
  /** Run on these processors only: `0-3,7`. */
  processors: (step: { readonly list: string }) => [step.list],
  /** What a security module makes of the command: an AppArmor profile, an SELinux label. */
  'security-label': (step: { readonly module: 'apparmor' | 'selinux'; readonly label: string }) => [
    step.module,
    step.label,
  ],
  /** The standard streams and this many descriptors after them stay open in the command, and no others. */
  'keep-descriptors': (step: { readonly count: number }) => [String(step.count)],
  /** Become `criu swrk`, which does what the other side asks for; with namespaces open as descriptors of these numbers. */
  criu: (step: { readonly namespaces: readonly { readonly descriptor: number; readonly path: string }[] }) =>
    step.namespaces.flatMap(({ descriptor, path }) => [String(descriptor), path]),
  /** Become the program that the plan names. */
  execute: (step: { readonly words: readonly string[] }) => step.words,
} as const satisfies Kinds;
