/** The soname of a shared library, DT_SONAME: the name by which programs refer to it (elf(5)). */
import { latin1 } from '../base/bytes.js';

/** Bytes of a file from an offset on; fewer at its end. */
export type ReadPart = (offset: number, size: number) => Uint8Array;

const ptLoad = 1;
const ptDynamic = 2;
const dtNull = 0;
const dtStringTable = 5;
const dtSoname = 14;

/** A larger table is not valid. */
const largestTable = 1 << 20;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Reads numbers in a 32-bit or 64-bit file, little-endian like all supported machines. */
class Table {
  readonly #view: DataView;
  readonly wide: boolean;

  constructor(bytes: Uint8Array, wide: boolean) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.wide = wide;
  }

  half = (at: number): number => this.#view.getUint16(at, true);
  word = (at: number): number => this.#view.getUint32(at, true);
  /** As wide as an address. */
  long = (at: number): number => (this.wide ? Number(this.#view.getBigUint64(at, true)) : this.word(at));
  has = (end: number): boolean => end <= this.#view.byteLength;
}

function readSegments(read: ReadPart): { wide: boolean; segments: readonly Segment[] } | undefined {
  const head = read(0, 64);
  if (head.length < 52 || latin1(head.subarray(0, 4)) !== '\x7fELF') return undefined;
  const wide = head[4] === 2;
  if (head[5] !== 1 || (wide && head.length < 64)) return undefined;
  const header = new Table(head, wide);
  const size = header.half(wide ? 54 : 42);
  const count = header.half(wide ? 56 : 44);
  const table = new Table(read(header.long(wide ? 32 : 28), Math.min(size * count, largestTable)), wide);
  const segments: Segment[] = [];
  for (let at = 0; size >= (wide ? 56 : 32) && table.has(at + size); at += size) {
    const [offset, address, length] = wide ? [8, 16, 32] : [4, 8, 16];
    segments.push({
      type: table.word(at),
      offset: table.long(at + (offset as number)),
      address: table.long(at + (address as number)),
      size: table.long(at + (length as number)),
    });
  }
  return { wide, segments };
}

/** The values of the wanted tags in the dynamic section. */
function readDynamic(read: ReadPart, { offset, size }: Segment, wide: boolean): ReadonlyMap<number, number> {
  const step = wide ? 16 : 8;
  const table = new Table(read(offset, Math.min(size, largestTable)), wide);
  const values = new Map<number, number>();
  for (let at = 0; table.has(at + step); at += step) {
    const tag = table.long(at);
    if (tag === dtNull) break;
    values.set(tag, table.long(at + step / 2));
  }
  return values;
}

/** Undefined if it is not a shared library, is damaged, or has no soname. */
export function readSoname(readPart: ReadPart): string | undefined {
  const read: ReadPart = (offset, size) =>
    Number.isSafeInteger(offset) ? readPart(offset, size) : new Uint8Array();
  const file = readSegments(read);
  const dynamic = file?.segments.find(({ type }) => type === ptDynamic);
  if (file === undefined || dynamic === undefined) return undefined;
  const values = readDynamic(read, dynamic, file.wide);
  const name = values.get(dtSoname);
  const strings = values.get(dtStringTable);
  const segment = file.segments.find(
    ({ type, address, size }) =>
      type === ptLoad && strings !== undefined && strings >= address && strings < address + size,
  );
  if (name === undefined || strings === undefined || segment === undefined) return undefined;
  const bytes = latin1(read(segment.offset + strings - segment.address + name, 256));
  const soname = bytes.slice(0, Math.max(0, bytes.indexOf('\0')));
  return /^[^/]+$/.test(soname) ? soname : undefined;
}
