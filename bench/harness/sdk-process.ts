// The AWS SDK straight on a store: does the job it reads and prints one figure.
import { randomFillSync } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { sdkClient } from './sdk-client.ts';
import type { SdkJob } from './sdk-job.ts';

type Job<K extends SdkJob['kind']> = Extract<SdkJob, { kind: K }>;

const job = (await json(process.stdin)) as SdkJob;
const client = sdkClient(job.place);
const Bucket = job.place.bucket;
// What the SDK loads with its first request is not part of the figure.
await client.send(new ListBucketsCommand());
process.stdout.write(String(await work()));
client.destroy();

function work(): Promise<number> {
  if (job.kind === 'upload') return upload(job);
  if (job.kind === 'download') return download(job);
  return job.kind === 'put-many' ? putMany(job) : getMany(job);
}

async function upload({ key, file, partBytes, atOnce }: Job<'upload'>): Promise<number> {
  const source = await open(file);
  const { size } = await source.stat();
  const target = { Bucket, Key: key };
  const start = performance.now();
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  const parts = Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => index + 1);
  const waiting = parts.values();
  const tags = new Map<number, string | undefined>();
  const lane = async () => {
    const buffer = Buffer.allocUnsafeSlow(partBytes);
    for (const PartNumber of waiting) {
      const { bytesRead } = await source.read(buffer, 0, partBytes, (PartNumber - 1) * partBytes);
      const part = { ...target, UploadId, PartNumber, Body: buffer.subarray(0, bytesRead) };
      const { ETag } = await client.send(new UploadPartCommand(part));
      tags.set(PartNumber, ETag);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  const Parts = parts.map((PartNumber) => ({ PartNumber, ETag: tags.get(PartNumber) }));
  await client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }));
  const seconds = (performance.now() - start) / 1000;
  await source.close();
  return seconds;
}

async function download({ key }: Job<'download'>): Promise<number> {
  const start = performance.now();
  const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand({ Bucket, Key: key }));
  let bytes = 0;
  for await (const chunk of Body as Readable) bytes += (chunk as Buffer).length;
  if (bytes !== ContentLength) throw new Error(`${key} gave ${bytes} of ${ContentLength} bytes`);
  return (performance.now() - start) / 1000;
}

async function putMany({ prefix, bytes, connections, seconds }: Job<'put-many'>): Promise<number> {
  const body = randomFillSync(Buffer.alloc(bytes));
  let made = 0;
  return perSecond(connections, seconds, async () => {
    made += 1;
    const Body = Buffer.from(body);
    Body.writeUInt32LE(made);
    await client.send(new PutObjectCommand({ Bucket, Key: `${prefix}${made}`, Body }));
  });
}

async function getMany({ keys, connections, seconds }: Job<'get-many'>): Promise<number> {
  let asked = 0;
  return perSecond(connections, seconds, async () => {
    const key = keys[asked % keys.length] ?? '';
    asked += 1;
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: key }));
    await Body?.transformToByteArray();
  });
}

async function perSecond(connections: number, seconds: number, step: () => Promise<void>): Promise<number> {
  const start = performance.now();
  const end = start + seconds * 1000;
  let done = 0;
  const lane = async () => {
    for (; performance.now() < end; done += 1) await step();
  };
  await Promise.all(Array.from({ length: connections }, lane));
  return done / ((performance.now() - start) / 1000);
}
