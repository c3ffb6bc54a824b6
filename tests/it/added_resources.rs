//! Archives to which an upload adds `resources`: their entries keep what their headers say, and limits hold.

use std::io::Write;

use rawzip::extra_fields::ExtraFieldId;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, Header, ZipArchive, ZipArchiveWriter};

use crate::support::Part::{File, Text};
use crate::support::{Response, Server, WorkDir, archive, upload};
use crate::uploads::serve;

/// A server on which `first` has bits, and their SHA-1.
struct Stored {
    dir: WorkDir,
    server: Server,
    token: String,
    sha1: String,
}

impl Stored {
    fn new(flags: &[&str]) -> Self {
        let dir = WorkDir::new();
        let server = serve(&dir, &[&["--api", "current"], flags].concat());
        let token = dir.token("dora");
        let jar = archive(&[("Main.class", b"class")]);
        let first = upload("/v3/packages/first/upload", &token, &[File("bits", &jar)]);
        assert_eq!(server.send(first).status, 200);
        let export: serde_json::Value =
            serde_json::from_str(&dir.run(&["export"]).stdout).expect("an export");
        let sha1 = export["packages"][0]["sha1"].as_str().expect("a checksum");
        Self {
            sha1: sha1.to_owned(),
            dir,
            server,
            token,
        }
    }

    /// Uploads `zip` and the bits of `first` as the file `path`.
    fn add(&self, zip: &[u8], path: &str) -> Response {
        let resources = format!(r#"[{{"fn":"{path}","sha1":"{}"}}]"#, self.sha1);
        let parts = [Text("resources", &resources), File("bits", zip)];
        let target = "/v3/packages/second/upload";
        self.server.send(upload(target, &self.token, &parts))
    }

    fn second(&self, path: &str) -> Response {
        let target = format!("/v3/packages/second{path}");
        self.server.get(&target, &self.token)
    }
}

/// Returns an archive of `count` entries that all lead to the same data, which is not compressed and said to have one byte.
fn overlapping(count: u16, data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len())
        .expect("a short text")
        .to_le_bytes();
    let fields = |out: &mut Vec<u8>| {
        out.extend([20, 0, 0, 0, 0, 0, 0, 0, 33, 0]);
        out.extend([0; 4]);
        out.extend(size);
        out.extend(1_u32.to_le_bytes());
        out.extend([5, 0, 0, 0]);
    };
    let mut zip = b"PK\x03\x04".to_vec();
    fields(&mut zip);
    zip.extend(b"00000");
    zip.extend(data);
    let mut directory = Vec::new();
    for number in 0..count {
        directory.extend(b"PK\x01\x02\x14\x00");
        fields(&mut directory);
        directory.extend([0; 14]);
        directory.extend(format!("{number:05}").as_bytes());
    }
    let offset = u32::try_from(zip.len()).expect("a short text");
    let length = u32::try_from(directory.len()).expect("a short text");
    zip.extend(directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend(count.to_le_bytes());
    zip.extend(count.to_le_bytes());
    zip.extend(length.to_le_bytes());
    zip.extend(offset.to_le_bytes());
    zip.extend([0; 2]);
    zip
}

#[test]
fn entries_that_share_their_data_are_not_copied() {
    let stored = Stored::new(&["--max-upload", "1"]);
    let zip = overlapping(300, &vec![b'x'; 900_000]);
    assert_eq!(stored.add(&zip, "r").status, 200);
    let second = stored.second("").body;
    let error = "The app upload is invalid: Invalid zip archive.";
    assert!(
        second.contains("FAILED") && second.contains(error),
        "{second}"
    );
}

#[test]
fn data_that_is_larger_than_its_entry_says_counts() {
    let stored = Stored::new(&["--max-upload", "1"]);
    let zip = overlapping(1, &vec![b'x'; 1_100_000]);
    assert_eq!(stored.add(&zip, "r").status, 200);
    let second = stored.second("").body;
    let error = "The app package is invalid: Package may not be larger than 1048576 bytes";
    assert!(
        second.contains("FAILED") && second.contains(error),
        "{second}"
    );
}

#[test]
fn entries_keep_what_their_headers_say() {
    let extra = ExtraFieldId::new(0x6666);
    let mut writer = ZipArchiveWriter::new(Vec::new());
    writer.set_comment(b"all of it".to_vec());
    let file = writer
        .new_file("é.txt")
        .compression_method(CompressionMethod::STORE)
        .unix_permissions(0o100_755)
        .last_modified(UtcDateTime::from_components(2020, 5, 5, 6, 7, 8, 0).expect("a time"))
        .comment("one")
        .extra_field(extra, b"both", Header::default())
        .expect("a field");
    let (mut entry, config) = file.start().expect("an entry begins");
    let mut data = config.wrap(&mut entry);
    data.write_all(b"content").expect("data is written");
    let (_, descriptor) = data.finish().expect("data ends");
    entry.finish(descriptor).expect("an entry ends");
    let file = writer.new_file("secret").encrypted(true);
    let (mut entry, config) = file.start().expect("an entry begins");
    let mut data = config.wrap(&mut entry);
    data.write_all(b"hidden").expect("data is written");
    let (_, descriptor) = data.finish().expect("data ends");
    entry.finish(descriptor).expect("an entry ends");
    let zip = writer.finish().expect("an archive ends");

    let stored = Stored::new(&[]);
    let answer = stored.add(&zip, "naïve");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let after = stored.second("/download").bytes;
    let after = ZipArchive::from_slice(&after).expect("an archive");
    let before = ZipArchive::from_slice(&zip).expect("an archive");
    assert_eq!(after.comment().as_bytes(), b"all of it");
    let all = |archive: &rawzip::ZipSliceArchive<&Vec<u8>>| {
        let entries = archive.entries().map(|entry| {
            let entry = entry.expect("an entry");
            let extra: Vec<_> = entry
                .extra_fields()
                .map(|(id, field)| (id.as_u16(), field.to_vec()))
                .collect();
            let data = archive.get_entry(entry.wayfinder()).expect("its data");
            let said = (
                entry.file_path().as_bytes().to_vec(),
                entry.comment().as_bytes().to_vec(),
                entry.last_modified_dos(),
                entry.external_attributes(),
                entry.version_made_by().as_u16(),
                (entry.crc32(), data.data().to_vec()),
                extra,
            );
            (said, entry.flags().bits(), data.local_header().crc32())
        });
        entries.collect::<Vec<_>>()
    };
    let (before, after) = (all(&before), all(&after));
    assert_eq!(after.len(), 3);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.0, after.0);
    }
    // No data descriptor, but behind encrypted data, where it tells how the password is checked.
    let flags: Vec<_> = after.iter().map(|(_, flags, _)| *flags).collect();
    assert_eq!(flags, [0x800, 0x009, 0x800]);
    for (said, _, local_crc32) in &after {
        assert_eq!(said.5.0, *local_crc32);
    }
    let (said, ..) = &after[2];
    assert_eq!(said.0, "naïve".as_bytes());
    assert_eq!((said.2.year(), said.2.month(), said.2.day()), (1980, 1, 1));
}

#[test]
fn resources_are_not_added_to_an_archive_of_very_many_entries() {
    let mut writer = ZipArchiveWriter::new(Vec::new());
    for number in 0..65_536 {
        let path = format!("{number}/");
        writer.new_dir(path.as_str()).create().expect("an entry");
    }
    let zip = writer.finish().expect("an archive ends");
    let stored = Stored::new(&[]);
    let answer = stored.add(&zip, "r");
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("65535 entries"), "{}", answer.body);
    assert!(stored.second("").body.contains("AWAITING_UPLOAD"));
}

#[test]
fn path_that_no_archive_can_hold_is_not_safe() {
    let stored = Stored::new(&[]);
    let answer = stored.add(&archive(&[("a", b"x")]), &"n".repeat(65_536));
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("is not safe"));
    let answer = stored.add(&archive(&[("a", b"x")]), &"n".repeat(65_535));
    assert_eq!(answer.status, 200, "{}", answer.body);
    drop(stored.server);
    assert!(stored.dir.run_ok(&["check"]).contains("bits: no fault"));
}
