/** What the user wants, before any query of the machine. */

import type { DevicesRequest } from '../cdi/find-devices.js';
import type { LogFormat } from '../host/messages.js';
import type { Color } from '../host/painter.js';
import type { BindRequest } from '../plan/bind-words.js';
import type { ImageRequest } from '../store/resolve-image.js';

export type { DevicesRequest };

/** One change of the environment; they are carried out in order. */
export type EnvironmentRequest =
  /** `NAME=VALUE`, one pair of single quotes around VALUE is dropped. */
  | { readonly kind: 'set'; readonly assignment: string; readonly expand: boolean }
  /** Assignments in a file of the host or of the image. */
  | {
      readonly kind: 'host-file' | 'guest-file';
      readonly path: string;
      readonly delimiter: 'lines' | 'nul';
      readonly expand: boolean;
    }
  /** Remove all variables that match this extended glob. */
  | { readonly kind: 'unset'; readonly glob: string };

/** Which container to use. */
export type JoinRequest =
  /** That of the peers; absent values are derived from the environment at each launch. */
  | {
      readonly kind: 'peers';
      /** 1 … 2³¹−1, this process included. */
      readonly count?: number;
      readonly tag?: string;
      /** Seconds to wait for other peers, at least 1. */
      readonly timeout: number;
    }
  /** That of a running process. */
  | { readonly kind: 'process'; readonly pid: number };

export interface LaunchRequest extends ImageRequest {
  /** When an image docker://REF is got from its registry; never if absent. */
  readonly pull?: 'missing' | 'never';
  /** Where writes go instead: a tmpfs of this size as in tmpfs(5), or a host directory that keeps them. */
  readonly overlay?: { readonly memory: string } | { readonly directory: string };
  /** Host directory at which a SquashFS image is mounted; not visible on the host if absent. */
  readonly mountPoint?: string;
  /** Share a SquashFS image's file-system server with other launches of the same image. */
  readonly share: boolean;
  /** Neither remember nor read ahead what commands read from a SquashFS image. */
  readonly forgetReads?: boolean;
  /** Bind $HOME at /home/$USER, and set HOME. */
  readonly home: boolean;
  /** Accepted; this is the default. */
  readonly noHome?: boolean;
  readonly binds: readonly BindRequest[];
  /** Devices of the host, with what their programs need; none if absent. */
  readonly devices?: DevicesRequest;
  /** Guest directory in which the command starts; the root directory if absent. */
  readonly directory?: string;
  /**
   * Run the image as its configuration says, or the caller's command in place of its CMD. Nothing of the configuration
   * is used if absent.
   */
  readonly imageConfig?: 'run' | 'command';
  /** Leave the image's volumes read-only, as the rest of it is. */
  readonly noVolumes?: boolean;
  /** What is at /tmp: the host's $TMPDIR (or /tmp), or a new tmpfs. */
  readonly tmp: 'host' | 'private';
  readonly environment: readonly EnvironmentRequest[];
  /** Guest user id, 0 … 2³²−2; the caller's own if absent. */
  readonly uid?: number;
  /** Guest group id, 0 … 2³²−2; the caller's own if absent. */
  readonly gid?: number;
  /** The host name in the container, as in hostname(7); that of the host if absent. */
  readonly hostname?: string;
  /** Where /etc/passwd and /etc/group come from. */
  readonly identity: 'host' | 'image';
  /** Pretend that system calls which need privilege succeed. */
  readonly fakeRoot: boolean;
  /** Root sees /proc and /sys as on the host: nothing is read-only or hidden. */
  readonly unmask: boolean;
  /** Hide the caller's session keyring from the container. */
  readonly newKeyring?: boolean;
  /** One container for many processes; each has its own if absent. */
  readonly join?: JoinRequest;
  /** −3 … 3: --quiet counts down, --verbose up. */
  readonly verbosity: number;
  readonly color: Color;
  /** How messages are printed on standard error. */
  readonly log: LogFormat;
  /** Write a line to the system log for each launch. */
  readonly syslog: boolean;
}
