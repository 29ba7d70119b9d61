import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from './command.ts';
import { withService } from './open.ts';
import { deliver } from './output.ts';

export const openapi: Command = {
  name: 'openapi',
  usage: 'openapi [--output <file>]',
  summary:
    'Prints the OpenAPI document of the HTTP interface; settings and data are neither read nor changed.',
  details: ['  --output <file>  write it to a file'],
  options: { output: { type: 'string' } },
  async run(_words, options, context) {
    const folder = mkdtempSync(join(tmpdir(), 'osproxy-openapi-'));
    const env = { OSPROXY_DATA_DIR: folder, OSPROXY_STORES: '[{"name":"memory","type":"memory"}]' };
    try {
      // What there is to say about a service that nobody keeps is of no use to anybody.
      const own = { ...context, env, cwd: folder, complain: () => {} };
      const document = await withService(own, async (service) => service.openapi());
      deliver(`${JSON.stringify(document, null, 2)}\n`, options.output as string | undefined, context);
      return 0;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
