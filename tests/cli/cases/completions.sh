# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The completions and the manual know every command and every long option that the help names.
n=$natsobj
dir=$HERE/../../packaging/completions
"$n" --help | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' >verbs
[ "$(wc -l <verbs)" -ge 20 ] || fail "the help names $(wc -l <verbs) commands"
bash -n "$dir/natsobj.bash" || fail "bash"
if command -v zsh >/dev/null; then zsh -n "$dir/_natsobj" || fail "zsh"; fi
if command -v fish >/dev/null; then fish -n "$dir/natsobj.fish" || fail "fish"; fi
sed 's/\\-/-/g' "$dir/../man/natsobj.1" >manual
while read -r verb; do
  grep -qE "^\.BI?R? (.* )?$verb\b" manual || fail "manual: $verb"
  grep -qE "[ ']${verb}[ ']" "$dir/natsobj.bash" || fail "bash: $verb"
  grep -qE "'$verb:" "$dir/_natsobj" || fail "zsh: $verb"
  grep -qE " -a $verb " "$dir/natsobj.fish" || fail "fish: $verb"
  for option in $("$n" "$verb" --help | sed -n '/^Of all commands/q;p' | grep -oE '^  (-., )?--[a-z-]+' | grep -oE '\-\-[a-z-]+'); do
    [ "$option" = --quiet ] || [ "$option" = --json ] && continue
    grep -q -- "$option\b" manual || fail "manual: $verb $option"
    grep -q -- "$option" "$dir/natsobj.bash" || fail "bash: $verb $option"
    grep -q -- "$option" "$dir/_natsobj" || fail "zsh: $verb $option"
    grep "from $verb'" "$dir/natsobj.fish" | grep -q -- "-l ${option#--}" || fail "fish: $verb $option"
  done
done <verbs
# shellcheck disable=SC2034
{
  . "$dir/natsobj.bash"
  COMP_WORDS=(natsobj ver) COMP_CWORD=1
  _natsobj
  [ "${COMPREPLY[*]}" = verify ] || fail "bash completes ver with ${COMPREPLY[*]}"
  COMP_WORDS=(natsobj put b --cl) COMP_CWORD=3
  _natsobj
  [ "${COMPREPLY[*]}" = "" ] || fail "bash completes --cl with ${COMPREPLY[*]}"
  COMP_WORDS=(natsobj put b --no) COMP_CWORD=3
  _natsobj
  [ "${COMPREPLY[*]}" = --no-clobber ] || fail "bash completes --no with ${COMPREPLY[*]}"
}
finish
