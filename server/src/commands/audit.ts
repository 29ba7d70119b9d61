import { CSV_HEAD, csvLine } from '#core/audit/csv.ts';
import { parseMoment } from '#core/audit/moment.ts';
import type { AuditEntry } from '#core/model/audit.ts';
import type { AuditFilter } from '#core/ports/metadata/audit.ts';
import { type Command, type OptionValues, UsageError } from './command.ts';
import type { Context, Service } from './context.ts';
import { mustBeMigrated, withService } from './open.ts';
import { table, timeText } from './table.ts';

const SHOWN = 50;
const MOST_SHOWN = 1000;

export const audit: Command = {
  name: 'audit',
  usage:
    'audit [--actor <id>] [--action <action>] [--subject <id>] [--address <address>] [--from <time>] [--to <time>] [--limit <n>] [--json | --csv]',
  summary: 'Shows who did what from where.',
  details: [
    '  --actor      id of a user, key or link',
    '  --action     such as key.revoked, or a group of them as key.*',
    '  --subject    id of what it was done to',
    '  --address    address that it came from',
    '  --from, --to days or moments in UTC such as 2026-03-01 or 2026-03-01T12:00:00Z; the second is not included',
    `  --limit      how many, newest first, 1 to ${MOST_SHOWN} (default: ${SHOWN})`,
    '  --json       print JSON',
    '  --csv        print everything that fits as CSV, whatever the limit',
  ],
  options: {
    actor: { type: 'string' },
    action: { type: 'string' },
    subject: { type: 'string' },
    address: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    limit: { type: 'string' },
    json: { type: 'boolean' },
    csv: { type: 'boolean' },
  },
  maxWords: 0,
  async run(_words, options, context) {
    if (options.csv === true && (options.json === true || options.limit !== undefined))
      throw new UsageError('"osproxy audit --csv" takes neither --json nor --limit.');
    const filter = filterOf(options);
    const limit = limitOf(text(options, 'limit'));
    return withService(context, async (service) => {
      await mustBeMigrated(service);
      if (options.csv === true) return exported(service, filter, context);
      const { entries } = await service.audit.list(filter, undefined, limit);
      if (options.json === true) context.print(JSON.stringify(entries.map(shown), null, 2));
      else context.print(table(HEADS, entries.map(cells)));
      return 0;
    });
  },
};

const HEADS = ['TIME', 'WHO', 'ACTION', 'WHAT', 'OUTCOME', 'ADDRESS', 'DETAIL'];

async function exported(service: Service, filter: AuditFilter, context: Context): Promise<number> {
  const line = (text: string) => context.print(text.replace(/\r\n$/, '\r'));
  line(CSV_HEAD);
  for await (const entries of service.audit.walk(filter, new AbortController().signal))
    for (const entry of entries) line(csvLine(entry));
  return 0;
}

function cells({ at, actor, action, subject, outcome, origin, detail }: AuditEntry): string[] {
  const who = [actor.kind, actor.name ?? actor.id ?? ''].join(' ').trim();
  const what = [subject.kind, subject.id ?? ''].join(' ').trim();
  return [timeText(at), who, action, what, outcome, origin.address ?? '', JSON.stringify(detail)];
}

function shown(entry: AuditEntry): object {
  return { ...entry, at: new Date(entry.at).toISOString() };
}

function filterOf(options: OptionValues): AuditFilter {
  const { actor, action, subject, address, from, to } = Object.fromEntries(
    ['actor', 'action', 'subject', 'address', 'from', 'to'].map((name) => [name, text(options, name)]),
  );
  return { actor, action, subject, address, from: parseMoment(from, 'from'), to: parseMoment(to, 'to') };
}

function limitOf(value: string | undefined): number {
  if (value === undefined) return SHOWN;
  const limit = /^\d{1,4}$/.test(value) ? Number(value) : 0;
  if (limit >= 1 && limit <= MOST_SHOWN) return limit;
  throw new UsageError(`--limit is "${value}"; it must be a whole number from 1 to ${MOST_SHOWN}.`);
}

function text(options: OptionValues, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value.trim() : undefined;
}
