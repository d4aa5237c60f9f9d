/** What the tests of the programs for aarch64 have in common. */
import { spawnSync } from 'node:child_process';
import type { Machine } from '../package/machine.js';
import { findObstacle } from '../package/packages.js';

export const machine: Machine = {
  arch: 'aarch64',
  deb: 'arm64',
  suite: 'bookworm',
  console: 'ttyAMA0',
  qemu: ['-machine', 'virt', '-cpu', 'max,pauth-impdef=on'],
};

/** Why it can't be tested here; undefined if it can. */
export function missing(...more: readonly string[]): string | undefined {
  const needed = ['qemu-system-aarch64', 'qemu-aarch64-static', 'aarch64-linux-gnu-g++', ...more];
  const absent = needed.filter((program) => spawnSync(program, ['--version']).error);
  return findObstacle() ?? (absent.length > 0 ? `not installed: ${absent.join(', ')}` : undefined);
}
