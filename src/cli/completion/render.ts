/** Completion for bash, zsh and fish: `--completion=SHELL`. */
import { renderBash } from './bash.js';
import { renderFish } from './fish.js';
import type { Shell } from './values.js';
import { renderZsh } from './zsh.js';

/** The script that makes a shell complete our command line. */
export function renderCompletion(shell: Shell): string {
  switch (shell) {
    case 'bash':
      return renderBash();
    case 'zsh':
      return renderZsh();
    case 'fish':
      return renderFish();
  }
}
