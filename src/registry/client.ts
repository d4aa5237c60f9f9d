/** A registry as the OCI distribution specification has it: requests with what it wants to see, tried again, redirected. */
import { LaunchError } from '../base/errors.js';
import { Access, type AccessOptions } from './access.js';
import { Exchange, type ExchangeOptions } from './exchange.js';
import type { Answer, Progress, Request } from './network.js';
import type { FullReference } from './reference.js';
import { refusal } from './refusals.js';
import { mostTries, retryDelay } from './retry.js';
import { originOf, resolveUrl } from './url.js';

const mostRedirects = 10;
/** A token that was refused may have expired: another is fetched as often. */
const mostTokens = 2;
const tick = 200; // ms

/** A request of a registry, and what becomes of its answer. */
export interface Job {
  /**
   * Below the repository, as in `blobs/sha256:…`; below the registry if it begins with a slash; or a URL, where the
   * registry has named one.
   */
  readonly path: string;
  /** For messages: `the manifest`. */
  readonly what: string;
  readonly limit: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  /** Where the answer goes, and how much of it is there. */
  readonly file?: string;
  readonly offset?: number;
  /** What is sent. */
  readonly body?: string;
  readonly source?: Request['source'];
  /** Statuses that are an answer, besides those of success. */
  readonly accepts?: readonly number[];
  /** There has been progress: tries are counted from the beginning. */
  readonly progressed?: boolean;
  /**
   * Judges the whole answer, which has come from `url`. Throws LaunchError; false: what was there already was wrong, and
   * it starts over; a job: what comes next.
   */
  done(answer: Answer, url: string): boolean | Job;
  /** What is asked in place of the same once more, where it has failed. */
  otherwise?(answer: Answer, url: string): Job | undefined;
}

export interface RegistryOptions extends AccessOptions, ExchangeOptions {
  /** Between answers, some times a second. */
  readonly onTick?: (progress: ReadonlyMap<Job, Progress>) => void;
  /** What people may want to know: a try that failed. */
  readonly onRetry?: (message: string) => void;
  /** What a token is for, if the registry does not say it. */
  readonly action?: 'pull' | 'pull,push';
}

interface Running {
  job: Job;
  url: string;
  offset: number;
  tries: number;
  redirects: number;
  tokens: number;
  /** What it said of who we are. */
  shown: string | undefined;
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
  readonly #mayBePlain: boolean;
  readonly #exchange: Exchange;
  readonly #access: Access;

  constructor(reference: FullReference, options: RegistryOptions) {
    this.#reference = reference;
    this.#options = options;
    const { registry, repository } = reference;
    this.#base = `https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`;
    this.#mayBePlain = options.insecure || isLoopback(registry);
    this.#exchange = new Exchange(options);
    this.#access = new Access(
      registry,
      repository === '' ? undefined : `repository:${repository}:${options.action ?? 'pull'}`,
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
    if (/^https?:/.test(path)) return path;
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
      shown: undefined,
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

  #start(running: Running): number {
    const { job, url, offset, etag } = running;
    // what says who we are is for the registry alone, not for where it sends us
    const own = originOf(url) === originOf(this.#base);
    const access = own ? this.#access.headers : {};
    running.shown = access.Authorization;
    const headers = {
      ...job.headers,
      ...access,
      ...(offset > 0 && etag !== undefined ? { 'If-Range': etag } : {}),
    };
    return this.#exchange.start({
      url,
      headers,
      limit: job.limit,
      ...(job.method === undefined ? {} : { method: job.method }),
      ...(job.body === undefined ? {} : { body: job.body }),
      ...(job.source === undefined ? {} : { source: job.source }),
      ...(job.file === undefined ? {} : { file: job.file, offset }),
    });
  }

  #judge(running: Running, answer: Answer): 'done' | 'again' {
    const { status, failure } = answer;
    const isAnswer = (status >= 200 && status < 300) || running.job.accepts?.includes(status);
    if (failure === '' && isAnswer) return this.#finish(running, answer);
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
      this.#access.grant(answer, running.job.what, this.#base.startsWith('https:'), running.shown)
    ) {
      running.url = this.#urlOf(running.job);
      return 'again';
    }
    return this.#triesAgain(running, answer);
  }

  #finish(running: Running, answer: Answer): 'done' | 'again' {
    const found = running.job.done(answer, running.url);
    if (found === true) return 'done';
    if (found !== false) return this.#goOn(running, found);
    running.offset = 0;
    running.url = this.#urlOf(running.job);
    return 'again';
  }

  #goOn(running: Running, job: Job): 'again' {
    const tries = job.progressed ? 1 : running.tries;
    Object.assign(running, this.#begin(job), { tries });
    if (/^https?:/.test(job.path)) this.#checkTarget(job.path, job.what);
    return 'again';
  }

  /** Whether the registry turns out to have no TLS, and need not. One whose certificate is wrong is another matter. */
  #goesPlain(running: Running, { status, failure }: Answer): boolean {
    if (!this.#mayBePlain || status !== 0 || (failure !== 'tls' && failure !== 'connect')) return false;
    const plain = this.#base.replace(/^https/, 'http');
    // others may have found out meanwhile
    if (
      originOf(running.url).replace(/^https/, 'http') !== originOf(plain) ||
      running.url.startsWith('http:')
    )
      return false;
    this.#base = plain;
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
    this.#checkTarget(target, running.job.what);
    running.url = target;
    return true;
  }

  /** Where a registry sends us. */
  #checkTarget(target: string, what: string): void {
    const isPlain = /^http:/i.test(target) && this.#base.startsWith('https:') && !this.#options.insecure;
    if (!/^https?:\/\//i.test(target) || isPlain)
      throw new LaunchError(
        `${this.#reference.registry} redirects ${what} to ${originOf(target)}, which is not protected by TLS`,
      );
  }

  #triesAgain(running: Running, answer: Answer): 'again' {
    const { host, onRetry } = this.#options;
    const { job, tries, url } = running;
    const way = ['PUT', 'POST', 'PATCH'].includes(job.method ?? '') ? 'send' : 'get';
    const error = refusal(job.what, this.#reference.registry, url, answer, host, way);
    const delay = retryDelay(answer, tries);
    const other = tries < mostTries ? job.otherwise?.(answer, url) : undefined;
    if (other) this.#goOn(running, other);
    else if (delay === undefined) throw error;
    running.tries = tries + 1;
    running.notBefore = Date.now() + (delay ?? 0);
    // a redirection may have expired
    running.url = this.#urlOf(running.job);
    running.redirects = 0;
    if (delay !== undefined) onRetry?.(`${error.message}; trying again`);
    return 'again';
  }
}
