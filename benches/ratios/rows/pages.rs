//! Single pages.

use std::time::Duration;

use super::{Depth, RenderContext, page_at};
use crate::data::Data;
use crate::measure::{Rounds, Unit, paired};
use crate::process::{Server, Writer};
use crate::product::{Product, Way};
use crate::table::Table;
use crate::{Result, client};

/// Packages on a page, as a client gets them that does not ask for more.
const PER_PAGE: u64 = 50;
/// Memory for response_cache pages where there is to be some, in MiB: the product's default.
pub(super) const CACHE: u32 = 64;
/// The list that is measured where it does not matter which.
const LIST: &str = "/v3/packages?per_page=50";
/// At least so long is read while another process writes ten times a second.
const WRITTEN: Duration = Duration::from_millis(1500);

/// Goals, as ratios.
const HOT: f64 = 0.75;
const DEEP: f64 = 0.8;
const UNDER_WRITES: f64 = 0.5;

/// A kept page, at any size and depth, beside a static route of the same bytes.
pub fn hot(scene: &mut RenderContext, table: &mut Table) -> Result<()> {
    for size in scene.options.sizes.clone() {
        let data = scene.folder.data(size)?;
        let server = Server::of(&data.file, CACHE)?;
        for depth in Depth::ALL {
            let request = page_at(server.address, LIST, &data.admin, depth)?;
            let what = format!("hot page, {} of {}", depth.named(), data.named());
            beside_static(scene, table, what, &server, request)?;
        }
    }
    let data = scene.folder.data(scene.options.largest())?;
    let arguments = ["--api", "2015", "--db"].map(AsRef::as_ref);
    let server = Server::product(arguments.into_iter().chain([data.file.as_os_str()]))?;
    let request = client::get(LIST, &data.admin);
    let what = "hot page, first, of the 2015 edition".to_owned();
    beside_static(scene, table, what, &server, request)
}

fn beside_static(
    scene: &RenderContext,
    table: &mut Table,
    what: String,
    server: &Server,
    request: Vec<u8>,
) -> Result<()> {
    let body = client::body(server.address, &request)?;
    let file = scene.folder.path("body");
    std::fs::write(&file, &body)?;
    let floor = Server::static_route(&file)?;
    let rounds = &scene.options.rounds;
    let requests = [request];
    let pair = paired(
        Unit::PerSecond,
        rounds.count,
        || client::rate(floor.address, &requests, rounds),
        || client::rate(server.address, &requests, rounds),
    )?;
    let kibibytes = body.len().div_ceil(1024);
    let floor = format!("static route, {kibibytes} KiB");
    table.add(what, floor, pair, Some(HOT));
    Ok(())
}

/// The first page, response_cache for every answer, beside the same query and serialisation in process.
pub fn cold(scene: &mut RenderContext, table: &mut Table) -> Result<()> {
    let rounds = scene.options.rounds;
    for size in scene.options.sizes.clone() {
        let data = scene.folder.data(size)?;
        let server = Server::of(&data.file, 0)?;
        let product = Product::open(&data)?;
        let query = format!("per_page={PER_PAGE}");
        let requests = [client::get(LIST, &data.admin)];
        if client::body(server.address, &requests[0])? != product.page(&query, Way::Remembered)? {
            return Err("the same page has other bytes in process".into());
        }
        let pair = paired(
            Unit::PerSecond,
            rounds.count,
            || product.rate(&query, Way::Remembered, &rounds),
            || client::rate(server.address, &requests, &rounds),
        )?;
        let what = format!("cold page, first of {}", data.named());
        table.add(what, "the same in process", pair, None);
    }
    Ok(())
}

/// Any page of any table, response_cache for every answer, beside the first page of the smallest table.
pub fn depth(scene: &mut RenderContext, table: &mut Table) -> Result<()> {
    let rounds = scene.options.rounds;
    let smallest = scene.folder.data(scene.options.smallest())?;
    let floor = Server::of(&smallest.file, 0)?;
    let first = [client::get(LIST, &smallest.admin)];
    for size in scene.options.sizes.clone() {
        let data = scene.folder.data(size)?;
        let server = Server::of(&data.file, 0)?;
        for depth in Depth::ALL {
            if size == smallest.size && depth == Depth::First {
                continue;
            }
            let requests = [page_at(server.address, LIST, &data.admin, depth)?];
            let pair = paired(
                Unit::PerSecond,
                rounds.count,
                || client::rate(floor.address, &first, &rounds),
                || client::rate(server.address, &requests, &rounds),
            )?;
            let what = format!("cold page, {} of {}", depth.named(), data.named());
            let floor = format!("first of {}", smallest.named());
            table.add(what, floor, pair, Some(DEEP));
        }
    }
    Ok(())
}

/// The same pages found by `count` and `offset`, beside the product's own way; both in process.
pub fn offset(scene: &mut RenderContext, table: &mut Table) -> Result<()> {
    let rounds = scene.options.rounds;
    let data = scene.folder.data(scene.options.largest())?;
    let product = Product::open(&data)?;
    for depth in Depth::ALL {
        let number = depth.of(data.size.div_ceil(PER_PAGE));
        let query = format!("page={number}&per_page={PER_PAGE}");
        if product.page(&query, Way::Plain)? != product.page(&query, Way::Remembered)? {
            return Err(format!("{query} has other bytes by count and offset").into());
        }
        let pair = paired(
            Unit::PerSecond,
            rounds.count,
            || product.rate(&query, Way::Remembered, &rounds),
            || product.rate(&query, Way::Plain, &rounds),
        )?;
        let what = format!("count + OFFSET, {} of {}", depth.named(), data.named());
        table.add(what, "the product's page, both in process", pair, None);
    }
    Ok(())
}

/// First, middle and last page of a caller who sees a tenth of the spaces, beside an admin's; none of them kept.
pub fn tenth(scene: &mut RenderContext, table: &mut Table) -> Result<()> {
    let rounds = scene.options.rounds;
    let data = scene.folder.data(scene.options.largest())?;
    let server = Server::of(&data.file, 0)?;
    let pages = |token: &str| {
        Depth::ALL
            .into_iter()
            .map(|depth| page_at(server.address, LIST, token, depth))
            .collect::<Result<Vec<_>>>()
    };
    let (admin, tenth) = (pages(&data.admin)?, pages(&data.tenth)?);
    let pair = paired(
        Unit::PerSecond,
        rounds.count,
        || client::rate(server.address, &admin, &rounds),
        || client::rate(server.address, &tenth, &rounds),
    )?;
    let what = format!("cold pages, a tenth of the spaces, {}", data.named());
    table.add(what, "an admin's", pair, None);
    Ok(())
}

/// Readers of ten lists while another process creates, changes or deletes a package every 100 ms, beside the same
/// readers undisturbed; with kept pages and without.
pub fn writes(scene: &mut RenderContext, table: &mut Table) -> Result<()> {
    let rounds = Rounds {
        time: scene.options.rounds.time.max(WRITTEN),
        ..scene.options.rounds
    };
    let data = scene.folder.data(scene.options.largest())?;
    for (cache, pages) in [(CACHE, "hot"), (0, "cold")] {
        let server = Server::of(&data.file, cache)?;
        let requests = ten_lists(&data, &server)?;
        let pair = paired(
            Unit::PerSecond,
            rounds.count,
            || client::rate(server.address, &requests, &rounds),
            || {
                let writer = Writer::start(&data.file)?;
                let rate = client::rate(server.address, &requests, &rounds)?;
                match writer.stop()? {
                    0 => Err("nothing was written meanwhile".into()),
                    _ => Ok(rate),
                }
            },
        )?;
        let what = format!("{pages} pages under writes, {}", data.named());
        table.add(what, "undisturbed", pair, Some(UNDER_WRITES));
    }
    Ok(())
}

/// Ten lists in stored order: an admin's, those of a tenth of the spaces, by state, type and app; at any depth.
fn ten_lists(data: &Data, server: &Server) -> Result<Vec<Vec<u8>>> {
    use Depth::{First, Last, Middle};
    let (admin, tenth) = (&data.admin, &data.tenth);
    let app = format!("&app_guids={}", data.an_app()?);
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
