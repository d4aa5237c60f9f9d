/** What a command of ch-image-ts is. */
import type { Host } from '../host/host.js';
import { print, printWarning, warningPrinter } from '../host/messages.js';
import type { ImageValues } from './options.js';

/** Throws LaunchError. */
export type Verb = (operands: readonly string[], values: ImageValues, host: Host) => void | Promise<void>;

export async function warn(warnings: readonly string[], { quiet }: ImageValues): Promise<void> {
  if (!quiet) for (const warning of warnings) await printWarning(warning);
}

/** What was done, for people: one line. */
export function say(line: string, { quiet, log }: ImageValues): void {
  if (!quiet && log !== 'json') print(1, `${line}\n`);
}

/** Prints warnings when they happen: a registry may be busy for long. */
export const warner = async ({ quiet }: ImageValues): Promise<(warning: string) => void> =>
  quiet ? () => {} : warningPrinter();

/** Runs what has warnings. */
export async function withWarnings(
  values: ImageValues,
  body: (note: (warning: string) => void) => void,
): Promise<void> {
  body(await warner(values));
}
