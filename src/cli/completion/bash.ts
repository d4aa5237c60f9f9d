/** Completion for bash, made from the option table. */
import { type Option, optionTable } from '../../run/options.js';
import { kindOf, typed } from './values.js';

/** For $'…' of bash: one a line, as blanks do not part words where IFS is a newline. */
const lines = (words: readonly string[]) => `$'${words.join('\\n')}'`;

function bashValues(option: Option): string {
  const kind = kindOf(option);
  const names = [`--${option.name}`, ...(option.short ? [`-${option.short}`] : [])].join(' | ');
  if (kind === undefined) return `    ${names}) ;;`;
  // readline completes files and directories itself where nothing else is offered
  if (kind === 'path') return `    ${names}) compopt -o default ;;`;
  if (kind === 'directory') return `    ${names}) compopt -o dirnames ;;`;
  return `    ${names}) _ch_run_ts_words ${lines(kind)} ;;`;
}

/**
 * Names of images and programs are data of others: they are never words of `compgen -W`, which expands them, and are
 * quoted by `printf %q`, as `-o filenames` leaves a `$` alone. `=` and `:` break words in bash: they are words of
 * their own.
 */
export function renderBash(): string {
  const withValue = optionTable.filter(({ value }) => value !== 'none');
  const separate = optionTable
    .filter(({ value }) => value === 'required')
    .flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])]);
  return `_ch_run_ts_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word")
}

# what a word on the line means, quotes and backslashes taken off, and nothing expanded: in REPLY
_ch_run_ts_unquote() {
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
_ch_run_ts_names() {
  local name open=
  if [[ $word == *[\\'\\"]* ]]; then
    [[ $word == [\\'\\"]* && $word != ?*[\\'\\"]* ]] || return 0
    # readline quotes as the open quote demands it
    open=yes
    compopt -o filenames
  fi
  _ch_run_ts_unquote "$prefix$word"
  while IFS= read -r -d '' name; do
    [[ $name == "$REPLY"* ]] || continue
    name=\${name#"$prefix"}
    [[ $open ]] || printf -v name %q "$name"
    if [[ $name == */ ]]; then compopt -o nospace; fi
    COMPREPLY+=("$name")
  done
}

# a name with several lines would be several that do not exist
_ch_run_ts_files() {
  local file
  _ch_run_ts_unquote "$word"
  compgen -f -- "$REPLY" | while IFS= read -r file; do
    if [[ -d $file ]]; then printf '%s/\\0' "$file"; elif [[ -e $file ]]; then printf '%s\\0' "$file"; fi
  done
}

_ch_run_ts_command() {
  _ch_run_ts_unquote "\${COMP_WORDS[$1]}"
  local image=$REPLY prefix=
  # a name with a colon is three words
  if [[ \${COMP_WORDS[$1 - 1]} == : ]]; then image=\${COMP_WORDS[$1 - 2]}:$image; fi
  _ch_run_ts_names < <(command ch-run-ts --completion="commands:$image" 2>/dev/null)
  ((\${#COMPREPLY[@]})) || compopt -o default
}

_ch_run_ts_image() {
  local prefix=
  if [[ $before == : ]]; then prefix=\${COMP_WORDS[COMP_CWORD - 2]}:; fi
  if [[ $word == : ]]; then
    prefix=$before: word=
  fi
  _ch_run_ts_names < <(command ch-run-ts --completion=images 2>/dev/null)
  # where there is no such name, readline completes paths, with their tildes and variables
  if ((!\${#COMPREPLY[@]})); then
    compopt -o default
  elif [[ ! $prefix ]]; then
    _ch_run_ts_names < <(_ch_run_ts_files)
  fi
}

_ch_run_ts() {
  local IFS=$'\\n' word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    [[ \${COMP_WORDS[at]} == -- ]] || continue
    if ((at == COMP_CWORD - 1)); then _ch_run_ts_command $((at - 1)); else compopt -o default; fi
    return
  done
  if [[ $word == = ]]; then
    word=
    _ch_run_ts_values "$before"
  elif [[ $before == = ]]; then
    _ch_run_ts_values "\${COMP_WORDS[COMP_CWORD - 2]}"
  elif [[ ${lines(['', ...separate, ''])} == *$'\\n'"$before"$'\\n'* ]]; then
    _ch_run_ts_values "$before"
  elif [[ $word == -* ]]; then
    _ch_run_ts_words ${lines(optionTable.map(typed))}
    [[ \${COMPREPLY[0]-} != *= ]] || compopt -o nospace
  else
    _ch_run_ts_image
  fi
}

_ch_run_ts_values() {
  case $1 in
${withValue.map(bashValues).join('\n')}
  esac
}

complete -F _ch_run_ts ch-run-ts
`;
}
