//! Random listings over random data, compared with a plain model of what the reference says.
//!
//! `CF_PACKAGES_MODEL_LISTINGS` says how many, `CF_PACKAGES_MODEL_SEED` which ones; a failure names both.

// What helps a test may panic as the test itself may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ask;
pub(crate) mod data;
mod server;

use ask::{Ask, List};
use data::{Data, Random, Row};
use server::Server;

const LISTINGS: u64 = 3_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What a page must show, by the plain way: filter all, sort all, cut.
struct Expected<'d> {
    all: Vec<&'d str>,
    page: Vec<&'d str>,
}

fn expected<'d>(data: &'d Data, user: usize, ask: &Ask, supporters: bool) -> Expected<'d> {
    let seen = |row: &Row| match ask.list {
        List::Packages | List::Apps | List::Spaces => data.reads(user, row.space, supporters),
        List::Organizations => data.belongs(user, row.organization),
    };
    let mut rows: Vec<&Row> = data
        .rows(ask.list)
        .iter()
        .filter(|row| seen(row) && ask.conditions.iter().all(|holds| holds(row)))
        .collect();
    if let Some((order, descending)) = &ask.order {
        rows.sort_by(|a, b| (order(a), &a.guid).cmp(&(order(b), &b.guid)));
        if *descending {
            rows.reverse();
        }
    }
    let all: Vec<&str> = rows.iter().map(|row| row.guid.as_str()).collect();
    let first = (ask.page - 1).saturating_mul(ask.per_page);
    let page = all.iter().copied().skip(first).take(ask.per_page).collect();
    Expected { all, page }
}

/// The number of the page that a link leads to.
fn page_of(link: &serde_json::Value) -> Option<usize> {
    let href = link["href"].as_str()?;
    let (_, query) = href.split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("page="))?
        .parse()
        .ok()
}

fn guids(document: &serde_json::Value) -> Vec<&str> {
    let resources = document["resources"].as_array().unwrap();
    resources
        .iter()
        .map(|row| row["guid"].as_str().unwrap())
        .collect()
}

/// Follows `next` from the first page on: every row stands on exactly one page, in the list's order.
fn walk(server: &Server, user: usize, ask: &Ask, all: &[&str]) {
    let mut met = Vec::new();
    let mut target = Some(ask.target(Some(1)));
    while let Some(at) = target {
        let (status, document) = server.get(user, &at);
        assert_eq!(status, 200, "{at}");
        met.extend(guids(&document).into_iter().map(str::to_owned));
        assert!(met.len() <= all.len(), "more rows than there are: {at}");
        let next = document["pagination"]["next"]["href"].as_str();
        target = next.map(|href| server.target(href));
    }
    assert_eq!(met, all, "the pages of {}", ask.target(Some(1)));
}

fn compare(server: &Server, data: &Data, user: usize, ask: &Ask, walked: bool) {
    let current = server.current;
    let (status, document) = server.get(user, &ask.target(None));
    if let Some(app) = ask.app {
        let row = &data.apps[app];
        let suspended = !current && user != 0 && data.organizations[row.organization].suspended;
        if !data.reads(user, row.space, current) || suspended {
            assert_eq!(status, 404, "an app that is not to be seen: {document}");
            return;
        }
    }
    assert_eq!(status, 200, "{document}");
    let expected = expected(data, user, ask, current);
    let total = expected.all.len();
    let pagination = &document["pagination"];
    assert_eq!(pagination["total_results"], total, "the total");
    assert_eq!(guids(&document), expected.page, "the page");
    let last = total.div_ceil(ask.per_page).max(1);
    if current {
        assert_eq!(pagination["total_pages"], last);
    }
    assert_eq!(page_of(&pagination["first"]), Some(1));
    assert_eq!(page_of(&pagination["last"]), Some(last));
    let next = (ask.page < last).then_some(ask.page + 1);
    assert_eq!(page_of(&pagination["next"]), next, "next");
    let previous = (ask.page > 1).then(|| ask.page - 1);
    assert_eq!(page_of(&pagination["previous"]), previous, "previous");
    if walked {
        walk(server, user, ask, &expected.all);
    }
}

/// Some listings of one edition; the seed, and which listing fails, are told.
fn listings(current: bool, count: u64) {
    let seed = number("CF_PACKAGES_MODEL_SEED", 2015);
    let mut random = Random(seed);
    let data = Data::random(&mut random);
    let server = Server::start(&data, current);
    for number in 0..count {
        let mut random = Random(seed ^ (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let user = random.below(data.users.len());
        let ask = if current {
            Ask::of_today(&mut random, &data)
        } else {
            Ask::of_2015(&mut random, &data)
        };
        let walked = ask.app.is_none() && random.one_in(20);
        let compared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            compare(&server, &data, user, &ask, walked);
        }));
        assert!(
            compared.is_ok(),
            "listing {number} of CF_PACKAGES_MODEL_SEED={seed}: {} asks for {}",
            data.users[user].guid,
            ask.target(None)
        );
    }
}

#[test]
fn random_listings_of_today_are_those_of_the_model() {
    listings(true, number("CF_PACKAGES_MODEL_LISTINGS", LISTINGS));
}

#[test]
fn random_listings_of_2015_are_those_of_the_model() {
    listings(false, number("CF_PACKAGES_MODEL_LISTINGS", LISTINGS) / 8);
}
