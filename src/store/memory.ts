/** Where plans and reads are remembered. */
import type { Host } from '../host/host.js';
import { findHome, isOwn } from '../host/ownership.js';

/** As in addon/launcher/files/memo_directory.cc; empty for nowhere. */
export function findMemory(host: Host): string {
  const named = host.variable('XDG_CACHE_HOME');
  const cache = named?.startsWith('/') && isOwn(named, host) ? named : `${findHome(host) ?? ''}/.cache`;
  return host.variable('CH_RUN_MEMO_DIR') ?? `${cache}/ch-run-ts`;
}
