//! Random list requests over random data, compared with a simple model of the API: filter everything, sort everything,
//! take a page.

pub mod data;
pub mod request;
pub mod server;

use data::{Data, Resource};
use request::{List, ListRequest};
use server::Server;

use crate::support::random::{Random, Rounds};

/// The resources that a response must contain.
struct Expected<'d> {
    all: Vec<&'d str>,
    page: Vec<&'d str>,
}

fn expected<'d>(
    data: &'d Data,
    user: usize,
    request: &ListRequest,
    is_current: bool,
) -> Expected<'d> {
    let is_visible = |resource: &Resource| match request.list {
        List::Packages | List::Apps | List::Spaces => data.reads(user, resource.space, is_current),
        List::Organizations => data.belongs_to(user, resource.organization),
    };
    let matches = |resource: &Resource| request.conditions.iter().all(|holds| holds(resource));
    let mut resources: Vec<&Resource> = data
        .resources(request.list)
        .iter()
        .filter(|resource| is_visible(resource) && matches(resource))
        .collect();
    if let Some((order, descending)) = &request.order {
        resources.sort_by(|a, b| (order(a), &a.guid).cmp(&(order(b), &b.guid)));
        if *descending {
            resources.reverse();
        }
    }
    let all: Vec<&str> = resources
        .iter()
        .map(|resource| resource.guid.as_str())
        .collect();
    let first = (request.page - 1).saturating_mul(request.per_page);
    let page = all
        .iter()
        .copied()
        .skip(first)
        .take(request.per_page)
        .collect();
    Expected { all, page }
}

/// Returns the page number in a link.
fn page_number(link: &serde_json::Value) -> Option<usize> {
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
        .map(|resource| resource["guid"].as_str().unwrap())
        .collect()
}

/// Follows `next` from the first page: every resource is on exactly one page, in the order of the list.
fn compare_all_pages(server: &mut Server, user: usize, request: &ListRequest, all: &[&str]) {
    let mut received = Vec::new();
    let mut next = Some(request.target(Some(1)));
    while let Some(target) = next {
        let (status, document) = server.get(user, &target);
        assert_eq!(status, 200, "{target}");
        received.extend(guids(&document).into_iter().map(str::to_owned));
        assert!(
            received.len() <= all.len(),
            "more resources than expected: {target}"
        );
        let href = document["pagination"]["next"]["href"].as_str();
        next = href.map(|href| server.target(href));
    }
    assert_eq!(received, all, "the pages of {}", request.target(Some(1)));
}

fn compare(
    server: &mut Server,
    data: &Data,
    user: usize,
    request: &ListRequest,
    with_all_pages: bool,
) {
    let is_current = server.is_current;
    let (status, document) = server.get(user, &request.target(None));
    if let Some(app) = request.app {
        let app = &data.apps[app];
        let is_suspended =
            !is_current && user != 0 && data.organizations[app.organization].is_suspended;
        if !data.reads(user, app.space, is_current) || is_suspended {
            assert_eq!(status, 404, "an app that the user cannot see: {document}");
            return;
        }
    }
    assert_eq!(status, 200, "{document}");
    let expected = expected(data, user, request, is_current);
    let total = expected.all.len();
    let pagination = &document["pagination"];
    assert_eq!(pagination["total_results"], total, "the total");
    assert_eq!(guids(&document), expected.page, "the page");
    let last = total.div_ceil(request.per_page).max(1);
    if is_current {
        assert_eq!(pagination["total_pages"], last);
    }
    assert_eq!(page_number(&pagination["first"]), Some(1));
    assert_eq!(page_number(&pagination["last"]), Some(last));
    let next = (request.page < last).then_some(request.page + 1);
    assert_eq!(page_number(&pagination["next"]), next, "next");
    let previous = (request.page > 1).then(|| request.page - 1);
    assert_eq!(page_number(&pagination["previous"]), previous, "previous");
    if with_all_pages {
        compare_all_pages(server, user, request, &expected.all);
    }
}

/// Sends random requests to a server of one edition.
fn compare_random_requests(is_current: bool, rounds: Rounds) {
    let mut random = Random(rounds.seed);
    let data = Data::random(&mut random);
    let mut server = Server::start(&data, is_current);
    for round in 0..rounds.count {
        let mut random = Random(rounds.seed ^ (round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let user = random.below(data.users.len());
        let request = if is_current {
            ListRequest::random(&mut random, &data)
        } else {
            ListRequest::random_2015(&mut random, &data)
        };
        let with_all_pages = request.app.is_none() && random.one_in(20);
        let compared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            compare(&mut server, &data, user, &request, with_all_pages);
        }));
        assert!(
            compared.is_ok(),
            "round {round}: user {} requests {}",
            data.users[user].guid,
            request.target(None)
        );
    }
}

#[test]
fn random_lists_of_the_edition_current_match_the_model() {
    compare_random_requests(true, Rounds::from_environment(2015, 3_000));
}

#[test]
fn random_lists_of_the_edition_2015_match_the_model() {
    compare_random_requests(false, Rounds::from_environment(2015, 375));
}
