/** TOML, with the line of everything in it. The only importer of its parser. */
import { type AST, ParseError, parseTOML } from 'toml-eslint-parser';
import { isTooDeep } from '../base/errors.js';
import { configError } from './errors.js';

/** A value: a scalar, a list, or undefined for what no option takes (dates, fractions, tables in lists). */
export interface Content {
  readonly line: number;
  readonly value: string | number | boolean | readonly Content[] | undefined;
}

/** A value under its full name, however it was written; without `content`, the heading of a table. */
export interface Setting {
  readonly path: readonly string[];
  readonly line: number;
  readonly content?: Content;
}

/** All settings in order. Throws LaunchError with exit status 64 if the text is not TOML. */
export function parseToml(text: string, file: string): readonly Setting[] {
  try {
    const [top] = parseTOML(text, { tomlVersion: '1.0' }).body;
    return top.body.flatMap((node) => (node.type === 'TOMLTable' ? readTable(node) : readPair(node, [])));
  } catch (error) {
    if (isTooDeep(error)) throw configError(file, 'its values are nested too deeply');
    if (!(error instanceof ParseError)) throw error;
    const what = error.message.charAt(0).toLowerCase() + error.message.slice(1);
    throw configError(`${file}:${error.lineNumber}`, what);
  }
}

function readTable(table: AST.TOMLTable): readonly Setting[] {
  // the items of a list of tables are numbered, and no key of ours is a number
  const path = table.resolvedKey.map(String);
  return [{ path, line: table.loc.start.line }, ...table.body.flatMap((pair) => readPair(pair, path))];
}

function readPair(pair: AST.TOMLKeyValue, above: readonly string[]): readonly Setting[] {
  const path = [...above, ...pair.key.keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value))];
  const line = pair.loc.start.line;
  if (pair.value.type !== 'TOMLInlineTable') return [{ path, line, content: readContent(pair.value) }];
  return [{ path, line }, ...pair.value.body.flatMap((inner) => readPair(inner, path))];
}

function readContent(node: AST.TOMLContentNode): Content {
  const line = node.loc.start.line;
  if (node.type === 'TOMLArray') return { line, value: node.elements.map(readContent) };
  if (node.type === 'TOMLInlineTable') return { line, value: undefined };
  return ['string', 'integer', 'boolean'].includes(node.kind)
    ? { line, value: node.value as string | number | boolean }
    : { line, value: undefined };
}
