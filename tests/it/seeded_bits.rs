//! Seeds and exports with the bits of packages, and what `check` says of stored bits.

use std::os::unix::fs::PermissionsExt;

use cf_packages::store::{Durability, StoreError, Value};

use crate::support::{WorkDir, archive};

const PARENTS: &str = r#""organizations": [{"name": "acme"}],
  "spaces": [{"name": "dev", "organization": "acme"}],
  "apps": [{"name": "shop", "space": "dev"}]"#;

/// Returns a seed with these packages.
fn seed(packages: &str) -> String {
    format!("{{{PARENTS}, \"packages\": [{packages}]}}")
}

/// Returns a folder with two archives of several pieces and a seed of three packages, two of which are equal.
fn work_dir() -> (WorkDir, Vec<u8>, Vec<u8>) {
    let dir = WorkDir::new();
    let shop = archive(&[("shop", &vec![b's'; 700_000])]);
    let other = archive(&[("other", b"x")]);
    std::fs::create_dir_all(dir.path("seeds/bits")).expect("a folder");
    dir.write("seeds/bits/shop.zip", &shop);
    dir.write("seeds/other.zip", &other);
    let packages = r#"
      {"guid": "one", "app": "shop", "type": "bits", "bits": "bits/shop.zip"},
      {"guid": "two", "app": "shop", "type": "bits", "bits": "bits/../bits/shop.zip"},
      {"guid": "three", "app": "shop", "type": "bits", "bits": "other.zip"},
      {"guid": "four", "app": "shop", "type": "bits"}"#;
    dir.write("seeds/shop.json", seed(packages));
    (dir, shop, other)
}

#[test]
fn bits_are_read_beside_the_seed_and_fill_the_checksums() {
    let (dir, shop, other) = work_dir();
    let report = dir.run_ok(&["seed", "seeds/shop.json"]);
    assert!(report.contains("packages: 4 added"), "{report}");
    let again = dir.run_ok(&["seed", "seeds/shop.json"]);
    assert!(
        again.contains("packages: 0 added, 0 changed, 4 unchanged"),
        "{again}"
    );
    let server = dir.serve(&["--api", "current", "--no-auth"]);
    for (guid, bits) in [("one", &shop), ("two", &shop), ("three", &other)] {
        let path = format!("/v3/packages/{guid}");
        let package = server.get(&path, "").body;
        assert!(package.contains(r#""state":"READY""#), "{package}");
        let answer = server.get(&format!("{path}/download"), "");
        assert!(answer.bytes == **bits, "{guid}");
        let sha256 = answer
            .header("etag")
            .expect("a tag")
            .trim_matches('"')
            .to_owned();
        assert!(package.contains(&sha256), "{package}");
    }
    let four = server.get("/v3/packages/four", "").body;
    assert!(four.contains("AWAITING_UPLOAD"), "{four}");
}

#[test]
fn wrong_bits_are_named_and_nothing_is_stored() {
    let dir = WorkDir::new();
    dir.write("shop.zip", archive(&[("a", b"x")]));
    dir.write("text.zip", "text");
    let package = |fields: &str| seed(&format!(r#"{{"app": "shop", "type": "bits", {fields}}}"#));
    let zeros = "0".repeat(64);
    for (fields, path, text) in [
        (
            r#""bits": "nope.zip""#.to_owned(),
            "packages[0].bits",
            "`nope.zip` cannot be read: no such file or directory",
        ),
        (
            r#""bits": "text.zip""#.to_owned(),
            "packages[0].bits",
            "`text.zip` is not a zip archive",
        ),
        (
            r#""bits": ".""#.to_owned(),
            "packages[0].bits",
            "`.` cannot be read",
        ),
        (
            r#""bits": "shop.zip", "state": "AWAITING_UPLOAD""#.to_owned(),
            "packages[0].bits",
            "`bits` does not go with the state `AWAITING_UPLOAD`",
        ),
        (
            r#""bits": "shop.zip", "state": "FAILED""#.to_owned(),
            "packages[0].bits",
            "does not go with the state `FAILED`",
        ),
        (
            format!(r#""bits": "shop.zip", "sha256": "{zeros}""#),
            "packages[0].sha256",
            "`shop.zip` has the sha256 `",
        ),
    ] {
        dir.write("seed.json", package(&fields));
        let output = dir.run(&["seed", "seed.json"]);
        assert_eq!(output.status, 1, "{fields}");
        for part in [path, text] {
            assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
        }
        assert!(!dir.path("packages.db").exists());
    }
    let docker = seed(r#"{"app": "shop", "type": "docker", "image": "i", "bits": "shop.zip"}"#);
    dir.write("seed.json", docker);
    let output = dir.run(&["seed", "seed.json"]);
    assert!(
        output
            .stderr
            .contains("`bits` does not go with the type `docker`"),
        "{}",
        output.stderr
    );
}

#[test]
fn seed_that_is_not_a_file_cannot_name_bits() {
    let dir = WorkDir::new();
    dir.write("shop.zip", archive(&[("a", b"x")]));
    let text = seed(r#"{"app": "shop", "type": "bits", "bits": "shop.zip"}"#);
    let output = dir.run_with(&["seed", "-"], text.as_bytes());
    assert_eq!(output.status, 1);
    assert!(
        output.stderr.contains("name the seed as a file"),
        "{}",
        output.stderr
    );
    let server = dir.serve(&["--ephemeral", "--no-auth"]);
    let answer = server.send(format!(
        "POST /admin/seed HTTP/1.1\r\nHost: example.org\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    ));
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("packages[0].bits"), "{}", answer.body);
}

#[test]
fn seed_of_an_export_restores_the_bits() {
    let (dir, shop, other) = work_dir();
    dir.run_ok(&["seed", "seeds/shop.json"]);
    let export = dir.run_ok(&["export", "--bits", "exported"]);
    dir.write("export.json", &export);
    let mut files: Vec<_> = std::fs::read_dir(dir.path("exported"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort_by_key(|path| std::fs::metadata(path).expect("a file").len());
    let contents: Vec<_> = files
        .iter()
        .map(|path| std::fs::read(path).expect("bits"))
        .collect();
    assert!(contents == [other.clone(), shop.clone()]);
    for file in &files {
        let mode = std::fs::metadata(file)
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let name = file
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            export.contains(&format!("\"bits\":\"exported/{name}\"")),
            "{export}"
        );
    }
    dir.run_ok(&["seed", "export.json", "--db", "restored.db"]);
    let again = dir.run_ok(&["export", "--bits", "exported", "--db", "restored.db"]);
    assert_eq!(again, export);
    let lines = dir.run_ok(&["export", "--jsonl", "--bits", "exported/"]);
    dir.write("export.jsonl", lines);
    dir.run_ok(&["seed", "export.jsonl", "--db", "lines.db"]);
    for db in ["restored.db", "lines.db"] {
        let server = dir.serve(&["--db", db, "--no-auth"]);
        for (guid, bits) in [("one", &shop), ("two", &shop), ("three", &other)] {
            let answer = server.get(&format!("/v3/packages/{guid}/download"), "");
            assert!(answer.bytes == **bits, "{guid}");
        }
        server.stop();
        assert!(
            dir.run_ok(&["check", "--db", db])
                .contains("bits: no fault")
        );
    }
}

#[test]
fn export_without_bits_says_that_they_are_left_out() {
    let (dir, ..) = work_dir();
    dir.run_ok(&["seed", "seeds/shop.json"]);
    let output = dir.run(&["export"]);
    assert_eq!(output.status, 0);
    assert_eq!(
        output.stderr,
        "cf-packages: 3 packages have bits, which are left out; `--bits DIR` writes them too\n"
    );
    assert!(!output.stdout.contains("\"bits\":\""), "{}", output.stdout);
    // The checksums are data of the packages.
    dir.write("export.json", &output.stdout);
    dir.run_ok(&["seed", "export.json", "--db", "restored.db"]);
    assert_eq!(
        dir.run_ok(&["export", "--db", "restored.db"]),
        output.stdout
    );
    // Where the bits are stored, an export without them keeps them.
    let report = dir.run_ok(&["seed", "export.json"]);
    assert!(report.contains("0 changed, 4 unchanged"), "{report}");
}

#[test]
fn export_names_a_folder_that_cannot_be_written() {
    let (dir, ..) = work_dir();
    dir.run_ok(&["seed", "seeds/shop.json"]);
    let output = dir.run(&["export", "--bits", "seeds/shop.json"]);
    assert_eq!((output.status, &*output.stdout), (1, ""));
    assert!(
        output
            .stderr
            .contains("the bits cannot be written to `seeds/shop.json`"),
        "{}",
        output.stderr
    );
}

/// Replaces the second piece of each blob by zeroes.
const ZEROES: &str = "zeroes";

/// Runs statements that damage bits.
fn damage(dir: &WorkDir, change: &str) {
    if change != ZEROES {
        dir.change(&change.split(';').collect::<Vec<_>>());
        return;
    }
    let store = dir.location().open(Durability::Full).expect("opens");
    let written = store.write(|transaction| {
        let mut pieces = Vec::new();
        let sql = "select blob_id, length(content) from blob_pieces where number = 1";
        transaction.rows(sql, &[], |row| {
            pieces.push((row.int(0)?, row.int(1)?));
            Ok::<_, StoreError>(())
        })?;
        for (blob, length) in pieces {
            let zeroes = vec![0; usize::try_from(length).expect("a length")];
            let sql = "update blob_pieces set content = $1 where blob_id = $2 and number = 1";
            transaction.execute(sql, &[Value::Bytes(zeroes), blob.into()])?;
        }
        Ok::<_, StoreError>(())
    });
    written.expect("the bits can be changed");
}

#[test]
fn export_of_damaged_bits_fails_and_leaves_no_file_of_them() {
    for change in ["delete from blob_pieces where number = 1", ZEROES] {
        let (dir, shop, _) = work_dir();
        dir.run_ok(&["seed", "seeds/shop.json"]);
        damage(&dir, change);
        let sql = format!("select sha256 from blobs where size = {}", shop.len());
        let sha256 = dir.rows(&sql).remove(0);
        let output = dir.run(&["export", "--bits", "exported"]);
        assert_eq!((output.status, &*output.stdout), (1, ""), "{change}");
        assert!(output.stderr.contains(&sha256), "{}", output.stderr);
        let files = std::fs::read_dir(dir.path("exported")).expect("a folder");
        for file in files.map(|file| file.expect("an entry").path()) {
            assert!(file.file_name() != Some(sha256.as_ref()), "{change}");
            let name = file.file_name().expect("a name").to_string_lossy();
            assert!(!name.starts_with('.'), "{name}");
        }
    }
}

#[test]
fn export_to_a_folder_without_a_name_is_wrong_usage() {
    let (dir, ..) = work_dir();
    dir.run_ok(&["seed", "seeds/shop.json"]);
    let output = dir.run(&["export", "--bits", ""]);
    assert_eq!((output.status, &*output.stdout), (2, ""));
    assert!(output.stderr.contains("--bits"), "{}", output.stderr);
}

#[test]
fn reset_of_an_ephemeral_server_restores_deleted_bits() {
    let (dir, shop, _) = work_dir();
    dir.run_ok(&["seed", "seeds/shop.json", "--db", "packages.db"]);
    let flags = ["--ephemeral", "--from", "packages.db", "--no-auth"];
    let server = dir.serve(&flags);
    let send = |method: &str, path: &str| {
        server.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: example.org\r\nContent-Length: 0\r\n\r\n"
        ))
    };
    for guid in ["one", "two", "three"] {
        assert_eq!(send("DELETE", &format!("/v3/packages/{guid}")).status, 204);
    }
    assert_eq!(server.get("/v3/packages/one/download", "").status, 404);
    assert_eq!(send("POST", "/admin/reset").status, 204);
    for guid in ["one", "two"] {
        let answer = server.get(&format!("/v3/packages/{guid}/download"), "");
        assert!(answer.bytes == shop, "{guid}");
    }
    // The original has its bits still.
    assert!(
        dir.run_ok(&["check", "--db", "packages.db"])
            .contains("bits: no fault")
    );
}

#[test]
fn seed_reset_removes_the_bits() {
    let (dir, ..) = work_dir();
    dir.run_ok(&["seed", "seeds/shop.json"]);
    dir.run_ok(&["seed", "--reset"]);
    let sql = "select (select count(*) from blobs) + (select count(*) from blob_pieces)";
    assert_eq!(dir.number(sql), 0);
}

#[test]
fn check_names_damaged_bits() {
    for (change, fault) in [
        (ZEROES, "whose content has other checksums"),
        (
            "delete from blob_pieces where number = 1",
            "of which pieces are missing",
        ),
        (
            "delete from blob_pieces where number = 2",
            "of which pieces are missing",
        ),
        (
            "insert into blob_pieces (blob_id, number, content)
             select blob_id, 3, substr(content, 101) from blob_pieces where blob_id = 1 and number = 2;
             update blob_pieces set content = substr(content, 1, 100) where blob_id = 1 and number = 2",
            "whose pieces have several sizes",
        ),
        (
            "update packages set blob_id = null where guid in ('one', 'two');
             insert into blobs (sha1, sha256, size)
             values ('da39a3ee5e6b4b0d3255bfef95601890afd80709',
                     'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 0)",
            "that belong to no package",
        ),
        (
            "update packages set sha256 = replace(sha256, substr(sha256, 1, 1), case substr(sha256, 1, 1) when '0' then '1' else '0' end)
             where guid = 'three'",
            "has a package `three` whose checksums are not those of its bits",
        ),
    ] {
        let (dir, ..) = work_dir();
        dir.run_ok(&["seed", "seeds/shop.json"]);
        damage(&dir, change);
        let output = dir.run(&["check"]);
        assert_eq!(output.status, 1, "{change}");
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert!(output.stderr.contains(fault), "{fault}: {}", output.stderr);
    }
}
