/** What can be completed: the same for every shell. */
import type { Option } from '../program.js';

/** The supported shells. */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What the value of an option can be; undefined for free text. */
export const kindOf = ({ choices, completes }: Option) => choices ?? completes;
/** As it is typed: with an `=` if a value follows. */
export const typed = ({ name, value }: Option) => `--${name}${value === 'none' ? '' : '='}`;
/** For a shell's single quotes. */
export const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
/** The prefix of the names of a program's functions. */
export const functionOf = (program: { readonly name: string }) => program.name.replaceAll('-', '_');
