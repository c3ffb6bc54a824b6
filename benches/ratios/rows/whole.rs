//! All of the data, out and in.

use std::fs::{self, File};
use std::process::Stdio;
use std::time::Instant;

use super::RenderContext;
use super::pages::CACHE;
use crate::measure::{Unit, paired};
use crate::process::{self, Server};
use crate::product::Product;
use crate::table::Table;
use crate::{Result, client, insert};

/// The longest page there is.
const LONGEST: &str = "/v3/packages?per_page=5000";
/// Pages in flight.
const IN_FLIGHT: usize = 2;
/// What stands around the packages of a page, at most, in bytes.
const AROUND: usize = 1024;
/// Goals, as ratios: within 1.5 times the dump; half as fast as bare inserts.
const WALK: f64 = 1.0 / 1.5;
const SEED: f64 = 0.5;

/// Every page, two in flight, beside one dump of the same bytes in process.
pub fn walk(scene: &mut RenderContext, table: &mut Table) -> Result<()> {
    let data = scene.folder.data(scene.options.largest())?;
    let server = Server::of(&data.file, CACHE)?;
    let product = Product::open(&data)?;
    let count = super::pages(server.address, LONGEST, &data.admin)?;
    let requests: Vec<_> = (1..=count)
        .map(|page| client::get(&format!("{LONGEST}&page={page}"), &data.admin))
        .collect();
    let (_, dumped) = product.dump()?;
    let (_, walked) = client::once(server.address, &requests, IN_FLIGHT)?;
    if walked.abs_diff(dumped) > requests.len() * AROUND {
        return Err(format!("{walked} bytes were walked, but {dumped} dumped").into());
    }
    let pair = paired(
        Unit::Seconds,
        scene.options.rounds.count,
        || Ok(product.dump()?.0.as_secs_f64()),
        || {
            let (time, _) = client::once(server.address, &requests, IN_FLIGHT)?;
            Ok(time.as_secs_f64())
        },
    )?;
    let what = format!("walking {}, {} MB", data.named(), walked / 1_000_000);
    table.add(what, "one dump in process", pair, Some(WALK));
    Ok(())
}

/// `seed` of a JSON Lines file into a new database, beside a loop that inserts the same rows.
pub fn seed(scene: &mut RenderContext, table: &mut Table) -> Result<()> {
    let data = scene.folder.data(scene.options.largest())?;
    let lines = scene.folder.path("seed.jsonl");
    let new = scene.folder.path("new.db");
    let export = ["export", "--jsonl", "--db"].map(AsRef::as_ref);
    let export = export.into_iter().chain([data.file.as_os_str()]);
    process::run(export, Stdio::from(File::create(&lines)?))?;
    let pair = paired(
        Unit::Seconds,
        scene.options.rounds.count,
        || {
            let time = insert::copy(&data.file, &new)?;
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
    let what = format!("seeding {} from JSON Lines", data.named());
    table.add(what, "bare insert loop", pair, Some(SEED));
    Ok(())
}
