import { writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { makeFolder } from '#core/make-folder.ts';
import type { Context } from './context.ts';

/** Prints the text, or writes it to the file and says so. */
export function deliver(text: string, file: string | undefined, context: Context): void {
  if (file === undefined) {
    context.print(text.replace(/\n$/, ''));
    return;
  }
  const path = resolve(context.cwd, file);
  makeFolder(dirname(path));
  writeFileSync(path, text);
  context.print(`written: ${file}`);
}
