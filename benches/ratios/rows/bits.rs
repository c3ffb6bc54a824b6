//! Rows about the bits of packages: uploads, downloads, and the memory that they take.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use cf_packages::store::{BorrowedValue, Durability, OpenMode, Store, StoreError, Transaction};

use super::Context;
use crate::measure::{Pair, Spread, Unit, paired};
use crate::process::Server;
use crate::table::Table;
use crate::{Result, client};

/// The size of the content of an archive, in bytes.
const SIZE: usize = 100 << 20;
/// The size of a piece in the database, in bytes.
const PIECE: usize = 256 << 10;
/// Uploads and downloads at the same time.
const TOGETHER: usize = 16;
/// The goal of memory: at most 32 MiB over idle.
const MEMORY: f64 = 32.0 * 1024.0 * 1024.0;

/// The beginning of the body of an upload.
const BEFORE: &str =
    "--x\r\nContent-Disposition: form-data; name=\"bits\"; filename=\"x.zip\"\r\n\r\n";
/// Its end.
const AFTER: &str = "\r\n--x--\r\n";

/// Compares uploads with writing the same bytes into SQLite and with copying a file, downloads with a static route, and
/// memory during both with that of the idle server.
pub fn bits(context: &mut Context, table: &mut Table) -> Result<()> {
    let rounds = context.options.rounds.count;
    let folder = |name: &str| context.folder.path(name);
    let archive = archive()?;
    let server = server(&folder("bits.db"), &folder("bits.json"), 2 * rounds)?;
    let mut next = 0;
    let mut upload_next = || {
        let started = Instant::now();
        upload(&server, next, &archive)?;
        next += 1;
        Ok(started.elapsed().as_secs_f64())
    };

    let bare = folder("bare.db");
    Store::create(&bare, |_| Ok::<_, StoreError>(()))?;
    let bare = Store::open(&bare, OpenMode::ReadWrite, Durability::Full)?;
    let mut number = 0;
    let insert = || {
        number += 1;
        let started = Instant::now();
        bare.write(|transaction| insert_pieces(transaction, number, &archive))?;
        Ok(started.elapsed().as_secs_f64())
    };
    let pair = paired(Unit::Seconds, rounds, insert, &mut upload_next)?;
    table.add("upload of 100 MiB".into(), "inserts in process", pair, None);

    let (original, copy) = (folder("original.zip"), folder("copy.zip"));
    fs::write(&original, &archive)?;
    let copy = || {
        let started = Instant::now();
        fs::copy(&original, &copy)?;
        File::open(&copy)?.sync_all()?;
        Ok(started.elapsed().as_secs_f64())
    };
    let pair = paired(Unit::Seconds, rounds, copy, &mut upload_next)?;
    table.add("upload of 100 MiB".into(), "`cp` and fsync", pair, None);

    let route = Server::static_route(&original)?;
    let download = |server: &Server, target| {
        let request = [client::get(target, "")];
        Ok(client::once(server.address, &request, 1)?.0.as_secs_f64())
    };
    let pair = paired(
        Unit::Seconds,
        rounds,
        || download(&route, "/v3/packages"),
        || download(&server, "/v3/packages/0/download"),
    )?;
    table.add("download of 100 MiB".into(), "a static route", pair, None);
    drop((route, server));
    memory(context, table, &archive)
}

fn memory(context: &Context, table: &mut Table, archive: &[u8]) -> Result<()> {
    let folder = |name: &str| context.folder.path(name);
    let server = server(&folder("memory.db"), &folder("memory.json"), TOGETHER)?;
    client::body(server.address, &client::get("/v3/packages", ""))?;
    let idle = server.memory()?.most;
    let mut add = |what: &str, most: f64| {
        let over = most - idle;
        let pair = Pair {
            unit: Unit::Memory,
            baseline: MEMORY,
            measured: over,
            ratio: Spread::of([MEMORY / over].into_iter()),
        };
        table.add(what.into(), "32 MiB", pair, Some(1.0));
    };
    client::together(TOGETHER, |guid| upload(&server, guid, archive))?;
    let most = server.memory()?.most;
    add("memory over idle, 16 uploads at once", most);
    client::together(TOGETHER, |guid| {
        let target = format!("/v3/packages/{guid}/download");
        client::once(server.address, &[client::get(&target, "")], 1).map(drop)
    })?;
    let most = server.memory()?.most;
    add("memory over idle, and 16 downloads at once", most);
    Ok(())
}

/// Returns an archive whose pieces all differ.
fn archive() -> Result<Vec<u8>> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::with_capacity(SIZE + PIECE));
    let (mut entry, config) = archive
        .new_file("data")
        .compression_method(rawzip::CompressionMethod::STORE)
        .start()?;
    let mut data = config.wrap(&mut entry);
    for number in 0..SIZE / 8 {
        data.write_all(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes())?;
    }
    let (_, descriptor) = data.finish()?;
    entry.finish(descriptor)?;
    Ok(archive.finish()?)
}

/// Uploads the archive to the package whose guid is that number. The number before it makes the content a new one; an archive
/// may follow other bytes.
fn upload(server: &Server, guid: usize, archive: &[u8]) -> Result<()> {
    let before = format!("{BEFORE}{guid}\n");
    let head = format!(
        "POST /v3/packages/{guid}/upload HTTP/1.1\r\nHost: {}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n{before}",
        client::HOST,
        before.len() + archive.len() + AFTER.len()
    );
    client::upload(
        server.address,
        &[head.as_bytes(), archive, AFTER.as_bytes()],
    )
}

/// Starts a server over a new database with that many packages without bits, whose guids are numbers from 0.
fn server(database: &Path, seed: &Path, packages: usize) -> Result<Server> {
    let packages: Vec<_> = (0..packages)
        .map(|guid| format!(r#"{{"guid": "{guid}", "app": "shop", "type": "bits"}}"#))
        .collect();
    let text = format!(
        r#"{{"organizations": [{{"name": "acme"}}], "spaces": [{{"name": "dev", "organization": "acme"}}],
            "apps": [{{"name": "shop", "space": "dev"}}], "packages": [{}]}}"#,
        packages.join(", ")
    );
    fs::write(seed, text)?;
    let (database, seed) = (database.as_os_str(), seed.as_os_str());
    let flags = ["--no-auth", "--api", "current", "--seed"].map(AsRef::as_ref);
    Server::program(flags.into_iter().chain([seed, "--db".as_ref(), database]))
}

/// The baseline of an upload: inserts the bytes in pieces, and computes nothing.
fn insert_pieces(
    transaction: &Transaction<'_>,
    number: usize,
    bytes: &[u8],
) -> std::result::Result<(), StoreError> {
    let name = number.to_string();
    let text = name.as_str();
    let size = i64::try_from(bytes.len()).map_err(|error| StoreError::Sqlite(error.to_string()))?;
    let sql = "insert into blobs (sha1, sha256, size) values ($1, $2, $3)";
    transaction.execute(sql, &[text.into(), text.into(), size.into()])?;
    let id = transaction.last_id();
    for (number, piece) in (0..).zip(bytes.chunks(PIECE)) {
        let values = [
            BorrowedValue::Int(id),
            BorrowedValue::Int(number),
            BorrowedValue::Bytes(piece),
        ];
        let sql = "insert into blob_pieces (blob_id, number, content) values ($1, $2, $3)";
        transaction.execute_borrowed(sql, &values)?;
    }
    Ok(())
}
