/** Typed door to the native code: the addon where Node runs this, the built-in engine's own functions otherwise. */
import { LaunchError } from '../base/errors.js';
import { basename, dirname } from '../base/paths.js';

/** A system call that is to do nothing and succeed, always or where `argument & mask` is `value`. */
export interface FilterRule {
  readonly call: string;
  /** The argument's position, from 0. */
  readonly argument?: number;
  readonly mask?: number;
  readonly value?: number;
}

/** What an engine offers: answers to the questions in addon/host/questions.cc, and more of the program. */
interface Engine {
  /** Words are strings as base/bytes.ts says. Throws {@link SystemError}. */
  ask(question: string, ...words: string[]): string[];
  /** The same, with an answer that is no text. */
  askBytes(question: string, ...words: string[]): Uint8Array[];
  /** The function that a further part of the program is, as scripts/bundle.mjs has made it. */
  load(part: string): unknown;
  /** Where the package lies. */
  readonly root: string;
  /** A descriptor of a file in memory that holds `text`; children inherit it in no other way than by `stdio`. Node only. */
  memoryFile?(text: string): number;
}

/** What an engine throws where the system refuses. */
export interface SystemError extends Error {
  /** The number of errno(3), and its name. */
  readonly errno: number;
  readonly code: string;
  /** Which call it was. */
  readonly syscall: string;
  /** The system's words, in lower case. */
  readonly reason: string;
}

/** What lies at a path: as `status` in addon/host/file_questions.h. */
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

/** How a program ended, and what it wrote. */
export interface Ending {
  readonly status: number;
  /** The number of the signal that ended it; 0 for none. */
  readonly signal: number;
  readonly output: string;
  readonly errors: string;
}

/** The built-in engine has no Node around it. */
const builtIn = (globalThis as { readonly chRunEngine?: Engine }).chRunEngine;

/** Where this package lies; empty for the root directory. */
export const packageRoot: string = builtIn?.root ?? findPackageRoot();

/** The bundle lies in dist/, this file in a folder below that, or below src/. */
function findPackageRoot(): string {
  const directory = dirname(process.getBuiltinModule('node:url').fileURLToPath(import.meta.url));
  return basename(directory) === 'dist' ? dirname(directory) : dirname(dirname(directory));
}

/** The launcher program that belongs to this installation. */
export const launcherPath: string = `${packageRoot}/bin/ch-run-ts`;

let engine: Engine | undefined = builtIn;

/** Throws LaunchError if the addon was not built or does not fit this machine. */
function findEngine(): Engine {
  engine ??= loadAddon();
  return engine;
}

function loadAddon(): Engine {
  try {
    // not by require(), which asks the file system about every folder on the way
    const addon = { exports: {} as Omit<Engine, 'load' | 'root'> & { openDoor(engine: string): void } };
    process.dlopen(addon, `${packageRoot}/build/Release/ch_run_ts.node`);
    addon.exports.openDoor(`Node.js ${process.versions.node}`);
    return { ...addon.exports, load: loadPart, root: packageRoot };
  } catch (cause) {
    throw new LaunchError(
      `the native part of ch-run-ts is missing: ${(cause as Error).message.split('\n')[0]}`,
      {
        hint: "build it with 'npm run build' (a C++ compiler and python3 are needed), or install the package again",
        cause,
      },
    );
  }
}

/** By no import(): who asks for a plan gets it, and no promise of one. */
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

/** What can be asked of this machine, unrecorded. Paths are absolute. Everything throws {@link SystemError}. */
export const native = {
  status(path: string, links: 'follow' | 'no-follow' = 'follow'): Status {
    return toStatus(ask('status', path, links));
  },
  /** A whole file, and which one that is. */
  content(path: string): { readonly text: string; readonly path: string; readonly status: Status } {
    const [text = '', real = '', ...status] = ask('content', path);
    return { text, path: real, status: toStatus(status) };
  },
  part(path: string, offset: number, size: number): Uint8Array {
    const [bytes] = findEngine().askBytes('part', path, String(offset), String(size));
    return bytes ?? new Uint8Array();
  },
  entries: (path: string): readonly string[] => ask('entries', path),
  matches: (pattern: string): readonly string[] => ask('matches', pattern),
  workingDirectory: (): string => ask('working-directory')[0] ?? '',
  /** As statfs(2) has it. */
  fileSystemType: (path: string): number => Number(ask('file-system', path)[0]),
  variable: (name: string): string | undefined => ask('variable', name)[0],
  /** NAME=VALUE each. */
  variables: (prefix: string): readonly string[] => ask('variables', prefix),
  identity() {
    const [uid, gid, pid, kernel = ''] = ask('identity');
    return { uid: Number(uid), gid: Number(gid), pid: Number(pid), kernel };
  },
  loginName: (): string | undefined => ask('login-name')[0],
  /** Writes all of `text`, and waits where the other side is slow. */
  write: (descriptor: number, text: string): void => void ask('write', String(descriptor), text),
  isTerminal: (descriptor: number): boolean => ask('terminal', String(descriptor)).length > 0,
  /** Runs a program with nothing on standard input; `limit` in milliseconds. */
  run(program: string, words: readonly string[], limit: number): Ending {
    const [status, signal, output = '', errors = ''] = ask('run', String(limit), program, ...words);
    return { status: Number(status), signal: Number(signal), output, errors };
  },
  /** A BPF program that fakes success of these calls, compiled by libseccomp. Throws Error where that is absent. */
  compileFilter(rules: readonly FilterRule[]): Uint8Array {
    const number = (value: number | undefined) => (value === undefined ? '' : String(value));
    const words = rules.flatMap(({ call, argument, mask, value }) => [
      call,
      ...[argument, mask, value].map(number),
    ]);
    return findEngine().askBytes('filter', ...words)[0] ?? new Uint8Array();
  },
  /** Names of the features that are built in, as --feature has them. */
  features: (): readonly string[] => ask('features'),
  /** The text of --version. */
  version: (): string => ask('version')[0] ?? '',
  /** What is built in beside that, each with its version: libseccomp, the JavaScript engine. */
  libraries: (): readonly string[] => ask('libraries'),
  /** What a further part of the program exports. */
  load: (part: string): unknown => (findEngine().load(part) as () => unknown)(),
  memoryFile(text: string): number {
    const make = findEngine().memoryFile;
    if (!make) throw new Error('only Node programs launch plans as child processes');
    return make(text);
  },
} as const;
