/** What a registry, or the way to it, refused: as an error for people. */
import { LaunchError } from '../base/errors.js';
import { visible } from '../base/visible.js';
import type { Host } from '../host/host.js';
import type { Answer, Failure } from './network.js';
import { limitEnd } from './retry.js';
import { originOf } from './url.js';

/** What the registry itself says (distribution-spec, error codes): text of others, made visible. */
export function messageOf(body: string): string {
  try {
    const { errors } = JSON.parse(body) as { errors?: readonly { code?: unknown; message?: unknown }[] };
    const said = errors?.map(({ code, message }) => String(message || code)).join('; ');
    return said ? visible(said.slice(0, 500)) : '';
  } catch {
    return '';
  }
}

/** As libcurl looks for them: HTTP_PROXY in capitals may come from a header of a request to a CGI program. */
const proxies = {
  http: ['http_proxy', 'all_proxy', 'ALL_PROXY'],
  https: ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'],
} as const;

function proxyHint(url: string, host: Host): string | undefined {
  const names = url.startsWith('https:') ? proxies.https : proxies.http;
  const name = names.find((each) => host.variable(each));
  return name && `the variable ${name} names this proxy; no_proxy excludes hosts`;
}

function failureHint(
  failure: Failure,
  text: string,
  registry: string,
  url: string,
  host: Host,
): string | undefined {
  if (failure === 'certificate')
    return `put the certificate of its authority into ~/.config/containers/certs.d/${registry}/ca.crt, or use --tls-no-verify`;
  return failure === 'proxy' || /proxy/i.test(text) ? proxyHint(url, host) : undefined;
}

/** A request that a registry, or the way to it, refused. */
export class Refusal extends LaunchError {
  /** HTTP's; 0 if there was no answer. */
  readonly status: number;

  constructor(message: string, status: number, hint: string | undefined) {
    super(message, hint === undefined ? {} : { hint });
    this.status = status;
  }
}

/** For a request that failed: `what` was wanted of `registry`. */
export function refusal(
  what: string,
  registry: string,
  url: string,
  answer: Answer,
  host: Host,
  way: 'get' | 'send' = 'get',
): Refusal {
  const { status, failure, text, body } = answer;
  const cannot = `can't ${way} ${what} ${way === 'get' ? 'from' : 'to'} ${originOf(url)}`;
  if (failure !== '') {
    return new Refusal(
      `${cannot}: ${visible(text.replace(/^[A-Z](?![A-Z])/, (first) => first.toLowerCase()))}`,
      0,
      failureHint(failure, text, registry, url, host),
    );
  }
  const said = messageOf(body);
  const error = (why: string, hint?: string) =>
    new Refusal(`${cannot}: ${why}${said ? `: ${said}` : ''} (status ${status})`, status, hint);
  const end = limitEnd(answer, Date.now());
  const until = end === undefined ? '' : `the limit ends at ${renderEnd(end, Date.now())}`;
  const logIn = `'ch-image-ts login ${registry}'`;
  switch (status) {
    case 401:
      return error('access is refused', `log in: ${logIn}; credentials of podman and docker are used, too`);
    case 403:
      return error('access is refused', until || `this name may not do that: log in as another by ${logIn}`);
    case 404:
      return error('there is none');
    case 429:
      return error(
        'too many requests',
        `${until ? `${until}; ` : ''}who has logged in may do more: ${logIn}`,
      );
    default:
      return error('the answer is no good', until || undefined);
  }
}

/** `10:20 UTC, in 5 min`, with the day if that is not today. */
function renderEnd(end: number, now: number): string {
  const [day = '', time = ''] = new Date(end).toISOString().split('T');
  const isToday = new Date(now).toISOString().startsWith(day);
  const minutes = Math.max(1, Math.ceil((end - now) / 60_000));
  const wait = minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
  return `${isToday ? '' : `${day} `}${time.slice(0, 5)} UTC, in ${wait}`;
}
