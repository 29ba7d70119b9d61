import { writeSync } from 'node:fs';
import { openMetadata } from '#drivers/metadata/index.ts';
import { NOW, newId, putFile, sampleFile, write } from './metadata-samples.ts';
import { recordingLogger } from './metadata-temporary.ts';

/** A process of a test: what it does, with the database at a path; it says line by line what was acknowledged. */
const [mode, path = '', argument = ''] = process.argv.slice(2);
const metadata = await openMetadata(`sqlite:${path}`, { logger: recordingLogger() });

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function writeForever(): Promise<never> {
  for (;;) {
    const { file } = await putFile(metadata, {}, `${process.pid}/${newId()}`);
    say(file.uid);
  }
}

switch (mode) {
  case 'migrate':
    say(JSON.stringify(await metadata.migrate()));
    await metadata.close();
    break;
  case 'bump':
    for (let i = 0; i < 100; i++) await write(metadata, ({ files }) => files.bumpLinkEpoch(argument, NOW));
    await metadata.close();
    break;
  case 'write':
    await Promise.all(Array.from({ length: 16 }, writeForever));
    break;
  case 'hang':
    for (let i = 0; i < 20; i++) say((await putFile(metadata)).file.uid);
    await write(metadata, async ({ files }) => {
      await files.insert(sampleFile({ uid: argument }));
      say('hanging');
      // Blocks the whole process in the middle of the transaction, at most as long as a test may take.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
    });
    break;
  default:
    throw new Error(`There is no mode "${mode}".`);
}
