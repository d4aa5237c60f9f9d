/** What a plan depends on; the launcher checks it (addon/launcher/memo/facts.cc). */

/** What a path refers to, symbolic links followed. */
export type PathKind = 'directory' | 'file' | 'other' | 'absent';

/** The device at a path: `c` or `b` with `MAJOR:MINOR`, a pipe `p`, something else, or nothing. */
export type DeviceKind = `${'b' | 'c'} ${string}` | 'p' | 'other' | 'absent';

/** Directories on the way to a path, from the top: they must be exactly those that were checked, `device:inode`. */
export type Way = readonly { readonly path: string; readonly inode: string }[];

/** Something that was true when the plan was made; the plan is valid as long as all facts hold. */
export type Fact =
  /** Effective user and group id of the caller. */
  | { readonly kind: 'user'; readonly uid: number; readonly gid: number }
  /** The working directory. */
  | { readonly kind: 'directory'; readonly path: string }
  /** The value of an environment variable; absent if it is not set. */
  | { readonly kind: 'variable'; readonly name: string; readonly value?: string }
  /** All environment variables whose names begin with `prefix`, as NAME=VALUE, in the order of their bytes. */
  | { readonly kind: 'variables'; readonly prefix: string; readonly entries: readonly string[] }
  /** What is at an absolute path. */
  | { readonly kind: 'path'; readonly path: string; readonly found: PathKind | 'barred' }
  /** Whether there is a regular file, not a symbolic link, at an absolute path. */
  | { readonly kind: 'plain-file'; readonly path: string; readonly found: 'yes' | 'no' }
  /**
   * The owner of an absolute path, with or without following symbolic links: `absent`, or the kind of file, owner,
   * group and mode in octal.
   */
  | {
      readonly kind: 'owner';
      readonly path: string;
      readonly links: 'follow' | 'no-follow';
      readonly found: string;
    }
  /** The directory, not a symbolic link, at an absolute path: `device:inode`. */
  | { readonly kind: 'inode'; readonly path: string; readonly inode: string }
  /** The device at an absolute path. */
  | { readonly kind: 'device'; readonly path: string; readonly found: DeviceKind }
  /** The caller's control groups, and where they are mounted: without the mounts' numbers, which differ in each namespace. */
  | { readonly kind: 'control-groups'; readonly groups: string; readonly mounts: string }
  /** The paths that match an absolute pattern as in glob(7), in the order of their bytes. */
  | { readonly kind: 'glob'; readonly pattern: string; readonly paths: readonly string[] }
  /** A file whose content was read: device, inode, size in bytes, times in nanoseconds since 1970. */
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly device: string;
      readonly inode: string;
      readonly size: string;
      readonly modified: string;
      readonly changed: string;
    };
