import { readyFile, unverifiedManifest } from '../server/src/core/contents.ts';
import { newFileEntry } from '../server/src/core/drive/new-entry.ts';
import { type ChildrenPage, DriveTree } from '../server/src/core/drive/tree.ts';
import type { Metadata } from '../server/src/core/ports/metadata.ts';
import { numbersAndWords } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { ALL_DATABASES, withDatabase } from './harness/databases.ts';
import { GIB } from './harness/files.ts';
import { median } from './harness/median.ts';
import { addPerson } from './harness/people.ts';
import { printTable } from './harness/report.ts';

const { numbers, words } = numbersAndWords(
  { entries: 100_000, page: 100, times: 200 },
  { databases: { standard: ALL_DATABASES, all: ALL_DATABASES } },
);
const { entries: count, page: limit, times } = numbers;
const USER = '7';
const AT_ONCE = 500;
const DEEP = 500;

let lastId = 1_000_000n;
const ids = {
  next: () => {
    lastId += 1n;
    return String(lastId);
  },
};

/** One folder with everything in it; sizes and times in another order than names. */
async function fill(metadata: Metadata, folderId: string): Promise<void> {
  const manifest = { ...unverifiedManifest('1', [], 1), verified: true };
  const facts = { owner: '', name: '', contentType: 'application/pdf', md5: undefined, sha256: undefined };
  const file = readyFile({ uid: '1', ...facts, manifest }, 1);
  for (let done = 0; done < count; done += AT_ONCE) {
    const entries = Array.from({ length: AT_ONCE }, (_, index) => {
      const n = done + index;
      const named = { id: ids.next(), userId: USER, parentId: folderId, name: `report ${n}.pdf` };
      return newFileEntry(
        named,
        { ...file, uid: ids.next(), size: (n * 7919) % 50_000 },
        (n * 104_729) % 1e6,
      );
    });
    await metadata.transaction((r) => r.entries.insertMany(entries));
  }
}

async function measure(
  database: string,
  metadata: Metadata,
  settle: () => Promise<void>,
): Promise<string[][]> {
  const tree = new DriveTree({ metadata, ids, clock: { now: () => Date.now() } });
  await addPerson(metadata, USER);
  const { id } = await tree.root(USER);
  await fill(metadata, id);
  await settle();
  const rows: string[][] = [];
  for (const sort of ['name', 'size', 'time'] as const) {
    for (const descending of [false, true]) {
      const at = (after: ChildrenPage['after']) =>
        tree.children(USER, id, { sort, descending, after, limit });
      let deep: ChildrenPage['after'];
      for (let n = 1; n < DEEP; n += 1) deep = (await at(deep)).next;
      // In turns, so that what else the machine does meets both.
      const [first, later]: [number[], number[]] = [[], []];
      for (let n = 0; n < times; n += 1) {
        for (const [after, list] of [
          [undefined, first],
          [deep, later],
        ] as const) {
          const begun = performance.now();
          const { entries } = await at(after);
          list.push(performance.now() - begun);
          if (entries.length !== limit) throw new Error(`A page has ${entries.length} entries.`);
        }
      }
      const [one, many] = [median(first), median(later)];
      const order = `${sort}, ${descending ? 'descending' : 'ascending'}`;
      rows.push([`${database}: ${order}`, one.toFixed(2), many.toFixed(2), (many / one).toFixed(2)]);
    }
  }
  return rows;
}

await benchmark({
  title: `drive-list: pages of ${limit} of a folder of ${count} entries on each database; aim: page ${DEEP} within 1.5 of the first`,
  diskBytes: 4 * GIB,
  run: async (workspace) => {
    const rows: string[][] = [];
    for (const database of words.databases) {
      await withDatabase(database, workspace, async ({ metadata, settle }) => {
        rows.push(...(await measure(database, metadata, settle)));
      });
    }
    printTable(['', 'first page, ms', `page ${DEEP}, ms`, 'ratio'], rows);
  },
});
