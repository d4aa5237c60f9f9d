/** The output of our native programs: records of fields, each followed by a NUL byte (addon/base/records.h). */

export interface TextRecord {
  readonly name: string;
  readonly fields: readonly string[];
}

/** Splits text into records: name NUL count NUL field NUL … for each. Throws Error where it ends inside one. */
export function readRecords(text: string): readonly TextRecord[] {
  const words = text.split('\0');
  if (words.pop() !== '') throw new Error('the records are truncated');
  const records: TextRecord[] = [];
  for (let at = 0; at < words.length; ) {
    const [name = '', written] = words.slice(at, at + 2);
    const count = Number(written);
    const fields = words.slice(at + 2, at + 2 + count);
    if (written === undefined || !/^\d+$/.test(written) || fields.length < count)
      throw new Error('the records are truncated');
    records.push({ name, fields });
    at += 2 + count;
  }
  return records;
}
