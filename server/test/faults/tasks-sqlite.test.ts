import { temporaryDatabase } from '#test/contracts/metadata-temporary.ts';
import { taskFaults } from './task-faults.ts';

taskFaults('SQLite', async () => {
  const database = await temporaryDatabase();
  return { ...database, url: `sqlite:${database.path}` };
});
