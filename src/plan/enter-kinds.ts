/** The steps of every process that ends up in a container. Paths are absolute. */
import type { Kinds } from './kinds.js';

/** A change of the environment. */
type Change =
  /** Give these variables the container's default values. */
  | { readonly action: 'default'; readonly variables: readonly ('HOME' | 'PATH' | 'TMPDIR')[] }
  /** Carry out one `NAME=VALUE`. */
  | { readonly action: 'set'; readonly assignment: string; readonly expand: boolean }
  /**
   * Carry out the assignment in the command line's word of this number, of those that set a variable, or in an item of a
   * variable that does: a remembered plan keeps no values.
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
  /** Give up gaining privileges by executing programs, prctl(2) PR_SET_NO_NEW_PRIVS. */
  'no-new-privileges': () => [],
  /** Where the caller has a terminal, and the kernel would let programs type into it, refuse that. */
  terminal: () => [],
  /** Leave the caller's session keyring for a new one, keyctl(2). */
  'new-keyring': () => [],
  /** Install a filter of system calls: a BPF program, 8 bytes an instruction, in hexadecimal. */
  seccomp: (step: { readonly program: string }) => [step.program],
  /** Tell the system's log, with the user, the command and whether the plan was remembered. */
  syslog: (step: { readonly version: string; readonly image: string }) => [step.version, step.image],
  /** Become the user's command. */
  command: () => [],
} as const satisfies Kinds;
