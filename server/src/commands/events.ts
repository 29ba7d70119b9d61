import type { DeliveryRecord } from '#core/model/sink.ts';
import { type Command, UsageError } from './command.ts';
import type { Context, Service } from './context.ts';
import { mustBeMigrated, withService } from './open.ts';
import { table, timeText } from './table.ts';

const LISTED = 1000;
const ACTIONS = ['parked', 'redrive', 'discard', 'enable', 'disable'] as const;

export const events: Command = {
  name: 'events',
  usage: 'events sinks | events parked|redrive|discard|enable|disable <sink>',
  summary: 'Shows who is told of events, and what they refused; tries it again.',
  details: [
    '  sinks              how far every sink has come',
    '  parked <sink>      events that it refused for good, at most a thousand',
    '    --json           print JSON',
    '  redrive <sink>     tries parked events again',
    '  discard <sink>     forgets parked events',
    '    --positions <n>  only these, separated by commas',
    '  enable <sink>      tells a disabled sink of events again',
    '  disable <sink>     tells it of nothing for now',
  ],
  options: { json: { type: 'boolean' }, positions: { type: 'string' } },
  maxWords: 2,
  async run([action, name], options, context) {
    const chosen = ACTIONS.find((one) => one === action);
    const isList = action === 'sinks' && name === undefined;
    if (!isList && (chosen === undefined || name === undefined))
      throw new UsageError(
        '"osproxy events" needs one of sinks, parked <sink>, redrive <sink>, discard <sink>, enable <sink>, disable <sink>; see "osproxy events --help".',
      );
    const positions = positionsOf(options.positions);
    if (positions !== undefined && chosen !== 'redrive' && chosen !== 'discard')
      throw new UsageError('--positions goes with redrive and discard only.');
    return withService(context, async (service) => {
      await mustBeMigrated(service);
      const json = options.json === true;
      if (chosen === undefined || name === undefined) await showSinks(service, json, context);
      else if (chosen === 'parked') {
        show(await service.sinks.parked(name, undefined, LISTED), json, context);
      } else if (chosen === 'redrive' || chosen === 'discard') {
        const count = await service.sinks[chosen](name, positions);
        const what = chosen === 'redrive' ? 'tried again' : 'forgotten';
        context.print(
          `${count} parked event${count === 1 ? '' : 's'} of sink "${name}" ${count === 1 ? 'is' : 'are'} ${what}.`,
        );
      } else {
        const { state } = await service.sinks[chosen](name);
        context.print(`Sink "${name}" is ${state}.`);
      }
      return 0;
    });
  },
};

function positionsOf(given: unknown): readonly string[] | undefined {
  if (typeof given !== 'string') return undefined;
  if (/^\d{1,18}(,\d{1,18})*$/.test(given)) return given.split(',');
  throw new UsageError(`--positions is "${given}"; it must be ids of events, separated by commas.`);
}

async function showSinks(service: Service, json: boolean, context: Context): Promise<void> {
  const sinks = await service.sinks.list();
  if (json || sinks.length === 0) {
    context.print(json ? JSON.stringify(sinks, null, 2) : 'No event sink has begun.');
    return;
  }
  const rows = sinks.map((sink) => [
    sink.name,
    sink.isConfigured ? sink.state : `${sink.state}, not configured`,
    ...[sink.lag, sink.waiting, sink.parked].map(String),
    sink.retryAt === undefined ? '' : timeText(sink.retryAt),
    sink.reason ?? '',
  ]);
  context.print(table(['SINK', 'STATE', 'BEHIND', 'WAITING', 'PARKED', 'TRIED AGAIN', 'REASON'], rows));
}

function show(parked: readonly DeliveryRecord[], json: boolean, context: Context): void {
  if (json || parked.length === 0) {
    context.print(json ? JSON.stringify(parked, null, 2) : 'Nothing is parked.');
    return;
  }
  const rows = parked.map(({ event, attempts, reason }) => [
    event.position,
    event.type,
    event.subject,
    timeText(event.at),
    String(attempts),
    reason ?? '',
  ]);
  context.print(table(['EVENT', 'TYPE', 'SUBJECT', 'AT', 'ATTEMPTS', 'REASON'], rows));
}
