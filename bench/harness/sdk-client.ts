import { S3Client } from '@aws-sdk/client-s3';

/** A bucket and who may use it; the names are those of the store's settings. */
export interface S3Place {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
}

/** The SDK as it comes, but for the checksums it would add: they would slow it down, and the service sends none either. */
export function sdkClient({ endpoint, accessKeyId, secretAccessKey }: S3Place): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}
