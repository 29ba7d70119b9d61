import { readFileSync } from 'node:fs';
import type { Command } from './command.ts';

/** The version in the package's own manifest. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String((manifest as { readonly version: unknown }).version);
}

export const version: Command = {
  name: 'version',
  usage: 'version',
  summary: 'Prints the version of osproxy and of Node.',
  async run(_words, _options, context) {
    context.print(`osproxy ${packageVersion()} (Node ${process.versions.node})`);
    return 0;
  },
};
