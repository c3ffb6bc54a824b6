//! The process itself: how soon it answers, what it holds.

use std::ffi::OsStr;
use std::fs;
use std::ops::Range;
use std::time::Instant;

use cf_packages::auth::tokens::{self, Subject};
use cf_packages::auth::{Keys, Secret};
use cf_packages::clock::Clock;

use super::RenderContext;
use super::pages::CACHE;
use crate::data::TTL;
use crate::measure::{Pair, Unit, paired};
use crate::process::Server;
use crate::table::{Table, grouped};
use crate::{Result, client};

/// The page that a server answers first.
const PAGE: &str = "/v3/packages";
/// A key of our own, for a database that is not there yet.
const KEY: &str = "a-key-for-measuring";
/// Connections that send distinct requests, and how many requests are prepared at a time.
const CONNECTIONS: usize = 16;
const PREPARED: usize = 5_000;
/// So many filter values, in whatever number of lists, weigh more than the memory there is for lists (64 MiB).
const VALUES: usize = 1_600_000;

/// From the command to the first answer, beside the static route's.
pub fn start(scene: &mut RenderContext, table: &mut Table) -> Result<()> {
    let data = scene.folder.data(scene.options.largest())?;
    let new = scene.folder.path("started.db");
    let body = scene.folder.path("body");
    fs::write(&body, b"{}")?;
    let token = own_token()?;
    let answered = |started: Instant, server: &Server, token: &str| {
        client::body(server.address, &client::get(PAGE, token))?;
        Ok(started.elapsed().as_secs_f64())
    };
    let floor = || {
        let started = Instant::now();
        answered(started, &Server::static_route(&body)?, &token)
    };
    let pair = paired(Unit::Seconds, scene.options.starts, floor, || {
        let started = Instant::now();
        answered(started, &Server::of(&data.file, CACHE)?, &data.admin)
    })?;
    let what = format!("start, {}", data.named());
    table.add(what, "start of a static route", pair, None);

    let pair = paired(Unit::Seconds, scene.options.starts, floor, || {
        let arguments = ["--api", "current", "--seed", "demo", "--token-key", KEY];
        let arguments = arguments.into_iter().chain(["--db"]).map(OsStr::new);
        let started = Instant::now();
        let server = Server::product(arguments.chain([new.as_os_str()]))?;
        let time = answered(started, &server, &token)?;
        drop(server);
        fs::remove_file(&new)?;
        Ok(time)
    })?;
    let what = "start, a new file with the demo seed".to_owned();
    table.add(what, "start of a static route", pair, None);
    Ok(())
}

fn own_token() -> Result<String> {
    let keys = Keys::from_secrets(vec![Secret::new(KEY)]).map_err(|error| error.to_string())?;
    let (admin, scopes) = (Subject::admin(), tokens::admin_scopes());
    Ok(tokens::access(&keys, &Clock::system(), &admin, &scopes, TTL)?.text)
}

/// Resident memory: idle, after load, and after distinct requests that cannot all be remembered.
pub fn memory(scene: &mut RenderContext, table: &mut Table) -> Result<()> {
    let data = scene.folder.data(scene.options.largest())?;
    let server = Server::of(&data.file, CACHE)?;
    let request = client::get(PAGE, &data.admin);
    let body = scene.folder.path("body");
    fs::write(&body, client::body(server.address, &request)?)?;
    let floor = Server::static_route(&body)?;
    client::body(floor.address, &request)?;

    let both = || {
        paired(
            Unit::Memory,
            1,
            || Ok(floor.memory()?.now),
            || Ok(server.memory()?.now),
        )
    };
    let what = format!("memory idle, {}", data.named());
    table.add(what, "the static route's", both()?, None);

    let requests = [request];
    for server in [&floor, &server] {
        client::rate(server.address, &requests, &scene.options.rounds)?;
    }
    let what = format!("memory after load, {}", data.named());
    table.add(what, "the static route's", both()?, None);

    // The first half fills what there is to fill: what the second adds would go on and on.
    let all = scene.options.distinct;
    let send = |numbers| distinct(&server, &data.admin, numbers, VALUES / (all / 4));
    send(0..all / 2)?;
    let filled = server.memory()?.now;
    send(all / 2..all)?;
    let memory = server.memory()?;
    let count = grouped(&all.to_string());
    for (when, measured) in [("after", memory.now), ("at most during", memory.most)] {
        let pair = Pair {
            unit: Unit::Memory,
            floor: filled,
            measured,
            ratio: filled / measured,
        };
        let what = format!("memory {when} {count} distinct requests");
        table.add(what, "after half of them", pair, None);
    }
    Ok(())
}

/// Sends the requests of those numbers, each unlike any other: one half asks for pages of one list, the other for
/// lists that nobody asked for before, each filtered by so many `values`.
fn distinct(server: &Server, token: &str, numbers: Range<usize>, values: usize) -> Result<()> {
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
