import type { Browser, Page } from 'playwright-core';
import { afterAll, describe, expect, test } from 'vitest';
import { PASSWORD } from '../people.ts';
import { RestClient } from '../rest/client.ts';
import { CHROMIUM, launch, watched } from './browser.ts';
import { stage } from './stage.ts';

const SCREENS = {
  desktop: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

describe('the pages that links lead to, in Chromium', () => {
  let browser: Browser;
  const at = stage({
    needs: [CHROMIUM],
    env: { OSPROXY_ACCOUNTS_SIGN_UP: 'invite' },
    prepare: async () => {
      browser = await launch();
    },
  });
  afterAll(() => browser?.close());

  interface SignedIn {
    readonly user: { readonly id: string; readonly role: string };
    readonly accessToken: string;
  }

  async function signIn(name: string, password: string): Promise<{ status: number; json: SignedIn }> {
    const json = { name, password };
    const answer = await new RestClient(at().service.url).call('POST', '/auth/sign-in', { json });
    return { status: answer.status, json: answer.json as unknown as SignedIn };
  }

  /** Opens a link, fills the form in and waits for what the page says in the end. */
  async function follow(link: string, fields: Record<string, string>, told: string): Promise<void> {
    const { page, context, complaints } = await watched(browser);
    try {
      await page.goto(link);
      expect(page.url()).not.toContain('#');
      await fill(page, fields);
      await page.waitForSelector(`${told}:visible`);
      expect(complaints.filter((text) => !text.includes('the server responded with a status of'))).toEqual(
        [],
      );
    } finally {
      await context.close();
    }
  }

  async function fill(page: Page, fields: Record<string, string>): Promise<void> {
    for (const [name, value] of Object.entries(fields)) await page.fill(`input[name=${name}]`, value);
    await page.click('button');
  }

  test('from the first administrator over somebody invited to a new password', {
    timeout: 120_000,
  }, async () => {
    const { service } = at();
    const find = () => service.lines.map((line) => /"setUpLink":"([^"]+)"/.exec(line)?.[1]).find(Boolean);
    await expect.poll(find).toBeDefined();
    const setUp = find() ?? '';
    await follow(setUp, { name: 'anna', password: PASSWORD }, '#done');
    const { status, json } = await signIn('anna', PASSWORD);
    expect(status).toBe(200);
    expect(json.user.role).toBe('admin');
    await follow(setUp, { name: 'bert', password: PASSWORD }, '[role=alert]');

    const admin = new RestClient(service.url, json.accessToken);
    const invite = (await admin.call('POST', '/invites', { json: {} })).json;
    await follow(new URL(invite.url, service.url).href, { name: 'bert', password: PASSWORD }, '#done');
    const bert = (await signIn('bert', PASSWORD)).json.user;
    expect(bert.role).toBe('member');

    const reset = (await admin.call('POST', `/users/${bert.id}/password-reset`, { json: {} })).json;
    await follow(new URL(reset.url, service.url).href, { password: `new ${PASSWORD}` }, '#done');
    expect((await signIn('bert', `new ${PASSWORD}`)).status).toBe(200);
    expect((await signIn('bert', PASSWORD)).status).toBe(401);
  });

  test.each(['setup', 'invite', 'reset-password', 'verify-email'])(
    '/%s fits every screen, complains of nothing, asks nobody else',
    async (path) => {
      for (const screen of ['desktop', 'phone'] as const) {
        for (const colorScheme of ['light', 'dark'] as const) {
          const { page, context, complaints, requests } = await watched(browser, {
            ...SCREENS[screen],
            colorScheme,
          });
          try {
            await page.goto(`${at().service.url}/${path}#${'x'.repeat(43)}`);
            expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(
              SCREENS[screen].viewport.width,
            );
            const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
            expect(background === 'rgb(21, 24, 28)').toBe(colorScheme === 'dark');
            expect(complaints).toEqual([]);
            expect(requests.filter((url) => !url.startsWith(at().service.url))).toEqual(
              requests.filter((url) => url === 'data:,'),
            );
          } finally {
            await context.close();
          }
        }
      }
    },
  );

  test('a link without its secret says so', async () => {
    const { page, context } = await watched(browser);
    try {
      await page.goto(`${at().service.url}/setup`);
      expect(await page.locator('[role=alert]').textContent()).toMatch(/not whole/);
      expect(await page.locator('button').isDisabled()).toBe(true);
    } finally {
      await context.close();
    }
  });
});
