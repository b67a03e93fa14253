# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of headend for bash.

# The names of a kind (node, channel) in the description on the command line.
_headend_names() {
  local kind=$1 word
  for word in "${COMP_WORDS[@]:2}"; do
    [[ -f ${word/#\~/$HOME} ]] || continue
    headend check "${word/#\~/$HOME}" 2>/dev/null | sed -n "s/^  $kind \([^ ]*\) .*/\1/p"
    return
  done
}

_headend() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]} words=
  # "--node=A" comes as three words.
  [[ $current == = ]] && current=
  [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}
  [[ $command == token && $COMP_CWORD -gt 2 ]] && command="token ${COMP_WORDS[2]}"
  COMPREPLY=()

  if [[ $COMP_CWORD == 1 ]]; then
    words="run check graph token edge status trace detect drill load --help --version"
  elif [[ $current == -* ]]; then
    case $command in
      run) words="--node= --channel= --origin --help" ;;
      check) words="--help" ;;
      graph) words="--dot --help" ;;
      edge) words="--dir= --for= --node= --certificate= --key= --help" ;;
      status) words="--json --help" ;;
      detect) words="--description= --channel= --around= --window= --state= --archive= --epoch --whole --help" ;;
      drill) words="--list --keep --channel= --viewers= --seconds= --seed= --report= --help" ;;
      load) words="--key= --viewers= --seconds= --channel= --edge= --transport= --report= --help" ;;
      trace) words="--description= --channel= --candidates= --ledger= --false-alarm= --json= --html= --help" ;;
      "token keygen") words="--dir= --algorithm= --help" ;;
      "token rotate") words="--dir= --algorithm= --keep= --wait= --announce --help" ;;
      "token mint") words="--key= --algorithm= --account= --channel= --issuer= --audience= --ttl=
        --session= --max-sessions= --url= --transport= --page --help" ;;
      "token revoke") words="--account= --session= --token= --keep= --help" ;;
      "token watermark") words="--account= --channel= --key= --ttl= --vendor= --state= --help" ;;
      token | "token inspect") words="--help" ;;
    esac
  else
    case $command:$previous in
      edge:--for | edge:-f) words="nginx varnish" ;;
      run:--node | run:-n | edge:--node | edge:-n) words=$(_headend_names node) ;;
      run:--channel | run:-c | drill:--channel | drill:-c | load:--channel | load:-c) words=$(_headend_names channel) ;;
      edge:--dir | edge:-d | "token keygen:--dir" | "token rotate:--dir")
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return ;;
      "token keygen:--algorithm" | "token rotate:--algorithm") words="ES256 EdDSA RS256 PS256 HS256" ;;
      "token mint:--algorithm") words="PS256" ;;
      "token rotate:--keep" | "token rotate:--wait") ;;
      "token revoke:--account" | "token revoke:--session" | "token revoke:--token" | "token revoke:--keep") ;;
      "token mint:--transport" | load:--transport) words="cookie path" ;;
      "token mint:--key" | load:--key | load:-k)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$current"; compgen -f -X '!*.pem' -- "$current")
        return ;;
      drill:*.json | drill:[a-z]*-[a-z]*) words=$(headend drill --list 2>/dev/null | sed 's/ .*//') ;;
      token:*) words="keygen rotate mint inspect revoke watermark" ;;
      trace:--description | trace:-d | detect:--description | detect:-d)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$current"; compgen -f -X '!*.json' -- "$current")
        return ;;
      trace:--channel | trace:-c | detect:--channel | detect:-c) words=$(_headend_names channel) ;;
      trace:--false-alarm | detect:--around | detect:--window) ;;
      trace:* | detect:* | edge:--certificate | edge:-c | edge:--key | edge:-k)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return ;;
      "token watermark:--account" | "token watermark:--channel" | "token watermark:--ttl" | "token watermark:--vendor") ;;
      run:* | check:* | graph:* | edge:* | status:* | drill:* | load:* | "token revoke":* | "token watermark":*)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$current"; compgen -f -X '!*.json' -- "$current")
        return ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
}
complete -F _headend headend
