//! Rows about all packages: reading them, and seeding them.

use std::fs::{self, File};
use std::process::Stdio;
use std::time::Instant;

use cf_packages::edition::Edition;

use super::Context;
use super::pages::CACHE;
use crate::in_process::InProcess;
use crate::measure::{Unit, paired};
use crate::process::{self, Server};
use crate::table::Table;
use crate::{Result, bare_insert, client};

/// The list with the largest pages.
const LIST: &str = "/v3/packages?per_page=5000";
/// Requests at the same time.
const IN_FLIGHT: usize = 2;
/// The most bytes of a page that are not part of a package.
const ENVELOPE: usize = 1024;
/// The goal of reading all pages: 1.5 times the time of the dump.
const ALL_PAGES: f64 = 1.0 / 1.5;
/// The goal of seeding: twice the time of bare inserts.
const SEED: f64 = 0.5;

/// Compares requests for all pages, two at a time, with one dump of the same bytes in process.
pub fn all_pages(context: &mut Context, table: &mut Table) -> Result<()> {
    let database = context.folder.database(context.options.largest())?;
    let server = Server::on_database(&database.file, CACHE)?;
    let in_process = InProcess::open(&database, Edition::Current)?;
    let count = super::total_pages(server.address, LIST, &database.admin)?;
    let requests: Vec<_> = (1..=count)
        .map(|page| client::get(&format!("{LIST}&page={page}"), &database.admin))
        .collect();
    let (_, dumped) = in_process.dump()?;
    let (_, received) = client::once(server.address, &requests, IN_FLIGHT)?;
    if received.abs_diff(dumped) > requests.len() * ENVELOPE {
        return Err(format!("all pages have {received} bytes, but the dump has {dumped}").into());
    }
    let pair = paired(
        Unit::Seconds,
        context.options.rounds.count,
        || Ok(in_process.dump()?.0.as_secs_f64()),
        || {
            let (time, _) = client::once(server.address, &requests, IN_FLIGHT)?;
            Ok(time.as_secs_f64())
        },
    )?;
    let what = format!(
        "all pages of {}, {} MB",
        database.label(),
        received / 1_000_000
    );
    table.add(what, "one dump in process", pair, Some(ALL_PAGES));
    Ok(())
}

/// Compares `seed` of a JSON Lines file into a new database with a loop that inserts the same rows.
pub fn seed(context: &mut Context, table: &mut Table) -> Result<()> {
    let database = context.folder.database(context.options.largest())?;
    let lines = context.folder.path("seed.jsonl");
    let new = context.folder.path("new.db");
    let export = ["export", "--jsonl", "--db"].map(AsRef::as_ref);
    let export = export.into_iter().chain([database.file.as_os_str()]);
    process::run(export, Stdio::from(File::create(&lines)?))?;
    let pair = paired(
        Unit::Seconds,
        context.options.rounds.count,
        || {
            let time = bare_insert::copy(&database.file, &new)?;
            fs::remove_file(&new)?;
            Ok(time.as_secs_f64())
        },
        || {
            let started = Instant::now();
            process::run(
                [
                    "seed".as_ref(),
                    lines.as_os_str(),
                    "--db".as_ref(),
                    new.as_os_str(),
                ],
                Stdio::null(),
            )?;
            let time = started.elapsed();
            fs::remove_file(&new)?;
            Ok(time.as_secs_f64())
        },
    )?;
    fs::remove_file(&lines)?;
    let what = format!("seeding {} from JSON Lines", database.label());
    table.add(what, "bare insert loop", pair, Some(SEED));
    Ok(())
}
