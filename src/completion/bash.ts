/** Completion for bash, made from the option table. */
import { type Option, optionTable } from '../options.js';
import { kindOf, typed } from './values.js';

/** For $'…' of bash: one a line, as blanks do not part words where IFS is a newline. */
const lines = (words: readonly string[]) => `$'${words.join('\\n')}'`;

function bashValues(option: Option): string {
  const kind = kindOf(option);
  const names = [`--${option.name}`, ...(option.short ? [`-${option.short}`] : [])].join(' | ');
  if (kind === undefined) return `    ${names}) ;;`;
  if (kind === 'path') return `    ${names}) _ch_run_ts_reply -f ;;`;
  if (kind === 'directory') return `    ${names}) _ch_run_ts_reply -d ;;`;
  return `    ${names}) _ch_run_ts_reply -W ${lines(kind)} ;;`;
}

/** `=` and `:` break words in bash: they are words of their own. */
export function renderBash(): string {
  const withValue = optionTable.filter(({ value }) => value !== 'none');
  const separate = optionTable
    .filter(({ value }) => value === 'required')
    .flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])]);
  return `_ch_run_ts_reply() {
  [[ $1 == -W ]] || compopt -o filenames
  mapfile -t COMPREPLY < <(compgen "$@" -- "$word")
}

_ch_run_ts_values() {
  case $1 in
${withValue.map(bashValues).join('\n')}
  esac
}

_ch_run_ts_command() {
  local image=\${COMP_WORDS[$1]} commands
  # a name with a colon is three words
  if [[ \${COMP_WORDS[$1 - 1]} == : ]]; then image=\${COMP_WORDS[$1 - 2]}:$image; fi
  commands=$("\${COMP_WORDS[0]}" --completion="commands:$image" 2>/dev/null)
  if [[ $commands ]]; then _ch_run_ts_reply -W "$commands"; else compopt -o default; fi
}

_ch_run_ts_image() {
  local prefix=
  if [[ $before == : ]]; then prefix=\${COMP_WORDS[COMP_CWORD - 2]}:; fi
  if [[ $word == : ]]; then prefix=$before: word=; fi
  compopt -o filenames
  word=$prefix$word
  mapfile -t COMPREPLY < <(
    compgen -f -- "$word"
    compgen -W "$("\${COMP_WORDS[0]}" --completion=images 2>/dev/null)" -- "$word"
  )
  COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
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
    _ch_run_ts_reply -W ${lines(optionTable.map(typed))}
    [[ \${COMPREPLY[0]-} != *= ]] || compopt -o nospace
  else
    _ch_run_ts_image
  fi
}

complete -F _ch_run_ts ch-run-ts
`;
}
