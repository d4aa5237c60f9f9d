/** How often something is tried again, and when. */
import type { Answer } from './network.js';

/** Tries in all; who is not there at all hardly ever comes. */
const mostTries = 6;
const mostForAbsent = 2;

const isLastTry = ({ failure }: Answer, tries: number): boolean =>
  tries >= (failure === 'resolve' || failure === 'connect' ? mostForAbsent : mostTries);

const firstDelay = 500;
const longestDelay = 60_000;
/** A server that asks for more is busy for longer than people wait. */
const longestWish = 600_000;

/** Whether the next try may go better. */
function isPassing({ status, failure }: Answer): boolean {
  if (['connect', 'resolve', 'stalled', 'cut'].includes(failure)) return true;
  return failure === '' && (status === 429 || status === 408 || status >= 500) && status !== 501;
}

/**
 * Milliseconds until the next try, after `tries`: as the server says, else longer each time, by chance: who was refused at
 * once with others shall not come back with them. `chance` is from 0 to 1.
 */
function delayOf(answer: Answer, tries: number, chance: number, now: number): number | undefined {
  const wish = answer.header('retry-after');
  if (wish !== undefined) {
    const wanted = /^\d+$/.test(wish) ? Number(wish) * 1000 : Date.parse(wish) - now;
    if (wanted > longestWish) return undefined;
    if (wanted >= 0) return wanted + chance * firstDelay;
  }
  return Math.min(longestDelay, firstDelay * 2 ** (tries - 1)) * (0.5 + chance / 2);
}

/** Milliseconds until the next try, after `tries`; undefined if there shall be none. */
export function retryDelay(answer: Answer, tries: number): number | undefined {
  if (!isPassing(answer) || isLastTry(answer, tries)) return undefined;
  return delayOf(answer, tries, Math.random(), Date.now());
}
