import { MEDIA_REASONS, type MediaRecord } from '#core/model/media.ts';
import { type Command, UsageError } from './command.ts';
import { mustBeMigrated, withService } from './open.ts';
import { table, timeText } from './table.ts';

const LISTED = 1000;

export const media: Command = {
  name: 'media',
  usage: 'media refused [--reason <reason>] | media redrive [--reason <reason>]',
  summary:
    'Shows images, films and sounds that were refused when they were looked at, and has them looked at again.',
  details: [
    '  refused          what was refused and why, at most a thousand',
    '    --json         print JSON',
    '  redrive          forgets the refusals; the running service looks at the files again',
    `    --reason       one of ${MEDIA_REASONS.join(', ')}`,
  ],
  options: { reason: { type: 'string' }, json: { type: 'boolean' } },
  maxWords: 1,
  async run([action], options, context) {
    const reason = MEDIA_REASONS.find((one) => one === options.reason);
    if (options.reason !== undefined && reason === undefined)
      throw new UsageError(`--reason is "${options.reason}"; it must be one of ${MEDIA_REASONS.join(', ')}.`);
    if (action !== 'refused' && action !== 'redrive')
      throw new UsageError('"osproxy media" needs one of refused, redrive; see "osproxy media --help".');
    return withService(context, async (service) => {
      await mustBeMigrated(service);
      if (action === 'redrive') {
        const count = await service.media.redrive(reason);
        context.print(`${count} content${count === 1 ? ' is' : 's are'} looked at again.`);
        return 0;
      }
      const refused = await service.media.refused(reason, LISTED);
      if (options.json === true) context.print(JSON.stringify(refused, null, 2));
      else context.print(refused.length === 0 ? 'Nothing was refused.' : shown(refused));
      return 0;
    });
  },
};

function shown(refused: readonly MediaRecord[]): string {
  const rows = refused.map(({ uid, refusal, probedAt }) => [
    uid,
    refusal?.reason ?? '',
    timeText(probedAt),
    refusal?.message ?? '',
  ]);
  return table(['FILE', 'REASON', 'AT', 'WHAT IS WRONG'], rows);
}
