/** What a registry, or the way to it, refused: as an error for people. */
import { LaunchError } from '../base/errors.js';
import { visible } from '../base/visible.js';
import type { Host } from '../host/host.js';
import type { Answer, Failure } from './network.js';
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

const proxies = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'all_proxy', 'ALL_PROXY'];

function proxyHint(host: Host): string | undefined {
  const name = proxies.find((each) => host.variable(each));
  return name && `the variable ${name} names this proxy; no_proxy excludes hosts`;
}

function failureHint(failure: Failure, text: string, registry: string, host: Host): string | undefined {
  switch (failure) {
    case 'certificate':
      return `put the certificate of its authority into ~/.config/containers/certs.d/${registry}/ca.crt, or use --tls-no-verify`;
    case 'resolve':
      return /^[^.:]+$/.test(registry)
        ? `a reference begins with a registry: docker.io/library/${registry}`
        : undefined;
    case 'proxy':
      return proxyHint(host);
    default:
      return /proxy/i.test(text) ? proxyHint(host) : undefined;
  }
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
export function refusal(what: string, registry: string, url: string, answer: Answer, host: Host): Refusal {
  const { status, failure, text, body } = answer;
  const place = originOf(url);
  if (failure !== '') {
    return new Refusal(
      `can't get ${what} from ${place}: ${visible(text.replace(/^[A-Z](?![A-Z])/, (first) => first.toLowerCase()))}`,
      0,
      failureHint(failure, text, registry, host),
    );
  }
  const said = messageOf(body);
  const error = (why: string, hint?: string) =>
    new Refusal(
      `can't get ${what} from ${place}: ${why}${said ? `: ${said}` : ''} (status ${status})`,
      status,
      hint,
    );
  switch (status) {
    case 401:
    case 403:
      return error(
        'access is refused',
        `log in: 'ch-image-ts login ${registry}'; credentials of podman and docker are used, too`,
      );
    case 404:
      return error('there is none');
    case 429: {
      const end = answer.header('retry-after');
      return error(
        'too many requests',
        `${end ? `try again after ${visible(end)} s; ` : ''}registries allow more to those who are logged in`,
      );
    }
    default:
      return error('the answer is no good');
  }
}
