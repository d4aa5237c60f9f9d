/** A registry as the OCI distribution specification has it: requests with what it wants to see, tried again, redirected. */
import { LaunchError } from '../base/errors.js';
import { Access, type AccessOptions } from './access.js';
import { Exchange, type ExchangeOptions } from './exchange.js';
import type { Answer, Progress } from './network.js';
import type { FullReference } from './reference.js';
import { refusal } from './refusals.js';
import { retryDelay } from './retry.js';
import { originOf, resolveUrl } from './url.js';

const mostRedirects = 10;
/** A token that was refused may have expired: it is got anew as often. */
const mostTokens = 2;
const tick = 200; // ms

/** A request of a registry, and what becomes of its answer. */
export interface Job {
  /** Below the repository, as in `blobs/sha256:…`; below the registry if it begins with a slash. */
  readonly path: string;
  /** For messages: `the manifest`. */
  readonly what: string;
  readonly limit: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  /** Where the answer goes, and how much of it is there. */
  readonly file?: string;
  readonly offset?: number;
  /** Judges the whole answer. Throws LaunchError; false: what was there already was wrong, and it begins anew. */
  done(answer: Answer): boolean;
}

export interface RegistryOptions extends AccessOptions, ExchangeOptions {
  /** Between answers, some times a second. */
  readonly onTick?: (progress: ReadonlyMap<Job, Progress>) => void;
  /** What people may want to know: a try that failed. */
  readonly onRetry?: (message: string) => void;
}

interface Running {
  readonly job: Job;
  url: string;
  offset: number;
  tries: number;
  redirects: number;
  tokens: number;
  /** Of what is in the file, if the server has said. */
  etag: string | undefined;
  notBefore: number;
}

const isLoopback = (registry: string) => /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(registry);

export class Registry {
  readonly #options: RegistryOptions;
  readonly #reference: FullReference;
  #base: string;
  /** Whether the registry may be talked to without TLS, if it does not know that. */
  #mayBePlain: boolean;
  readonly #exchange: Exchange;
  readonly #access: Access;

  constructor(reference: FullReference, options: RegistryOptions, action: 'pull' | 'pull,push' = 'pull') {
    this.#reference = reference;
    this.#options = options;
    const { registry, repository } = reference;
    this.#base = `https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`;
    this.#mayBePlain = options.insecure || isLoopback(registry);
    this.#exchange = new Exchange(options);
    this.#access = new Access(
      registry,
      repository === '' ? undefined : `repository:${repository}:${action}`,
      options,
      this.#exchange,
    );
  }

  get reference(): FullReference {
    return this.#reference;
  }

  /** Whether it has asked who we are. */
  get hasAsked(): boolean {
    return this.#access.headers.Authorization !== undefined;
  }

  /** One request. */
  ask(job: Omit<Job, 'done'>): Answer {
    let answer: Answer | undefined;
    const done = (found: Answer) => {
      answer = found;
      return true;
    };
    this.run([{ ...job, done }], 1);
    if (answer === undefined) throw new LaunchError(`${job.what} was not answered`);
    return answer;
  }

  /** Several, of which `most` at once. Throws LaunchError for the first that can't be done. */
  run(jobs: readonly Job[], most: number): void {
    const waiting: Running[] = jobs.map((job) => this.#begin(job));
    const active = new Map<number, Running>();
    while (waiting.length > 0 || active.size > 0) {
      for (const each of this.#ready(waiting, most - active.size)) {
        waiting.splice(waiting.indexOf(each), 1);
        active.set(this.#start(each), each);
      }
      const answer = this.#exchange.next(tick, (id) => active.has(id));
      const running = answer && active.get(answer.id);
      if (answer && running) {
        active.delete(answer.id);
        if (this.#judge(running, answer) === 'again') waiting.push(running);
      } else {
        this.#tell(active);
      }
    }
  }

  #urlOf({ path }: Job): string {
    return `${this.#base}/v2${path.startsWith('/') ? path : `/${this.#reference.repository}/${path}`}`;
  }

  #begin(job: Job): Running {
    return {
      job,
      url: this.#urlOf(job),
      offset: job.offset ?? 0,
      tries: 1,
      redirects: 0,
      tokens: 0,
      etag: undefined,
      notBefore: 0,
    };
  }

  #ready(waiting: readonly Running[], room: number): readonly Running[] {
    const now = Date.now();
    return waiting.filter(({ notBefore }) => notBefore <= now).slice(0, Math.max(0, room));
  }

  #tell(active: ReadonlyMap<number, Running>): void {
    const { network, onTick } = this.#options;
    if (!onTick) return;
    const known = network.progress().flatMap((each) => {
      const job = active.get(each.id)?.job;
      return job ? [[job, each] as const] : [];
    });
    onTick(new Map(known));
  }

  #start({ job, url, offset, etag }: Running): number {
    // what says who we are is for the registry alone, not for where it sends us
    const own = originOf(url) === originOf(this.#base);
    const headers = {
      ...job.headers,
      ...(own ? this.#access.headers : {}),
      ...(offset > 0 && etag !== undefined ? { 'If-Range': etag } : {}),
    };
    return this.#exchange.start({
      url,
      headers,
      limit: job.limit,
      ...(job.method === undefined ? {} : { method: job.method }),
      ...(job.file === undefined ? {} : { file: job.file, offset }),
    });
  }

  #judge(running: Running, answer: Answer): 'done' | 'again' {
    const { status, failure } = answer;
    if (failure === '' && status >= 200 && status < 300) return this.#finish(running, answer);
    if (running.job.file !== undefined) {
      running.offset = answer.size;
      running.etag = /^"/.test(answer.header('etag') ?? '') ? answer.header('etag') : running.etag;
    }
    if (this.#goesPlain(running, answer) || this.#redirects(running, answer)) return 'again';
    if (failure === '' && status === 416 && running.offset > 0) {
      running.offset = 0;
      running.tries++;
      return 'again';
    }
    if (
      failure === '' &&
      status === 401 &&
      running.tokens++ < mostTokens &&
      this.#access.grant(answer, running.job.what, this.#base.startsWith('https:'))
    ) {
      running.url = this.#urlOf(running.job);
      return 'again';
    }
    return this.#triesAgain(running, answer);
  }

  #finish(running: Running, answer: Answer): 'done' | 'again' {
    if (running.job.done(answer)) return 'done';
    running.offset = 0;
    running.url = this.#urlOf(running.job);
    return 'again';
  }

  /** Whether the registry turns out to have no TLS, and need not. One whose certificate is wrong is another matter. */
  #goesPlain(running: Running, { status, failure }: Answer): boolean {
    if (!this.#mayBePlain || status !== 0 || (failure !== 'tls' && failure !== 'connect')) return false;
    if (originOf(running.url) !== originOf(this.#base) || this.#base.startsWith('http:')) return false;
    this.#base = this.#base.replace(/^https/, 'http');
    this.#mayBePlain = false;
    running.url = this.#urlOf(running.job);
    return true;
  }

  #redirects(running: Running, answer: Answer): boolean {
    const location = answer.header('location');
    if (answer.failure !== '' || ![301, 302, 303, 307, 308].includes(answer.status) || location === undefined)
      return false;
    const target = resolveUrl(location, running.url);
    const { registry } = this.#reference;
    if (++running.redirects > mostRedirects)
      throw new LaunchError(`${registry} redirects ${running.job.what} more than ${mostRedirects} times`);
    if (
      !/^https?:\/\//i.test(target) ||
      (/^http:/i.test(target) && this.#base.startsWith('https:') && !this.#options.insecure)
    )
      throw new LaunchError(
        `${registry} redirects ${running.job.what} to ${originOf(target)}, which is not protected by TLS`,
      );
    running.url = target;
    return true;
  }

  #triesAgain(running: Running, answer: Answer): 'again' {
    const { host, onRetry } = this.#options;
    const error = refusal(running.job.what, this.#reference.registry, running.url, answer, host);
    const delay = retryDelay(answer, running.tries);
    if (delay === undefined) throw error;
    running.tries++;
    running.notBefore = Date.now() + delay;
    // a redirection may have expired
    running.url = this.#urlOf(running.job);
    running.redirects = 0;
    onRetry?.(`${error.message}; trying again`);
    return 'again';
  }
}
