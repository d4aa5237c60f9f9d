/** Whom a registry's TLS certificate may be signed by: distributions keep that in different places. */
import type { Host } from '../host/host.js';
import type { Trust } from './network.js';

/** Debian, Arch and Alpine; Red Hat; SUSE; a last one. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/ca-bundle.pem',
  '/var/lib/ca-certificates/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** What OpenSSL's own variables say, else the bundle of this distribution. */
function systemTrust(host: Host): Trust {
  const file = host.variable('SSL_CERT_FILE');
  const directory = host.variable('SSL_CERT_DIR');
  if (file || directory)
    return { ...(file ? { caFile: file } : {}), ...(directory ? { caDirectory: directory } : {}) };
  const found = bundles.find((path) => host.pathKind(path) === 'file');
  return found === undefined ? {} : { caFile: found };
}

/** Directories with certificates for one registry, in the order of precedence: containers-certs.d(5). */
function directoriesFor(registry: string, host: Host): readonly string[] {
  const home = host.variable('HOME');
  return [
    ...(home ? [`${home}/.config/containers/certs.d`] : []),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ].map((directory) => `${directory}/${registry}`);
}

/** For a registry: the system's, and those in its directory of certs.d: `*.crt`, `*.cert` with `*.key`. */
export function trustFor(registry: string, host: Host): Trust {
  const system = systemTrust(host);
  for (const directory of directoriesFor(registry, host)) {
    const all = (ending: string) => host.matchingPaths(`${directory}/*.${ending}`);
    const authorities = all('crt');
    const [certificate] = all('cert');
    if (authorities.length === 0 && certificate === undefined) continue;
    const own = certificate?.replace(/cert$/, 'key');
    // one list: libcurl takes a bundle from one place
    const texts = authorities.map((path) => host.readFile(path)?.text ?? '');
    const known = system.caFile === undefined ? '' : (host.readFile(system.caFile)?.text ?? '');
    return {
      ...(authorities.length ? { ca: [known, ...texts].join('\n') } : system),
      ...(certificate === undefined ? {} : { certificate }),
      ...(own === undefined ? {} : { key: own }),
    };
  }
  return system;
}
