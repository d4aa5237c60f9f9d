/** Typed door to the addon. */
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LaunchError } from '../base/errors.js';

/** A system call that is to do nothing and succeed, always or where `argument & mask` is `value`. */
export interface FilterRule {
  readonly call: string;
  /** The argument's position, from 0. */
  readonly argument?: number;
  readonly mask?: number;
  readonly value?: number;
}

/** The addon's exports (addon/node/addon.cc). */
export interface Native {
  /**
   * Replaces this process by the launcher: on success it never returns.
   * @param program path of the launcher
   * @param plan as encodePlan() makes it
   * @param handoff descriptor of the handoff that the launcher started the CLI with
   * @param commandIndex position of the user's command in the handoff's words
   * @param keyWords how many of these words, after the program's name, the plan is remembered for; 0: not at all
   */
  replaceProcess(
    program: string,
    plan: Buffer,
    handoff: number,
    commandIndex: number,
    keyWords: number,
  ): never;
  /**
   * A descriptor of a file in memory that holds `bytes`: for `stdio` of spawn(), children inherit it in no other
   * way. The caller closes it.
   */
  memoryFile(bytes: Buffer): number;
  /** A BPF program that fakes success of these calls, compiled by libseccomp. Throws Error where that is absent. */
  compileFilter(rules: readonly FilterRule[]): Buffer;
  /** The host paths that match a pattern as in glob(7), in the order of their bytes, each followed by a NUL. */
  glob(pattern: Buffer): Buffer;
  /** Names of the features that are built in, as --feature has them. */
  readonly features: readonly string[];
  /** The linked libseccomp with its version; empty where there is none. */
  readonly seccompLibrary: string;
}

/** Where this package lies. */
export const packageRoot = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

/** The bundle lies in dist/, this file in a folder below that, or below src/. */
function findPackageRoot(directory: string): string {
  return join(directory, basename(directory) === 'dist' ? '..' : '../..');
}

/** The launcher program that belongs to this installation. */
export const launcherPath: string = join(packageRoot, 'bin/ch-run-ts');

/** Loads the addon. Throws LaunchError if it was not built or does not fit this machine. */
export function loadNative(): Native {
  try {
    // not by require(), which asks the file system about every folder on the way
    const addon = { exports: {} };
    process.dlopen(addon, join(packageRoot, 'build/Release/ch_run_ts.node'));
    return addon.exports as Native;
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
