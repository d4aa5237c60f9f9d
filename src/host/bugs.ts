/** Where an internal error happened, in the TypeScript: the bundle that runs has other lines. */
import { native } from './native.js';

/** `LINE:FILE:ORIGINAL …`: from LINE of the bundle on, those of a file from ORIGINAL on (scripts/bundle.mjs). */
interface Lines {
  readonly files: readonly string[];
  readonly rows: string;
}

/** None if they can't be read: then the bundle's own lines are shown. */
function loadLines(program: string): Lines | undefined {
  try {
    return native.load(`${program}-lines`) as Lines;
  } catch {
    return undefined;
  }
}

function find(line: number, { files, rows }: Lines): string | undefined {
  const runs = rows.split(' ').map((row) => row.split(':').map(Number));
  const [first = 0, file = 0, original = 0] = runs.findLast(([start = 0]) => start <= line) ?? [];
  return first > 0 ? `${files[file]}:${original + line - first}` : undefined;
}

/** An error and its stack. */
export function describeBug(error: unknown): string {
  const { stack = '' } = (error ?? {}) as Partial<Error>;
  // engines differ in whether the stack begins with the error itself
  const frames = stack.split('\n').filter((line) => /^ +at /.test(line));
  const [, program] = /([\w-]+)\.bundle\.js:/.exec(frames.join('\n')) ?? [];
  const lines = program === undefined ? undefined : loadLines(program);
  const told = frames.map((frame) =>
    frame.replace(
      /[^ (]*\.bundle\.js:(\d+)(:\d+)?/,
      (place, line) => (lines && find(Number(line), lines)) ?? place,
    ),
  );
  return [String(error), ...told].join('\n');
}
