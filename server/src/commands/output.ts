import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Context } from './context.ts';

/** Prints the text, or writes it to the file and says so. */
export function deliver(text: string, file: string | undefined, context: Context): void {
  if (file === undefined) {
    context.print(text.replace(/\n$/, ''));
    return;
  }
  const path = resolve(context.cwd, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  context.print(`written: ${file}`);
}
