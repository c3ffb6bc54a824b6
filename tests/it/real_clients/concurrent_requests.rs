//! A client that requests all pages at once receives all of them.

use super::server::Server;
use super::{demo_seed, guids, login, package_guids, text};

/// Requests at the same time, each on its own connection.
const IN_FLIGHT: usize = 256;

#[test]
fn all_pages_of_one_list_at_once() {
    let server = Server::demo();
    let token = text(&login::log_in(server, "admin").ok()["access_token"]);
    let expected = package_guids(&demo_seed(), |_| true);
    let bearer = format!("Authorization: bearer {token}");
    // All requests are sent before a response is read. Each is for another page, so that no response is cached.
    let pending: Vec<_> = (1..=IN_FLIGHT)
        .map(|page| {
            let line = format!("GET /v3/packages?page={page}&per_page=1 HTTP/1.1");
            server.open(&[&line, "Host: HOST", &bearer], "")
        })
        .collect();
    for (at, pending) in pending.into_iter().enumerate() {
        let list = pending.response().ok();
        assert_eq!(guids(&list), expected[at..=at], "page {}", at + 1);
        assert_eq!(list["pagination"]["total_results"], expected.len());
    }
}

#[test]
fn pages_of_different_lists_at_once() {
    let server = Server::demo();
    let token = text(&login::log_in(server, "admin").ok()["access_token"]);
    let bearer = format!("Authorization: bearer {token}");
    let ordered = |state: &str| {
        let demo = demo_seed();
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
    let pending: Vec<_> = (0..IN_FLIGHT)
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
    for (state, page, pending) in pending {
        let all = &states[state].1;
        let list = pending.response().ok();
        let expected = all.iter().skip(2 * (page - 1)).take(2);
        let expected: Vec<String> = expected.map(|(_, guid)| guid.clone()).collect();
        assert_eq!(guids(&list), expected, "{} {page}", states[state].0);
        assert_eq!(list["pagination"]["total_results"], all.len());
    }
}
