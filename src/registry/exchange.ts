/** Requests and answers of one registry and of those that it names: an answer that is not waited for yet is kept. */
import type { Answer, Network, Request, Trust } from './network.js';
import { retryDelay } from './retry.js';

const tick = 200; // ms

export interface ExchangeOptions {
  readonly network: Network;
  readonly trust: Trust;
  /** TLS without certificates that we know, or no TLS. */
  readonly insecure: boolean;
}

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #arrived = new Map<number, Answer>();

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** Begins a request; returns its number. */
  start(request: Request): number {
    const { network, trust, insecure } = this.#options;
    return network.start({ ...request, trust: { ...trust, insecure } });
  }

  /** An answer to one of these; those to others are kept. */
  next(milliseconds: number, isWanted: (id: number) => boolean): Answer | undefined {
    for (const [id, answer] of this.#arrived) {
      if (!isWanted(id)) continue;
      this.#arrived.delete(id);
      return answer;
    }
    const answer = this.#options.network.next(milliseconds);
    if (answer === undefined || isWanted(answer.id)) return answer;
    this.#arrived.set(answer.id, answer);
    return undefined;
  }

  /** A request beside the others, tried again where that may help. */
  ask(request: Request): Answer {
    for (let tries = 1; ; tries++) {
      const id = this.start(request);
      let answer: Answer | undefined;
      while (answer === undefined) answer = this.next(tick, (each) => each === id);
      const delay = retryDelay(answer, tries);
      if (delay === undefined) return answer;
      const end = Date.now() + delay;
      while (Date.now() < end)
        this.next(Math.ceil(Math.max(1, Math.min(tick, end - Date.now()))), () => false);
    }
  }
}
