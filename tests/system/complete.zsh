# SPDX-License-Identifier: LGPL-2.1-or-later
# HOME=CACHE zsh -f complete.zsh FOLDER LINE: what an interactive zsh offers behind LINE, a word a line, with the
# completion functions of FOLDER. A shell on a terminal of its own; what it would show is printed by a
# compadd of ours.
zmodload zsh/zpty
zpty shell zsh -f -i
setup=$(mktemp)
cat > $setup <<'END'
PROMPT=
fpath=($FOLDER $fpath)
autoload -Uz compinit; compinit -u -C -d $HOME/zcompdump
bindkey '^I' complete-word
begin () { print -r - '<begin>' }
finish () { print -r - '<end>'; exit }
compprefuncs=(begin)
comppostfuncs=(finish)
compadd () {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return $?
  fi
  typeset -a hits
  builtin compadd -A hits "$@"
  print -rl - $hits
  builtin compadd "$@"
}
print ready
END
zpty -w shell "FOLDER=${(q)1}; source $setup"
while zpty -r shell line; do [[ $line == ready* ]] && break; done
zpty -w -n shell "$2"$'\t'
shown=
while zpty -r shell line; do
  line=${${line%$'\n'}%$'\r'}
  case $line in
    *'<begin>') shown=1 ;;
    *'<end>'*) break ;;
    *) [[ -z $shown || -z $line ]] || print -r - $line ;;
  esac
done
zpty -d shell
rm -f $setup
