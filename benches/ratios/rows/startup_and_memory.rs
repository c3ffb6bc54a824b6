//! Rows about the process: the time until its first response, and its memory.

use std::ffi::OsStr;
use std::fs;
use std::ops::Range;
use std::time::Instant;

use cf_packages::auth::tokens::{self, Subject};
use cf_packages::auth::{Keys, Secret};
use cf_packages::clock::Clock;

use super::Context;
use super::pages::CACHE;
use crate::databases::TTL;
use crate::measure::{Pair, Spread, Unit, paired};
use crate::process::Server;
use crate::table::{Table, grouped};
use crate::{Result, client};

/// The page of the first request.
const PAGE: &str = "/v3/packages";
/// The token key for a database that does not exist yet.
const KEY: &str = "a-key-for-measuring";
/// Connections that send different requests.
const CONNECTIONS: usize = 16;
/// Requests that are prepared at a time.
const PREPARED: usize = 5_000;
/// This number of filter values, in any number of lists, takes more memory than the list cache may use (64 MiB).
const VALUES: usize = 1_600_000;

/// Compares the time from the start of the process to the first response with that of a static route.
pub fn start(context: &mut Context, table: &mut Table) -> Result<()> {
    let database = context.folder.database(context.options.largest())?;
    let new = context.folder.path("started.db");
    let body = context.folder.path("body");
    fs::write(&body, b"{}")?;
    let token = self::token()?;
    let first_response = |started: Instant, server: &Server, token: &str| {
        client::body(server.address, &client::get(PAGE, token))?;
        Ok(started.elapsed().as_secs_f64())
    };
    let baseline = || {
        let started = Instant::now();
        first_response(started, &Server::static_route(&body)?, &token)
    };
    let pair = paired(Unit::Seconds, context.options.starts, baseline, || {
        let started = Instant::now();
        first_response(
            started,
            &Server::on_database(&database.file, CACHE)?,
            &database.admin,
        )
    })?;
    let what = format!("start, {}", database.label());
    table.add(what, "start of a static route", pair, None);

    let pair = paired(Unit::Seconds, context.options.starts, baseline, || {
        let arguments = ["--api", "current", "--seed", "demo", "--token-key", KEY];
        let arguments = arguments.into_iter().chain(["--db"]).map(OsStr::new);
        let started = Instant::now();
        let server = Server::program(arguments.chain([new.as_os_str()]))?;
        let time = first_response(started, &server, &token)?;
        drop(server);
        fs::remove_file(&new)?;
        Ok(time)
    })?;
    let what = "start, a new file with the demo seed".to_owned();
    table.add(what, "start of a static route", pair, None);
    Ok(())
}

fn token() -> Result<String> {
    let keys = Keys::from_secrets(vec![Secret::new(KEY)]).map_err(|error| error.to_string())?;
    let (admin, scopes) = (Subject::admin(), tokens::admin_scopes());
    Ok(tokens::access(&keys, &Clock::system(), &admin, &scopes, TTL)?.text)
}

/// Compares resident memory with that of a static route, idle and after load; and after many different requests, which
/// do not all fit the caches, with that after half of them.
pub fn memory(context: &mut Context, table: &mut Table) -> Result<()> {
    let database = context.folder.database(context.options.largest())?;
    let server = Server::on_database(&database.file, CACHE)?;
    let request = client::get(PAGE, &database.admin);
    let body = context.folder.path("body");
    fs::write(&body, client::body(server.address, &request)?)?;
    let baseline = Server::static_route(&body)?;
    client::body(baseline.address, &request)?;

    let both = || {
        paired(
            Unit::Memory,
            1,
            || Ok(baseline.memory()?.now),
            || Ok(server.memory()?.now),
        )
    };
    let what = format!("memory idle, {}", database.label());
    table.add(what, "the static route's", both()?, None);

    let requests = [request];
    for server in [&baseline, &server] {
        client::rate(server.address, &requests, &context.options.rounds)?;
    }
    let what = format!("memory after load, {}", database.label());
    table.add(what, "the static route's", both()?, None);

    // The first half fills the caches. What the second half adds would be a leak.
    let all = context.options.distinct;
    let send = |numbers| send_different(&server, &database.admin, numbers, VALUES / (all / 4));
    send(0..all / 2)?;
    let filled = server.memory()?.now;
    send(all / 2..all)?;
    let memory = server.memory()?;
    let count = grouped(&all.to_string());
    for (when, measured) in [("after", memory.now), ("at most during", memory.most)] {
        let pair = Pair {
            unit: Unit::Memory,
            baseline: filled,
            measured,
            ratio: Spread::of([filled / measured].into_iter()),
        };
        let what = format!("memory {when} {count} distinct requests");
        table.add(what, "after half of them", pair, None);
    }
    Ok(())
}

/// Sends the different requests of those numbers: half of them for pages of one list, half for new lists, each filtered
/// by `values` guids.
fn send_different(
    server: &Server,
    token: &str,
    numbers: Range<usize>,
    values: usize,
) -> Result<()> {
    let request = |number: &usize| {
        let nth = number / 2;
        let target = if number.is_multiple_of(2) {
            let (page, per_page) = (1 + nth % 2000, 20 + nth / 2000);
            format!("{PAGE}?page={page}&per_page={per_page}")
        } else {
            let guids: Vec<_> = (0..values)
                .map(|value| format!("no-{nth}-{value}"))
                .collect();
            format!("{PAGE}?guids={}", guids.join(","))
        };
        client::get(&target, token)
    };
    let numbers: Vec<usize> = numbers.collect();
    for numbers in numbers.chunks(PREPARED) {
        let requests: Vec<_> = numbers.iter().map(request).collect();
        client::once(server.address, &requests, CONNECTIONS)?;
    }
    Ok(())
}
