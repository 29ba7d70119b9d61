import { expect, test } from 'vitest';
import { loadConfig } from './load-config.ts';

const load = (env: Record<string, string>) => loadConfig({ env, cwd: '/' });
const MAIL = {
  OSPROXY_PUBLIC_URL: 'https://files.example',
  OSPROXY_MAIL_URL: 'smtp://user:secret-word@mail.example',
  OSPROXY_MAIL_FROM: 'osproxy <files@example.com>',
};

test('nobody signs up and no mail is sent unless that is wished', async () => {
  const { accounts, mail, admin } = await load({});
  expect(accounts).toMatchObject({ signUp: 'closed', accessTokenSeconds: 900, setupLink: true });
  expect([mail.url, admin.name]).toEqual([undefined, undefined]);
});

test('mail needs a server, a sender and the address of the service', async () => {
  expect((await load(MAIL)).mail).toMatchObject({ from: 'osproxy <files@example.com>', requireTls: true });
  const { OSPROXY_MAIL_FROM: _from, ...noSender } = MAIL;
  await expect(load(noSender)).rejects.toThrow(/mail\.from/);
  const { OSPROXY_PUBLIC_URL: _url, ...noAddress } = MAIL;
  await expect(load(noAddress)).rejects.toThrow(/publicUrl/);
  const wrong = load({ ...MAIL, OSPROXY_MAIL_URL: 'http://user:secret-word@mail.example' });
  await expect(wrong).rejects.toThrow(/smtp:\/\//);
  await expect(wrong).rejects.not.toThrow(/secret-word/);
});

test('sign-up by domain needs domains and mail', async () => {
  const wanted = { OSPROXY_ACCOUNTS_SIGN_UP: 'domain', OSPROXY_ACCOUNTS_SIGN_UP_DOMAINS: 'example.com' };
  await expect(load(wanted)).rejects.toThrow(/mail\.url/);
  expect((await load({ ...MAIL, ...wanted })).accounts.signUpDomains).toEqual(['example.com']);
  await expect(load({ OSPROXY_ACCOUNTS_SIGN_UP: 'all' })).rejects.toThrow(/closed, invite, domain, open/);
});

test('the first administrator needs name and password', async () => {
  await expect(load({ OSPROXY_ADMIN_NAME: 'root' })).rejects.toThrow(/admin\.password/);
  await expect(load({ OSPROXY_ADMIN_PASSWORD: 'long enough' })).rejects.toThrow(/admin\.name/);
});
