import { run } from './processes.ts';
import { findTools } from './tools.ts';

function headerArguments(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
}

/** Seconds from the start of a curl process to its end; it fails unless the answer is a success. */
export async function curlUpload(
  file: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { curl } = findTools('curl');
  const quiet = ['-q', '-sS', '--fail-with-body', '-o', '/dev/null', '-H', 'Expect:'];
  return (await run(curl, [...quiet, ...headerArguments(headers), '-T', file, url])).seconds;
}

/** As curlUpload; the bytes are thrown away and counted. */
export async function curlDownload(
  url: string,
  bytes: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { curl } = findTools('curl');
  const quiet = ['-q', '-sS', '--fail', '-o', '/dev/null', '-w', '%{size_download}'];
  const { seconds, stdout } = await run(curl, [...quiet, ...headerArguments(headers), url]);
  if (Number(stdout) !== bytes) throw new Error(`${url} gave ${stdout} of ${bytes} bytes`);
  return seconds;
}
