/** Completion for bash, made from the option table. */
import { type Option, optionsOf, type Program } from '../program.js';
import { functionOf, kindOf, typed } from './values.js';

/** For bash's $'…': one per line, because blanks do not separate words when IFS is a newline. */
const lines = (words: readonly string[]) => `$'${words.join('\\n')}'`;

function bashValues(own: string, option: Option): string {
  const kind = kindOf(option);
  const names = [`--${option.name}`, ...(option.short ? [`-${option.short}`] : [])].join(' | ');
  if (kind === undefined) return `    ${names}) ;;`;
  // readline completes files and directories itself if nothing else is offered
  if (kind === 'path') return `    ${names}) compopt -o default ;;`;
  if (kind === 'directory') return `    ${names}) compopt -o dirnames ;;`;
  return `    ${names}) ${own}_words ${lines(kind)} ;;`;
}

/** Options that take the next word as value, with a newline before and after each. */
function separateOf(options: readonly Option[]): string {
  const words = options
    .filter(({ value }) => value === 'required')
    .flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])]);
  return lines(['', ...words, '']);
}

/** The common parts of the scripts: words, the values of options, and the name of the program. */
function renderFrame(program: Program, text: string): string {
  const own = `_${functionOf(program)}`;
  const withValue = optionsOf(program).filter(({ value }) => value !== 'none');
  return `${own}_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word")
}

${text}
${own}_values() {
  case $1 in
${withValue.map((option) => bashValues(own, option)).join('\n')}
  esac
}

complete -F ${own} ${program.name}
`;
}

/** What is offered for the operands of each command. */
function renderOperands(program: Program): string {
  const own = `_${functionOf(program)}`;
  const offers = program.commands.filter(({ completes }) => completes !== undefined);
  const cases = offers.map(({ name, completes }) =>
    completes === 'images'
      ? `    ${name}) ${own}_image ;;`
      : `    ${name}) ${own}_prefixes ${lines(completes ?? [])} ;;`,
  );
  const functions =
    offers.length === 0
      ? ''
      : `${renderNames(program)}# what follows a prefix is a file
${own}_prefixes() {
  local prefix=
  if [[ $word == : || $before == : ]]; then
    compopt -o default
    return
  fi
  ${own}_words "$1"
  if ((\${#COMPREPLY[@]})); then compopt -o nospace; fi
  ${own}_names < <(${own}_files)
  ((\${#COMPREPLY[@]})) || compopt -o default
}

`;
  return `${functions}${own}_operand() {
  case $command in
${[...cases, '    *) compopt -o default ;;'].join('\n')}
  esac
}
`;
}

/** The script for a program with commands: the first word that is neither an option nor its value is the command. */
function renderCommands(program: Program): string {
  const { common, commands } = program;
  const own = `_${functionOf(program)}`;
  const cases = commands.map((command) => {
    const options = optionsOf(program, command);
    return `    ${command.name}) separate=${separateOf(options)} options=${lines(options.map(typed))} ;;`;
  });
  return `${renderOperands(program)}
${own}() {
  local IFS=$'\\n' word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} at command=
  local separate=${separateOf(common)} options=${lines(common.map(typed))}
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    if [[ \${COMP_WORDS[at + 1]-} == = ]]; then
      ((at += 2))
    elif [[ $separate == *$'\\n'"\${COMP_WORDS[at]}"$'\\n'* ]]; then
      ((at += 1))
    elif [[ \${COMP_WORDS[at]} != -* ]]; then
      command=\${COMP_WORDS[at]}
      break
    fi
  done
  case $command in
${cases.join('\n')}
  esac
  if [[ $word == = ]]; then
    word=
    ${own}_values "$before"
  elif [[ $before == = ]]; then
    ${own}_values "\${COMP_WORDS[COMP_CWORD - 2]}"
  elif [[ $separate == *$'\\n'"$before"$'\\n'* ]]; then
    ${own}_values "$before"
  elif [[ $word == -* ]]; then
    ${own}_words "$options"
    [[ \${COMPREPLY[0]-} != *= ]] || compopt -o nospace
  elif [[ $command ]]; then
    ${own}_operand
  else
    ${own}_words ${lines(commands.map(({ name }) => name))}
  fi
}
`;
}

/**
 * Names of images and programs are untrusted: they are never passed to `compgen -W`, which expands them, and are quoted
 * with `printf %q`, because `-o filenames` does not quote `$`. `=` and `:` break words in bash: they are separate
 * words.
 */
function renderNames(program: Program): string {
  const { name } = program;
  const own = `_${functionOf(program)}`;
  return `# what a word on the line means, quotes and backslashes taken off, and nothing expanded: in REPLY
${own}_unquote() {
  local rest=$1 quote= next ansi="^'(([^'\\\\]|\\\\.)*)'?"
  REPLY=
  while [[ $rest ]]; do
    next=\${rest:0:1} rest=\${rest:1}
    case $quote$next in
      \\' | \\") quote=$next ;;
      "''" | '""') quote= ;;
      \\\\ | '"\\') REPLY+=\${rest:0:1} rest=\${rest:1} ;;
      *)
        if [[ $quote$next == \\$ && $rest =~ $ansi ]]; then
          next=\${BASH_REMATCH[1]@E} rest=\${rest:\${#BASH_REMATCH}}
        fi
        REPLY+=$next
        ;;
    esac
  done
}

# offers those of the names on standard input, each followed by a NUL, that begin with $prefix$word; a part of
# the word in quotes is nothing that we could complete
${own}_names() {
  local name open=
  if [[ $word == *[\\'\\"]* ]]; then
    [[ $word == [\\'\\"]* && $word != ?*[\\'\\"]* ]] || return 0
    # readline quotes as the open quote demands it
    open=yes
    compopt -o filenames
  fi
  ${own}_unquote "$prefix$word"
  while IFS= read -r -d '' name; do
    [[ $name == "$REPLY"* ]] || continue
    name=\${name#"$prefix"}
    [[ $open ]] || printf -v name %q "$name"
    if [[ $name == */ ]]; then compopt -o nospace; fi
    COMPREPLY+=("$name")
  done
}

# a name with several lines would be several that do not exist
${own}_files() {
  local file
  ${own}_unquote "$word"
  compgen -f -- "$REPLY" | while IFS= read -r file; do
    if [[ -d $file ]]; then printf '%s/\\0' "$file"; elif [[ -e $file ]]; then printf '%s\\0' "$file"; fi
  done
}

${own}_image() {
  local prefix=
  if [[ $before == : ]]; then prefix=\${COMP_WORDS[COMP_CWORD - 2]}:; fi
  if [[ $word == : ]]; then
    prefix=$before: word=
  fi
  ${own}_names < <(command ${name} --completion=images 2>/dev/null)
  # where there is no such name, readline completes paths, with their tildes and variables
  if ((!\${#COMPREPLY[@]})); then
    compopt -o default
  elif [[ ! $prefix ]]; then
    ${own}_names < <(${own}_files)
  fi
}

`;
}

function renderLaunch(program: Program): string {
  const { name } = program;
  const own = `_${functionOf(program)}`;
  return `${renderNames(program)}${own}_command() {
  ${own}_unquote "\${COMP_WORDS[$1]}"
  local image=$REPLY prefix=
  # a name with a colon is three words
  if [[ \${COMP_WORDS[$1 - 1]} == : ]]; then image=\${COMP_WORDS[$1 - 2]}:$image; fi
  ${own}_names < <(command ${name} --completion="commands:$image" 2>/dev/null)
  ((\${#COMPREPLY[@]})) || compopt -o default
}

${own}() {
  local IFS=$'\\n' word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    [[ \${COMP_WORDS[at]} == -- ]] || continue
    if ((at == COMP_CWORD - 1)); then ${own}_command $((at - 1)); else compopt -o default; fi
    return
  done
  if [[ $word == = ]]; then
    word=
    ${own}_values "$before"
  elif [[ $before == = ]]; then
    ${own}_values "\${COMP_WORDS[COMP_CWORD - 2]}"
  elif [[ ${separateOf(program.common)} == *$'\\n'"$before"$'\\n'* ]]; then
    ${own}_values "$before"
  elif [[ $word == -* ]]; then
    ${own}_words ${lines(program.common.map(typed))}
    [[ \${COMPREPLY[0]-} != *= ]] || compopt -o nospace
  else
    ${own}_image
  fi
}
`;
}

/** The script for bash. */
export function renderBash(program: Program): string {
  return renderFrame(program, program.commands.length > 0 ? renderCommands(program) : renderLaunch(program));
}
