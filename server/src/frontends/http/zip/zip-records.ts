import type { MemberPath } from './member-names.ts';

/** What a ZIP says about one member (PKWARE APPNOTE 6.3.10, section numbers of it). */
export interface Member {
  readonly path: MemberPath;
  readonly isFolder: boolean;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** A number that says: the true one is in the ZIP64 part. */
const IN_ZIP64_32 = 0xffffffff;
const IN_ZIP64_16 = 0xffff;
const VERSION = 20;
const VERSION_ZIP64 = 45;
/** §4.4.2: Unix, so that the upper half of the attributes are a mode. */
const MADE_BY = (3 << 8) | VERSION_ZIP64;
/** §4.4.4 bit 11: the name is UTF-8. */
const UTF8 = 0x0800;
/** §4.4.4 bit 3: check sum and sizes follow the data. */
const FOLLOWS = 0x0008;
const TIME_EXTRA = 9;

function isZip64({ size }: Member): boolean {
  return size >= IN_ZIP64_32;
}

/** Bytes of the local header and of the descriptor. */
export function aroundLength(member: Member): number {
  return localLength(member) + descriptorLength(member);
}

function localLength(member: Member): number {
  return 30 + member.path.bytes + TIME_EXTRA + (isZip64(member) ? 20 : 0);
}

function descriptorLength(member: Member): number {
  if (member.size === 0) return 0;
  return isZip64(member) ? 24 : 16;
}

/** Bytes of what the directory at the end says of a member that begins at `offset`. */
export function centralLength(member: Member, offset: number): number {
  const numbers = (isZip64(member) ? 2 : 0) + (offset >= IN_ZIP64_32 ? 1 : 0);
  return 46 + member.path.bytes + TIME_EXTRA + (numbers === 0 ? 0 : 4 + numbers * 8);
}

/** §4.3.7. Check sum and sizes of what has any bytes come in the descriptor. */
export function localHeader(member: Member): Buffer {
  const { path, size } = member;
  const zip64 = isZip64(member);
  const extra = TIME_EXTRA + (zip64 ? 20 : 0);
  const header = Buffer.alloc(localLength(member));
  header.writeUInt32LE(0x04034b50, 0);
  writeCommon(header, 4, member, zip64);
  header.writeUInt32LE(zip64 ? IN_ZIP64_32 : 0, 18);
  header.writeUInt32LE(zip64 ? IN_ZIP64_32 : 0, 22);
  header.writeUInt16LE(path.bytes, 26);
  header.writeUInt16LE(extra, 28);
  header.write(path.folder + path.name, 30);
  const at = writeTime(header, 30 + path.bytes, member);
  // §4.5.3: both sizes stand in a local header; they tell a reader that the descriptor has sizes of 8 bytes.
  if (zip64) writeZip64(header, at, [BigInt(size), BigInt(size)]);
  return header;
}

/** §4.3.9; nothing for a member without bytes, whose header has said all. */
export function descriptor(member: Member, crc: number): Buffer {
  const { size } = member;
  const zip64 = isZip64(member);
  const record = Buffer.alloc(descriptorLength(member));
  if (size === 0) return record;
  record.writeUInt32LE(0x08074b50, 0);
  record.writeUInt32LE(crc, 4);
  if (zip64) {
    record.writeBigUInt64LE(BigInt(size), 8);
    record.writeBigUInt64LE(BigInt(size), 16);
  } else {
    record.writeUInt32LE(size, 8);
    record.writeUInt32LE(size, 12);
  }
  return record;
}

/** §4.3.12. */
export function centralHeader(member: Member, crc: number, offset: number): Buffer {
  const { path, size, isFolder } = member;
  const far = offset >= IN_ZIP64_32;
  const large = isZip64(member);
  const numbers = [...(large ? [BigInt(size), BigInt(size)] : []), ...(far ? [BigInt(offset)] : [])];
  const extra = TIME_EXTRA + (numbers.length === 0 ? 0 : 4 + numbers.length * 8);
  const header = Buffer.alloc(centralLength(member, offset));
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(MADE_BY, 4);
  writeCommon(header, 6, member, numbers.length > 0);
  header.writeUInt32LE(crc, 16);
  header.writeUInt32LE(large ? IN_ZIP64_32 : size, 20);
  header.writeUInt32LE(large ? IN_ZIP64_32 : size, 24);
  header.writeUInt16LE(path.bytes, 28);
  header.writeUInt16LE(extra, 30);
  header.writeUInt32LE(isFolder ? ((0o040755 << 16) | 0x10) >>> 0 : (0o100644 << 16) >>> 0, 38);
  header.writeUInt32LE(far ? IN_ZIP64_32 : offset, 42);
  header.write(path.folder + path.name, 46);
  const at = writeTime(header, 46 + path.bytes, member);
  if (numbers.length > 0) writeZip64(header, at, numbers);
  return header;
}

/** §4.3.14 to §4.3.16: the end, with its ZIP64 part where a number asks for it. */
export function endRecords(count: number, directorySize: number, directoryOffset: number): Buffer {
  const zip64 = count >= IN_ZIP64_16 || directorySize >= IN_ZIP64_32 || directoryOffset >= IN_ZIP64_32;
  const records = Buffer.alloc(22 + (zip64 ? 76 : 0));
  let at = 0;
  if (zip64) {
    records.writeUInt32LE(0x06064b50, 0);
    records.writeBigUInt64LE(44n, 4);
    records.writeUInt16LE(MADE_BY, 12);
    records.writeUInt16LE(VERSION_ZIP64, 14);
    records.writeBigUInt64LE(BigInt(count), 24);
    records.writeBigUInt64LE(BigInt(count), 32);
    records.writeBigUInt64LE(BigInt(directorySize), 40);
    records.writeBigUInt64LE(BigInt(directoryOffset), 48);
    records.writeUInt32LE(0x07064b50, 56);
    records.writeBigUInt64LE(BigInt(directoryOffset + directorySize), 64);
    records.writeUInt32LE(1, 72);
    at = 76;
  }
  records.writeUInt32LE(0x06054b50, at);
  records.writeUInt16LE(Math.min(count, IN_ZIP64_16), at + 8);
  records.writeUInt16LE(Math.min(count, IN_ZIP64_16), at + 10);
  records.writeUInt32LE(Math.min(directorySize, IN_ZIP64_32), at + 12);
  records.writeUInt32LE(Math.min(directoryOffset, IN_ZIP64_32), at + 16);
  return records;
}

/** Version, flags, method 0 (stored) and time, which both headers have in this order. */
function writeCommon(header: Buffer, at: number, { size, modifiedAt }: Member, zip64: boolean): void {
  header.writeUInt16LE(zip64 ? VERSION_ZIP64 : VERSION, at);
  header.writeUInt16LE(size === 0 ? UTF8 : UTF8 | FOLLOWS, at + 2);
  const { date, time } = dosTime(modifiedAt);
  header.writeUInt16LE(time, at + 6);
  header.writeUInt16LE(date, at + 8);
}

/** The extended timestamp of Info-ZIP: what the DOS time cannot say, seconds in UTC. */
function writeTime(header: Buffer, at: number, { modifiedAt }: Member): number {
  header.writeUInt16LE(0x5455, at);
  header.writeUInt16LE(5, at + 2);
  header.writeUInt8(1, at + 4);
  const seconds = Math.floor(modifiedAt / 1000);
  header.writeInt32LE(Math.max(-0x80000000, Math.min(0x7fffffff, seconds)), at + 5);
  return at + TIME_EXTRA;
}

/** §4.5.3. */
function writeZip64(header: Buffer, at: number, numbers: readonly bigint[]): void {
  header.writeUInt16LE(0x0001, at);
  header.writeUInt16LE(numbers.length * 8, at + 2);
  for (const [index, number] of numbers.entries()) header.writeBigUInt64LE(number, at + 4 + index * 8);
}

/** §4.4.6, in UTC: from 1980 to 2107, in steps of two seconds. */
function dosTime(ms: number): { date: number; time: number } {
  const at = new Date(ms);
  const year = at.getUTCFullYear();
  if (!(year >= 1980)) return { date: (1 << 5) | 1, time: 0 };
  if (year > 2107) return { date: (127 << 9) | (12 << 5) | 31, time: (23 << 11) | (59 << 5) | 29 };
  return {
    date: ((year - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
  };
}
