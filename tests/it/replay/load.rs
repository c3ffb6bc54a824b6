//! A client that asks for all pages at once is a normal client: it gets all of them.

use super::wire::Server;
use super::{demo, doors, guids, packages_of, text};

/// So many requests at the same time, each on a connection of its own.
const IN_FLIGHT: usize = 256;

#[test]
fn all_pages_at_once() {
    let server = Server::demo();
    let token = text(&doors::log_in(server, "admin").ok()["access_token"]);
    let expected = packages_of(&demo(), |_| true);
    let bearer = format!("Authorization: bearer {token}");
    // All are sent before any answer is read. Each page is another, so that none is answered from what is kept.
    let asked: Vec<_> = (1..=IN_FLIGHT)
        .map(|page| {
            let line = format!("GET /v3/packages?page={page}&per_page=1 HTTP/1.1");
            server.open(&[&line, "Host: HOST", &bearer], "")
        })
        .collect();
    for (at, asked) in asked.into_iter().enumerate() {
        let list = asked.answer().ok();
        assert_eq!(guids(&list), expected[at..=at], "page {}", at + 1);
        assert_eq!(list["pagination"]["total_results"], expected.len());
    }
}

#[test]
fn all_pages_at_once_of_lists_that_are_not_the_same() {
    let server = Server::demo();
    let token = text(&doors::log_in(server, "admin").ok()["access_token"]);
    let bearer = format!("Authorization: bearer {token}");
    let ordered = |state: &str| {
        let demo = demo();
        let packages = demo["packages"].as_array().unwrap().iter();
        let mut found: Vec<(String, String)> = packages
            .filter(|package| package["type"] == "bits" && package["state"] == state)
            .map(|package| (text(&package["created_at"]), text(&package["guid"])))
            .collect();
        found.sort();
        found.reverse();
        found
    };
    let states = ["READY", "EXPIRED", "FAILED", "COPYING"].map(|state| (state, ordered(state)));
    let asked: Vec<_> = (0..IN_FLIGHT)
        .map(|at| {
            let (state, page) = (at % 4, at / 4 + 1);
            let line = format!(
                "GET /v3/packages?types=bits&states={}&order_by=-created_at&page={page}&per_page=2 HTTP/1.1",
                states[state].0
            );
            (
                state,
                page,
                server.open(&[&line, "Host: HOST", &bearer], ""),
            )
        })
        .collect();
    for (state, page, asked) in asked {
        let all = &states[state].1;
        let list = asked.answer().ok();
        let expected = all.iter().skip(2 * (page - 1)).take(2);
        let expected: Vec<String> = expected.map(|(_, guid)| guid.clone()).collect();
        assert_eq!(guids(&list), expected, "{} {page}", states[state].0);
        assert_eq!(list["pagination"]["total_results"], all.len());
    }
}
