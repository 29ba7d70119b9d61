import { type Static, Type } from 'typebox';
import { FileBody, ref } from './schemas.ts';

const HeldBody = Type.Object(
  {
    file: ref(FileBody),
    owner: Type.String(),
    heldBy: Type.String({ description: 'Type of the task that decides.', examples: ['scan'] }),
    since: Type.String({ format: 'date-time', description: 'UTC.' }),
    reason: Type.Optional(
      Type.String({ description: 'Why the task leaves it to you; missing while it has not.' }),
    ),
  },
  { $id: 'Held', description: 'A file that is held back, and by whom.' },
);
export type HeldBody = Static<typeof HeldBody>;

export const HeldListBody = Type.Object(
  {
    held: Type.Array(ref(HeldBody), { description: 'Oldest file first; a file comes once for each holder.' }),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'Give it as `cursor` for the next page; null on the last one.',
    }),
  },
  { $id: 'HeldList', description: 'A page of held files.' },
);

export const HELD_SCHEMAS = [HeldBody, HeldListBody];
