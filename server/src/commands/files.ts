import { isUid } from '#core/model/uid.ts';
import { type Command, UsageError } from './command.ts';
import type { Context, Service } from './context.ts';
import { mustBeMigrated, withService } from './open.ts';
import { table, timeText } from './table.ts';

const LISTED = 1000;

export const files: Command = {
  name: 'files',
  usage: 'files held | files release <uid> | files reject <uid> --reason <text>',
  summary: 'Shows files that are held back until they were checked, and decides about them.',
  details: [
    '  held             what waits, oldest first, at most a thousand, with the reason where it waits for you',
    '    --json         print JSON',
    '  release <uid>    makes it readable',
    '  reject <uid>     refuses it for good',
    '    --reason       a sentence for whoever asks for the file',
  ],
  options: { json: { type: 'boolean' }, reason: { type: 'string' } },
  maxWords: 2,
  async run([action, uid], options, context) {
    const isList = action === 'held' && uid === undefined;
    if (!isList && ((action !== 'release' && action !== 'reject') || uid === undefined))
      throw new UsageError(
        '"osproxy files" needs one of held, release <uid>, reject <uid>; see "osproxy files --help".',
      );
    if (uid !== undefined && !isUid(uid)) throw new UsageError(`"${uid}" is not the uid of a file.`);
    const reason = typeof options.reason === 'string' ? options.reason.trim() : undefined;
    if ((action === 'reject') !== (reason !== undefined && reason !== ''))
      throw new UsageError(
        'A file is rejected with a --reason, which whoever asks for it is told; nothing else takes one.',
      );
    return withService(context, async (service) => {
      await mustBeMigrated(service);
      if (uid === undefined) await show(service, options.json === true, context);
      else {
        const file = reason === undefined ? service.held.release(uid) : service.held.reject(uid, reason);
        const { name, state } = await file;
        context.print(`File ${uid} ("${name}") is ${state}.`);
      }
      return 0;
    });
  },
};

async function show(service: Service, json: boolean, context: Context): Promise<void> {
  const { held } = await service.held.list(undefined, LISTED);
  if (json || held.length === 0) {
    context.print(json ? JSON.stringify(held, null, 2) : 'No file is held back.');
    return;
  }
  const rows = held.map(({ file, hold }) => [
    file.uid,
    file.name,
    file.owner,
    hold.type,
    timeText(hold.since),
    hold.reason ?? '',
  ]);
  context.print(table(['UID', 'NAME', 'OWNER', 'HELD BY', 'SINCE', 'REASON'], rows));
}
