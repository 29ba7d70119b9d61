import type { Command } from './command.ts';
import { withAnyDatabase } from './open.ts';
import { table } from './table.ts';

export const doctor: Command = {
  name: 'doctor',
  usage: 'doctor [--json]',
  summary: 'Checks the data folder, the database and every store, and says what to fix.',
  details: ['  --json  print JSON', '', 'Exit code: 0 when everything is well, 1 when something is not.'],
  options: { json: { type: 'boolean' } },
  async run(_words, options, context) {
    return withAnyDatabase(context, async (service) => {
      const rows = await service.doctor();
      if (options.json === true) context.print(JSON.stringify(rows, null, 2));
      else {
        context.print(
          table(
            ['CHECK', 'RESULT', 'DETAIL', 'WHAT TO DO'],
            rows.map((row) => [row.check, row.ok ? 'ok' : 'FAILED', row.detail, row.fix]),
          ),
        );
      }
      return rows.every((row) => row.ok) ? 0 : 1;
    });
  },
};
