import type { UsageCounts, UsageDimension, UsageTotal } from '#core/model/usage.ts';
import { dayText, parseUsage } from '#core/usage/usage-days.ts';
import { bytesText } from './bytes-text.ts';
import type { Command } from './command.ts';
import { mustBeMigrated, withService } from './open.ts';
import { table } from './table.ts';

export const usage: Command = {
  name: 'usage',
  usage: 'usage [--from <day>] [--to <day>] [--by day,owner,key,store] [--owner <owner>] [--json]',
  summary: 'Shows what was uploaded and downloaded.',
  details: [
    '  --from, --to   days in UTC such as 2026-03-01, both included; the last thirty without them',
    '  --by           what is told apart: day (the default), owner, key, store, several with commas, or all for one sum',
    '  --owner        files of this owner alone',
    '  --json         print JSON',
  ],
  options: {
    from: { type: 'string' },
    to: { type: 'string' },
    by: { type: 'string' },
    owner: { type: 'string' },
    json: { type: 'boolean' },
  },
  maxWords: 0,
  async run(_words, options, context) {
    const text = (name: string) => {
      const value = options[name];
      return typeof value === 'string' ? { [name]: value } : {};
    };
    const asked = parseUsage({ ...text('from'), ...text('to'), ...text('by') }, Date.now());
    return withService(context, async (service) => {
      await mustBeMigrated(service);
      const totals = await service.usage.totals({ ...asked, ...text('owner') });
      if (options.json === true) context.print(JSON.stringify(totals.map(shown), null, 2));
      else
        context.print(table([...asked.by.map((one) => one.toUpperCase()), ...HEADS], rows(totals, asked.by)));
      return 0;
    });
  },
};

const HEADS = ['UPLOADS', 'BYTES IN', 'DOWNLOADS', 'BYTES OUT', 'FAILED'];

function shown(total: UsageTotal): object {
  return { ...total, ...(total.day === undefined ? {} : { day: dayText(total.day) }) };
}

function rows(totals: readonly UsageTotal[], by: readonly UsageDimension[]): string[][] {
  return totals.map((total) => [
    ...by.map((one) => (one === 'day' ? dayText(total.day ?? 0) : (total[one] ?? ''))),
    ...countTexts(total),
  ]);
}

function countTexts({ uploads, uploadedBytes, downloads, downloadedBytes, failures }: UsageCounts): string[] {
  return [
    String(uploads),
    bytesText(uploadedBytes),
    String(downloads),
    bytesText(downloadedBytes),
    String(failures),
  ];
}
