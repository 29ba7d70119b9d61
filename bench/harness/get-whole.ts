import { once } from 'node:events';
import { type Agent, type IncomingMessage, request } from 'node:http';

/** The whole body of a GET; rejects unless the answer is a success that came to its end. */
export async function getWhole(
  url: string,
  agent: Agent,
  headers: Readonly<Record<string, string>> = {},
): Promise<Buffer> {
  const sent = request(url, { agent, headers }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`);
  return Buffer.concat(chunks);
}
