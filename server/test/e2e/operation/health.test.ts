import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onLocalDisk } from '#test/profiles/place.ts';
import { type RunningService, startService } from '../service.ts';

interface Readiness {
  readonly status: string;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly error?: string }[];
}

let service: RunningService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service?.close());

async function ready(): Promise<{ status: number; text: string; body: Readiness }> {
  const answer = await fetch(`${service.url}/readyz`);
  const text = await answer.text();
  return { status: answer.status, text, body: JSON.parse(text) };
}

test('all is well: alive and ready', async () => {
  const alive = await fetch(`${service.url}/healthz`);
  expect([alive.status, await alive.json()]).toEqual([200, { status: 'ok' }]);
  const { status, body } = await ready();
  expect(status).toBe(200);
  expect(body).toMatchObject({
    status: 'ok',
    checks: [
      { name: 'database', ok: true },
      { name: 'store', ok: true },
    ],
  });
});

const BREAKS: readonly (readonly [string, (folder: string) => Promise<unknown>])[] = [
  ['is gone', async () => {}],
  ['is empty, as a mount point without its disk', (folder) => mkdir(folder)],
  ['is a file', (folder) => writeFile(folder, '')],
];

// Only a store on the local disk has a folder that can be taken away.
test.each(onLocalDisk ? BREAKS : [])(
  'a store whose folder %s: alive, but not ready, and no path is shown',
  async (_how, breakIt) => {
    const folder = join(service.dataDir, 'files');
    const aside = join(service.dataDir, 'aside');
    await rename(folder, aside);
    try {
      await breakIt(folder);
      const { status, text, body } = await ready();
      expect(status).toBe(503);
      expect(body.status).toBe('failing');
      expect(body.checks.map(({ name, ok }) => [name, ok])).toEqual([
        ['database', true],
        ['store', false],
      ]);
      expect(body.checks[1]?.error).toBe('The folder of the store is missing; check its disk or mount.');
      expect(text).not.toContain(service.dataDir);
      expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    } finally {
      await rm(folder, { recursive: true, force: true });
      await rename(aside, folder);
    }
    expect((await ready()).status).toBe(200);
  },
);
