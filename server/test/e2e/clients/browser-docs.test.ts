import type { Browser, Page } from 'playwright-core';
import { afterAll, describe, expect, test } from 'vitest';
import { CHROMIUM, launch, watched } from './browser.ts';
import { stage } from './stage.ts';

const SCREENS = {
  desktop: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

const STEP_PX = 600;

/** How many calls the page shows from its beginning to its end; a long list is drawn only where somebody looks. */
async function callsOn(page: Page): Promise<number> {
  const seen = new Set<string>();
  for (let top = 0, height = 1; top < height; top += STEP_PX) {
    await page.evaluate(`window.scrollTo(0, ${top})`);
    await page.waitForTimeout(50);
    for (const id of await page.locator('.opblock').evaluateAll((blocks) => blocks.map(({ id }) => id))) {
      seen.add(id);
    }
    height = await page.evaluate<number>('document.documentElement.scrollHeight');
  }
  return seen.size;
}

describe('the page at /docs in Chromium', () => {
  let browser: Browser;
  const at = stage({
    needs: [CHROMIUM],
    prepare: async () => {
      browser = await launch();
    },
  });
  afterAll(() => browser?.close());

  test.each([
    ['desktop', 'light'],
    ['desktop', 'dark'],
    ['phone', 'light'],
    ['phone', 'dark'],
  ] as const)(
    '%s, %s: shows every call, complains of nothing, asks nobody else',
    { timeout: 120_000 },
    async (screen, scheme) => {
      const { page, context, complaints, requests } = await watched(browser, {
        ...SCREENS[screen],
        colorScheme: scheme,
      });
      try {
        await page.goto(`${at().service.url}/docs`);
        await page.waitForSelector('.opblock');
        const document = (await (await fetch(`${at().service.url}/openapi.json`)).json()) as {
          paths: Record<string, object>;
        };
        const calls = Object.values(document.paths).flatMap((methods) => Object.keys(methods));
        await expect.poll(() => callsOn(page), { timeout: 60_000 }).toBe(calls.length);
        expect(await page.title()).toBe('osproxy API');
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(
          SCREENS[screen].viewport.width,
        );
        const background = await page.evaluate<string>(
          'getComputedStyle(document.documentElement).backgroundColor',
        );
        expect(background === 'rgb(28, 32, 34)').toBe(scheme === 'dark');
        expect(complaints).toEqual([]);
        const outside = requests.filter(
          (url) => !url.startsWith(at().service.url) && !url.startsWith('data:'),
        );
        expect(outside).toEqual([]);
      } finally {
        await context.close();
      }
    },
  );

  test('sends a call with the key that was given to it', async () => {
    const { page, context, complaints } = await watched(browser);
    try {
      await page.goto(`${at().service.url}/docs`);
      await page.click('.auth-wrapper .authorize');
      await page.locator('.auth-container input').first().fill(at().service.apiKey);
      await page.locator('.auth-container .authorize').first().click();
      await page.click('.modal-ux .close-modal');
      const list = page.locator('#operations-files-listFiles');
      await list.locator('.opblock-summary').click();
      await list.locator('.try-out__btn').click();
      const [answer] = await Promise.all([
        page.waitForResponse(/\/api\/v1\/files/),
        list.locator('.execute').click(),
      ]);
      expect(answer.status()).toBe(200);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  });
});
