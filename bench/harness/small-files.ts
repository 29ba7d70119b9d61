import type { Osproxy } from './osproxy.ts';
import { transfer } from './transfer-job.ts';

const LINKS_PER_CALL = 200;
const FILES_PER_PAGE = 1000;

/** Stores `count` different files of the source's size and returns the uids of all that are stored. */
export async function smallFiles(
  osproxy: Osproxy,
  source: string,
  bytes: number,
  count: number,
): Promise<string[]> {
  await transfer({
    method: 'PUT',
    urls: Array.from({ length: count }, (_, index) => `${osproxy.url}/api/v1/files/${index}.bin`),
    headers: { authorization: osproxy.authorization },
    concurrency: Math.min(32, count),
    body: { file: source, fileBytes: bytes, bytes },
  });
  return allUids(osproxy);
}

/** Newest first. */
export async function allUids(osproxy: Osproxy): Promise<string[]> {
  const uids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = `limit=${FILES_PER_PAGE}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
    type Page = { files: { uid: string }[]; next: string | null };
    const page: Page = await osproxy.json<Page>('GET', `/api/v1/files?${query}`);
    uids.push(...page.files.map(({ uid }) => uid));
    cursor = page.next;
  }
  return uids;
}

/** Paths with query of signed v0 links, in the order of the uids. */
export async function downloadLinks(osproxy: Osproxy, uids: readonly string[]): Promise<string[]> {
  const links: string[] = [];
  for (let start = 0; start < uids.length; start += LINKS_PER_CALL) {
    const body = { uid: uids.slice(start, start + LINKS_PER_CALL), expire: 86_400 };
    type Answer = { data: { url: string }[] };
    const { data } = await osproxy.json<Answer>('POST', '/api/storage/v0/link/download', body);
    links.push(...data.map(({ url }) => url));
  }
  return links;
}
