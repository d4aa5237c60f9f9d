/** A registry as the OCI distribution specification has it: requests with what it wants to see, tried again, redirected. */
import { encodeBase64 } from '../base/base64.js';
import { LaunchError } from '../base/errors.js';
import { parseObject, textIn } from '../formats/json.js';
import type { Host } from '../host/host.js';
import { type Challenge, parseChallenges } from './challenge.js';
import type { Credentials } from './credentials.js';
import type { Answer, Network, Progress, Request, Trust } from './network.js';
import type { FullReference } from './reference.js';
import { refusal } from './refusals.js';
import { retryDelay } from './retry.js';
import { encodeQuery, originOf, resolveUrl } from './url.js';

const mostRedirects = 10;
/** A token that was refused may have expired: it is got anew as often. */
const mostTokens = 2;
const largestToken = 1 << 20;
const tick = 200; // ms

/** A request of a registry, and what becomes of its answer. */
export interface Job {
  /** Below the repository, as in `blobs/sha256:…`. */
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

export interface RegistryOptions {
  readonly network: Network;
  readonly host: Host;
  readonly credentials: () => Credentials | undefined;
  readonly trust: Trust;
  /** TLS without certificates that we know, or no TLS. */
  readonly insecure: boolean;
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
  readonly #scope: string;
  #base: string;
  /** Whether the registry may be talked to without TLS, if it does not know that. */
  #mayBePlain: boolean;
  #authorization: string | undefined;
  readonly #arrived = new Map<number, Answer>();

  constructor(reference: FullReference, options: RegistryOptions, action: 'pull' | 'pull,push' = 'pull') {
    this.#reference = reference;
    this.#options = options;
    this.#scope = `repository:${reference.repository}:${action}`;
    const { registry } = reference;
    this.#base = `https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`;
    this.#mayBePlain = options.insecure || isLoopback(registry);
  }

  get reference(): FullReference {
    return this.#reference;
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
      const answer = this.#next(tick, (id) => active.has(id));
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
    return `${this.#base}/v2/${this.#reference.repository}/${path}`;
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
    const { network, trust, insecure } = this.#options;
    // what says who we are is for the registry alone, not for where it sends us
    const own = originOf(url) === originOf(this.#base);
    const headers = {
      ...job.headers,
      ...(own && this.#authorization !== undefined ? { Authorization: this.#authorization } : {}),
      ...(offset > 0 && etag !== undefined ? { 'If-Range': etag } : {}),
    };
    const request: Request = {
      url,
      headers,
      limit: job.limit,
      trust: { ...trust, insecure },
      ...(job.method === undefined ? {} : { method: job.method }),
      ...(job.file === undefined ? {} : { file: job.file, offset }),
    };
    return network.start(request);
  }

  /** An answer to one of these; those to others are kept. */
  #next(milliseconds: number, isWanted: (id: number) => boolean): Answer | undefined {
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
      this.#authorize(answer, running.job.what)
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

  /** Gets what the registry wants to see. False if it can't be had: then the refusal stands. */
  #authorize(answer: Answer, what: string): boolean {
    const challenges = parseChallenges(answer.header('www-authenticate') ?? '');
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer) {
      this.#authorization = `Bearer ${this.#token(bearer, what)}`;
      return true;
    }
    const credentials = this.#options.credentials();
    if (!challenges.some(({ scheme }) => scheme === 'basic') || credentials?.kind !== 'password')
      return false;
    const wanted = basic(credentials);
    if (wanted === this.#authorization) return false;
    this.#authorization = wanted;
    return true;
  }

  #token({ parameters }: Challenge, what: string): string {
    const realm = parameters.get('realm') ?? '';
    const { registry } = this.#reference;
    if (!/^https?:\/\//.test(realm) || (realm.startsWith('http:') && this.#base.startsWith('https:')))
      throw new LaunchError(`${registry} wants a token from '${realm}', which is not protected by TLS`);
    const credentials = this.#options.credentials();
    const scope = parameters.get('scope') || this.#scope;
    const service = parameters.get('service');
    const asked = [
      ...(service === undefined ? [] : [['service', service] as const]),
      ['scope', scope] as const,
    ];
    const answer = this.#simple(
      credentials?.kind === 'token'
        ? {
            url: realm,
            method: 'POST',
            headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
            body: encodeQuery([
              ['grant_type', 'refresh_token'],
              ['client_id', 'ch-image-ts'],
              ['refresh_token', credentials.token],
              ...asked,
            ]),
          }
        : {
            url: `${realm}${realm.includes('?') ? '&' : '?'}${encodeQuery(asked)}`,
            headers: credentials ? { Authorization: basic(credentials) } : {},
          },
    );
    if (answer.failure !== '' || answer.status !== 200)
      throw refusal(`a token for ${what}`, registry, realm, answer, this.#options.host);
    const found = parseObject(answer.body, `the token of ${originOf(realm)}`);
    const token = textIn(found, 'token') || textIn(found, 'access_token');
    if (!token || /[\r\n]/.test(token)) throw new LaunchError(`${originOf(realm)} gave no token`);
    return token;
  }

  /** A request beside the others, tried again where that may help. */
  #simple(request: Omit<Request, 'limit'>): Answer {
    const { network, trust, insecure } = this.#options;
    for (let tries = 1; ; tries++) {
      const id = network.start({ ...request, limit: largestToken, trust: { ...trust, insecure } });
      let answer: Answer | undefined;
      while (answer === undefined) answer = this.#next(tick, (each) => each === id);
      const delay = retryDelay(answer, tries);
      if (delay === undefined) return answer;
      const end = Date.now() + delay;
      while (Date.now() < end) this.#next(Math.ceil(Math.max(1, end - Date.now())), () => false);
    }
  }
}

const basic = ({ user, password }: { readonly user: string; readonly password: string }) =>
  `Basic ${encodeBase64(`${user}:${password}`)}`;
