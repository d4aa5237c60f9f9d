/** The launch plan: plain, readonly, JSON-able data. docs/how-it-works.md. */
import type { Fact } from '../host/host.js';

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

/** One thing the launcher does. Paths are absolute. */
export type Step =
  /**
   * Share one container with the peers: the first one to come carries out the other `create` steps, the others
   * enter what it made. `count` and `tag` are read from the environment where they say so: they differ between
   * ranks that share a plan. `timeout` is in seconds.
   */
  | {
      readonly kind: 'join';
      readonly count: number | 'environment';
      readonly timeout: number;
      readonly tag?: string;
    }
  /** Enter the container of this process; no other `create` step is needed. */
  | { readonly kind: 'join-pid'; readonly pid: number }
  /** Enter new user and mount namespaces. */
  | { readonly kind: 'user-namespace'; readonly uid: IdMap; readonly gid: IdMap }
  /** Get a mount of a SquashFS image from its file-system server, a shared one or one of its own. */
  | { readonly kind: 'squashfs'; readonly path: string; readonly server: 'shared' | 'private' }
  /** Attach that mount at a host path: it is to become the root. */
  | { readonly kind: 'attach'; readonly place: string }
  /**
   * Make what the steps up to the overlay make in the image in a tmpfs of this size, or in a host directory; it becomes
   * the overlay's upper layer. So they can add to an image that belongs to somebody else.
   */
  | { readonly kind: 'layer'; readonly upper: 'memory'; readonly size: string }
  | { readonly kind: 'layer'; readonly upper: 'directory'; readonly path: string }
  /** Put that over the image. */
  | { readonly kind: 'overlay'; readonly upper: 'layer' }
  /** Put an overlay over the image whose writes go to a tmpfs of this size, or to a host directory. */
  | { readonly kind: 'overlay'; readonly upper: 'memory'; readonly size: string }
  | { readonly kind: 'overlay'; readonly upper: 'directory'; readonly path: string }
  /** Make the missing ones among the destinations of binds; where the image is read-only, in memory. */
  | {
      readonly kind: 'destinations';
      readonly binds: readonly { readonly source: string; readonly destination: string }[];
    }
  /** Mount the directory image that is to become the root. */
  | { readonly kind: 'root'; readonly path: string; readonly access: 'read-only' | 'writable' }
  /** Bind host path `source` at guest path `destination`, with all that is mounted below it. */
  | {
      readonly kind: 'bind';
      readonly source: string;
      readonly destination: string;
      readonly options: readonly BindOption[];
    }
  /** The same, with the value of an environment variable as source; `fallback` if it is unset or empty. */
  | {
      readonly kind: 'bind-variable';
      readonly variable: string;
      readonly fallback: string;
      readonly destination: string;
      readonly options: readonly BindOption[];
    }
  /** Mount a fresh tmpfs; `options` as in tmpfs(5). */
  | { readonly kind: 'tmpfs'; readonly destination: string; readonly options: string }
  /** Write a small guest file, if its directory is there and it is not. */
  | { readonly kind: 'file'; readonly path: string; readonly text: string }
  /** Make links in a guest directory, in place of files or links that are there. */
  | {
      readonly kind: 'links';
      readonly directory: string;
      readonly links: readonly { readonly target: string; readonly name: string }[];
    }
  /** Let programs find these libraries of a guest directory: links where the image's own loader looks. */
  | { readonly kind: 'libraries'; readonly folder: string; readonly names: readonly string[] }
  /** Prefer the image's CUDA libraries in this directory if they are for a newer driver than this. */
  | { readonly kind: 'cuda-compat'; readonly directory: string; readonly driver: string }
  /** Change the mode, in octal, of what is at a guest path, if it is there. */
  | { readonly kind: 'chmod'; readonly mode: string; readonly path: string }
  /** Run a program of the host that prepares the container; `timeout` in seconds, 0 for none. */
  | {
      readonly kind: 'hook';
      readonly path: string;
      /** All of them, argv[0] included. */
      readonly arguments: readonly string[];
      /** `NAME=VALUE` each; nothing else is passed on. */
      readonly environment: readonly string[];
      readonly timeout: number;
    }
  /** Make the overlay read-only, as the image is. */
  | { readonly kind: 'seal' }
  /** Write /etc/passwd and /etc/group for these guest ids; HOME where it is not the default. */
  | { readonly kind: 'identity'; readonly uid: number; readonly gid: number; readonly home?: string }
  /** Make the image the root directory, and detach the host's. */
  | { readonly kind: 'pivot' }
  /** Give these variables the container's default values. */
  | {
      readonly kind: 'environment';
      readonly action: 'default';
      readonly variables: readonly ('HOME' | 'PATH' | 'TMPDIR')[];
    }
  /** Carry out one `NAME=VALUE`. */
  | {
      readonly kind: 'environment';
      readonly action: 'set';
      readonly assignment: string;
      readonly expand: boolean;
    }
  /**
   * Carry out the assignment in the command line's word of this number, of those that set a variable, or in an item of a
   * variable that does: a remembered plan keeps no values.
   */
  | {
      readonly kind: 'environment';
      readonly action: 'set-word';
      readonly index: number;
      readonly expand: boolean;
    }
  | {
      readonly kind: 'environment';
      readonly action: 'set-variable';
      readonly name: string;
      readonly index: number;
      readonly expand: boolean;
    }
  /** Carry out the assignments in a file. */
  | {
      readonly kind: 'environment';
      readonly action: 'host-file' | 'guest-file';
      readonly path: string;
      readonly delimiter: 'lines' | 'nul';
      readonly expand: boolean;
    }
  /** Remove the variables that match an extended glob. */
  | { readonly kind: 'environment'; readonly action: 'unset'; readonly glob: string }
  /** Change to a guest directory. */
  | { readonly kind: 'directory'; readonly path: string }
  /** Give up gaining privileges by executing programs, prctl(2) PR_SET_NO_NEW_PRIVS. */
  | { readonly kind: 'no-new-privileges' }
  /** Where the caller has a terminal, and the kernel would let programs type into it, refuse that. */
  | { readonly kind: 'terminal' }
  /** Leave the caller's session keyring for a new one, keyctl(2). */
  | { readonly kind: 'new-keyring' }
  /** Install a filter of system calls: a BPF program, 8 bytes an instruction, in hexadecimal. */
  | { readonly kind: 'seccomp'; readonly program: string }
  /** Tell the system's log, with the user, the command and whether the plan was remembered. */
  | { readonly kind: 'syslog'; readonly version: string; readonly image: string }
  /** Become the user's command. */
  | { readonly kind: 'command' };

export interface LaunchPlan {
  /** −3 … 3: from silent to all details. */
  readonly verbosity: number;
  readonly color: 'auto' | 'always' | 'never';
  readonly log: 'text' | 'json';
  /** What the user should know, printed at every launch. */
  readonly warnings: readonly string[];
  /** What the plan was derived from. */
  readonly facts: readonly Fact[];
  /** Run once, by whoever creates the container. */
  readonly create: readonly Step[];
  /** Run by every process that ends up in it. */
  readonly enter: readonly Step[];
}

/** A link at a guest path. */
export interface Link {
  readonly target: string;
  readonly path: string;
}
