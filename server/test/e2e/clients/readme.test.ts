import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { stage } from './stage.ts';

const README = new URL('../../../../README.md', import.meta.url);
const KEY = 'my-first-key';
const ADDRESS = '127.0.0.1:8888';

/** Shell blocks of the tour, in order. */
async function tour(): Promise<string[]> {
  const text = await readFile(README, 'utf8');
  const section = text.split(/^## /m).find((one) => one.startsWith('Five minutes with curl'));
  return [...(section ?? '').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? '');
}

describe('the tour of the README', () => {
  const at = stage({
    needs: [{ command: 'curl', packages: ['curl'] }],
    env: { OSPROXY_API_KEY: KEY },
  });

  test('starts the service with the key that the lines use', async () => {
    const [start, ...rest] = await tour();
    expect(start).toBe(`OSPROXY_API_KEY=${KEY} npm start\n`);
    expect(rest.length).toBeGreaterThanOrEqual(5);
  });

  test('does what it says, line by line', async () => {
    const lines = (await tour())
      .slice(1)
      .join('')
      .replaceAll(ADDRESS, new URL(at().service.url).host)
      .split('\n')
      .filter((line) => line !== '');
    // Every line must end well, and every answer is told with its status.
    const script = [
      `curl() { command curl -sS -w '%{stderr}status %{http_code}\\n' "$@"; }`,
      ...lines.flatMap((line) => [
        line,
        `code=$?; if [ $code -ne 0 ]; then echo "ended with $code: "${quoted(line)} >&2; exit 1; fi`,
      ]),
    ];
    await writeFile(at().folder.in('tour.sh'), script.join('\n'));
    const done = await at().run('sh', ['tour.sh']);
    expect(done.code, done.stderr).toBe(0);
    const statuses = [...done.stderr.matchAll(/^status (\d+)$/gm)].map(([, status]) => Number(status));
    expect(statuses.length).toBeGreaterThanOrEqual(15);
    const failed = statuses.filter((status) => status >= 400);
    expect(failed, done.stderr).toEqual([410]);
    expect(lines.filter((line) => line.includes('cmp ')).length).toBeGreaterThanOrEqual(4);
    expect(done.stdout).toContain('"state":"ready"');
    expect(done.stdout).toMatch(/}1000$/m);
  });
});

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
