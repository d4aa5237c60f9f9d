/**
 * The one place that prints messages: `ch-run-ts[123]: error: …` on standard error, a hint on the next line; with
 * --log=json one object a line. The launcher prints the same (addon/launcher/log/log.cc).
 */
import type { ChalkInstance } from 'chalk';
import { ExitStatus, failure, LaunchError } from '../base/errors.js';
import { visible } from '../base/visible.js';
import { describeBug } from './bugs.js';
import { native, type SystemError } from './native.js';
import type { Color } from './painter.js';

/** How messages are printed on standard error. */
export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

interface Style {
  readonly color: Color;
  readonly log: LogFormat;
}

const program: { name: string; command: string } & { -readonly [Key in keyof Style]: Style[Key] } = {
  name: 'ch-run-ts',
  command: 'ch-run-ts',
  color: 'auto',
  log: 'text',
};

/** The name in the prefix, from argv[0]: a link named ch-run shows as ch-run. `command` is the name used in hints. */
export function setProgram(argv0: string, command = program.command): void {
  program.name = argv0.slice(argv0.lastIndexOf('/') + 1) || command;
  program.command = command;
}

/** The values of --color and --log. */
export function setStyle(style: Partial<Style>): void {
  Object.assign(program, style);
}

/**
 * Writes all of `text`, and waits if the reader is slow. A closed pipe is not an error, and neither is a message that
 * can't be written, because there is nowhere to report it. Throws LaunchError if output can't be written for another
 * reason.
 */
export function print(descriptor: 1 | 2, text: string): void {
  try {
    native.write(descriptor, text);
  } catch (error) {
    if ((error as SystemError).code === 'EPIPE' || descriptor === 2) return;
    throw failure('write to', 'standard output', error);
  }
}

/** Errors that are not ours are printed with their stack: they are bugs. */
function messageOf(error: unknown): string {
  return error instanceof LaunchError ? error.message : `internal error: ${describeBug(error)}`;
}

function hintOf({ hint, exitStatus }: LaunchError): string | undefined {
  return hint ?? (exitStatus === ExitStatus.usage ? `try '${program.command} --help'` : undefined);
}

/** An error for --log=json; `time` in microseconds since 1970. JSON omits keys without a value. */
export function describeError(error: unknown, time: number): Readonly<Record<string, unknown>> {
  const ours = error instanceof LaunchError ? error : undefined;
  return {
    time,
    program: program.name,
    pid: native.identity().pid,
    level: 'error',
    message: messageOf(error),
    hint: ours && hintOf(ours),
    status: ours?.exitStatus ?? ExitStatus.failure,
    call: ours?.syscall,
    errno: (ours?.cause as SystemError | undefined)?.errno,
    path: ours?.path,
  };
}

/** An error for users, with its hint if it has one. */
export function renderError(error: unknown, paint: Pick<ChalkInstance, 'red' | 'cyan'>): string {
  const prefix = `${visible(program.name)}[${native.identity().pid}]:`;
  const message = messageOf(error);
  // the stack of a bug has several lines
  const shown = error instanceof LaunchError ? visible(message) : message.split('\n').map(visible).join('\n');
  const lines = [`${prefix} ${paint.red('error:')} ${shown}`];
  const hint = error instanceof LaunchError ? hintOf(error) : undefined;
  if (hint) lines.push(`${prefix} ${paint.cyan('hint:')} ${visible(hint)}`);
  return lines.join('\n');
}

/** Prints warnings in the format of --log, also where nothing can be awaited. */
export async function warningPrinter(): Promise<(message: string) => void> {
  if (program.log === 'json')
    return (message) => {
      const { time, program: name, pid } = describeError(undefined, Date.now() * 1000);
      print(2, `${JSON.stringify({ time, program: name, pid, level: 'warning', message })}\n`);
    };
  const { makePainter } = await import('./painter.js');
  const word = makePainter(program.color).yellow('warning:');
  return (message) =>
    print(2, `${visible(program.name)}[${native.identity().pid}]: ${word} ${visible(message)}\n`);
}

/** Prints a warning in the format of --log. */
export async function printWarning(message: string): Promise<void> {
  const show = await warningPrinter();
  show(message);
}

/** Prints an error in the format of --log. */
export async function printError(error: unknown): Promise<void> {
  const text =
    program.log === 'json'
      ? JSON.stringify(describeError(error, Date.now() * 1000))
      : renderError(error, (await import('./painter.js')).makePainter(program.color));
  print(2, `${text}\n`);
}
