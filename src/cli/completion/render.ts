/** Completion for bash, zsh and fish: `--completion=SHELL`. */
import type { Program } from '../program.js';
import { renderBash } from './bash.js';
import { renderFish } from './fish.js';
import type { Shell } from './values.js';
import { renderZsh } from './zsh.js';

/** The script that makes a shell complete our command line. */
export function renderCompletion(program: Program, shell: Shell): string {
  switch (shell) {
    case 'bash':
      return renderBash(program);
    case 'zsh':
      return renderZsh(program);
    case 'fish':
      return renderFish(program);
  }
}
