import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { PASSWORD, signIn } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

async function withService(env: Record<string, string>, work: (service: RunningService) => Promise<void>) {
  const service = await startService({ env });
  try {
    await work(service);
  } finally {
    await service.close();
  }
}

/** The link is printed after the line that says where the service listens. */
async function tokenOf(service: RunningService): Promise<string> {
  const find = () =>
    service.lines.map((line) => /\/setup#([A-Za-z0-9_-]{43})\b/.exec(line)?.[1]).find(Boolean);
  await expect.poll(find).toBeDefined();
  return find() ?? '';
}

test('the first start prints a link that makes one administrator, whoever is first', {
  timeout: 120_000,
}, async () => {
  await withService({}, async (service) => {
    const token = await tokenOf(service);
    const client = new RestClient(service.url);
    const claim = (name: string, text = token) =>
      client.call('POST', '/auth/setup', { json: { token: text, name, password: PASSWORD } });
    expect((await claim('anna', 'A'.repeat(43))).status).toBe(410);
    expect((await claim('a b')).status).toBe(400);
    const answers = await Promise.all(['anna', 'bert', 'cleo', 'dora'].map((name) => claim(name)));
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 410 || status === 409)).toHaveLength(3);
    const { user, accessToken } = (made[0]?.json ?? {}) as { user: { role: string }; accessToken: string };
    expect(user.role).toBe('admin');
    const admin = new RestClient(service.url, accessToken);
    const users = (await admin.call('GET', '/users')).json as unknown as { users: object[] };
    expect(users.users).toHaveLength(1);
    expect((await claim('emil')).status).toBe(410);
    admin.close();
    client.close();
  });
});

test('links of several starts make one administrator together', { timeout: 120_000 }, async () => {
  await withService({}, async (service) => {
    const one = await tokenOf(service);
    const again = await startService({ dataDir: service.dataDir });
    try {
      const two = await tokenOf(again);
      expect(two).not.toBe(one);
      const clients = [new RestClient(service.url), new RestClient(again.url)];
      const claims = [one, two].map((token, index) =>
        clients[index]?.call('POST', '/auth/setup', {
          json: { token, name: `admin-${index}`, password: PASSWORD },
        }),
      );
      const statuses = (await Promise.all(claims)).map((answer) => answer?.status).sort();
      expect(statuses).toEqual([201, 409]);
      for (const client of clients) client.close();
    } finally {
      await again.stop();
    }
  });
});

test('the environment makes the administrator, and no link is printed then', async () => {
  const env = { OSPROXY_ADMIN_NAME: 'root', OSPROXY_ADMIN_PASSWORD: 'a long password' };
  await withService(env, async (service) => {
    const { client } = await signIn(service, 'root', 'a long password');
    expect((await client.call('GET', '/me')).json).toMatchObject({ name: 'root', role: 'admin' });
    expect(service.lines.join('\n')).not.toContain('/setup#');
    expect(service.lines.join('\n')).not.toContain('a long password');
    client.close();
  });
});

test('a command makes users while the service runs, without their passwords in its arguments', {
  timeout: 120_000,
}, async () => {
  await withService({ OSPROXY_ACCOUNTS_SETUP_LINK: 'false' }, async (service) => {
    expect(service.lines.join('\n')).not.toContain('/setup#');
    const osproxy = async (args: string[], env: Record<string, string> = {}, input?: string) => {
      const options = { env: { PATH: process.env.PATH, ...service.place, ...env }, cwd: service.dataDir };
      const running = promisify(execFile)(process.execPath, [MAIN, 'users', ...args], options);
      running.child.stdin?.end(input ?? '');
      return (await running).stdout;
    };
    await osproxy(['create', 'anna', '--admin', '--json'], {}, `${PASSWORD}\n`);
    await osproxy(['create', 'bert', '--email', 'bert@example.com'], { OSPROXY_USER_PASSWORD: PASSWORD });
    const anna = await signIn(service, 'anna');
    const bert = await signIn(service, 'bert@example.com');
    expect(await osproxy(['list'])).toMatch(/anna +anna +- +admin +active/);
    const me = async () => (await bert.client.call('GET', '/me')).status;
    expect(await me()).toBe(200);
    await osproxy(['disable', 'bert']);
    await expect.poll(me, { timeout: 15_000 }).toBe(401);
    await osproxy(['enable', 'bert']);
    await osproxy(['password', 'bert'], {}, 'another password\n');
    const back = await signIn(service, 'bert', 'another password');
    await osproxy(['role', 'bert', 'admin']);
    await osproxy(['delete', 'anna']);
    await expect
      .poll(async () => (await anna.client.call('GET', '/me')).status, { timeout: 15_000 })
      .toBe(401);
    await expect(osproxy(['delete', 'bert'])).rejects.toThrow('only administrator');
    for (const { client } of [anna, bert, back]) client.close();
  });
});
