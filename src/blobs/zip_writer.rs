//! Writes a zip archive into a spool: the headers as <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT> lays them out.
//!
//! All headers hold the sizes and the CRC, which are known before the data, so that an archive can be read in one pass. A
//! data descriptor follows only encrypted data that had one: there it decides what the password is checked with.

use std::io::{self, Write};

use super::{ContentFile, Spool};

/// Bit 0 of the flags: the data is encrypted.
const ENCRYPTED: u16 = 1;
/// Bit 3 of the flags: a data descriptor follows the data.
const HAS_DESCRIPTOR: u16 = 1 << 3;
/// Bit 11 of the flags: name and comment are UTF-8.
pub(super) const UTF_8: u16 = 1 << 11;
/// The id of the extra field with sizes of 64 bits.
const ZIP64: u16 = 1;
/// The version of the format that such a field needs, 4.5.
const ZIP64_VERSION: u16 = 45;

/// What the headers of an entry say.
#[derive(Debug)]
pub(super) struct Entry {
    pub made_by: u16,
    pub version_needed: u16,
    pub flags: u16,
    pub method: u16,
    /// The time of day, as MS-DOS packs it.
    pub time: u16,
    /// The date, as MS-DOS packs it.
    pub date: u16,
    pub crc32: u32,
    /// The size of the data as it is in the archive, in bytes.
    pub compressed: u64,
    /// The size of the file, in bytes.
    pub size: u64,
    pub internal_attributes: u16,
    pub external_attributes: u32,
    pub name: Vec<u8>,
    pub comment: Vec<u8>,
    /// The extra fields of the header before the data.
    pub local_extra: Vec<u8>,
    /// The extra fields of the header in the directory.
    pub central_extra: Vec<u8>,
}

/// An archive that is being written.
#[derive(Debug)]
pub(super) struct ZipWriter {
    spool: Spool,
    /// The directory, which follows the entries.
    directory: Vec<u8>,
    count: u64,
}

impl ZipWriter {
    pub(super) fn new(spool: Spool) -> Self {
        Self {
            spool,
            directory: Vec::new(),
            count: 0,
        }
    }

    /// Writes an entry. `write_data` writes `entry.compressed` bytes.
    ///
    /// # Errors
    ///
    /// Fails if `write_data` fails, or if the spool cannot be written.
    pub(super) fn entry<E: From<io::Error>>(
        &mut self,
        mut entry: Entry,
        write_data: impl FnOnce(&mut Spool) -> Result<(), E>,
    ) -> Result<(), E> {
        if entry.flags & ENCRYPTED == 0 {
            entry.flags &= !HAS_DESCRIPTOR;
        }
        let offset = self.spool.size();
        entry.write_local(&mut self.spool)?;
        write_data(&mut self.spool)?;
        if entry.flags & HAS_DESCRIPTOR != 0 {
            entry.write_descriptor(&mut self.spool)?;
        }
        entry.write_central(offset, &mut self.directory)?;
        self.count += 1;
        Ok(())
    }

    /// Writes the directory and the comment of the archive, and returns the archive.
    ///
    /// # Errors
    ///
    /// Fails if the spool cannot be written.
    pub(super) fn finish(self, comment: &[u8]) -> io::Result<ContentFile> {
        let Self {
            mut spool,
            directory,
            count,
        } = self;
        let (offset, size) = (spool.size(), directory.len() as u64);
        spool.write_all(&directory)?;
        let mut end = Vec::new();
        if count >= u64::from(u16::MAX) || is_long(offset) || is_long(size) {
            let at = spool.size();
            end.extend(b"PK\x06\x06");
            end.extend(44_u64.to_le_bytes());
            end.extend(ZIP64_VERSION.to_le_bytes());
            end.extend(ZIP64_VERSION.to_le_bytes());
            // The numbers of two disks.
            end.extend([0; 8]);
            for number in [count, count, size, offset] {
                end.extend(number.to_le_bytes());
            }
            end.extend(b"PK\x06\x07");
            end.extend(0_u32.to_le_bytes());
            end.extend(at.to_le_bytes());
            end.extend(1_u32.to_le_bytes());
        }
        let short_count = u16::try_from(count).unwrap_or(u16::MAX);
        end.extend(b"PK\x05\x06");
        end.extend([0; 4]);
        end.extend(short_count.to_le_bytes());
        end.extend(short_count.to_le_bytes());
        end.extend(short(size).to_le_bytes());
        end.extend(short(offset).to_le_bytes());
        end.extend(length(comment)?);
        end.extend(comment);
        spool.write_all(&end)?;
        Ok(spool.finish())
    }
}

impl Entry {
    fn needs_zip64(&self) -> bool {
        is_long(self.compressed) || is_long(self.size)
    }

    fn write_local(&self, out: &mut impl Write) -> io::Result<()> {
        let mut extra = Vec::new();
        if self.needs_zip64() {
            add_zip64(&mut extra, &[self.size, self.compressed]);
        }
        extra.extend(&self.local_extra);
        let mut header = b"PK\x03\x04".to_vec();
        self.write_common(self.needs_zip64(), &mut header);
        header.extend(length(&self.name)?);
        header.extend(length(&extra)?);
        header.extend(&self.name);
        header.extend(&extra);
        out.write_all(&header)
    }

    fn write_descriptor(&self, out: &mut impl Write) -> io::Result<()> {
        let mut descriptor = b"PK\x07\x08".to_vec();
        descriptor.extend(self.crc32.to_le_bytes());
        for size in [self.compressed, self.size] {
            match self.needs_zip64() {
                true => descriptor.extend(size.to_le_bytes()),
                false => descriptor.extend(short(size).to_le_bytes()),
            }
        }
        out.write_all(&descriptor)
    }

    /// Writes the header that leads to the other one, at `offset`.
    fn write_central(&self, offset: u64, out: &mut Vec<u8>) -> io::Result<()> {
        let mut long = Vec::new();
        if self.needs_zip64() {
            // Both are marked as long, so that descriptors have one size.
            long.extend([self.size, self.compressed]);
        }
        if is_long(offset) {
            long.push(offset);
        }
        let mut extra = Vec::new();
        if !long.is_empty() {
            add_zip64(&mut extra, &long);
        }
        extra.extend(&self.central_extra);
        out.extend(b"PK\x01\x02");
        out.extend(self.made_by.to_le_bytes());
        self.write_common(!long.is_empty(), out);
        out.extend(length(&self.name)?);
        out.extend(length(&extra)?);
        out.extend(length(&self.comment)?);
        // The number of the disk.
        out.extend([0; 2]);
        out.extend(self.internal_attributes.to_le_bytes());
        out.extend(self.external_attributes.to_le_bytes());
        out.extend(short(offset).to_le_bytes());
        out.extend(&self.name);
        out.extend(&extra);
        out.extend(&self.comment);
        Ok(())
    }

    /// Writes the fields that both headers have, up to the sizes.
    fn write_common(&self, is_zip64: bool, out: &mut Vec<u8>) {
        let version = match is_zip64 {
            true => self.version_needed.max(ZIP64_VERSION),
            false => self.version_needed,
        };
        for field in [version, self.flags, self.method, self.time, self.date] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.crc32.to_le_bytes());
        for size in [self.compressed, self.size] {
            let field = match self.needs_zip64() {
                true => u32::MAX,
                false => short(size),
            };
            out.extend(field.to_le_bytes());
        }
    }
}

/// Returns extra fields without that for sizes of 64 bits, which is written anew where it is needed.
pub(super) fn without_zip64(extra: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(extra.len());
    let mut rest = extra;
    while let [id_low, id_high, low, high, ..] = *rest {
        let length = 4 + usize::from(u16::from_le_bytes([low, high]));
        let Some((field, after)) = rest.split_at_checked(length) else {
            break;
        };
        if u16::from_le_bytes([id_low, id_high]) != ZIP64 {
            kept.extend(field);
        }
        rest = after;
    }
    // Fields that are cut off are kept as they are.
    kept.extend(rest);
    kept
}

fn add_zip64(extra: &mut Vec<u8>, values: &[u64]) {
    extra.extend(ZIP64.to_le_bytes());
    let length = u16::try_from(8 * values.len()).expect("at most three values");
    extra.extend(length.to_le_bytes());
    for value in values {
        extra.extend(value.to_le_bytes());
    }
}

/// Returns whether a field of 32 bits cannot hold that value.
fn is_long(value: u64) -> bool {
    value >= u64::from(u32::MAX)
}

/// Returns the field of 32 bits for that value.
fn short(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Returns the field with the length of `bytes`.
fn length(bytes: &[u8]) -> io::Result<[u8; 2]> {
    let length = u16::try_from(bytes.len())
        .map_err(|_| io::Error::other("a name, comment or extra field has 64 KiB"))?;
    Ok(length.to_le_bytes())
}
