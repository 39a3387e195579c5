#!/usr/bin/env zsh
# What zsh offers for a line: complete.zsh DIRECTORY LINE DUMP, with the completion in DIRECTORY.
# One word a line. DUMP is a file that compinit keeps from one call to the next.
# A real zsh on a terminal is asked; compadd says what it was given.
zmodload zsh/zpty
setup=$(mktemp)
trap 'rm -f $setup' EXIT
print -r -- "fpath=(${(q)1} \$fpath); autoload -Uz compinit && compinit -u -C -d ${(q)3}" >$setup
cat >>$setup <<'END'
zstyle ":completion:*" completer _complete
compadd() {
  # with one of these nothing is offered: the caller wants to know what matches
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a offered
  builtin compadd -A offered "$@"
  ((!$#offered)) || print -rl -- "=offered="$^offered
  builtin compadd "$@"
}
offer-all() { _main_complete; print -r -- "=end="; exit }
zle -C offer complete-word offer-all
bindkey "^I" offer
PROMPT="=begin="
END
zpty shell zsh -f -i
zpty -w shell "source $setup"
zpty -r shell text '*=begin=*' || exit 1
zpty -n -w shell "$2"$'\t'
while zpty -r shell text; do
  text=${${text//$'\r'/}%$'\n'}
  [[ $text != *=end=* ]] || break
  [[ $text != *=offered=* ]] || print -r -- ${text##*=offered=}
done
zpty -d shell
