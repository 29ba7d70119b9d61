import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTask } from './index.ts';

let folder: string;
let count = 0;
const load = async (text: string) => {
  count += 1;
  const path = join(folder, `task-${count}.mjs`);
  await writeFile(path, text);
  return loadTask(path);
};
const task = (members: string) => `export default { ${members} };`;
const GOOD = "type: 'mine', schema: { type: 'object' }, handle() {}";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-task-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a task of your own', () => {
  it('is loaded with everything it says', async () => {
    const on =
      "on: [{ event: 'file.ready', categories: ['image'], contentTypes: ['image/*'], owners: ['a'], maxSize: 9 }]";
    const more =
      "schedule: '0 3 * * *', priority: 'low', concurrency: { cluster: 1 }, attempts: 3, timeoutSeconds: 10, precheck: () => true";
    expect(await load(task(`${GOOD}, ${on}, ${more}`))).toMatchObject({ type: 'mine', attempts: 3 });
  });

  it('that is not there or cannot be loaded', async () => {
    await expect(loadTask(join(folder, 'none.ts'))).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: `The module ${join(folder, 'none.ts')} does not exist.`,
    });
    await expect(load("throw new Error('no licence');")).rejects.toThrowError(
      /could not be loaded: no licence\.$/,
    );
    await expect(load('export default {')).rejects.toThrowError(/could not be loaded: /);
  });

  it.each([
    ['export const task = {};', 'must export a task as its default: an object with type, schema and handle.'],
    [task("schema: { type: 'object' }, handle() {}"), 'lacks type.'],
    [task("type: 'mine', schema: { type: 'object' }"), 'lacks handle.'],
    [task("type: 'Mine', schema: { type: 'object' }, handle() {}"), 'has a wrong type: it must be a name of'],
    [
      task("type: 'mine', schema: { type: 'string' }, handle() {}"),
      'has a wrong schema: it must be a JSON schema',
    ],
    [
      task("type: 'mine', schema: { type: 'object' }, handle: 1"),
      'has a wrong handle: it must be a function.',
    ],
    [task(`${GOOD}, attempts: 0`), 'has a wrong attempts: it must be a whole number from 1 to 1000.'],
    [task(`${GOOD}, timeoutSeconds: 'x'`), 'has a wrong timeoutSeconds'],
    [task(`${GOOD}, colour: 1`), 'has colour, which means nothing; there is type, schema, handle, on'],
    [task(`${GOOD}, on: []`), 'has a wrong on: it must be a list of triggers.'],
    [task(`${GOOD}, on: [{}]`), 'lacks on[0].event.'],
    [
      task(`${GOOD}, on: [{ event: 'task.failed' }]`),
      'has a wrong on[0].event: it must be one of upload.created',
    ],
    [task(`${GOOD}, on: [{ event: 'file.ready', categories: ['x'] }]`), 'has a wrong on[0].categories'],
    [task(`${GOOD}, on: [{ event: 'file.ready', hold: true }]`), 'has on[0].hold, which means nothing'],
    [
      task(`${GOOD}, on: [{ event: 'file.renamed', holds: true }]`),
      'holds files with another event than file.ready.',
    ],
    [
      task(`${GOOD}, everySeconds: 5, on: [{ event: 'file.ready', holds: true }]`),
      'holds files, and so must have no other trigger and no everySeconds or schedule.',
    ],
    [
      task(
        "type: 'mine', schema: { type: 'object', required: ['x'] }, handle() {}, on: [{ event: 'file.ready' }]",
      ),
      'has a schema that does not fit what its trigger gives',
    ],
    [
      task("type: 'mine', schema: { type: 'object', required: ['x'] }, handle() {}, everySeconds: 5"),
      'has a schema that does not fit what a recurring task is given: {}.',
    ],
    [task(`${GOOD}, everySeconds: 5, schedule: '0 3 * * *'`), 'has both everySeconds and a schedule'],
    [task(`${GOOD}, priority: 'urgent'`), 'has a wrong priority: it must be one of low, normal, high.'],
  ])('with something wrong: %s', async (text, sentence) => {
    const loading = load(text);
    await expect(loading).rejects.toMatchObject({ code: 'InvalidArgument' });
    await expect(loading).rejects.toThrowError(sentence);
  });
});
