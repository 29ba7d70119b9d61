import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentTelemetry } from '#core/ports/telemetry.ts';
import { silentLogger } from '#test/silent-logger.ts';
import { openStore } from './index.ts';

const context = { nodeId: 'n1', telemetry: silentTelemetry, logger: silentLogger };
const SETTINGS = `settings: { type: 'object', properties: { size: { type: 'integer', minimum: 1, maximum: 9 }, accessToken: { type: 'string', minLength: 5 } }, required: ['size'], additionalProperties: false }`;
const MEMBERS = ['put', 'open', 'stat', 'delete', 'list', 'close'].map((name) => `${name}: fail`).join(', ');

let folder: string;
let count = 0;
const openModule = async (text: string, settings: object = { size: 1 }) => {
  count += 1;
  const type = join(folder, `store-${count}.mjs`);
  await writeFile(type, text);
  return openStore('mine', { type, ...settings }, context);
};
const moduleOf = (create: string, fail = "throw new Error('x')") =>
  `const fail = async () => { ${fail} }; export default { ${SETTINGS}, create: async () => { ${create} } };`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'osproxy-own-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a module of your own', () => {
  const works = `return { nodeLocal: true, ${MEMBERS} };`;

  it('that is not there, or cannot be loaded, or needs what is not there', async () => {
    const type = join(folder, 'none.ts');
    await expect(openStore('mine', { type }, context)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: `The module ${type} does not exist.`,
    });
    await expect(openModule('export default {')).rejects.toThrowError(/could not be loaded: /);
    await expect(openModule("import './other.mjs'; export default {};")).rejects.toThrowError(
      /could not be loaded: Cannot find module .*other\.mjs/,
    );
    await expect(openModule("throw new Error('no licence');")).rejects.toThrowError(
      /could not be loaded: no licence\.$/,
    );
  });

  it.each([
    ['nothing', 'export const store = {};'],
    ['a function', 'export default () => {};'],
    ['no schema', 'export default { create: async () => {} };'],
    ['another schema', "export default { settings: { type: 'string' }, create: async () => {} };"],
    ['no create', `export default { ${SETTINGS} };`],
  ])('that exports %s', async (_what, text) => {
    await expect(openModule(text)).rejects.toThrowError(
      /must export a store type as its default: an object with a settings schema of an object and a function create\.$/,
    );
  });

  it('whose start fails or makes no store', async () => {
    await expect(openModule(moduleOf("throw new Error('no route')"))).rejects.toThrowError(
      /could not start the store: no route\.$/,
    );
    await expect(
      openModule(moduleOf('return { nodeLocal: true, put() {}, open() {} }')),
    ).rejects.toThrowError(/lacks stat, delete, list, close\.$/);
    await expect(openModule(moduleOf('return undefined'))).rejects.toThrowError(/lacks nodeLocal, put/);
  });

  it.each<[object, string]>([
    [{}, 'needs the setting "size": see its type.'],
    [{ size: 10 }, 'has a wrong setting: size is 10; it must be a number from 1 to 9.'],
    [{ size: 1, colour: 'x' }, 'does not have the setting "colour"; it has size, accessToken.'],
    [
      { size: 1, accessToken: 'abc' },
      'has a wrong setting: accessToken is (hidden); it must be a text that is not empty.',
    ],
  ])('with the settings %j', async (settings, sentence) => {
    const failed = openModule(moduleOf(works), settings);
    await expect(failed).rejects.toMatchObject({ code: 'InvalidArgument' });
    await expect(failed).rejects.toThrowError(sentence);
  });

  it.each([
    ["throw Object.assign(new Error('Gone.'), { code: 'NotFound' })", 'NotFound', 'Gone'],
    ["throw Object.assign(new Error('Later'), { code: 'Unavailable' })", 'Unavailable', 'Later'],
    ["throw Object.assign(new Error('secret path'), { code: 'EIO' })", 'Internal', 'does not explain'],
    ["throw 'text'", 'Internal', 'does not explain'],
  ])('that throws: %s', async (fail, code, message) => {
    const store = await openModule(moduleOf(works, fail));
    await expect(store.stat('a')).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

it('an unknown type is one clear sentence', async () => {
  await expect(openStore('mine', { type: 's4' }, context)).rejects.toThrowError(
    'The store "mine" has the type "s4"; it must be one of local-disk, memory, s3, or the path of a module such as ./my-store.ts.',
  );
});
