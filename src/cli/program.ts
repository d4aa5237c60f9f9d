/**
 * What one of our programs accepts, as data. Parser, help, manual, documents, completion and configuration take it as
 * an argument, and know no option by name.
 */

/** An option, declared once: everything about it is in its row. */
export interface Option {
  /** The long name, without dashes. */
  readonly name: string;
  /** The one-letter name. */
  readonly short?: string;
  /** Whether it takes a value; an optional one only after `=` (or immediately after the letter). */
  readonly value: 'none' | 'required' | 'optional';
  /** The name of the value in help. */
  readonly metavar?: string;
  /** What giving it twice means. */
  readonly repeat: 'refuse' | 'collect' | 'count';
  /** Options of one sequence keep their order among each other. */
  readonly sequence?: string;
  /** The valid values; others are refused. */
  readonly choices?: readonly string[];
  /** The form of the value, in words for the message, and a pattern that matches it. */
  readonly form?: { readonly words: string; readonly pattern: RegExp };
  /** The value if the option is not given. */
  readonly default?: string;
  /** The value if the option is given without one. */
  readonly implied?: string;
  /** What a shell offers for the value: paths, or words, though others are valid, too. Choices need not be repeated. */
  readonly completes?: 'path' | 'directory' | readonly string[];
  /** Options that exclude it; across places, precedence decides. Listed in only one row of the two. */
  readonly conflicts?: readonly string[];
  /** The same, but within one place both may be given. */
  readonly precedes?: readonly string[];
  /**
   * It replaces the program's normal operation; no file and no variable sets it. `configured`: it needs the options set
   * by files and variables.
   */
  readonly action?: 'plain' | 'configured';
  /** What can set it besides the command line: files and variables by default. */
  readonly settable?: 'by-variable';
  /** A variable with another name that sets it, too. */
  readonly variable?: string;
  /** Its heading in help. */
  readonly group: string;
  /** One line for --help: lower case, no final period. Choices and a fixed default are added to it. */
  readonly summary: string;
  /** Further text for --help OPTION and the manual, in sentences. */
  readonly details?: string;
}

/** `PROGRAM NAME`: a command of a program. */
export interface Command {
  readonly name: string;
  /** Lower case, no final period. */
  readonly summary: string;
  /** What follows the options, as in `IMAGE [DIR]`. */
  readonly operands: string;
  /** The first operand ends the options: a command line of another program follows. */
  readonly startsCommand?: true;
  /** What a shell offers for these, besides files: names of images in storage, or words such as `oci:`. */
  readonly completes?: 'images' | readonly string[];
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
  /** `image-and-command`: options may also follow the first operand, if -- follows them; both are completed. */
  readonly form?: 'image-and-command';
  /** Long names may also follow one dash, as in programs written in Go. */
  readonly oneDash?: true;
  /** Headings of options, in the order of help. */
  readonly groups: Readonly<Record<string, string>>;
  /** Options of all commands. */
  readonly common: readonly Option[];
  /** None if the program does only one thing. An option of several commands is the same row in all of them. */
  readonly commands: readonly Command[];
  /** The prefix of its variables. */
  readonly prefix: string;
  /** Variables with that prefix that are not options. */
  readonly variables: readonly string[];
  /** Examples of common command lines. */
  readonly examples: readonly (readonly [string, string])[];
  /** The exit status on success, and the others in numerical order. */
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

/** Whether these exclude each other: as values in one place, or in several places. */
export function excludes(one: Option, other: Option, among: 'one-place' | 'places'): boolean {
  const says = ({ conflicts = [], precedes = [] }: Option, { name }: Option) =>
    conflicts.includes(name) || (among === 'places' && precedes.includes(name));
  return says(one, other) || says(other, one);
}
