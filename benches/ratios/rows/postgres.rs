//! Rows about a database of a PostgreSQL server: beside a file with the same data, and beside a bare client.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use postgres::{Client, NoTls, Statement};

use super::pages::{CACHE, LIST};
use super::{Context, Depth, page_at};
use crate::client::{self, together};
use crate::measure::{Meter, Rounds, Unit, paired};
use crate::process::{self, Server};
use crate::table::Table;
use crate::{Error, Result};

/// The variable with the URL of a database that this benchmark may use, on a server that needs no encryption. It makes two
/// schemas there, and drops them.
const URL: &str = "CF_PACKAGES_BENCH_POSTGRES";
/// The schema of the data whose pages are measured.
const PAGES: &str = "cf_packages_bench";
/// The schema into which rows are copied.
const COPIES: &str = "cf_packages_bench_copies";
/// Threads of the bare client: as many as the program has connections for short reads.
const THREADS: usize = 8;
/// The tables with the rows of a generated seed, parents first.
const TABLES: [&str; 8] = [
    "users",
    "organizations",
    "organization_roles",
    "spaces",
    "space_roles",
    "apps",
    "packages",
    "package_labels",
];

/// The goals, as ratios.
const HOT: f64 = 0.7;
const DEEP: f64 = 0.8;
const SEED: f64 = 0.5;

/// Compares pages of a server's database with those of a file and with statements of a bare client, and `seed` with `copy`.
pub fn postgres(context: &mut Context, table: &mut Table) -> Result<()> {
    let Ok(url) = std::env::var(URL) else {
        eprintln!("  not measured: set {URL} to the URL of a PostgreSQL database that may be used");
        return Ok(());
    };
    let schemas = Schemas::new(url, context.folder.path("empty.json"))?;
    let database = context.folder.database(context.options.largest())?;
    let lines = context.folder.path("seed.jsonl");
    let export = ["export", "--jsonl", "--db"].map(AsRef::as_ref);
    let export = export.into_iter().chain([database.file.as_os_str()]);
    process::run(export, Stdio::from(File::create(&lines)?))?;

    let pages = schemas.of(PAGES);
    run(&["seed".into(), lines.clone(), "--db".into(), pages.clone()])?;
    schemas.client()?.batch_execute("vacuum analyze")?;
    let token = context.folder.path("token");
    let arguments = ["token", "--admin", "--ttl", "1d", "--db"].map(AsRef::as_ref);
    let arguments = arguments.into_iter().chain([pages.as_os_str()]);
    process::run(arguments, Stdio::from(File::create(&token)?))?;
    let token = fs::read_to_string(&token)?;
    let token = token.trim();

    let rounds = context.options.rounds;
    let label = database.label();
    for (cache, state, connections, goal) in [
        (CACHE, "hot", 16, Some(HOT)),
        (CACHE, "hot", 64, Some(HOT)),
        (0, "cold", 16, None),
    ] {
        let file = Server::on_database(&database.file, cache)?;
        let server = Server::on_database(&pages, cache)?;
        let of_file = [page_at(file.address, LIST, &database.admin, Depth::First)?];
        let of_server = [page_at(server.address, LIST, token, Depth::First)?];
        warm(file.address, &of_file, &rounds)?;
        warm(server.address, &of_server, &rounds)?;
        let pair = paired(
            Unit::PerSecond,
            rounds.count,
            || client::rate_over(connections, file.address, &of_file, &rounds),
            || client::rate_over(connections, server.address, &of_server, &rounds),
        )?;
        let what = format!("{state} page, first of {label}, {connections} connections, PostgreSQL");
        table.add(what.clone(), "the same of a file", pair, goal);
        let (sql, statement) = if cache == 0 {
            (BARE_PAGE, "`select` of the same rows, bare client")
        } else {
            (BARE_VERSION, "`select` of the version, bare client")
        };
        let pair = paired(
            Unit::PerSecond,
            rounds.count,
            || schemas.rate(sql, &rounds),
            || client::rate_over(connections, server.address, &of_server, &rounds),
        )?;
        table.add(what, statement, pair, None);
    }

    let server = Server::on_database(&pages, 0)?;
    let first = [page_at(server.address, LIST, token, Depth::First)?];
    let last = [page_at(server.address, LIST, token, Depth::Last)?];
    warm(server.address, &last, &rounds)?;
    let pair = paired(
        Unit::PerSecond,
        rounds.count,
        || client::rate(server.address, &first, &rounds),
        || client::rate(server.address, &last, &rounds),
    )?;
    let what = format!("cold page, last of {label}, PostgreSQL");
    table.add(what, "the first", pair, Some(DEEP));
    drop(server);

    let rows = schemas.rows()?;
    let pair = paired(
        Unit::Seconds,
        1,
        || schemas.copy(&rows),
        || {
            let copies = schemas.new_copies()?;
            let started = Instant::now();
            run(&["seed".into(), lines.clone(), "--db".into(), copies])?;
            Ok(started.elapsed().as_secs_f64())
        },
    )?;
    let what = format!("seeding {label} from JSON Lines, PostgreSQL");
    table.add(what, "bare `copy` into the same tables", pair, Some(SEED));
    fs::remove_file(&lines)?;
    Ok(())
}

/// What a bare client asks for beside a page that is not cached.
const BARE_PAGE: &str =
    "select p.*, a.guid from packages p join apps a on a.id = p.app_id order by p.id limit 50";
/// What a bare client asks for beside a cached page.
const BARE_VERSION: &str = "select packages, access, parents from versions";

/// Sends the requests until the list cache is filled.
fn warm(address: SocketAddr, requests: &[Vec<u8>], rounds: &Rounds) -> Result<()> {
    client::rate(address, requests, rounds).map(drop)
}

fn run(arguments: &[PathBuf]) -> Result<()> {
    process::run(arguments, Stdio::null())
}

/// The schemas of this run, which are dropped with it.
struct Schemas {
    url: String,
    /// A seed without entries.
    empty: PathBuf,
}

impl Schemas {
    fn new(url: String, empty: PathBuf) -> Result<Self> {
        fs::write(&empty, "{}")?;
        let schemas = Self { url, empty };
        schemas.drop_all()?;
        let mut client = Client::connect(&schemas.url, NoTls)?;
        client.batch_execute(&format!("create schema {PAGES}; create schema {COPIES}"))?;
        Ok(schemas)
    }

    /// Returns the URL of the database in that schema.
    fn of(&self, schema: &str) -> PathBuf {
        let url = &self.url;
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}options=-csearch_path%3D{schema}").into()
    }

    /// Returns a connection to the data whose pages are measured.
    fn client(&self) -> Result<Client> {
        let mut client = Client::connect(&self.url, NoTls)?;
        client.batch_execute(&format!("set search_path = {PAGES}"))?;
        Ok(client)
    }

    /// Runs a statement again and again on several connections. Returns answers per second.
    fn rate(&self, sql: &str, rounds: &Rounds) -> Result<f64> {
        let rates = together(THREADS, |_| {
            let mut client = self.client()?;
            let statement: Statement = client.prepare(sql)?;
            let mut meter = Meter::start(rounds);
            loop {
                client.query(&statement, &[])?;
                if !meter.tick() {
                    return Ok(meter.rate());
                }
            }
        })?;
        Ok(rates.iter().sum())
    }

    /// Makes the tables for copies anew, with their indexes and without rows. Returns the URL.
    fn new_copies(&self) -> Result<PathBuf> {
        let anew = format!("drop schema {COPIES} cascade; create schema {COPIES}");
        Client::connect(&self.url, NoTls)?.batch_execute(&anew)?;
        let copies = self.of(COPIES);
        // The indexes of a new database are made after its first seed. So the first one is empty.
        run(&[
            "seed".into(),
            self.empty.clone(),
            "--db".into(),
            copies.clone(),
        ])?;
        Ok(copies)
    }

    /// Returns the rows of the measured data, as `copy` writes them.
    fn rows(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        let mut client = self.client()?;
        let rows = TABLES.map(|table| {
            let mut text = Vec::new();
            io::copy(
                &mut client.copy_out(&format!("copy {table} to stdout"))?,
                &mut text,
            )?;
            Ok((table, text))
        });
        rows.into_iter().collect()
    }

    /// Copies the rows into new tables, in one transaction. Returns the time, in seconds.
    fn copy(&self, rows: &[(&str, Vec<u8>)]) -> Result<f64> {
        self.new_copies()?;
        let mut client = Client::connect(&self.url, NoTls)?;
        client.batch_execute(&format!("set search_path = {COPIES}"))?;
        let started = Instant::now();
        let mut transaction = client.transaction()?;
        for (table, text) in rows {
            let mut writer = transaction.copy_in(&format!("copy {table} from stdin"))?;
            writer.write_all(text)?;
            writer.finish()?;
        }
        transaction.commit()?;
        Ok(started.elapsed().as_secs_f64())
    }

    fn drop_all(&self) -> std::result::Result<(), Error> {
        let drop = format!(
            "drop schema if exists {PAGES} cascade; drop schema if exists {COPIES} cascade"
        );
        Ok(Client::connect(&self.url, NoTls)?.batch_execute(&drop)?)
    }
}

impl Drop for Schemas {
    fn drop(&mut self) {
        if let Err(error) = self.drop_all() {
            eprintln!("the schemas {PAGES} and {COPIES} were not dropped: {error}");
        }
    }
}
