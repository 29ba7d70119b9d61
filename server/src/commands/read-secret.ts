import { createInterface } from 'node:readline';
import { UsageError } from './command.ts';

const MOST_BYTES = 4096;

/** Asks at a terminal without showing what is typed; elsewhere takes the first line of standard input. Throws UsageError when nothing comes. */
export async function readSecret(question: string): Promise<string> {
  const secret = process.stdin.isTTY ? await ask(question) : await firstLine();
  if (secret === '') throw new UsageError(`${question}: nothing was given.`);
  return secret;
}

async function ask(question: string): Promise<string> {
  process.stdout.write(`${question}: `);
  const { stdin } = process;
  stdin.setRawMode(true);
  let typed = '';
  try {
    for await (const chunk of stdin) {
      for (const character of String(chunk)) {
        if (character === '\r' || character === '\n' || character === '\u0004') return typed;
        if (character === '\u0003') throw new UsageError('Given up.');
        typed = character === '\u007f' ? typed.slice(0, -1) : typed + character;
      }
    }
    return typed;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    process.stdout.write('\n');
  }
}

async function firstLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of lines) return line.slice(0, MOST_BYTES);
    return '';
  } finally {
    lines.close();
    process.stdin.destroy();
  }
}
