/** Our own exit statuses; all others are the command's. The launcher has the same (addon/base/error.h). */
export const ExitStatus = {
  /** We failed. */
  failure: 31,
  /** The command could not be started. */
  command: 49,
  /** Wrong command line. */
  usage: 64,
  /** The file-system server failed before the command ended. */
  server: 84,
  /** The feature given to --feature is not built in. */
  featureAbsent: 87,
} as const;

/** The parts of a system error (SystemError in src/host/native.ts). */
interface SystemFailure {
  readonly code: string;
  readonly syscall: string;
  readonly reason: string;
}

/** The parts of a {@link LaunchError} besides its message. */
export interface LaunchErrorDetails {
  /** What to do about it: one sentence. */
  readonly hint?: string;
  /** Exit status of the program; 31 by default. */
  readonly exitStatus?: number;
  /** The path concerned. */
  readonly path?: string;
  /** The system error that caused it. */
  readonly cause?: unknown;
}

/**
 * Something is wrong and the message says what, which and why: lower case, no final period.
 * `code` and `syscall` are those of the system's error, where one is the cause.
 */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
  readonly hint: string | undefined;
  readonly exitStatus: number;
  readonly path: string | undefined;
  readonly code: string | undefined;
  readonly syscall: string | undefined;

  constructor(message: string, details: LaunchErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const system = details.cause as Partial<SystemFailure> | undefined;
    this.hint = details.hint;
    this.exitStatus = details.exitStatus ?? ExitStatus.failure;
    this.path = details.path;
    this.code = system?.code;
    this.syscall = system?.syscall;
  }
}

/** The command line is wrong: exit status 64. Without a hint, the message refers to --help. */
export function usageError(message: string, hint?: string): LaunchError {
  return new LaunchError(message, {
    exitStatus: ExitStatus.usage,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The one form of "this value is not what the option takes". */
export function valueError(option: string, expected: string, got: string): LaunchError {
  return usageError(`expected ${expected} for --${option}, got '${got}'`);
}

/** Whether a parser ran out of stack, as the engines report it. */
export function isTooDeep(error: unknown): boolean {
  return /^(stack overflow|Maximum call stack size exceeded)/.test((error as Error).message);
}

/** The one form of a system error about a path. */
export function failure(action: string, path: string, cause: unknown): LaunchError {
  const { syscall, reason } = cause as Partial<SystemFailure>;
  // anything but a system error is our own bug
  if (syscall === undefined) throw cause;
  return new LaunchError(`can't ${action} ${path}: ${syscall}: ${reason}`, { path, cause });
}
