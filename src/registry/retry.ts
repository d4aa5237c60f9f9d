/** How often something is tried again, and when. */
import type { Answer } from './network.js';

/** Tries in all; a registry that is not there at all hardly ever comes back. */
export const mostTries = 6;
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

/** When a registry will answer again, in milliseconds; undefined if it does not say. */
export function limitEnd({ status, header }: Answer, now: number): number | undefined {
  const wish = header('retry-after');
  if (wish !== undefined)
    return /^\d+$/.test(wish) ? now + Number(wish) * 1000 : Date.parse(wish) || undefined;
  if (status !== 429 && status !== 403) return undefined;
  // Docker Hub and GitHub: seconds since 1970; the draft of the IETF: seconds from now
  const named = ['x-retry-after', 'x-ratelimit-reset', 'ratelimit-reset'].map((name) => header(name));
  const found = named.find((value) => value !== undefined && /^\d+$/.test(value));
  if (found === undefined) return undefined;
  return Number(found) > 1e9 ? Number(found) * 1000 : now + Number(found) * 1000;
}

/**
 * Milliseconds until the next try, after `tries`: as the server says, else longer each time, by chance: who was refused at
 * once with others shall not come back with them. `chance` is from 0 to 1.
 */
function delayOf(answer: Answer, tries: number, chance: number, now: number): number | undefined {
  const end = limitEnd(answer, now);
  if (end !== undefined) {
    if (end - now > longestWish) return undefined;
    if (end >= now) return end - now + chance * firstDelay;
  }
  return Math.min(longestDelay, firstDelay * 2 ** (tries - 1)) * (0.5 + chance / 2);
}

/** Milliseconds until the next try, after `tries`; undefined if there shall be none. */
export function retryDelay(answer: Answer, tries: number): number | undefined {
  if (!isPassing(answer) || isLastTry(answer, tries)) return undefined;
  return delayOf(answer, tries, Math.random(), Date.now());
}
