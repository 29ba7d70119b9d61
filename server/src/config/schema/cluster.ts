import { Type } from 'typebox';
import { section, text } from './builders.ts';

const secret = (description: string, defaultText: string) =>
  text(description, { minLength: 32, secret: true, defaultText });

export const clusterSettings = section(
  {
    secret: Type.Optional(
      secret(
        'What the nodes of a cluster show each other; the same on every node, at least 32 random characters. It also makes the keys of links.',
        'none; then bytes in a node-local store can be read on its own node only',
      ),
    ),
    formerSecrets: Type.Array(Type.String({ minLength: 32, secret: true }), {
      default: [],
      maxItems: 8,
      secret: true,
      description:
        'Secrets that are accepted beside `cluster.secret`, so that it can be changed node by node; links that they signed stay good.',
    }),
    address: Type.Optional(
      text('Where the other nodes reach this one, such as `http://10.0.0.5:8888`.', {
        defaultText:
          'the address it listens on; where that is a wildcard, the first address of the machine that is not a loopback',
      }),
    ),
  },
  'Several nodes as one service.',
);
