//! Bundles whose program and database are short texts.

use std::io::Seek;

use super::*;

const FLAGS: [&str; 2] = ["--api=current", "--login-password=a b\nc"];

/// Returns the bytes of a bundle of these parts.
fn bundle(program: &[u8], database: &[u8]) -> Vec<u8> {
    let mut own = tempfile::tempfile().unwrap();
    own.write_all(program).unwrap();
    let mut data = tempfile::NamedTempFile::new().unwrap();
    data.write_all(database).unwrap();
    let mut out = tempfile::tempfile().unwrap();
    let flags = FLAGS.map(OsString::from);
    let length = program.len() as u64;
    let sizes = write::write_parts(&own, length, data.path(), &flags, &mut out).unwrap();
    let mut bytes = Vec::new();
    out.rewind().unwrap();
    out.read_to_end(&mut bytes).unwrap();
    assert_eq!(sizes.file, bytes.len() as u64);
    bytes
}

/// Returns what a program with these bytes carries.
fn opened(bytes: &[u8]) -> Result<Option<Bundle>, StoreError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Bundle::in_file(file, "it".into())
}

/// Returns the database in a bundle with these bytes, or `None` if it is refused.
fn database(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    opened(bytes).ok()??.write_database(&mut found).ok()?;
    Some(found)
}

/// Returns a file that begins as an ELF file does whose last part is the table of sections.
fn elf(length: u16) -> Vec<u8> {
    let mut file = vec![0; usize::from(length)];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[40..48].copy_from_slice(&64_u64.to_le_bytes());
    file[58..60].copy_from_slice(&1_u16.to_le_bytes());
    file[60..62].copy_from_slice(&(length - 64).to_le_bytes());
    file
}

#[test]
fn what_was_bundled_is_found_and_read() {
    for data in [&b""[..], b"some data", &[7; 300_000]] {
        let bytes = bundle(b"program", data);
        let found = opened(&bytes).unwrap().unwrap();
        assert_eq!(found.flags(), FLAGS.map(OsString::from));
        assert_eq!(found.trailer.program(), 7);
        assert_eq!(database(&bytes).unwrap(), data);
    }
}

#[test]
fn ordinary_program_carries_nothing() {
    for program in [&b""[..], b"program", &[0; 100_000], &elf(1000)[..]] {
        assert!(opened(program).unwrap().is_none());
    }
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(opened(&own).unwrap().is_none());
}

#[test]
fn bytes_may_follow_the_trailer() {
    let bytes = bundle(b"program", b"some data");
    for appended in [1, 4096, 64 << 10] {
        let signed = [&bytes[..], &vec![0x5a; appended]].concat();
        assert_eq!(database(&signed).unwrap(), b"some data", "{appended}");
    }
}

#[test]
fn no_changed_byte_of_data_flags_or_trailer_is_accepted() {
    let program = elf(200);
    let bytes = bundle(&program, b"some data, some more data");
    let begin = program.len() + 16;
    for at in begin..bytes.len() {
        for change in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            assert!(database(&changed).is_none(), "byte {at}");
        }
    }
}

#[test]
fn bundle_that_is_cut_short_is_refused_at_any_length() {
    let program = elf(200);
    let bytes = bundle(&program, b"some data, some more data");
    let lengths = (64..program.len()).chain(program.len() + 16..bytes.len());
    for length in lengths {
        let error = opened(&bytes[..length]).unwrap_err().to_string();
        assert!(error.starts_with("`it` "), "{error}");
    }
}

#[test]
fn trailer_of_another_file_is_refused() {
    let bytes = bundle(b"program", b"some data");
    let moved = [b"a longer program", &bytes[7..]].concat();
    let error = opened(&moved).unwrap_err().to_string();
    assert_eq!(error, format!("`it` {DAMAGED}"));
}
