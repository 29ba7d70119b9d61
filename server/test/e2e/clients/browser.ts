import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';

export const CHROMIUM = { command: '/usr/bin/chromium', packages: ['chromium', 'fonts-dejavu-core'] };

/** Root may not use the sandbox of Chromium's own; nothing here leaves this machine. */
const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--autoplay-policy=no-user-gesture-required',
];

export function launch(): Promise<Browser> {
  // In a locale without Unicode Chromium does not keep names that need it.
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  return chromium.launch({ executablePath: CHROMIUM.command, args: SWITCHES, env, timeout: 60_000 });
}

export interface Watched {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors and warnings of the console, uncaught errors included. */
  readonly complaints: string[];
  /** Every address that was asked for. */
  readonly requests: string[];
  /** Names under which the browser saved something. */
  readonly downloads: string[];
}

/** Opens an empty page of a browser that remembers nothing; closed by closing its context. */
export async function watched(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ acceptDownloads: true, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  const downloads: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('download', (download) => downloads.push(download.suggestedFilename()));
  context.on('request', (request) => requests.push(request.url()));
  return { page, context, complaints, requests, downloads };
}

/** Opens what may turn out to be a download, which ends the navigation. */
export async function open(page: Page, url: string): Promise<void> {
  await page.goto(url).catch((error: Error) => {
    if (!/Download is starting|ERR_ABORTED/.test(error.message)) throw error;
  });
}

export interface Site {
  readonly origin: string;
  /** Serves this HTML at the path from now on. */
  page(path: string, html: string): string;
  /** Paths that were asked for but do not exist: what a script that ran would call. */
  readonly calls: readonly string[];
  close(): Promise<void>;
}

/** Another website, on a port and so an origin of its own. */
export async function startSite(): Promise<Site> {
  const pages = new Map<string, string>();
  const calls: string[] = [];
  const server: Server = createServer((request, response) => {
    const html = pages.get(request.url ?? '');
    if (html === undefined && request.url !== '/favicon.ico') calls.push(request.url ?? '');
    response.writeHead(html === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(html ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    calls,
    page: (path, html) => {
      pages.set(path, `<!doctype html><title>site</title><link rel="icon" href="data:,">${html}`);
      return `${origin}${path}`;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
