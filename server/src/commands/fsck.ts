import type { Command } from './command.ts';
import { mustBeMigrated, withService } from './open.ts';

export const fsck: Command = {
  name: 'fsck',
  usage: 'fsck [--repair] [--force] [--deep] [--json]',
  summary: 'Compares what the database says with what stores and drives hold.',
  details: [
    '  --repair  put right what can be put right without losing content',
    '  --force   look at stores that lost their mark as well; with --repair, take them as they are',
    '  --deep    read every byte and compare checksums',
    '  --json    one JSON line per finding, then one for the summary',
    '',
    'Exit code: 0 when nothing is wrong any more, 1 when findings remain.',
  ],
  options: {
    repair: { type: 'boolean' },
    force: { type: 'boolean' },
    deep: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async run(_words, options, context) {
    const stop = new AbortController();
    const abort = () => stop.abort();
    process.once('SIGINT', abort).once('SIGTERM', abort);
    const json = options.json === true;
    try {
      return await withService(context, async (service) => {
        await mustBeMigrated(service);
        const summary = await service.fsck({
          repair: options.repair === true,
          deep: options.deep === true,
          force: options.force === true,
          signal: stop.signal,
          report: (finding) =>
            context.print(
              json
                ? JSON.stringify(finding)
                : `${finding.repaired ? 'repaired' : 'found'} ${finding.kind}: ${finding.detail}`,
            ),
        });
        if (json) context.print(JSON.stringify({ summary }));
        else {
          const checked = Object.entries(summary.checked).map(([what, count]) => `${count} ${what}`);
          context.print(
            `checked ${checked.join(', ') || 'nothing'}: ${summary.found} found, ${summary.repaired} repaired`,
          );
        }
        return summary.found > summary.repaired ? 1 : 0;
      });
    } finally {
      process.off('SIGINT', abort).off('SIGTERM', abort);
    }
  },
};
