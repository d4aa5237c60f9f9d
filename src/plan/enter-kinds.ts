/** The steps of every process that enters a container. Paths are absolute. */
import type { Kinds } from './kinds.js';

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
  /** Remove the variables that match an extended glob. */
  | { readonly action: 'unset'; readonly glob: string };

const expansion = (expand: boolean): string => (expand ? 'expand' : 'literal');

function changeWords(change: Change): readonly string[] {
  switch (change.action) {
    case 'default':
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
  /** Install a system call filter: a BPF program, 8 bytes per instruction, in hexadecimal. */
  seccomp: (step: { readonly program: string }) => [step.program],
  /** Write to the system log: the user, the command and whether the plan was remembered. */
  syslog: (step: { readonly version: string; readonly image: string }) => [step.version, step.image],
  /** Become the user's command. */
  command: () => [],
} as const satisfies Kinds;
