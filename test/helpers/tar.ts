/** Tar archives, including malformed ones that no correct program writes. */

export interface TarItem {
  readonly name: string | Buffer;
  /**
   * As in the header: `0` for a file, `1` a hard link, `2` a symbolic link, `5` a directory. By default it follows from the
   * other fields.
   */
  readonly type?: string;
  readonly data?: string | Uint8Array;
  readonly link?: string;
  readonly mode?: number;
  readonly mtime?: number;
  /** The size in the header, whatever that of the content is. */
  readonly size?: number;
  /** Records of an extended header. */
  readonly pax?: Readonly<Record<string, string>>;
}

const block = 512;

const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;

function pad(data: Uint8Array): Buffer {
  return Buffer.concat([data, Buffer.alloc((block - (data.length % block)) % block)]);
}

/** The header of an entry. */
export function tarHeader(item: TarItem): Buffer {
  const { name, data = '', link = '', mode = 0o755, mtime = 1_700_000_000 } = item;
  const isDirectory = String(name).endsWith('/');
  const type = item.type ?? (link ? '2' : isDirectory ? '5' : '0');
  const header = Buffer.alloc(block);
  Buffer.from(name as string).copy(header, 0, 0, 100);
  header.write(octal(mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(item.size ?? Buffer.from(data as string).length, 12), 124);
  header.write(octal(mtime, 12), 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  length += String(length).length;
  if (String(length).length + Buffer.byteLength(rest) !== length) length += 1;
  return `${length}${rest}`;
}

function tarItem(item: TarItem): Buffer {
  const parts = [tarHeader(item), pad(Buffer.from((item.data ?? '') as string))];
  if (item.pax === undefined) return Buffer.concat(parts);
  const records = Object.entries(item.pax).map(([key, value]) => paxRecord(key, value));
  return Buffer.concat([tarItem({ name: 'pax', type: 'x', data: records.join('') }), ...parts]);
}

/** An archive with its end mark. */
export function makeTar(items: readonly TarItem[]): Buffer {
  return Buffer.concat([...items.map(tarItem), Buffer.alloc(2 * block)]);
}
