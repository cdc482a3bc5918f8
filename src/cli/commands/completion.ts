import { Argument, type Command } from 'commander';
import { examples } from '../help-text.js';
import type { Terminal } from '../terminal.js';

/** Each asks `corduroy __complete WORDS...` for the candidates, the last word being the one that is typed. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_corduroy() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _corduroy corduroy cord
`,
  zsh: `#compdef corduroy cord
_corduroy() {
  local -a candidates
  candidates=(\${(f)"$(\${words[1]} __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  compadd -a candidates
}
if [ "$funcstack[1]" = "_corduroy" ]; then _corduroy "$@"; else compdef _corduroy corduroy cord; fi
`,
  fish: `function __corduroy_complete
  set -l words (commandline -opc)
  set -l typed (commandline -ct)
  $words[1] __complete $words[2..-1] "$typed" 2>/dev/null
end
complete -c corduroy -f -a '(__corduroy_complete)'
complete -c cord -f -a '(__corduroy_complete)'
`,
};

/** `corduroy completion SHELL` prints what the shell is to read. */
export function defineCompletion(completion: Command, terminal: Terminal): void {
  completion
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SCRIPTS)))
    .action((shell: string) => terminal.text(SCRIPTS[shell] ?? ''));
  examples(completion, [
    'source <(corduroy completion bash)',
    'corduroy completion zsh >"$fpath[1]/_corduroy"',
    'corduroy completion fish >~/.config/fish/completions/corduroy.fish',
  ]);
}
