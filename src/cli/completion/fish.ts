/** Completion for fish, made from the option table. */
import { summaryOf } from '../help.js';
import type { Command, Option, Program } from '../program.js';
import { functionOf, kindOf, quote } from './values.js';

/** `when` is the condition under which the option is offered. */
function fishLine(program: Program, when: string, option: Option): string {
  const kind = kindOf(option);
  const values =
    kind === undefined
      ? '-x'
      : kind === 'path'
        ? '-rF'
        : kind === 'directory'
          ? "-xa '(__fish_complete_directories)'"
          : `-xa ${quote(kind.join(' '))}`;
  const words = [
    `complete -c ${program.name} -n ${when}`,
    `-l ${option.name}`,
    ...(option.short ? [`-s ${quote(option.short)}`] : []),
    ...(option.value === 'none' ? [] : [values]),
    `-d ${quote(summaryOf(option))}`,
  ];
  return words.join(' ');
}

function operandLines(program: Program, when: string, { completes }: Command): readonly string[] {
  if (completes === undefined) return [];
  const start = `complete -c ${program.name} -n ${when} -a`;
  if (completes === 'images') return [`${start} '(__${functionOf(program)}_names images)' -d image`];
  return [`${start} ${quote(completes.join(' '))} -d format`];
}

function renderNames(program: Program): string {
  return `function __${functionOf(program)}_names
  # after a tab fish expects a description
  for name in (command ${program.name} --completion="$argv[1]" 2>/dev/null | string split0)
    string match -qr '\\t' -- $name; or printf '%s\\0' $name
  end | string split0
end`;
}

/** The script for a program with commands: its options before the command, and each command's own options after it. */
function renderCommands(program: Program): string {
  const { name, commands, common } = program;
  const names = commands.map((command) => command.name).join(' ');
  const begin = quote(`not __fish_seen_subcommand_from ${names}`);
  const lines = commands.flatMap((command) => {
    const own = command.options.filter((option) => !common.includes(option));
    const when = quote(`__fish_seen_subcommand_from ${command.name}`);
    return [
      `complete -c ${name} -f -n ${begin} -a ${command.name} -d ${quote(command.summary)}`,
      ...own.map((option) => fishLine(program, when, option)),
      ...operandLines(program, when, command),
    ];
  });
  const functions = commands.some(({ completes }) => completes === 'images') ? [renderNames(program)] : [];
  return [...functions, ...common.map((option) => fishLine(program, 'true', option)), ...lines, ''].join(
    '\n',
  );
}

/** Names are separated by NUL, and fish quotes what it inserts. */
export function renderFish(program: Program): string {
  if (program.commands.length > 0) return renderCommands(program);
  const { name } = program;
  const own = `__${functionOf(program)}`;
  return `function ${own}_before_command
  not contains -- -- (commandline -opc)
end
function ${own}_at_command
  set -l words (commandline -opc)
  test "$words[-1]" = -- -a (count (string match -- -- $words)) = 1
end
${renderNames(program)}
function ${own}_commands
  set -l words (commandline -opc)
  ${own}_names "commands:$words[-2]"
end
${program.common.map((option) => fishLine(program, `${own}_before_command`, option)).join('\n')}
complete -c ${name} -n ${own}_before_command -a '(${own}_names images)' -d image
complete -c ${name} -n ${own}_at_command -a '(${own}_commands)' -d command
`;
}
