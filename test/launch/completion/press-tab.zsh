# press-tab.zsh LINE OUT: types LINE in an interactive zsh, presses the tabulator, and writes what the line is then
# into the file OUT.
zmodload zsh/zpty
export OUT=$2
zpty shell zsh -f -i
zpty -w shell 'autoload -Uz compinit; compinit -u -D; setopt no_list_beep; source <(ch-run-ts --completion=zsh)
_tell() { print -r -- "$BUFFER" >$OUT.part; mv $OUT.part $OUT }; zle -N _tell
bindkey "^X" _tell; bindkey "^I" complete-word; : >$OUT.ready'
wait_for() { repeat 600; do [[ ! -e $1 ]] || return 0; sleep 0.05; done }
wait_for $OUT.ready
zpty -w -n shell "$1"$'\t\x18'
wait_for $OUT
zpty -d shell
