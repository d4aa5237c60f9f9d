/**
 * Node as the engine of a native program that was built without one: that program started it, and answers what it asks
 * (addon/engine/node_questions.h), so that all is done in one process, by the same functions as with the built-in engine.
 */
import { readSync, writeSync } from 'node:fs';
import type { Engine } from './native.js';

export interface ProgramEngine extends Omit<Engine, 'load'> {
  /** The program's path, the name that it was called by, and its arguments. */
  commandLine(): string[];
  /** Ends by this what the program waits for. */
  decided(outcome: string): void;
}

/** Both ends are on one machine: text is in its own order. */
const encoding = 'utf16le';

/** Words, each after its size; all after theirs. */
function send(socket: number, words: readonly string[]): void {
  const parts = words.map((word) => Buffer.from(word, encoding));
  const sizes = [
    parts.reduce((sum, { length }) => sum + 4 + length, 0),
    ...parts.map(({ length }) => length),
  ];
  const [whole, ...each] = sizes.map((size) => Buffer.from(Uint32Array.of(size).buffer));
  const message = Buffer.concat([
    whole as Buffer,
    ...parts.flatMap((part, at) => [each[at] as Buffer, part]),
  ]);
  for (let at = 0; at < message.length; ) at += writeSync(socket, message, at);
}

function receive(socket: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const got = readSync(socket, bytes, at, size - at, null);
    if (got === 0) throw new Error('the program that started this has ended');
    at += got;
  }
  return bytes;
}

function receiveWords(socket: number): readonly Buffer[] {
  const message = receive(socket, receive(socket, 4).readUInt32LE());
  const words: Buffer[] = [];
  for (let at = 0; at < message.length; ) {
    const begin = at + 4;
    at = begin + message.readUInt32LE(at);
    words.push(message.subarray(begin, at));
  }
  return words;
}

const toText = (word: Buffer) => word.toString(encoding);

function request(socket: number, words: readonly string[]): readonly Buffer[] {
  send(socket, words);
  const [outcome, ...found] = receiveWords(socket);
  if (outcome && toText(outcome) === 'answer') return found;
  const [message, errno, code, syscall, reason] = found.map(toText);
  const error = new Error(message);
  throw errno === undefined ? error : Object.assign(error, { errno: Number(errno), code, syscall, reason });
}

export function programEngine(socket: number): ProgramEngine {
  return {
    ask: (question, ...words) => request(socket, ['text', question, ...words]).map(toText),
    askBytes: (question, ...words) => [...request(socket, ['bytes', question, ...words])],
    commandLine: () => request(socket, ['command-line']).map(toText),
    decided: (outcome) => send(socket, ['decided', outcome]),
  };
}
