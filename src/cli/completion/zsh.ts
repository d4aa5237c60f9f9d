/** Completion for zsh (zshcompsys(1), _arguments), made from the option table. */
import { summaryOf } from '../help.js';
import { type Command, type Option, optionsOf, type Program } from '../program.js';
import { functionOf, kindOf, quote } from './values.js';

function zshSpec(option: Option): string {
  const { name, short, value, repeat, metavar } = option;
  const kind = kindOf(option);
  const text = summaryOf(option).replace(/[[\]:\\]/g, '\\$&');
  const action =
    kind === undefined
      ? ' '
      : kind === 'path'
        ? '_files'
        : kind === 'directory'
          ? '_directories'
          : `(${kind.join(' ')})`;
  const message = (metavar ?? '').replaceAll(':', ' ');
  const argument = value === 'none' ? '' : `${value === 'optional' ? '::' : ':'}${message}:${action}`;
  const star = repeat === 'refuse' ? '' : '*';
  const long = `${star}--${name}${value === 'none' ? '' : value === 'optional' ? '=-' : '='}[${text}]${argument}`;
  const letter = `${star}-${short}${value === 'none' ? '' : value === 'optional' ? '-' : '+'}[${text}]${argument}`;
  return [long, ...(short ? [letter] : [])].map((spec) => `    ${quote(spec)} \\`).join('\n');
}

/** A file follows a prefix such as `oci:`. */
function operandOf(own: string, { completes }: Command): string {
  if (completes === undefined) return '_files';
  if (completes === 'images') return `${own}_images`;
  return `{compset -P "*:" || compadd -S "" -- ${completes.join(' ')}; _files}`;
}

function renderImages(program: Program): string {
  return `_${functionOf(program)}_images() {
  local -a images=(\${(0)"$(command ${program.name} --completion=images 2>/dev/null)"})
  compadd -a images
  _files
}
`;
}

/** The script for a program with commands. */
function renderCommands(program: Program): string {
  const { name, commands, common } = program;
  const own = `_${functionOf(program)}`;
  const described = commands.map((command) => quote(`${command.name}:${command.summary}`)).join(' ');
  const cases = commands.map(
    (command) => `    ${command.name})
      _arguments -S \\
${optionsOf(program, command).map(zshSpec).join('\n')}
    ${quote(`*: :${operandOf(own, command)}`)}
      ;;`,
  );
  const functions = commands.some(({ completes }) => completes === 'images') ? renderImages(program) : '';
  return `#compdef ${name}
${functions}${own}_commands() {
  local -a commands=(${described})
  _describe command commands
}
${own}() {
  local curcontext=$curcontext state
  _arguments -C -S \\
${common.map(zshSpec).join('\n')}
    '1:command:${own}_commands' \\
    '*::argument:->argument'
  [[ $state == argument ]] || return 0
  case $words[1] in
${cases.join('\n')}
  esac
}
compdef ${own} ${name}
`;
}

/** Names are separated by NUL, and `compadd` quotes what it inserts. */
export function renderZsh(program: Program): string {
  if (program.commands.length > 0) return renderCommands(program);
  const { name } = program;
  const own = `_${functionOf(program)}`;
  return `#compdef ${name}
${renderImages(program)}${own}_command() {
  # words are those from the image on
  local -a commands
  local at=2
  if [[ $words[2] == -- ]]; then at=3; fi
  if ((CURRENT == at)); then commands=(\${(0)"$(command ${name} --completion="commands:\${(Q)words[1]}" 2>/dev/null)"}); fi
  if (($#commands)); then compadd -a commands; else _files; fi
}
${own}() {
  _arguments -S \\
${program.common.map(zshSpec).join('\n')}
    '1:image:${own}_images' \\
    '*::command:${own}_command'
}
compdef ${own} ${name}
`;
}
