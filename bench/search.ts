import { readyFile, unverifiedManifest } from '../server/src/core/contents.ts';
import { newFileEntry } from '../server/src/core/drive/new-entry.ts';
import { DriveTree } from '../server/src/core/drive/tree.ts';
import type { Entry } from '../server/src/core/model/entry.ts';
import type { FileRecord } from '../server/src/core/model/file.ts';
import type { PersonPrincipal } from '../server/src/core/model/principal.ts';
import type { Metadata } from '../server/src/core/ports/metadata.ts';
import { NameSearch } from '../server/src/core/search/name-search.ts';
import { numbersAndWords } from './harness/arguments.ts';
import { benchmark } from './harness/benchmark.ts';
import { ALL_DATABASES, withDatabase } from './harness/databases.ts';
import { GIB } from './harness/files.ts';
import { madeUpNames, repeatable } from './harness/made-up-names.ts';
import { median } from './harness/median.ts';
import { addPerson } from './harness/people.ts';
import { printTable } from './harness/report.ts';

const { numbers, words } = numbersAndWords(
  { names: 1_000_000, people: 1, searches: 100, page: 50 },
  { databases: { standard: ALL_DATABASES, all: ALL_DATABASES } },
);
const { names: count, people, searches, page } = numbers;
const AT_ONCE = 500;

const clock = { now: () => Date.now() };
let lastId = 1_000_000n;
const ids = {
  next: () => {
    lastId += 1n;
    return String(lastId);
  },
};
const personOf = (userId: string): PersonPrincipal => ({
  ...{ kind: 'person', userId, sessionId: 's', role: 'member', owner: `~${userId}` },
});

function fileOf(uid: string): FileRecord {
  const manifest = { ...unverifiedManifest(uid, [], 1), verified: true };
  const facts = { owner: '', name: '', contentType: 'application/pdf', md5: undefined, sha256: undefined };
  return readyFile({ uid, ...facts, manifest }, 1);
}

/** Names, shared out among the people in turn. */
async function fill(metadata: Metadata): Promise<readonly PersonPrincipal[]> {
  const tree = new DriveTree({ metadata, ids, clock });
  const persons = Array.from({ length: people }, (_, n) => personOf(String(n + 1)));
  for (const { userId } of persons) await addPerson(metadata, userId);
  const roots: string[] = [];
  for (const { userId } of persons) roots.push((await tree.root(userId)).id);
  let batch: Entry[] = [];
  const write = async () => {
    const entries = batch;
    batch = [];
    await metadata.transaction((r) => r.entries.insertMany(entries));
  };
  let made = 0;
  for (const name of madeUpNames(count)) {
    const n = made % people;
    made += 1;
    // Names in one folder must differ.
    const named = {
      id: ids.next(),
      userId: persons[n]?.userId ?? '',
      parentId: roots[n] ?? '',
      name: `${name} ${made}`,
    };
    batch.push(newFileEntry(named, fileOf(ids.next()), made));
    if (batch.length === AT_ONCE) await write();
  }
  await write();
  return persons;
}

/** What somebody looks for: pieces of names that are there, so that each is found in as many names as such a piece is. */
function queriesOf(): Readonly<Record<string, readonly string[]>> {
  const random = repeatable(7);
  const all = [...madeUpNames(20_000)];
  const pick = () => all[Math.floor(random() * all.length)] ?? '';
  const piece = (pattern: RegExp, length: number) => {
    for (;;) {
      const found = pattern.exec(pick())?.[0];
      if (found === undefined || found.length < length) continue;
      const at = Math.floor(random() * (found.length - length + 1));
      return found.slice(at, at + length);
    }
  };
  const some = (make: () => string) => Array.from({ length: searches }, make);
  return {
    'two Chinese characters': some(() => piece(/[\u4e00-\u9fff]{2,}/, 2)),
    'two letters': some(() => piece(/[a-z]{3,}/, 2)),
    'five letters of a word': some(() => piece(/[a-z]{5,}/, 5)),
    'a date': some(() => piece(/\d{4}-\d\d-\d\d/, 10)),
    'two words': some(() => `${piece(/[a-z]{4,}/, 4)} ${piece(/\d{4}/, 4)}`),
    'a common word': some(() => 'report'),
    'a word in no name': some(() => `${piece(/[a-z]{5,}/, 5)}xqx`),
  };
}

async function measure(
  database: string,
  metadata: Metadata,
  settle: () => Promise<void>,
): Promise<string[][]> {
  const begun = performance.now();
  const persons = await fill(metadata);
  const seconds = (performance.now() - begun) / 1000;
  await settle();
  console.log(`${database}: ${count} names written in ${seconds.toFixed(0)} s`);
  const search = new NameSearch({ metadata, tree: new DriveTree({ metadata, ids, clock }) });
  const rows: string[][] = [];
  const every: number[] = [];
  for (const [what, texts] of Object.entries(queriesOf())) {
    const times: number[] = [];
    let found = 0;
    for (const [turn, text] of texts.entries()) {
      const person = persons[turn % people];
      if (person === undefined) continue;
      const start = performance.now();
      found += (await search.search(person, { text, limit: page })).found.length;
      times.push(performance.now() - start);
    }
    every.push(...times);
    rows.push([`${database}: ${what}`, ...figures(times), (found / texts.length).toFixed(1)]);
  }
  rows.push([`${database}: all`, ...figures(every), '']);
  return rows;
}

function figures(times: readonly number[]): string[] {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return [median(times), at(0.95), at(1)].map((ms) => ms.toFixed(2));
}

await benchmark({
  title: `searches among ${count} names of ${people} on each database, a page of ${page} each`,
  diskBytes: 12 * GIB,
  run: async (workspace) => {
    for (const database of words.databases) {
      await withDatabase(database, workspace, async ({ metadata, settle }) => {
        printTable(['', 'median ms', '95 %', 'most', 'found'], await measure(database, metadata, settle));
      });
    }
  },
});
