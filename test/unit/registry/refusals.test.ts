/** What people are told when a registry, or the way to it, refuses. */
import t from 'tap';
import type { Answer } from '../../../src/registry/network.js';
import { refusal } from '../../../src/registry/refusals.js';
import { limitEnd, retryDelay } from '../../../src/registry/retry.js';
import { fakeHost } from '../../helpers/fake-host.js';

const answer = (
  about: Partial<Omit<Answer, 'header'>> & { readonly headers?: Readonly<Record<string, string>> },
): Answer => ({
  id: 1,
  status: 0,
  failure: '',
  text: '',
  size: 0,
  digest: '',
  body: '',
  header: (name) => about.headers?.[name],
  ...about,
});

const tell = (about: Parameters<typeof answer>[0], variables = {}, url = 'https://h.org/v2/x') => {
  const { message, hint } = refusal('it', 'h.org', url, answer(about), fakeHost({ variables }));
  return { message, hint };
};

t.test('each refusal has words of its own, and a hint that fits', async (t) => {
  t.match(tell({ status: 401 }), {
    message: "can't get it from https://h.org: access is refused (status 401)",
    hint: "log in: 'ch-image-ts login h.org'; credentials of podman and docker are used, too",
  });
  t.match(tell({ status: 403 }), { hint: /log in as another by 'ch-image-ts login h\.org'/ });
  t.match(tell({ status: 404 }), { message: /there is none/, hint: undefined });
  t.match(tell({ status: 500 }), { message: /the answer is no good \(status 500\)/, hint: undefined });
  t.match(tell({ failure: 'certificate', text: 'SSL certificate problem' }), {
    message: /: SSL certificate problem$/,
    hint: /into ~\/\.config\/containers\/certs\.d\/h\.org\/ca\.crt, or use --tls-no-verify/,
  });
});

t.test('a limit is told with its end, as seconds, as a date, or as registries have it', async (t) => {
  const now = Date.now();
  const inMinutes = (minutes: number) => String(Math.floor(now / 1000) + 60 * minutes);
  for (const [headers, minutes] of [
    [{ 'retry-after': '300' }, 5],
    [{ 'retry-after': new Date(now + 300_000).toUTCString() }, 5],
    [{ 'x-retry-after': inMinutes(90) }, 90],
    [{ 'x-ratelimit-reset': inMinutes(20) }, 20],
    [{ 'ratelimit-reset': '120' }, 2],
  ] as const)
    for (const status of [429, 403]) {
      const { hint = '' } = tell({ status, headers });
      const [, time, found] = /the limit ends at (?:[\d-]+ )?(\d\d:\d\d) UTC, in (\d+) min/.exec(hint) ?? [];
      t.ok(Math.abs(Number(found) - minutes) <= 1, hint);
      t.match(
        new Date(now + minutes * 60_000 - 1000).toISOString() +
          new Date(now + minutes * 60_000 + 5000).toISOString(),
        time,
      );
    }
  t.match(tell({ status: 429 }), { hint: "who has logged in may do more: 'ch-image-ts login h.org'" });
  t.equal(limitEnd(answer({ status: 200, headers: { 'x-ratelimit-reset': '5' } }), now), undefined);
  t.equal(
    retryDelay(answer({ status: 429, headers: { 'x-retry-after': inMinutes(90) } }), 1),
    undefined,
    'nobody waits that long',
  );
});

t.test('of a proxy that refuses, the variable is told that named it', async (t) => {
  const refused = { failure: 'proxy', text: 'CONNECT tunnel failed, response 403' } as const;
  const all = { http_proxy: 'a', HTTPS_PROXY: 'b', ALL_PROXY: 'c', HTTP_PROXY: 'd' };
  const told = (name: string) => ({ hint: `the variable ${name} names this proxy; no_proxy excludes hosts` });
  t.match(tell(refused, all), told('HTTPS_PROXY'));
  t.match(tell(refused, { ...all, https_proxy: 'e' }), told('https_proxy'));
  t.match(tell(refused, all, 'http://h.org/v2/x'), told('http_proxy'));
  t.match(tell(refused, { HTTP_PROXY: 'd', ALL_PROXY: 'c' }, 'http://h.org/v2/x'), told('ALL_PROXY'));
});
