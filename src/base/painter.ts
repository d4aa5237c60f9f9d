/** Colour for messages. Loaded only when one is printed: Node's terminals take a sixth of a start to load. */
import { isatty } from 'node:tty';
import { Chalk, type ChalkInstance } from 'chalk';

/** When messages are coloured. */
export const colors = ['auto', 'always', 'never'] as const;
export type Color = (typeof colors)[number];

/** The launcher has the same rule (addon/launcher/log/log.cc). */
export function makePainter(color: Color): ChalkInstance {
  const { NO_COLOR, TERM } = process.env;
  const auto = !NO_COLOR && TERM !== 'dumb' && isatty(2);
  return new Chalk({ level: color === 'always' || (color === 'auto' && auto) ? 1 : 0 });
}
