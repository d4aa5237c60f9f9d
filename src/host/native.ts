/** Typed interface to the native code: the functions of the program that this runs in or for, or the addon. */
import { LaunchError } from '../base/errors.js';
import { basename, dirname } from '../base/paths.js';

/** A system call that shall do nothing and succeed, always or if `argument & mask` is `value`. */
export interface FilterRule {
  readonly call: string;
  /** The argument's position, from 0. */
  readonly argument?: number;
  readonly mask?: number;
  readonly value?: number;
}

/** What an engine offers: answers to the questions in addon/host/questions.cc, and more of the program. */
export interface Engine {
  /** Strings are encoded as in base/bytes.ts. Throws {@link SystemError}. */
  ask(question: string, ...words: string[]): string[];
  /** The same, with a binary answer. */
  askBytes(question: string, ...words: string[]): Uint8Array[];
  /** A further part of the program, as a function made by scripts/bundle.mjs. */
  load(part: string): unknown;
  /** A descriptor of a file in memory that holds `text`; children inherit it in no other way than by `stdio`. Node only. */
  memoryFile?(text: string): number;
}

/** What an engine throws for a system error. */
export interface SystemError extends Error {
  /** The number of errno(3), and its name. */
  readonly errno: number;
  readonly code: string;
  /** The system call. */
  readonly syscall: string;
  /** The text of strerror(3), in lower case. */
  readonly reason: string;
}

/** What is at a path: as `status` in addon/host/file_questions.h. */
export interface Status {
  readonly kind: 'directory' | 'file' | 'link' | 'c' | 'b' | 'p' | 'other';
  readonly uid: number;
  readonly gid: number;
  /** The bits of chmod(2). */
  readonly mode: number;
  readonly device: string;
  readonly inode: string;
  /** Bytes. */
  readonly size: string;
  /** Times of the last change of content and of status, in nanoseconds since 1970. */
  readonly modified: string;
  readonly changed: string;
  /** `major:minor`, of a device. */
  readonly numbers: string;
}

/** How a program exited, and what it wrote. */
export interface Ending {
  /** 128 and the number of the signal, if one terminated it. */
  readonly status: number;
  /** The number of the signal that terminated it; 0 for none. */
  readonly signal: number;
  readonly output: string;
  readonly errors: string;
}

/** A whole file, its path as the kernel has it, and what it was when it was opened. */
export interface FileContent {
  readonly text: string;
  readonly path: string;
  readonly status: Status;
}

/** Offered by the built-in engine, which has no Node around it, or by src/host/program-engine.ts. */
const builtIn = (globalThis as { readonly chRunEngine?: Engine & { readonly root: string } }).chRunEngine;

/** Where this package lies; empty for the root directory. */
export const packageRoot: string = builtIn?.root ?? findPackageRoot();

/** The bundle is in dist/, this file in a directory below that, or below src/. */
function findPackageRoot(): string {
  const directory = dirname(process.getBuiltinModule('node:url').fileURLToPath(import.meta.url));
  return basename(directory) === 'dist' ? dirname(directory) : dirname(dirname(directory));
}

/** Where the programs lie, and below it the addon. */
const [programRoot, addonPath] = builtIn ? [packageRoot, ''] : findPrograms();

/** In a checkout beside the JavaScript; as installed by npm, in the package for this machine (scripts/package/npm.mjs). */
function findPrograms(): readonly [string, string] {
  const built = [packageRoot, `${packageRoot}/build/Release/ch_run_ts.node`] as const;
  if (process.getBuiltinModule('node:fs').existsSync(built[1])) return built;
  try {
    const { createRequire } = process.getBuiltinModule('node:module');
    const name = `@ch-run-ts/linux-${process.arch}/package.json`;
    const root = dirname(createRequire(import.meta.url).resolve(name));
    return [root, `${root}/libexec/ch-run-ts/ch_run_ts.node`];
  } catch {
    return built;
  }
}

/** The launcher program that belongs to this installation. */
export const launcherPath: string = `${programRoot}/bin/ch-run-ts`;

/** Where images are got. */
export const imageProgramPath: string = `${programRoot}/bin/ch-image-ts`;

/** The file-system server may lie in either, as addon/base/own_path.cc has it. */
export const serverPaths: readonly string[] = ['libexec/ch-run-ts', 'build/Release'].map(
  (folder) => `${programRoot}/${folder}/ch-run-ts-squashfs`,
);

let engine: Engine | undefined = builtIn;

/** Throws LaunchError if the addon was not built or does not fit this machine. */
function findEngine(): Engine {
  engine ??= loadAddon();
  return engine;
}

function loadAddon(): Engine {
  try {
    // not with require(), which examines every directory on the way
    const addon = { exports: {} as Omit<Engine, 'load'> & { openDoor(engine: string): void } };
    process.dlopen(addon, addonPath);
    addon.exports.openDoor(`Node.js ${process.versions.node}`);
    return { ...addon.exports, load: loadPart };
  } catch (cause) {
    throw new LaunchError(
      `the native part of ch-run-ts is missing: ${(cause as Error).message.split('\n')[0]}`,
      {
        hint: "in a checkout, build it with 'npm run build'; npm leaves it out if told to (--omit=optional)",
        cause,
      },
    );
  }
}

/** Not with import(): callers get a plan, not a promise. Parts are told in scripts/programs.mjs. */
function loadPart(part: string): unknown {
  const text = process
    .getBuiltinModule('node:fs')
    .readFileSync(`${packageRoot}/dist/${part}.bundle.js`, 'utf8');
  return process.getBuiltinModule('node:vm').runInThisContext(text, { filename: `${part}.bundle.js` });
}

const ask: Engine['ask'] = (question, ...words) => findEngine().ask(question, ...words);

function toStatus(words: readonly string[]): Status {
  const [kind, uid, gid, mode = '', device = '', inode = '', size = '', modified = '', changed = ''] = words;
  return {
    kind: kind as Status['kind'],
    uid: Number(uid),
    gid: Number(gid),
    mode: Number.parseInt(mode, 8),
    device,
    inode,
    size,
    modified,
    changed,
    numbers: words[9] ?? '',
  };
}

/** Queries of this machine, not recorded. Paths are absolute. All throw {@link SystemError}. */
export const native = {
  status(path: string, links: 'follow' | 'no-follow' = 'follow'): Status {
    return toStatus(ask('status', path, links));
  },
  /** A whole file, and its identity. */
  content(path: string): FileContent {
    const [text = '', real = '', ...status] = ask('content', path);
    return { text, path: real, status: toStatus(status) };
  },
  /** A regular file in the tree below `root`, in which links stay; undefined if there is none. */
  guestFile(root: string, path: string): FileContent | undefined {
    const [text, real = '', ...status] = ask('guest-file', root, path);
    return text === undefined ? undefined : { text, path: real, status: toStatus(status) };
  },
  part(path: string, offset: number, size: number): Uint8Array {
    const [bytes] = findEngine().askBytes('part', path, String(offset), String(size));
    return bytes ?? new Uint8Array();
  },
  /** The same as text, encoded as in base/bytes.ts. */
  partText: (path: string, offset: number, size: number): string =>
    ask('part', path, String(offset), String(size))[0] ?? '',
  /** What only one of our programs answers: see addon/image/image_questions.cc. */
  ask: (question: string, ...words: readonly string[]): readonly string[] => ask(question, ...words),
  entries: (path: string): readonly string[] => ask('entries', path),
  matches: (pattern: string): readonly string[] => ask('matches', pattern),
  /** Writes a new file. */
  create: (path: string, text: string): void => void ask('create', path, text),
  workingDirectory: (): string => ask('working-directory')[0] ?? '',
  /** As in statfs(2). */
  fileSystemType: (path: string): number => Number(ask('file-system', path)[0]),
  variable: (name: string): string | undefined => ask('variable', name)[0],
  /** NAME=VALUE each. */
  variables: (prefix: string): readonly string[] => ask('variables', prefix),
  identity() {
    const [uid, gid, pid, kernel = ''] = ask('identity');
    return { uid: Number(uid), gid: Number(gid), pid: Number(pid), kernel };
  },
  loginName: (): string | undefined => ask('login-name')[0],
  /** Writes all of `text`, and waits if the reader is slow. */
  write: (descriptor: number, text: string): void => void ask('write', String(descriptor), text),
  isTerminal: (descriptor: number): boolean => ask('terminal', String(descriptor)).length > 0,
  /** Runs a program with nothing on standard input; `limit` in milliseconds. */
  run(program: string, words: readonly string[], limit: number): Ending {
    const [status, signal, output = '', errors = ''] = ask('run', String(limit), program, ...words);
    return { status: Number(status), signal: Number(signal), output, errors };
  },
  /** The same without a limit; what it prints goes to standard error. */
  runBeside(program: string, words: readonly string[]): Pick<Ending, 'status' | 'signal'> {
    const [status, signal] = ask('run-beside', program, ...words);
    return { status: Number(status), signal: Number(signal) };
  },
  /** A BPF program that fakes success of these calls, compiled by libseccomp. Throws Error if that is absent. */
  compileFilter(rules: readonly FilterRule[]): Uint8Array {
    const number = (value: number | undefined) => (value === undefined ? '' : String(value));
    const words = rules.flatMap(({ call, argument, mask, value }) => [
      call,
      ...[argument, mask, value].map(number),
    ]);
    return findEngine().askBytes('filter', ...words)[0] ?? new Uint8Array();
  },
  /** /proc/self/cgroup, and lines of /proc/self/mountinfo: those that addon/base/proc.h describes. */
  controlGroups(): { readonly groups: string; readonly mounts: string } {
    const [groups = '', mounts = ''] = ask('control-groups');
    return { groups, mounts };
  },
  /** As OCI calls it: amd64, arm64; empty for others. */
  architecture: (): string => ask('architecture')[0] ?? '',
  /** A BPF program of rules as in config.json; `words` as in addon/host/compile_rules.h. Throws Error. */
  compileRules(words: readonly string[]): Uint8Array {
    return findEngine().askBytes('rules', ...words)[0] ?? new Uint8Array();
  },
  /** Names of the built-in features, as in --feature. */
  features: (): readonly string[] => ask('features'),
  /** The text of --version. */
  version: (): string => ask('version')[0] ?? '',
  /** Other built-in components, each with its version: libseccomp, the JavaScript engine. */
  libraries: (): readonly string[] => ask('libraries'),
  /** What a further part of the program exports. */
  load: (part: string): unknown => (findEngine().load(part) as () => unknown)(),
  memoryFile(text: string): number {
    const make = findEngine().memoryFile;
    if (!make) throw new Error('only Node programs launch plans as child processes');
    return make(text);
  },
} as const;
