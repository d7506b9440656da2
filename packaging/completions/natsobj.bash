# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Completion of natsobj for bash: /usr/share/bash-completion/completions/natsobj

_natsobj() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb='' args=() i
  local verbs='add edit ls info seal del put get cat mv cp meta link watch verify mount umount mounts status bench help'
  local common='--json --quiet --help --server --context --creds --nkey --user --password-file
    --token-file --tlsca --tlscert --tlskey --domain --inbox-prefix --timeout'
  local connection=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --server | -s | --context | --creds | --nkey | --user | --password-file | --token-file | --tlsca | --tlscert | --tlskey | --domain | --inbox-prefix | --timeout)
        connection+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
        i=$((i + 1))
        ;;
      -*) ;;
      *) if [ -z "$verb" ]; then verb=${COMP_WORDS[i]}; else args+=("${COMP_WORDS[i]}"); fi ;;
    esac
  done
  case $prev in
    --creds | --nkey | --password-file | --token-file | --tlsca | --tlscert | --tlskey | -O | --output)
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return
      ;;
    --context)
      mapfile -t COMPREPLY < <(compgen -W "$(cd "${XDG_CONFIG_HOME:-$HOME/.config}/nats/context" 2>/dev/null && printf '%s\n' *.json | sed 's/\.json$//')" -- "$cur")
      return
      ;;
    --storage)
      mapfile -t COMPREPLY < <(compgen -W 'file memory' -- "$cur")
      return
      ;;
    --bucket | --to-bucket)
      mapfile -t COMPREPLY < <(compgen -W "$(natsobj "${connection[@]}" ls --timeout 2s 2>/dev/null)" -- "$cur")
      return
      ;;
  esac
  if [[ $cur == -* ]]; then
    local own=''
    case $verb in
      add) own='--description --ttl --max-bucket-size --storage --replicas --placement-cluster --tags --metadata --compress' ;;
      edit) own='--description --ttl --max-bucket-size --replicas --placement-cluster --tags --metadata' ;;
      ls) own='--long --human --prefix --glob --deleted' ;;
      info) own='--deleted' ;;
      seal | del | mv) own='--force' ;;
      put) own='--name --description --header --metadata --chunk-size --recursive --preserve --no-clobber' ;;
      get) own='--output --range --recursive --preserve' ;;
      cat) own='--range' ;;
      cp) own='--to-bucket --force' ;;
      meta) own='--description --set --unset --header --unset-header' ;;
      link) own='--bucket --force' ;;
      watch) own='--prefix --glob --history --ignore-deletes --count --exec' ;;
      verify) own='--prefix' ;;
      mount) own='--options' ;;
      bench) own='--size --objects --storage' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$own $common" -- "$cur")
  elif [ -z "$verb" ] || [ "$verb" = help ]; then
    mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
  elif [[ $verb == umount || ($verb == mount && ${#args[@]} -eq 1) ]]; then
    mapfile -t COMPREPLY < <(compgen -d -- "$cur")
  elif [[ $verb == put && ${#args[@]} -eq 1 ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  elif [ ${#args[@]} -eq 0 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$(natsobj "${connection[@]}" ls --timeout 2s 2>/dev/null)" -- "$cur")
  elif [[ $verb == add || $verb == mounts ]]; then
    COMPREPLY=()
  else
    local IFS=$'\n'
    mapfile -t COMPREPLY < <(natsobj "${connection[@]}" ls "${args[0]}" --prefix "$cur" --timeout 2s 2>/dev/null | head -n 200)
  fi
}
complete -o filenames -F _natsobj natsobj
