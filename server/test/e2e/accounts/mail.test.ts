import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SmtpSink, startSmtpSink } from '#test/services/smtp-sink.ts';
import { PASSWORD, signIn, signUp } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { type RunningService, startService } from '../service.ts';

let sink: SmtpSink;
let service: RunningService;
let anybody: RestClient;
let admin: RestClient;

beforeAll(async () => {
  sink = await startSmtpSink();
  service = await startService({
    env: {
      OSPROXY_PUBLIC_URL: 'https://files.example',
      OSPROXY_MAIL_URL: sink.url,
      OSPROXY_MAIL_FROM: 'osproxy <files@example.com>',
      OSPROXY_MAIL_REQUIRE_TLS: 'false',
      OSPROXY_ACCOUNTS_SIGN_UP: 'domain',
      OSPROXY_ACCOUNTS_SIGN_UP_DOMAINS: 'Example.com,example.org',
      OSPROXY_HTTP_TRUSTED_PROXIES: '127.0.0.1',
    },
  });
  anybody = new RestClient(service.url);
  admin = new RestClient(service.url, service.apiKey);
});
afterAll(async () => {
  anybody?.close();
  admin?.close();
  await service?.close();
  await sink?.close();
});

const post = (path: string, json: object, headers = {}) => anybody.call('POST', path, { json, headers });

/** The newest mail to an address, once there are so many. */
async function mailTo(address: string, count = 1) {
  const found = () => sink.mails.filter(({ to }) => to.includes(address));
  await expect.poll(() => found().length).toBe(count);
  const mail = found().at(-1);
  if (mail === undefined) throw new Error(`There is no mail to ${address}.`);
  return mail;
}

test('a forgotten password is set by a link that works once', async () => {
  const anna = await signUp(service, 'anna', { email: 'anna@example.com' });
  expect((await post('/auth/forgot-password', { name: 'ANNA@example.com' })).status).toBe(204);
  const mail = await mailTo('anna@example.com');
  expect(mail.from).toBe('files@example.com');
  expect(mail.raw).toContain('https://files.example/reset-password#');
  const reset = (password: string, token = mail.secret) => post('/auth/reset-password', { token, password });
  expect((await reset('short')).status).toBe(400);
  expect((await reset('a new password', 'A'.repeat(43))).status).toBe(410);
  const statuses = (await Promise.all([reset('a new password'), reset('another password')])).map(
    (a) => a.status,
  );
  expect(statuses.sort()).toEqual([204, 410]);
  expect((await anna.client.call('GET', '/me')).status).toBe(401);
  await expect(signIn(service, 'anna')).rejects.toThrow('401');
  expect((await reset('a third password')).status).toBe(410);
  anna.client.close();
});

test('a new password makes links void that were asked for before', async () => {
  const bert = await signUp(service, 'bert', { email: 'bert@example.com' });
  await post('/auth/forgot-password', { name: 'bert' });
  const { secret } = await mailTo('bert@example.com');
  const change = { oldPassword: PASSWORD, newPassword: 'a new password' };
  expect((await bert.client.call('POST', '/me/password', { json: change })).status).toBe(200);
  expect((await post('/auth/reset-password', { token: secret, password: 'from an old link' })).status).toBe(
    410,
  );
  bert.client.close();
});

test('nobody learns who has an account, and nobody is flooded with mail', async () => {
  const cleo = await signUp(service, 'cleo', { email: 'cleo@example.com' });
  const answers = [];
  for (const name of ['cleo', 'nobody-of-this-name', 'nobody@example.com', 'cleo', 'cleo', 'cleo', 'cleo']) {
    answers.push(await post('/auth/forgot-password', { name }, { 'x-forwarded-for': '203.0.113.9' }));
  }
  expect(answers.map(({ status, bytes }) => [status, bytes.length])).toEqual(answers.map(() => [204, 0]));
  // Another mail, which comes later, shows that no further one is under way.
  await signUp(service, 'last', { email: 'last@example.com' }).then(({ client }) => client.close());
  await post('/auth/forgot-password', { name: 'last' }, { 'x-forwarded-for': '203.0.113.10' });
  await mailTo('last@example.com');
  await mailTo('cleo@example.com', 3);
  const flood = [];
  for (let n = 0; n < 15; n += 1) {
    const name = `someone-${n}`;
    flood.push((await post('/auth/forgot-password', { name }, { 'x-forwarded-for': '203.0.113.9' })).status);
  }
  expect(flood).toContain(429);
  cleo.client.close();
});

test('an address belongs to an account once its link was opened', async () => {
  const dora = await signUp(service, 'dora');
  const emil = await signUp(service, 'emil', { email: 'emil@example.com' });
  const ask = (email: string, password = PASSWORD) =>
    dora.client.call('POST', '/me/email', { json: { email, password } });
  expect((await ask('dora@example.net', 'wrong password')).status).toBe(403);
  expect((await ask('no address')).status).toBe(400);
  expect((await ask('dora@example.net')).status).toBe(204);
  const first = await mailTo('dora@example.net');
  expect((await dora.client.call('GET', '/me')).json).not.toHaveProperty('email');
  // Somebody else's address looks the same from outside.
  expect((await ask('emil@example.com')).status).toBe(204);
  expect((await mailTo('emil@example.com')).raw).toContain('You have an account');
  expect((await post('/auth/verify-email', { token: first.secret })).status).toBe(204);
  const me = await dora.client.call('GET', '/me');
  expect(me.json).toMatchObject({ email: 'dora@example.net', emailVerified: true });
  expect((await post('/auth/verify-email', { token: first.secret })).status).toBe(410);
  const back = await signIn(service, 'DORA@example.net');
  for (const { client } of [dora, emil, back]) client.close();
});

test('a link to an address is not worth a password', async () => {
  const finn = await signUp(service, 'finn', { email: 'finn@example.com' });
  await post('/auth/forgot-password', { name: 'finn' }, { 'x-forwarded-for': '203.0.113.20' });
  const { secret } = await mailTo('finn@example.com');
  expect((await post('/auth/verify-email', { token: secret })).status).toBe(410);
  const invited = post('/auth/sign-up', { name: 'finn-2', password: PASSWORD, invite: secret });
  expect((await invited).status).toBe(410);
  finn.client.close();
});

test('who has an address of an allowed domain invites oneself', async () => {
  const ask = (email: string) => post('/auth/sign-up/ask', { email }, { 'x-forwarded-for': '203.0.113.30' });
  expect((await ask('gina@elsewhere.example')).status).toBe(400);
  expect((await ask('gina@evil-example.com')).status).toBe(400);
  expect((await post('/auth/sign-up', { name: 'gina', password: PASSWORD })).status).toBe(403);
  expect((await ask('gina@EXAMPLE.org')).status).toBe(204);
  const { secret } = await mailTo('gina@example.org');
  const join = (name: string) => post('/auth/sign-up', { name, password: PASSWORD, invite: secret });
  const answers = await Promise.all(['gina', 'gina-2', 'gina-3'].map(join));
  // The others come too late for the link, or for the address.
  const refused = answers.filter(({ status }) => status === 409 || status === 410);
  expect(refused).toHaveLength(2);
  const made = answers.find(({ status }) => status === 201)?.json as unknown as { user: object };
  expect(made.user).toMatchObject({ email: 'gina@EXAMPLE.org', emailVerified: true, role: 'member' });
  // Once more, and the mail says that there is an account.
  expect((await ask('gina@example.org')).status).toBe(204);
  expect((await mailTo('gina@example.org', 2)).raw).toContain('You have an account');
});

test('an administrator invites by mail, and takes invitations back', async () => {
  const invite = (json: object) => admin.call('POST', '/invites', { json });
  const mailed = await invite({ email: 'hans@elsewhere.example', role: 'admin' });
  expect(mailed.json).toMatchObject({ mailed: true, role: 'admin', email: 'hans@elsewhere.example' });
  expect(mailed.json).not.toHaveProperty('url');
  const { secret } = await mailTo('hans@elsewhere.example');
  const joined = await post('/auth/sign-up', { name: 'hans', password: PASSWORD, invite: secret });
  expect((joined.json as unknown as { user: object }).user).toMatchObject({
    ...{ role: 'admin', email: 'hans@elsewhere.example', emailVerified: true },
  });
  expect((await invite({ email: 'hans@elsewhere.example' })).status).toBe(409);
  const plain = await invite({});
  const { id, url } = plain.json as unknown as { id: string; url: string };
  expect(url).toMatch(/^https:\/\/files\.example\/invite#/);
  const list = (await admin.call('GET', '/invites')).json as unknown as { invites: { id: string }[] };
  expect(list.invites.map((one) => one.id)).toContain(id);
  expect(JSON.stringify(list)).not.toContain(url.split('#')[1]);
  expect((await admin.call('DELETE', `/invites/${id}`)).status).toBe(204);
  expect((await admin.call('DELETE', `/invites/${id}`)).status).toBe(404);
  const late = await post('/auth/sign-up', {
    name: 'ida',
    password: PASSWORD,
    invite: url.split('#')[1] ?? '',
  });
  expect(late.status).toBe(410);
});

test('a mail server that is out of order or refuses is told', async () => {
  const refused = await admin.call('POST', '/invites', { json: { email: 'x@refused.example' } });
  expect(refused.json).toMatchObject({ status: 400, code: 'InvalidArgument', details: { field: 'email' } });
  sink.fail(true);
  const failing = await admin.call('POST', '/invites', { json: { email: 'jan@example.com' } });
  sink.fail(false);
  expect(failing.json).toMatchObject({ status: 503, code: 'Unavailable' });
  expect(JSON.stringify(failing.json)).not.toMatch(/127\.0\.0\.1|p@ss/);
  const list = (await admin.call('GET', '/invites')).json as unknown as { invites: { email?: string }[] };
  expect(list.invites.map(({ email }) => email)).not.toContain('jan@example.com');
});

test('no secret of a mail is in the log', () => {
  const log = service.lines.join('\n');
  const secrets = sink.mails.map(({ secret }) => secret).filter((secret) => secret !== '');
  expect(secrets.length).toBeGreaterThan(5);
  for (const secret of secrets) expect(log).not.toContain(secret);
});
