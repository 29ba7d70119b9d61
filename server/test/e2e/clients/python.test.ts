import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hex, random } from '../rest/client.ts';
import { stage } from './stage.ts';

const bytes = random(3_000_001);
const SCRIPT = fileURLToPath(new URL('./client.py', import.meta.url));

describe('the standard library of Python', () => {
  const at = stage({
    needs: [{ command: 'python3', packages: ['python3'] }],
    prepare: ({ folder }) => writeFile(folder.in('Grüße.bin'), bytes),
  });
  const python = async (call: string, ...args: string[]) => {
    const { url, apiKey } = at().service;
    const env = { OSPROXY_URL: url, OSPROXY_KEY: apiKey };
    const done = await at().run('python3', [SCRIPT, call, ...args], { env });
    if (done.code !== 0) throw new Error(done.stderr);
    return JSON.parse(done.stdout);
  };
  const stored = async (uid: string) => (await at().client.content(uid)).bytes;

  test('http.client sends a form', async () => {
    const answer = await python('form', 'Grüße.bin');
    expect(answer).toMatchObject({ status: 201, body: { name: 'Grüße.bin', sha256: hex('sha256', bytes) } });
    expect((await stored(answer.body.uid)).equals(bytes)).toBe(true);
  });

  test('http.client sends chunks from a generator', async () => {
    const answer = await python('chunks', 'Grüße.bin');
    expect(answer).toMatchObject({ status: 201, body: { size: bytes.length } });
    expect((await stored(answer.body.uid)).equals(bytes)).toBe(true);
  });

  test('http.client sends a form to a signed v0 link', async () => {
    const answer = await python('v0', 'Grüße.bin');
    expect(answer).toMatchObject({ status: 200, body: { code: 0, message: 'ok', data: '' } });
    expect((await stored(answer.uid)).equals(bytes)).toBe(true);
  });

  test('urllib reads in pieces by Range and finds the same digest', async () => {
    const { uid } = await at().client.put('pieces.bin', bytes);
    expect(await python('pieces', uid)).toEqual({
      sha256: hex('sha256', bytes),
      statuses: [206, 206, 206],
      name: 'pieces.bin',
    });
  });

  test('urllib sees problem details in an HTTPError', async () => {
    const answer = await python('missing', '1');
    expect(answer).toMatchObject({ status: 404, body: { code: 'NotFound', detail: 'There is no file 1.' } });
  });
});
