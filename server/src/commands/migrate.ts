import type { Command } from './command.ts';
import { withService } from './open.ts';

export const migrate: Command = {
  name: 'migrate',
  usage: 'migrate [--dry-run]',
  summary: 'Brings the database to the schema of this version; serve does the same at its start.',
  details: ['  --dry-run  only show what would be applied, with its SQL'],
  options: { 'dry-run': { type: 'boolean' } },
  async run(_words, options, context) {
    return withService(context, async (service) => {
      const { pending } = await service.schema();
      if (pending.length === 0) {
        context.print('The database is up to date.');
        return 0;
      }
      if (options['dry-run'] === true) {
        const lines = (await service.plan()).flatMap(({ name, statements }) => [
          `would apply ${name}`,
          ...statements.map((statement) => `  ${statement};`),
        ]);
        context.print(lines.join('\n'));
        return 0;
      }
      await service.migrate();
      for (const name of pending) context.print(`applied ${name}`);
      return 0;
    });
  },
};
