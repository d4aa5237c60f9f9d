/** The one place that prints messages: `ch-run-ts[123]: error: …` on standard error, a hint on the next line. */
import { writeSync } from 'node:fs';
import type { ChalkInstance } from 'chalk';
import { toBytes } from './bytes.js';
import { LaunchError } from './errors.js';
import type { LaunchRequest } from './request.js';

const program = { name: 'ch-run-ts', color: 'auto' as LaunchRequest['color'] };

/** The name for the prefix, from argv[0]: a link named ch-run reads as ch-run. */
export function setProgram(argv0: string): void {
  program.name = argv0.slice(argv0.lastIndexOf('/') + 1) || program.name;
}

/** What --color asked for. */
export function setColor(color: LaunchRequest['color']): void {
  program.color = color;
}

/** Loaded only when something is printed: it needs Node's terminals, whose loading takes a sixth of a start. */
async function loadPainter(): Promise<ChalkInstance> {
  const { Chalk, supportsColorStderr } = await import('chalk');
  const auto = process.env.NO_COLOR || !supportsColorStderr ? 0 : 1;
  return new Chalk({ level: program.color === 'auto' ? auto : program.color === 'always' ? 1 : 0 });
}

/** Writes all of `text`, and waits where the other side is slow: no stream, which would set O_NONBLOCK on it. */
export function print(descriptor: 1 | 2, text: string | Uint8Array): void {
  let bytes = typeof text === 'string' ? toBytes(text) : text;
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(descriptor, bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/** Prints an error, with its hint if it has one. Errors that are not ours come with their stack: they are bugs. */
export async function printError(error: unknown): Promise<void> {
  const paint = await loadPainter();
  const prefix = `${program.name}[${process.pid}]:`;
  const message =
    error instanceof LaunchError ? error.message : `internal error: ${(error as Error).stack ?? error}`;
  const lines = [`${prefix} ${paint.red('error:')} ${message}`];
  if (error instanceof LaunchError && error.hint)
    lines.push(`${prefix} ${paint.cyan('hint:')} ${error.hint}`);
  print(2, `${lines.join('\n')}\n`);
}
