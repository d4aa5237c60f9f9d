/**
 * What a program of ours understands, as data. Parser, help, manual, documents, completion and configuration are handed
 * it, and know no option by name.
 */

/** An option, declared once: whatever is to be known about it stands in its row. */
export interface Option {
  /** The long name, without dashes. */
  readonly name: string;
  /** The one-letter name. */
  readonly short?: string;
  /** Whether a value follows; an optional one only after `=` (or right behind the letter). */
  readonly value: 'none' | 'required' | 'optional';
  /** What the value is called in help. */
  readonly metavar?: string;
  /** What giving it twice means. */
  readonly repeat: 'refuse' | 'collect' | 'count';
  /** Options of one sequence keep their order among each other. */
  readonly sequence?: string;
  /** The words that the value can be; others are refused. */
  readonly choices?: readonly string[];
  /** The form that the value must have, in words for the message, and what matches just that. */
  readonly form?: { readonly words: string; readonly pattern: RegExp };
  /** The value where the option is not given. */
  readonly default?: string;
  /** The value where the option is given without one. */
  readonly implied?: string;
  /** What a shell offers for the value: paths, or words, beside which others are possible. Its choices by themselves. */
  readonly completes?: 'path' | 'directory' | readonly string[];
  /** Options that can't be given together with it; one from a stronger place takes precedence. In one row of the two. */
  readonly conflicts?: readonly string[];
  /** The same for options that can be given together with it. */
  readonly precedes?: readonly string[];
  /**
   * It is asked for instead of what the program does otherwise; no file and no variable sets it. `configured`: files
   * and variables are read for its sake.
   */
  readonly action?: 'plain' | 'configured';
  /** What can set it beside the command line: files and variables by default. */
  readonly settable?: 'by-variable';
  /** A variable with another name that sets it, too. */
  readonly variable?: string;
  /** The heading under which help shows it. */
  readonly group: string;
  /** One line for --help: lower case, no final period. Choices and a fixed default are added to it. */
  readonly summary: string;
  /** What --help OPTION and the manual say beyond that, in sentences. */
  readonly details?: string;
}

/** `PROGRAM NAME`: what a program can be asked to do. */
export interface Command {
  readonly name: string;
  /** Lower case, no final period. */
  readonly summary: string;
  /** What follows the options, as in `IMAGE [DIR]`. */
  readonly operands: string;
  readonly options: readonly Option[];
}

/** A heading of the manual, and its entries. */
export type Section = readonly [title: string, entries: readonly (readonly [string, string])[]];

export interface Program {
  readonly name: string;
  /** Lower case, no final period. */
  readonly summary: string;
  /** Whole sentences, for help and the manual. */
  readonly description: string;
  readonly notes?: string;
  /** What follows the options of a program without commands. */
  readonly operands?: string;
  /** `image-and-command`: options can also stand behind the first operand, if -- follows them; both are completed. */
  readonly form?: 'image-and-command';
  /** Headings of options, in the order of help. */
  readonly groups: Readonly<Record<string, string>>;
  /** Options of all commands. */
  readonly common: readonly Option[];
  /** None: there is one thing that it does. An option of several commands is the same row in all of them. */
  readonly commands: readonly Command[];
  /** Its variables begin so. */
  readonly prefix: string;
  /** Variables of that form which are no options. */
  readonly variables: readonly string[];
  /** Command lines that show what is usual. */
  readonly examples: readonly (readonly [string, string])[];
  /** What the status is otherwise, and exit statuses in the order of their numbers. */
  readonly success: string;
  readonly exitStatuses: readonly (readonly [number, string])[];
  readonly sections: readonly Section[];
}

/** The options that can be given with this command; without one, those of all commands. */
export function optionsOf(program: Program, command?: Command): readonly Option[] {
  const commands = command ? [command] : program.commands;
  return [...new Set([...program.common, ...commands.flatMap(({ options }) => options)])];
}

/** The row of an option. */
export function rowOf<Row extends Option, Name extends Row['name']>(
  options: readonly Row[],
  name: Name,
): Extract<Row, { name: Name }> {
  return options.find((option) => option.name === name) as Extract<Row, { name: Name }>;
}

/** Whether these exclude each other: as values of one place, or of several places. */
export function excludes(one: Option, other: Option, among: 'one-place' | 'places'): boolean {
  const says = ({ conflicts = [], precedes = [] }: Option, { name }: Option) =>
    conflicts.includes(name) || (among === 'places' && precedes.includes(name));
  return says(one, other) || says(other, one);
}
