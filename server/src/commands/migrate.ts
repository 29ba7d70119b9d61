import type { Command } from './command.ts';
import { withService } from './open.ts';

export const migrate: Command = {
  name: 'migrate',
  usage: 'migrate [--dry-run]',
  summary: 'Brings the database to the schema of this version; serve does the same at its start.',
  details: ['  --dry-run  only list what would be applied'],
  options: { 'dry-run': { type: 'boolean' } },
  async run(_words, options, context) {
    return withService(context, async (service) => {
      const { pending } = await service.schema();
      if (pending.length === 0) {
        context.print('The database is up to date.');
        return 0;
      }
      const dry = options['dry-run'] === true;
      if (!dry) await service.migrate();
      for (const name of pending) context.print(`${dry ? 'would apply' : 'applied'} ${name}`);
      return 0;
    });
  },
};
