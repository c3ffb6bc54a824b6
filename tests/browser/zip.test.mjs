// The module that lists archives, with archives of Python's zipfile.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

const zip = await import(process.env.ZIP_MODULE);

/** Returns the archive that a program in Python writes with `archive`. */
function written(program) {
  const whole = `import io, sys, zipfile\nout = io.BytesIO()\nwith zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:\n${program.map((line) => `    ${line}\n`).join('')}sys.stdout.buffer.write(out.getvalue())`;
  return execFileSync('python3', ['-c', whole], { maxBuffer: 1 << 28 });
}

/** Lists an archive, and counts how many of its bytes were read. */
async function list(bytes) {
  let count = 0;
  const listed = await zip.list(async (first, last) => {
    const part = first < 0 ? bytes.subarray(first) : bytes.subarray(first, last + 1);
    count += part.length;
    return { bytes: new Uint8Array(part), size: bytes.length };
  });
  return { ...listed, count };
}

const SHOP = ['archive.writestr(zipfile.ZipInfo("index.html", (2026, 11, 27, 5, 40, 0)), "x" * 100)', 'archive.writestr("größe.txt", b"", compress_type=8)'];

test('entries have their names, sizes and times', async () => {
  const { entries, size } = await list(written(SHOP));
  assert.deepEqual(entries.map(({ name, size: whole }) => [name, whole]), [['index.html', 100], ['größe.txt', 0]]);
  assert.equal(entries[0].changed, '2026-11-27 05:40');
  assert.equal(entries[1].method, 'deflate');
  assert(size > 100);
});

test('a comment, an end that looks like one, and bytes before the archive do no harm', async () => {
  const names = async (bytes) => (await list(bytes)).entries.map((entry) => entry.name);
  const expected = ['index.html', 'größe.txt'];
  assert.deepEqual(await names(written([...SHOP, 'archive.comment = b"PK\\x05\\x06" * 16383'])), expected);
  assert.deepEqual(await names(Buffer.concat([Buffer.alloc(100_000, 'PK'), written(SHOP)])), expected);
  assert.deepEqual(await names(written(['pass'])), []);
});

test('an archive of many files is listed by its directory alone', async () => {
  const bytes = written(['for number in range(70000):', '    archive.writestr(f"{number:05}.bin", b"0123456789" * 4, compress_type=0)']);
  const { entries, count } = await list(bytes);
  assert.equal(entries.length, 70_000);
  assert.equal(entries[69_999].name, '69999.bin');
  assert(count < bytes.length / 2, `${count} of ${bytes.length} bytes`);
  const before = await list(Buffer.concat([Buffer.alloc(1000), bytes]));
  assert.equal(before.entries.length, 70_000);
});

test('what is no archive, and a damaged one, is named', async () => {
  const shop = written(SHOP);
  await assert.rejects(list(Buffer.from('nothing')), /not found/);
  await assert.rejects(list(Buffer.alloc(0)), /not found/);
  await assert.rejects(list(shop.subarray(0, -1)), /not found/);
  await assert.rejects(list(Buffer.from(shop.toString('latin1').replace('PK\x01\x02', 'PK\x01\x03'), 'latin1')), /damaged after 0 of its 2 entries/);
  await assert.rejects(list(shop.subarray(-40)), /before its beginning/);
});
