/** The word that asks the program itself for candidates; shells call it at every Tab. */
export const COMPLETE_WORD = '__complete';

/** Scripts for the shells: they pass the words so far, and take one candidate a line. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# heddle completion for bash: source <(heddle completion bash)
_heddle() {
  local IFS=$'\\n'
  COMPREPLY=($(heddle ${COMPLETE_WORD} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _heddle heddle
`,
  zsh: `#compdef heddle
# heddle completion for zsh: source <(heddle completion zsh)
_heddle() {
  local -a candidates
  candidates=("\${(@f)$(heddle ${COMPLETE_WORD} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$candidates" ]]; then compadd -- $candidates; else _files; fi
}
compdef _heddle heddle
`,
  fish: `# heddle completion for fish: heddle completion fish | source
complete -c heddle -f -a '(heddle ${COMPLETE_WORD} (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
complete -c heddle -s f -l file -r -F
complete -c heddle -l token-file -r -F
`,
};
