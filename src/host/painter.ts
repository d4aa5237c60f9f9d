/** Colour for messages. Loaded only when one is printed. */
import { Chalk, type ChalkInstance } from 'chalk';
import { native } from './native.js';

/** When messages are coloured. */
export const colors = ['auto', 'always', 'never'] as const;
export type Color = (typeof colors)[number];

/** The launcher has the same rule (addon/launcher/log/log.cc). */
export function makePainter(color: Color): ChalkInstance {
  const auto = !native.variable('NO_COLOR') && native.variable('TERM') !== 'dumb' && native.isTerminal(2);
  return new Chalk({ level: color === 'always' || (color === 'auto' && auto) ? 1 : 0 });
}
