import t from 'tap';
import { readRecords } from '../../../src/base/records.js';

t.test('records have a name and any number of fields', (t) => {
  t.same(readRecords('a\x002\x00b\0c\0empty\x000\0'), [
    { name: 'a', fields: ['b', 'c'] },
    { name: 'empty', fields: [] },
  ]);
  t.same(readRecords(''), []);
  t.end();
});

for (const text of ['a', 'a\0', 'a\x001\0', 'a\x001\0b', 'a\0x\0', 'a\0-1\0', 'a\x002\0b\0']) {
  t.test(`${JSON.stringify(text)} ends inside a record, or has no count`, (t) => {
    t.throws(() => readRecords(text), { message: 'the records are truncated' });
    t.end();
  });
}
