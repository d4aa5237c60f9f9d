/** HTTP as addon/net/ carries it out: a request goes out, its answer comes into a file or into memory. */
import { act } from '../host/act.js';

export interface Request {
  readonly url: string;
  /** GET by default. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the body of an answer of status 2xx goes. */
  readonly file?: string;
  /** How much of the file is there already: the rest is asked for. */
  readonly offset?: number;
  /** The largest file, or body in memory, in bytes. */
  readonly limit: number;
  readonly body?: string;
  /** Part of a file that is sent. */
  readonly source?: { readonly path: string; readonly offset: number; readonly size: number };
  readonly trust?: Trust;
}

/** Which servers are believed to be who they say, and who we say we are. */
export interface Trust {
  /** Certificates of authorities: PEM, a file, a directory. */
  readonly ca?: string;
  readonly caFile?: string;
  readonly caDirectory?: string;
  /** Ours, and its key: files. */
  readonly certificate?: string;
  readonly key?: string;
  /** Any server is. */
  readonly insecure?: boolean;
}

export type Failure =
  | ''
  | 'resolve'
  | 'connect'
  | 'proxy'
  /** It does not speak TLS. */
  | 'tls'
  /** It is not proved who it is, or who we are. */
  | 'certificate'
  | 'stalled'
  | 'cut'
  | 'too-large'
  | 'file'
  | 'other';

export interface Answer {
  readonly id: number;
  /** 0 if there was none. */
  readonly status: number;
  /** Why the answer is not whole; empty if it is. */
  readonly failure: Failure;
  readonly text: string;
  /** Of the whole file. */
  readonly size: number;
  /** SHA-256 of the file, or of the body, in hexadecimal digits. */
  readonly digest: string;
  /** What did not go into the file. */
  readonly body: string;
  /** The value of a header, by its name in lower case; the last one if it is there more than once. */
  header(name: string): string | undefined;
}

export interface Progress {
  readonly id: number;
  readonly now: number;
  /** 0: not known. */
  readonly total: number;
}

function wordsOf(request: Request): readonly string[] {
  const { trust = {}, source } = request;
  const values: readonly (readonly [string, string | number | undefined])[] = [
    ['method', request.method],
    ['file', request.file],
    ['offset', request.offset],
    ['limit', request.limit],
    ['body', request.body],
    ['body-file', source?.path],
    ['body-offset', source?.offset],
    ['body-size', source?.size],
    ['ca', trust.ca],
    ['ca-file', trust.caFile],
    ['ca-directory', trust.caDirectory],
    ['certificate', trust.certificate],
    ['key', trust.key],
    ['insecure', trust.insecure ? 'yes' : undefined],
    ...Object.entries(request.headers ?? {}).map(([name, value]) => ['header', `${name}: ${value}`] as const),
  ];
  return values.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${value}`);
}

function toAnswer(words: readonly string[]): Answer {
  const [id, status, failure, text = '', size, digest = '', body = '', ...lines] = words;
  const headers = new Map(
    lines.flatMap((line) => {
      const [, name = '', value = ''] = /^([^:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
      return name ? [[name.toLowerCase(), value] as const] : [];
    }),
  );
  return {
    id: Number(id),
    status: Number(status),
    failure: failure as Failure,
    text,
    size: Number(size),
    digest,
    body,
    header: (name) => headers.get(name),
  };
}

/** What carries requests out; tests have others. */
export interface Network {
  /** Begins a request; returns its number. Throws LaunchError if a file can't be opened. */
  start(request: Request): number;
  /** The next answer, of any request that was begun; none within so many milliseconds. */
  next(milliseconds: number): Answer | undefined;
  progress(): readonly Progress[];
}

export const network: Network = {
  start: (request) => Number(act('transfer', request.url, ...wordsOf(request))[0]),
  next(milliseconds) {
    const words = act('transfer-wait', String(milliseconds));
    return words.length ? toAnswer(words) : undefined;
  },
  progress() {
    const words = act('transfer-progress').map(Number);
    return Array.from({ length: words.length / 3 }, (_, at) => {
      const [id = 0, now = 0, total = 0] = words.slice(at * 3, at * 3 + 3);
      return { id, now, total };
    });
  },
};
