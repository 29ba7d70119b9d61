import { CATEGORIES } from '#core/categories.ts';
import type { FileMatch, MoveRecord } from '#core/model/move.ts';
import type { MoveReport } from '#core/moves.ts';
import { bytesText } from './bytes-text.ts';
import { type Command, type OptionValues, UsageError } from './command.ts';
import type { Context, Service } from './context.ts';
import { mustBeMigrated, withService } from './open.ts';
import { table, timeText } from './table.ts';

const MEBIBYTE = 1024 * 1024;
const SEE = 'see "osproxy stores --help"';

export const stores: Command = {
  name: 'stores',
  usage:
    'stores list | stores move --from <store> --to <store> [--match <conditions>] [--bandwidth <MiB/s>] | stores moves [<id>] | stores pause|resume|cancel <id>',
  summary: 'Shows the stores and what is in them, and moves content from one to another.',
  details: [
    '  list, usage            every store with its type, limits, objects and bytes',
    '  move                   begins a move; the running service does it, while files are read and uploaded',
    '    --from, --to         names of two stores',
    '    --match <conditions> only files that meet all of them, such as "category=video minSize=1000000 owner=shop extensions=mp4,mkv"',
    '    --bandwidth <n>      most MiB per second that are copied (default: no limit)',
    '  moves                  every move with its progress',
    '  moves <id>             one move with what failed and why',
    '  pause, cancel <id>     stops it; what was moved stays moved',
    '  resume <id>            goes on with a paused move, or tries again what failed in one that is done',
    '    --json               print JSON',
    '',
    'Exit code of moves <id>: 1 when something failed.',
  ],
  options: {
    from: { type: 'string' },
    to: { type: 'string' },
    match: { type: 'string' },
    bandwidth: { type: 'string' },
    json: { type: 'boolean' },
  },
  maxWords: 2,
  async run([action, id], options, context) {
    const work = actionOf(action, id, options, context);
    return withService(context, async (service) => {
      await mustBeMigrated(service);
      return work(service);
    });
  },
};

type Work = (service: Service) => Promise<number>;

function actionOf(
  action: string | undefined,
  id: string | undefined,
  options: OptionValues,
  context: Context,
): Work {
  const json = options.json === true;
  if (action === 'move' && id === undefined) {
    const wanted = wantedMove(options);
    return async (service) => {
      const move = await service.moves.create(wanted);
      context.print(
        json
          ? JSON.stringify(move, null, 2)
          : `Move ${move.id} has begun; the running service does it. Watch it with "osproxy stores moves ${move.id}".`,
      );
      return 0;
    };
  }
  for (const name of ['from', 'to', 'match', 'bandwidth']) {
    if (options[name] !== undefined)
      throw new UsageError(`"osproxy stores ${action ?? ''}" has no option --${name}; ${SEE}.`);
  }
  if ((action === 'list' || action === 'usage') && id === undefined)
    return (service) => list(service, json, context);
  if (action === 'moves' && id === undefined) return (service) => moves(service, json, context);
  if (action === 'moves') return (service) => report(service, id ?? '', json, context);
  if (action === 'pause' || action === 'resume' || action === 'cancel') {
    if (id === undefined) throw new UsageError(`"osproxy stores ${action}" needs the id of a move; ${SEE}.`);
    return async (service) => {
      const move = await service.moves[action](id);
      context.print(json ? JSON.stringify(move, null, 2) : `Move ${move.id} is ${move.state}.`);
      return 0;
    };
  }
  throw new UsageError(
    `"osproxy stores" needs one of list, usage, move, moves, pause, resume, cancel; ${SEE}.`,
  );
}

async function list(service: Service, json: boolean, context: Context): Promise<number> {
  const views = await service.stores.list();
  if (json) context.print(JSON.stringify(views, null, 2));
  else {
    const rows = views.map((view) => [
      view.name,
      view.isConfigured ? view.type : '(not configured)',
      view.isDefault ? 'default' : '',
      String(view.objects),
      bytesText(view.bytes),
      view.limits.maxFileSize === undefined ? '' : bytesText(view.limits.maxFileSize),
      view.limits.allowedTypes?.join(',') ?? '',
    ]);
    context.print(table(['STORE', 'TYPE', '', 'OBJECTS', 'BYTES', 'LARGEST FILE', 'TYPES'], rows));
  }
  return 0;
}

async function moves(service: Service, json: boolean, context: Context): Promise<number> {
  const all = await service.moves.list();
  if (json) context.print(JSON.stringify(all, null, 2));
  else if (all.length === 0) context.print('There are no moves; begin one with "osproxy stores move".');
  else context.print(movesTable(all));
  return 0;
}

async function report(service: Service, id: string, json: boolean, context: Context): Promise<number> {
  const { move, failures }: MoveReport = await service.moves.report(id);
  if (json) context.print(JSON.stringify({ ...move, failures }, null, 2));
  else {
    context.print(movesTable([move]));
    for (const failure of failures) context.print(`failed: object ${failure.blobId}: ${failure.reason}`);
  }
  return move.failedBlobs > 0 ? 1 : 0;
}

function movesTable(all: readonly MoveRecord[]): string {
  const of = (done: number, total: number | undefined, text: (n: number) => string = String) =>
    `${text(done)} of ${total === undefined ? '?' : text(total)}`;
  const rows = all.map((move) => [
    move.id,
    move.from,
    move.to,
    move.state,
    of(move.done.files, move.total?.files),
    of(move.done.blobs, move.total?.blobs),
    of(move.done.bytes, move.total?.bytes, bytesText),
    String(move.failedBlobs),
    timeText(move.createdAt),
    timeText(move.endedAt),
  ]);
  return table(['ID', 'FROM', 'TO', 'STATE', 'FILES', 'OBJECTS', 'BYTES', 'FAILED', 'BEGUN', 'ENDED'], rows);
}

function wantedMove(options: OptionValues) {
  const { from, to } = options;
  if (typeof from !== 'string' || typeof to !== 'string')
    throw new UsageError(`"osproxy stores move" needs --from and --to; ${SEE}.`);
  return { from, to, match: matchOf(options.match), bytesPerSecond: bandwidthOf(options.bandwidth) };
}

function bandwidthOf(value: OptionValues[string]): number | undefined {
  if (typeof value !== 'string') return undefined;
  const mebibytes = /^\d{1,7}(\.\d{1,3})?$/.test(value) ? Number(value) : 0;
  if (mebibytes > 0) return Math.max(1, Math.round(mebibytes * MEBIBYTE));
  throw new UsageError(`--bandwidth is "${value}"; it must be a number of MiB per second above 0.`);
}

/** `name=value` pairs, separated by spaces. */
function matchOf(text: OptionValues[string]): FileMatch {
  if (typeof text !== 'string') return {};
  let match: FileMatch = {};
  for (const pair of text.split(/\s+/).filter((word) => word !== '')) {
    const cut = pair.indexOf('=');
    match = { ...match, ...conditionOf(pair.slice(0, Math.max(cut, 0)), pair.slice(cut + 1), pair) };
  }
  return match;
}

function conditionOf(name: string, value: string, pair: string): FileMatch {
  const wrong = (must: string) => new UsageError(`--match has "${pair}"; ${must}.`);
  if (value === '') throw wrong('a condition is a name, "=" and a value');
  switch (name) {
    case 'category': {
      const category = CATEGORIES.find((one) => one === value);
      if (category === undefined) throw wrong(`the category must be one of ${CATEGORIES.join(', ')}`);
      return { category };
    }
    case 'extensions':
      return { extensions: value.toLowerCase().split(',') };
    case 'owner':
      return { owner: value };
    case 'minSize':
    case 'maxSize':
      if (!/^\d{1,15}$/.test(value)) throw wrong('a size is a whole number of bytes');
      return { [name]: Number(value) };
    default:
      throw wrong('the conditions are category, extensions, minSize, maxSize and owner');
  }
}
