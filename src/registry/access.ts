/** What a registry wants to see before it answers: a name and a password, or a token that it names the server of. */
import { encodeBase64 } from '../base/base64.js';
import { LaunchError } from '../base/errors.js';
import { parseObject, textIn } from '../formats/json.js';
import type { Host } from '../host/host.js';
import { type Challenge, parseChallenges } from './challenge.js';
import type { Credentials } from './credentials.js';
import type { Exchange } from './exchange.js';
import type { Answer, Request } from './network.js';
import { refusal } from './refusals.js';
import { encodeQuery, originOf } from './url.js';

const largestToken = 1 << 20;

export interface AccessOptions {
  readonly host: Host;
  readonly credentials: () => Credentials | undefined;
}

export class Access {
  readonly #registry: string;
  readonly #scope: string | undefined;
  readonly #options: AccessOptions;
  readonly #exchange: Exchange;
  #authorization: string | undefined;

  /** `scope`: what a token is for, if the registry does not say it; undefined: for nothing but to know who asks. */
  constructor(registry: string, scope: string | undefined, options: AccessOptions, exchange: Exchange) {
    this.#registry = registry;
    this.#scope = scope;
    this.#options = options;
    this.#exchange = exchange;
  }

  /** What is shown to the registry. */
  get headers(): { readonly Authorization?: string } {
    return this.#authorization === undefined ? {} : { Authorization: this.#authorization };
  }

  /**
   * Gets what a refusal asks for, of a request that has shown `shown`. False if there is none to get: then the refusal stands.
   * `secure`: the registry has TLS, so its token server must have it, too.
   */
  grant(answer: Answer, what: string, secure: boolean, shown: string | undefined): boolean {
    // another request has got it meanwhile
    if (this.#authorization !== shown) return true;
    const challenges = parseChallenges(answer.header('www-authenticate') ?? '');
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer) {
      this.#authorization = `Bearer ${this.#token(bearer, what, secure)}`;
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

  #token({ parameters }: Challenge, what: string, secure: boolean): string {
    const realm = parameters.get('realm') ?? '';
    if (!/^https?:\/\//.test(realm) || (realm.startsWith('http:') && secure))
      throw new LaunchError(`${this.#registry} wants a token from '${realm}', which is not protected by TLS`);
    const service = parameters.get('service');
    const scope = parameters.get('scope') || this.#scope;
    const asked = [
      ...(service === undefined ? [] : [['service', service] as const]),
      ...(scope ? scope.split(' ').map((each) => ['scope', each] as const) : []),
    ];
    const answer = this.#exchange.ask(tokenRequest(realm, asked, this.#options.credentials()));
    if (answer.failure !== '' || answer.status !== 200)
      throw refusal(`a token for ${what}`, this.#registry, realm, answer, this.#options.host);
    const found = parseObject(answer.body, `the token of ${originOf(realm)}`);
    const token = textIn(found, 'token') || textIn(found, 'access_token');
    if (!token || /[\r\n]/.test(token)) throw new LaunchError(`${originOf(realm)} gave no token`);
    return token;
  }
}

/** By POST with a refresh token (OAuth 2), else by GET, as token servers have it since Docker's first. */
function tokenRequest(
  realm: string,
  asked: readonly (readonly [string, string])[],
  credentials: Credentials | undefined,
): Request {
  if (credentials?.kind !== 'token')
    return {
      url: `${realm}${realm.includes('?') ? '&' : '?'}${encodeQuery(asked)}`,
      headers: credentials ? { Authorization: basic(credentials) } : {},
      limit: largestToken,
    };
  return {
    url: realm,
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: encodeQuery([
      ['grant_type', 'refresh_token'],
      ['client_id', 'ch-image-ts'],
      ['refresh_token', credentials.token],
      ...asked,
    ]),
    limit: largestToken,
  };
}

const basic = ({ user, password }: { readonly user: string; readonly password: string }) =>
  `Basic ${encodeBase64(`${user}:${password}`)}`;
