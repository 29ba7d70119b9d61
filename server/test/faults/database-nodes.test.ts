import { randomBytes } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { mariadbDatabase, postgresDatabase, type ServerDatabase } from '#test/contracts/metadata-servers.ts';
import { API_KEY, startService } from '#test/e2e/service.ts';
import { withService } from '#test/services/shared.ts';

const headers = { authorization: `Bearer ${API_KEY}` };

/** Two nodes on one database, which start at the same moment on empty tables. */
function twoNodes(name: string, createDatabase: () => Promise<ServerDatabase>): void {
  it(`two nodes share ${name}: what one takes the other knows`, async () => {
    const database = await createDatabase();
    onTestFinished(() => database.remove());
    const env = { OSPROXY_DATABASE_URL: database.url };
    const nodes = await Promise.all([startService({ env }), startService({ env })]);
    onTestFinished(async () => {
      for (const node of nodes) await node.close();
    });
    const [one, two] = nodes;
    const bytes = randomBytes(100_000);
    const put = await fetch(`${one.url}/api/v1/files/a.bin`, { method: 'PUT', headers, body: bytes });
    expect(put.status).toBe(201);
    const { uid } = (await put.json()) as { uid: string };
    const got = await fetch(`${one.url}/api/v1/files/${uid}/content`, { headers });
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
    const known = await fetch(`${two.url}/api/v1/files/${uid}`, { headers });
    expect(await known.json()).toMatchObject({ uid, size: bytes.length });
    const gone = await fetch(`${two.url}/api/v1/files/${uid}`, { method: 'DELETE', headers });
    expect(gone.status).toBe(204);
    await expect
      .poll(async () => (await fetch(`${one.url}/api/v1/files/${uid}`, { headers })).status, {
        timeout: 5000,
      })
      .toBe(404);
    const { password } = new URL(database.url);
    for (const { lines } of nodes) expect(lines.join('\n')).not.toContain(password);
  });
}

await withService('postgres', (access) => twoNodes('PostgreSQL', () => postgresDatabase(access)));
await withService('mariadb', (access) => twoNodes('MariaDB', () => mariadbDatabase(access)));
