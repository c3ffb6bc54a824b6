// Lists the entries of a zip archive without loading it: reads its end, then its central directory, by ranges.
// The format is in https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.12 to 4.3.16.

/** The longest end of an archive: the record of large archives and its locator, the usual record, and a comment of 65,535 bytes. */
const MAX_END = 56 + 20 + 22 + 65_535;
/** The largest central directory that is read, in bytes. */
const MAX_DIRECTORY = 64 << 20;
const METHODS = { 0: 'stored', 8: 'deflate', 9: 'deflate64', 12: 'bzip2', 14: 'lzma', 93: 'zstd', 95: 'xz' };

/**
 * Returns the size of the archive and its entries. `read(first, last)` returns the bytes of a range, both ends included, and
 * the size of the whole; with a negative `first`, that many bytes at the end.
 */
export async function list(read) {
  const tail = await read(-MAX_END);
  const { size } = tail;
  const start = size - tail.bytes.length;
  const end = findEnd(tail.bytes);
  if (end < 0) throw new Error('The end of a zip archive was not found in these bits.');
  const { count, length, at } = await zip64End(read, tail.bytes, start, end) ?? { ...endOf(tail.bytes, end), at: start + end };
  if (length > MAX_DIRECTORY) throw new Error('The central directory of this archive is too long to be shown.');
  // The directory ends where the record begins. The stored offset is wrong if something was put before the archive.
  const offset = at - length;
  if (offset < 0) throw new Error('The central directory of this archive lies before its beginning.');
  const directory = offset >= start
    ? tail.bytes.subarray(offset - start, at - start)
    : length === 0 ? new Uint8Array() : (await read(offset, at - 1)).bytes;
  return { size, entries: entriesOf(directory, count) };
}

function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Returns where the record at the end begins, or -1. Its comment has to reach to the end of the archive. */
function findEnd(bytes) {
  const view = viewOf(bytes);
  for (let at = bytes.length - 22; at >= 0; at -= 1) {
    if (view.getUint32(at, true) === 0x06054b50 && at + 22 + view.getUint16(at + 20, true) === bytes.length) return at;
  }
  return -1;
}

function endOf(bytes, at) {
  const view = viewOf(bytes);
  return { count: view.getUint16(at + 10, true), length: view.getUint32(at + 12, true) };
}

/**
 * Returns what the record of large archives says, and where it begins; null if there is none. A locator before the usual record
 * leads to it. It usually lies right before the locator.
 */
async function zip64End(read, tail, start, end) {
  const locator = end - 20;
  if (locator < 0 || viewOf(tail).getUint32(locator, true) !== 0x07064b50) return null;
  let at = start + locator - 56;
  let bytes = tail.subarray(Math.max(0, locator - 56), locator);
  const isRecord = () => bytes.length >= 56 && viewOf(bytes).getUint32(0, true) === 0x06064b50;
  if (!isRecord()) {
    at = number(viewOf(tail).getBigUint64(locator + 8, true));
    ({ bytes } = await read(at, at + 55));
  }
  if (!isRecord()) throw new Error('The end of this zip archive is damaged.');
  const view = viewOf(bytes);
  return { count: number(view.getBigUint64(32, true)), length: number(view.getBigUint64(40, true)), at };
}

function number(big) {
  if (big > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error('A number in this zip archive is too large.');
  return Number(big);
}

function entriesOf(bytes, count) {
  const view = viewOf(bytes);
  const entries = [];
  let at = 0;
  while (entries.length < count) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50) {
      throw new Error(`The central directory of this archive is damaged after ${entries.length} of its ${count} entries.`);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const nameEnd = at + 46 + nameLength;
    const flags = view.getUint16(at + 8, true);
    const name = textOf(bytes.subarray(at + 46, nameEnd));
    const sizes = sizesOf(view, at, nameEnd, extraLength);
    const mode = view.getUint8(at + 5) === 3 ? view.getUint16(at + 40, true) : 0;
    entries.push({
      name,
      ...sizes,
      method: METHODS[view.getUint16(at + 10, true)] ?? `method ${view.getUint16(at + 10, true)}`,
      changed: timeOf(view.getUint16(at + 14, true), view.getUint16(at + 12, true)),
      isFolder: name.endsWith('/'),
      isLink: (mode & 0xf000) === 0xa000,
      isEncrypted: (flags & 1) === 1,
      mode: mode & 0o7777,
    });
    at = nameEnd + extraLength + view.getUint16(at + 32, true);
  }
  return entries;
}

/** Returns the sizes of an entry: those of the extra field 1 where the usual ones are all ones. */
function sizesOf(view, at, extra, extraLength) {
  let packed = view.getUint32(at + 20, true);
  let size = view.getUint32(at + 24, true);
  const end = Math.min(extra + extraLength, view.byteLength);
  for (let field = extra; field + 4 <= end; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    let value = field + 4;
    const valueEnd = Math.min(value + view.getUint16(field + 2, true), end);
    const next = () => {
      value += 8;
      return value <= valueEnd ? number(view.getBigUint64(value - 8, true)) : 0;
    };
    if (size === 0xffffffff) size = next();
    if (packed === 0xffffffff) packed = next();
  }
  return { size, packed };
}

/** Returns a name: UTF-8, as all programs write today, or else the old code page's letters as Latin-1. */
function textOf(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('latin1').decode(bytes);
  }
}

/** Returns the time of an entry, which has no time zone; nothing if it has none. */
function timeOf(date, time) {
  if (date === 0) return '';
  const two = (value) => String(value).padStart(2, '0');
  const [year, month, day] = [1980 + (date >> 9), (date >> 5) & 15, date & 31];
  return `${year}-${two(month)}-${two(day)} ${two(time >> 11)}:${two((time >> 5) & 63)}`;
}
