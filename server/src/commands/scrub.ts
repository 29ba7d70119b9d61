import type { ScrubReport } from '#core/scrub/scrub-board.ts';
import { bytesText } from './bytes-text.ts';
import { type Command, UsageError } from './command.ts';
import type { Context } from './context.ts';
import { mustBeMigrated, withService } from './open.ts';
import { table, timeText } from './table.ts';

export const scrub: Command = {
  name: 'scrub',
  usage: 'scrub status [--json] | scrub start',
  summary: 'Shows what reading stored content again has found, or begins it now.',
  details: [
    '  status           how far every store has come, and what is wrong and could not be mended',
    '    --json         print JSON',
    '  start            begins now with every store whose last round is over; the running service does it',
    '',
    'Exit code of status: 1 when something is wrong and not mended.',
  ],
  options: { json: { type: 'boolean' } },
  maxWords: 1,
  async run([action], options, context) {
    if (action !== 'status' && action !== 'start')
      throw new UsageError('"osproxy scrub" needs one of status, start; see "osproxy scrub --help".');
    return withService(context, async (service) => {
      await mustBeMigrated(service);
      if (action === 'start') {
        await service.scrub.start();
        context.print(
          'A round has begun; the running service does it. Watch it with "osproxy scrub status".',
        );
        return 0;
      }
      const report = await service.scrub.report();
      if (options.json === true) context.print(JSON.stringify(report, null, 2));
      else show(report, context);
      return report.findings.length > 0 ? 1 : 0;
    });
  },
};

function show({ isOn, stores, findings }: ScrubReport, context: Context): void {
  if (!isOn) context.print('Scrubbing is switched off: scrub.periodDays is 0, or it leaves out every store.');
  if (stores.length > 0) {
    const rows = stores.map((one) => [
      one.store,
      one.node ?? '',
      String(one.round),
      timeText(one.startedAt),
      one.endedAt === undefined ? (one.trouble ?? 'under way') : timeText(one.endedAt),
      ...[String(one.blobs), bytesText(one.bytes)],
      ...[one.repaired, one.damaged, one.skipped].map(String),
    ]);
    const titles = ['STORE', 'NODE', 'ROUND', 'BEGUN', 'ENDED', 'OBJECTS', 'BYTES'];
    context.print(table([...titles, 'REPAIRED', 'DAMAGED', 'SKIPPED'], rows));
  } else if (isOn) context.print('Nothing was read again yet.');
  for (const { blobId, store, node, kind, lost, reason, files } of findings) {
    const at = node === undefined ? `store "${store}"` : `store "${store}" of node ${node}`;
    const needs = files.length === 0 ? 'no file' : `files ${files.join(', ')}`;
    context.print(`${kind}${lost ? ', lost' : ''}: object ${blobId} in ${at}: ${reason} Needed by ${needs}.`);
  }
}
