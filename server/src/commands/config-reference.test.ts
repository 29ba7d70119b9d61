import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configurationPage } from './config.ts';

it('docs/configuration.md is what the schemas say; run "npm run docs:config" after a change', async () => {
  const committed = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  expect(committed).toBe(await configurationPage());
});
