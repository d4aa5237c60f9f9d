/** How far transfers are: one line on a terminal, which is rewritten. */
import { print } from '../host/messages.js';
import type { Job } from '../registry/client.js';
import type { Progress } from '../registry/network.js';
import { renderSize } from '../store/list-storage.js';

/** Writes and forgets the line. `total` bytes are to come. */
export class TransferLine {
  readonly #total: number;
  readonly #begin = Date.now();
  /** Bytes of each job so far: those that have ended are told no more. */
  readonly #now = new Map<Job, number>();
  readonly #before = new Map<Job, number>();
  #shown = false;

  constructor(total: number) {
    this.#total = total;
  }

  show(all: ReadonlyMap<Job, Progress>): void {
    for (const [job, { now }] of all) {
      if (!this.#before.has(job)) this.#before.set(job, job.offset ?? 0);
      this.#now.set(job, now);
    }
    const sum = (sizes: ReadonlyMap<Job, number>) => [...sizes.values()].reduce((one, two) => one + two, 0);
    const now = sum(this.#now);
    const seconds = (Date.now() - this.#begin) / 1000;
    const rate = (now - sum(this.#before)) / Math.max(seconds, 0.1);
    const left = rate > 0 ? `, ${Math.ceil((this.#total - now) / rate)} s left` : '';
    const text = `${renderSize(now)} of ${renderSize(this.#total)}, ${renderSize(Math.round(rate))}/s${left}, ${all.size} at once`;
    print(2, `\r\x1b[K${text}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) print(2, '\r\x1b[K');
    this.#shown = false;
  }
}
