/** The one form of "the configuration is wrong": where, and then what. */
import { LaunchError, usageError } from '../base/errors.js';

/** Where something stands in a file: `/etc/ch-run-ts/config.toml:3, options.uid`. */
export function placeOf(file: string, line: number, path: readonly string[]): string {
  return `${file}:${line}, ${path.join('.')}`;
}

/** `place` is a variable or a place in a file. */
export function configError(place: string, message: string, hint?: string): LaunchError {
  return usageError(
    `in ${place}: ${message}`,
    hint ?? 'see docs/configuration.md for what a configuration file can contain',
  );
}

/** Carries out `action`; a wrong value that it finds is one of `place`. */
export function within<Result>(place: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (error instanceof LaunchError) throw configError(place, error.message);
    throw error;
  }
}
