//! Rows about single pages.

use std::thread;
use std::time::Duration;

use cf_packages::edition::Edition;

use super::{Context, Depth, creations, page_at};
use crate::databases::{Database, EDITIONS};
use crate::in_process::{InProcess, Method};
use crate::measure::{Rounds, Unit, paired, percentile};
use crate::process::{Server, Writer};
use crate::table::Table;
use crate::{Result, client};

/// Packages on a page, the default of the API.
const PER_PAGE: u64 = 50;
/// The size of the response cache in MiB, the default of the program.
pub(super) const CACHE: u32 = 64;
/// The list of all rows that do not name another.
pub(super) const LIST: &str = "/v3/packages?per_page=50";
/// Pages that are requested in turn, so that most are not in SQLite's page cache.
const ANYWHERE: u64 = 2_000;
/// Requests whose latencies are measured in one round.
const LATENCIES: usize = 2_000;
/// The least time of a measurement while another process writes ten times a second.
const TIME_UNDER_WRITES: Duration = Duration::from_millis(1500);

/// The goals, as ratios.
const HOT: f64 = 0.85;
const DEEP: f64 = 0.9;
const OF_2015: f64 = 0.9;
/// 1.5 times as long as a page in process and a round trip.
const ALONE: f64 = 1.0 / 1.5;
const UNDER_WRITES: f64 = 0.5;
const BESIDE_CREATIONS: f64 = 0.9;

/// Compares cached pages, at any size and depth, with a static route of the same bytes.
pub fn hot(context: &mut Context, table: &mut Table) -> Result<()> {
    for size in context.options.sizes.clone() {
        let database = context.folder.database(size)?;
        let server = Server::on_database(&database.file, CACHE)?;
        for depth in Depth::ALL {
            let request = page_at(server.address, LIST, &database.admin, depth)?;
            let what = format!("hot page, {} of {}", depth.label(), database.label());
            compare_with_static_route(context, table, what, &server, request)?;
        }
    }
    let database = context.folder.database(context.options.largest())?;
    let server = Server::of_edition(Edition::Of2015, &database.file, CACHE)?;
    let request = client::get(LIST, &database.admin);
    let what = "hot page, first, of the 2015 edition".to_owned();
    compare_with_static_route(context, table, what, &server, request)
}

fn compare_with_static_route(
    context: &Context,
    table: &mut Table,
    what: String,
    server: &Server,
    request: Vec<u8>,
) -> Result<()> {
    let body = client::body(server.address, &request)?;
    let file = context.folder.path("body");
    std::fs::write(&file, &body)?;
    let baseline = Server::static_route(&file)?;
    let rounds = &context.options.rounds;
    let requests = [request];
    let pair = paired(
        Unit::PerSecond,
        rounds.count,
        || client::rate(baseline.address, &requests, rounds),
        || client::rate(server.address, &requests, rounds),
    )?;
    let kibibytes = body.len().div_ceil(1024);
    let baseline = format!("static route, {kibibytes} KiB");
    table.add(what, baseline, pair, Some(HOT));
    Ok(())
}

/// Compares the first page, without a response cache, with the same query and serialization in process.
pub fn cold(context: &mut Context, table: &mut Table) -> Result<()> {
    let rounds = context.options.rounds;
    for size in context.options.sizes.clone() {
        let database = context.folder.database(size)?;
        let server = Server::on_database(&database.file, 0)?;
        let in_process = InProcess::open(&database, Edition::Current)?;
        let query = format!("per_page={PER_PAGE}");
        let requests = [client::get(LIST, &database.admin)];
        if client::body(server.address, &requests[0])?
            != in_process.page(&query, Method::ListCache)?
        {
            return Err("the same page has different bytes in process".into());
        }
        // Until the list is built in the background, pages are found by counting and skipping rows.
        in_process.rate(&query, Method::ListCache, &rounds)?;
        client::rate(server.address, &requests, &rounds)?;
        let pair = paired(
            Unit::PerSecond,
            rounds.count,
            || in_process.rate(&query, Method::ListCache, &rounds),
            || client::rate(server.address, &requests, &rounds),
        )?;
        let what = format!("cold page, first of {}", database.label());
        table.add(what, "the same in process", pair, None);
    }
    Ok(())
}

/// Compares pages at any depth, without a response cache, with the first page of the smallest table.
pub fn depth(context: &mut Context, table: &mut Table) -> Result<()> {
    let rounds = context.options.rounds;
    let smallest = context.folder.database(context.options.smallest())?;
    let baseline = Server::on_database(&smallest.file, 0)?;
    let first = [client::get(LIST, &smallest.admin)];
    for size in context.options.sizes.clone() {
        let database = context.folder.database(size)?;
        let server = Server::on_database(&database.file, 0)?;
        for depth in Depth::ALL {
            if size == smallest.size && depth == Depth::First {
                continue;
            }
            let requests = [page_at(server.address, LIST, &database.admin, depth)?];
            // Lists are built in the background meanwhile.
            client::rate(baseline.address, &first, &rounds)?;
            client::rate(server.address, &requests, &rounds)?;
            let pair = paired(
                Unit::PerSecond,
                rounds.count,
                || client::rate(baseline.address, &first, &rounds),
                || client::rate(server.address, &requests, &rounds),
            )?;
            let what = format!("cold page, {} of {}", depth.label(), database.label());
            let baseline = format!("first of {}", smallest.label());
            table.add(what, baseline, pair, Some(DEEP));
        }
    }
    Ok(())
}

/// Compares pages anywhere in the largest table, without a response cache: with the first page of the smallest table, with
/// the same page made by a count and an offset, and those of 2015 with those of `current`.
pub fn anywhere(context: &mut Context, table: &mut Table) -> Result<()> {
    let rounds = context.options.rounds;
    let smallest = context.folder.database(context.options.smallest())?;
    let database = context.folder.database(context.options.largest())?;
    let first = [client::get(LIST, &smallest.admin)];
    let requests = pages_anywhere(&database);
    for edition in EDITIONS {
        let baseline = Server::of_edition(edition, &smallest.file, 0)?;
        let server = Server::of_edition(edition, &database.file, 0)?;
        let pair = paired(
            Unit::PerSecond,
            rounds.count,
            || client::rate(baseline.address, &first, &rounds),
            || client::rate(server.address, &requests, &rounds),
        )?;
        let what = format!("cold page, anywhere in {}, {edition}", database.label());
        table.add(
            what,
            format!("first of {}", smallest.label()),
            pair,
            Some(DEEP),
        );

        let in_process = InProcess::open(&smallest, edition)?;
        let query = format!("per_page={PER_PAGE}");
        let pair = paired(
            Unit::PerSecond,
            rounds.count,
            || in_process.rate(&query, Method::CountAndOffset, &rounds),
            || client::rate(server.address, &requests, &rounds),
        )?;
        let what = format!("cold page, anywhere in {}, {edition}", database.label());
        let baseline = format!("count + OFFSET in process, first of {}", smallest.label());
        table.add(what, baseline, pair, None);
    }
    let [current, of_2015] = EDITIONS.map(|edition| Server::of_edition(edition, &database.file, 0));
    let (current, of_2015) = (current?, of_2015?);
    let pair = paired(
        Unit::PerSecond,
        rounds.count,
        || client::rate(current.address, &requests, &rounds),
        || client::rate(of_2015.address, &requests, &rounds),
    )?;
    let what = format!("cold page, anywhere in {}, 2015", database.label());
    table.add(what, "the same of current", pair, Some(OF_2015));
    Ok(())
}

/// Compares the time until the response of a page that is not cached: one connection alone with the page in process and a
/// round trip, and one connection beside sixteen with the same one alone.
pub fn latency(context: &mut Context, table: &mut Table) -> Result<()> {
    let rounds = Rounds {
        time: context.options.rounds.time.max(TIME_UNDER_WRITES),
        ..context.options.rounds
    };
    let database = context.folder.database(context.options.largest())?;
    let body = context.folder.path("body");
    std::fs::write(&body, b"{}")?;
    let route = Server::static_route(&body)?;
    let requests = pages_anywhere(&database);
    let queries: Vec<_> = page_numbers(&database)
        .map(|page| format!("per_page={PER_PAGE}&page={page}"))
        .collect();
    for edition in EDITIONS {
        let server = Server::of_edition(edition, &database.file, 0)?;
        let in_process = InProcess::open(&database, edition)?;
        let alone = |percent| {
            let mut times = client::latencies(server.address, &requests, LATENCIES)?;
            Ok(percentile(&mut times, percent))
        };
        let pair = paired(
            Unit::Seconds,
            rounds.count,
            || {
                let mut round_trips = client::latencies(route.address, &requests, LATENCIES)?;
                Ok(percentile(&mut round_trips, 50) + in_process.latency(&queries, LATENCIES)?)
            },
            || alone(50),
        )?;
        let what = format!("p50 of a cold page, one connection, {edition}");
        table.add(what, "in process + a round trip", pair, Some(ALONE));
        for percent in [50, 99] {
            let beside = || {
                thread::scope(|scope| {
                    let others = scope.spawn(|| client::rate(server.address, &requests, &rounds));
                    let mut times = Vec::new();
                    while !others.is_finished() {
                        times.extend(client::latencies(server.address, &requests, 50)?);
                    }
                    let ended = others.join();
                    ended.unwrap_or_else(|_| Err("a thread panicked".into()))?;
                    Ok(percentile(&mut times, percent))
                })
            };
            let pair = paired(Unit::Seconds, rounds.count, || alone(percent), beside)?;
            let what = format!("p{percent} of a cold page beside 16 connections, {edition}");
            table.add(what, "one connection", pair, None);
        }
    }
    Ok(())
}

/// Returns requests for pages anywhere in the list of all packages.
fn pages_anywhere(database: &Database) -> Vec<Vec<u8>> {
    let request = |page| client::get(&format!("{LIST}&page={page}"), &database.admin);
    page_numbers(database).map(request).collect()
}

/// Returns the numbers of pages that are spread evenly over the list of all packages, and far from each other.
fn page_numbers(database: &Database) -> impl Iterator<Item = u64> {
    let pages = database.size.div_ceil(PER_PAGE);
    // Multiples of the golden ratio.
    (0..ANYWHERE).map(move |number| {
        let spread = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let page = (spread * u128::from(pages)) >> 64;
        1 + u64::try_from(page).unwrap_or(0)
    })
}

/// Compares pages found with `count` and `offset` with pages found with the list cache, both in process.
pub fn offset(context: &mut Context, table: &mut Table) -> Result<()> {
    let rounds = context.options.rounds;
    let database = context.folder.database(context.options.largest())?;
    let in_process = InProcess::open(&database, Edition::Current)?;
    for depth in Depth::ALL {
        let number = depth.page(database.size.div_ceil(PER_PAGE));
        let query = format!("page={number}&per_page={PER_PAGE}");
        if in_process.page(&query, Method::CountAndOffset)?
            != in_process.page(&query, Method::ListCache)?
        {
            return Err(format!("{query} has different bytes with count and offset").into());
        }
        let pair = paired(
            Unit::PerSecond,
            rounds.count,
            || in_process.rate(&query, Method::ListCache, &rounds),
            || in_process.rate(&query, Method::CountAndOffset, &rounds),
        )?;
        let what = format!("count + OFFSET, {} of {}", depth.label(), database.label());
        table.add(what, "the product's page, both in process", pair, None);
    }
    Ok(())
}

/// Compares pages of a user who sees a tenth of the spaces with those of an admin, without a response cache.
pub fn tenth(context: &mut Context, table: &mut Table) -> Result<()> {
    let rounds = context.options.rounds;
    let database = context.folder.database(context.options.largest())?;
    let server = Server::on_database(&database.file, 0)?;
    let pages = |token: &str| {
        Depth::ALL
            .into_iter()
            .map(|depth| page_at(server.address, LIST, token, depth))
            .collect::<Result<Vec<_>>>()
    };
    let (admin, tenth) = (pages(&database.admin)?, pages(&database.tenth)?);
    let pair = paired(
        Unit::PerSecond,
        rounds.count,
        || client::rate(server.address, &admin, &rounds),
        || client::rate(server.address, &tenth, &rounds),
    )?;
    let what = format!("cold pages, a tenth of the spaces, {}", database.label());
    table.add(what, "an admin's", pair, None);
    Ok(())
}

/// Compares readers of ten lists, while another process changes a package every 100 ms, and while the server creates ten
/// packages a second, with the same readers without that; with and without a response cache.
pub fn writes(context: &mut Context, table: &mut Table) -> Result<()> {
    let rounds = Rounds {
        time: context.options.rounds.time.max(TIME_UNDER_WRITES),
        ..context.options.rounds
    };
    let database = context.folder.database(context.options.largest())?;
    for (cache, pages) in [(CACHE, "hot"), (0, "cold")] {
        let server = Server::on_database(&database.file, cache)?;
        let requests = ten_lists(&database, &server)?;
        let pair = paired(
            Unit::PerSecond,
            rounds.count,
            || client::rate(server.address, &requests, &rounds),
            || {
                let writer = Writer::start(&database.file)?;
                let rate = client::rate(server.address, &requests, &rounds)?;
                match writer.stop()? {
                    0 => Err("nothing was written during the measurement".into()),
                    _ => Ok(rate),
                }
            },
        )?;
        let what = format!("{pages} pages under writes, {}", database.label());
        table.add(what, "undisturbed", pair, Some(UNDER_WRITES));
        let rate = || client::rate(server.address, &requests, &rounds);
        let (app, admin) = (database.middle_app()?, &database.admin);
        let pair = paired(Unit::PerSecond, rounds.count, rate, || {
            creations::beside(server.address, &app, admin, rate)
        })?;
        let what = format!(
            "{pages} pages beside ten creations a second, {}",
            database.label()
        );
        table.add(what, "undisturbed", pair, Some(BESIDE_CREATIONS));
    }
    Ok(())
}

/// Returns requests for ten pages in stored order: of two users, with filters by state, type and app, at any depth.
fn ten_lists(database: &Database, server: &Server) -> Result<Vec<Vec<u8>>> {
    use Depth::{First, Last, Middle};
    let (admin, tenth) = (&database.admin, &database.tenth);
    let app = format!("&app_guids={}", database.middle_app()?);
    [
        (admin, "", First),
        (admin, "", Middle),
        (admin, "", Last),
        (tenth, "", First),
        (tenth, "", Middle),
        (tenth, "", Last),
        (admin, "&states=READY", Last),
        (tenth, "&states=FAILED,EXPIRED", Middle),
        (admin, "&types=docker", Middle),
        (admin, app.as_str(), Last),
    ]
    .into_iter()
    .map(|(token, filter, depth)| page_at(server.address, &format!("{LIST}{filter}"), token, depth))
    .collect()
}
