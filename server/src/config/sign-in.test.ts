import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from './load-config.ts';
import { MASK, masked } from './mask.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'osproxy-sign-in-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const GITHUB = { name: 'github', type: 'github', clientId: 'Iv1.a', clientSecret: 'hush hush' };
const load = (providers: unknown) =>
  loadConfig({ env: { OSPROXY_SIGN_IN_PROVIDERS: JSON.stringify(providers) }, cwd });

describe('sign-in providers in the configuration', () => {
  test('come from the environment and from the file; nobody is shown their secrets', async () => {
    expect((await loadConfig({ env: {}, cwd })).signIn.providers).toEqual([]);
    const config = await load([GITHUB]);
    expect(config.signIn.providers).toEqual([GITHUB]);
    expect(masked(config).signIn).toEqual({ providers: [{ ...GITHUB, clientSecret: MASK }] });
    const file = join(cwd, 'osproxy.yaml');
    await writeFile(
      file,
      `signIn:\n  providers:\n    - ${JSON.stringify({ ...GITHUB, title: 'Our GitHub' })}\n`,
    );
    expect((await loadConfig({ env: {}, cwd })).signIn.providers).toEqual([
      { ...GITHUB, title: 'Our GitHub' },
    ]);
    await rm(file);
  });

  test.each([
    [[GITHUB, { ...GITHUB, type: 'oidc' }], 'signIn.providers[1].name'],
    [[{ ...GITHUB, name: 'Git Hub' }], 'signIn.providers[0].name'],
    [[{ ...GITHUB, name: undefined }], 'signIn.providers[0].name is missing'],
    [[{ ...GITHUB, type: undefined }], 'signIn.providers[0].type is missing'],
    [{}, 'signIn.providers'],
  ])('wrong: %o', async (providers, problem) => {
    const failure = await load(providers).catch((error: unknown) => error as Error);
    expect(String((failure as Error).message)).toContain(problem);
    expect(String((failure as Error).message)).not.toContain('hush');
  });

  test('a variable that is no JSON is not repeated', async () => {
    const env = { OSPROXY_SIGN_IN_PROVIDERS: '[{"clientSecret":"hush"' };
    const failure = await loadConfig({ env, cwd }).catch((error: unknown) => error as Error);
    expect(String((failure as Error).message)).toContain('(hidden)');
    expect(String((failure as Error).message)).not.toContain('hush');
  });
});
