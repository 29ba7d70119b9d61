import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, launch, open, type Site, startSite, type Watched, watched } from './browser.ts';
import { PNG, pdf, wav } from './samples.ts';
import { stage } from './stage.ts';

const SHOWN_WITHIN_MS = 20_000;

describe('a link in Chromium', () => {
  let browser: Browser;
  let site: Site;
  beforeAll(async () => {
    site = await startSite();
  });
  const at = stage({
    needs: [CHROMIUM],
    prepare: async () => {
      browser = await launch();
    },
  });
  afterAll(async () => {
    await browser?.close();
    await site.close();
  });

  const linkTo = async (name: string, content: string | Buffer, wanted = {}): Promise<string> => {
    const { uid } = await at().client.put(name, content);
    const { json } = await at().client.call('POST', `/files/${uid}/links`, { json: wanted });
    return `${at().service.url}${json.url}`;
  };
  const within = async <T>(work: (seen: Watched) => Promise<T>, options = {}): Promise<T> => {
    const seen = await watched(browser, options);
    try {
      return await work(seen);
    } finally {
      await seen.context.close();
    }
  };

  test('shows an image, in a page of another origin and by itself', async () => {
    const link = await linkTo('pixel.png', PNG);
    await within(async ({ page, complaints }) => {
      await page.goto(site.page('/image', `<img src="${link}">`));
      expect(await page.evaluate(`document.querySelector('img').naturalWidth`)).toBe(1);
      await page.goto(link);
      expect(await page.evaluate(`document.querySelector('img').naturalWidth`)).toBe(1);
      expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
    });
  });

  test('plays, and seeks by ranges', async () => {
    const seconds = 120;
    const link = await linkTo('silence.wav', wav(seconds));
    const before = at().service.lines.length;
    await within(async ({ page }) => {
      await page.goto(site.page('/video', `<video src="${link}" preload=metadata muted></video>`));
      const reached = await page.evaluate(SEEK);
      expect(reached).toEqual({ at: 110, duration: seconds });
    });
    await expect
      .poll(
        () =>
          at()
            .service.lines.slice(before)
            .filter((line) => line.includes('"status":206')).length,
      )
      .toBeGreaterThan(1);
  });

  test('plays by itself', async () => {
    const link = await linkTo('silence.wav', wav(3));
    await within(async ({ page, complaints }) => {
      await page.goto(link);
      await expect.poll(() => page.evaluate(`document.querySelector('video').readyState`)).toBe(4);
      expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
    });
  });

  test('is saved under its name by <a download>, and where the link says so', async () => {
    const name = 'Grüße – 世界.png';
    const link = await linkTo(name, PNG, { disposition: 'attachment' });
    await within(async ({ page }) => {
      await page.goto(site.page('/save', `<a download="other.png" href="${link}">save</a>`));
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('a')]);
      expect(download.suggestedFilename()).toBe(name);
      expect(await readFile(await download.path())).toEqual(PNG);
    });
  });

  describe('to content that could run is a download, and nothing of it runs', () => {
    const call = (path: string) =>
      `<script>new Image().src = "${site.origin}/${path}"; fetch("${site.origin}/${path}")</script>`;
    const risky: readonly (readonly [string, () => string])[] = [
      ['page.html', () => `<!doctype html><h1>page</h1>${call('html')}`],
      [
        'drawing.svg',
        () =>
          `<svg xmlns="http://www.w3.org/2000/svg">${call('svg').replace('new Image().src =', 'x =')}</svg>`,
      ],
      [
        'page.xhtml',
        () =>
          `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>${call('xhtml')}</body></html>`,
      ],
      [
        'page.xml',
        () =>
          `<?xml version="1.0"?><a xmlns:h="http://www.w3.org/1999/xhtml"><h:script>fetch("${site.origin}/xml")</h:script></a>`,
      ],
      ['script.js', () => `fetch("${site.origin}/js")`],
    ];
    test.each(risky)('%s', async (name, make) => {
      const before = site.calls.length;
      const link = await linkTo(name, make(), { disposition: 'inline' });
      await within(async ({ page, downloads }) => {
        await open(page, link);
        await expect.poll(() => downloads.length).toBe(1);
        expect(downloads).toEqual([name]);
        const frame = `<iframe src="${link}"></iframe><object data="${link}"></object><img src="${link}">`;
        await page.goto(site.page(`/frame-${name}`, frame));
        await page.waitForTimeout(500);
      });
      expect(site.calls.slice(before)).toEqual([]);
    });

    test('as a script of another page, which nosniff refuses', async () => {
      const before = site.calls.length;
      const link = await linkTo('plain.txt', `fetch("${site.origin}/classic")`);
      await within(async ({ page }) => {
        const script = `<script>outcome = 'waiting'</script><script src="${link}" onload="outcome = 'ran'" onerror="outcome = 'refused'"></script>`;
        await page.goto(site.page('/script', script));
        expect(await page.evaluate('outcome')).toBe('refused');
      });
      expect(site.calls.slice(before)).toEqual([]);
    });
  });

  test('shows HTML that calls itself text as text', async () => {
    const before = site.calls.length;
    const html = `<script>fetch("${site.origin}/text")</script>`;
    const link = await linkTo('notes.txt', `some notes\n${html}`);
    const upgraded = await linkTo('page.png', `<!doctype html>${html}`);
    await within(async ({ page }) => {
      await open(page, link);
      expect(await page.textContent('body')).toContain(html);
      await open(page, upgraded);
      await page.waitForTimeout(300);
    });
    expect(site.calls.slice(before)).toEqual([]);
  });

  test('shows a PDF in the viewer, sandboxed as it is, and in a frame', async () => {
    const link = await linkTo('paper.pdf', pdf());
    await within(
      async ({ page, downloads }) => {
        const { headers } = await fetch(link);
        expect(headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
        expect(headers.get('content-disposition')).toBe('inline; filename=paper.pdf');
        await page.goto(link);
        await expect.poll(() => darkShare(page), { timeout: SHOWN_WITHIN_MS }).toBeGreaterThan(0.1);
        await page.goto(
          site.page(
            '/pdf',
            `<style>body{margin:0}</style><iframe src="${link}#toolbar=0" width=600 height=500>`,
          ),
        );
        await expect.poll(() => darkShare(page), { timeout: SHOWN_WITHIN_MS }).toBeGreaterThan(0.1);
        expect(downloads).toEqual([]);
      },
      { viewport: { width: 600, height: 500 } },
    );
  });

  test('leaks its token to nobody by Referer', async () => {
    const link = await linkTo('pixel.png', PNG);
    await within(async ({ page }) => {
      const answer = await page.goto(link);
      expect(answer?.headers()['referrer-policy']).toBe('no-referrer');
    });
  });

  /** How much of the window is pure black, which the viewer itself is not. */
  async function darkShare(page: Page): Promise<number> {
    const shot = `data:image/png;base64,${(await page.screenshot()).toString('base64')}`;
    return within(({ page: counter }) => counter.evaluate<number>(`(${SHARE})(${JSON.stringify(shot)})`));
  }
});

/** Runs in the page: seeks to 110 seconds. */
const SEEK = `(async () => {
  const video = document.querySelector('video');
  const event = (name) => new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, { once: true });
    video.addEventListener('error', () => reject(new Error(video.error.message)), { once: true });
  });
  if (video.readyState === 0) await event('loadedmetadata');
  const seeked = event('seeked');
  video.currentTime = 110;
  await seeked;
  return { at: video.currentTime, duration: video.duration };
})()`;

/** Runs in a page: the share of pixels of an image that are pure black. */
const SHARE = `async (source) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  let black = 0;
  for (let index = 0; index < data.length; index += 4) {
    if (data[index] + data[index + 1] + data[index + 2] === 0) black += 1;
  }
  return (black * 4) / data.length;
}`;
