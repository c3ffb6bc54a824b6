//! The same random requests get the same bytes from a file and from a PostgreSQL server that hold the same data.

use std::collections::BTreeSet;

use crate::listing_model::data::Data;
use crate::listing_model::request::{List, ListRequest};
use crate::listing_model::server::Server;
use crate::support::WorkDir;
use crate::support::database::server_or_skip;
use crate::support::random::{Random, Rounds};

/// Returns the target of a request, perhaps with resources that are to be included.
fn target(random: &mut Random, request: &ListRequest) -> String {
    let target = request.target(None);
    let included: &[&str] = match request.list {
        List::Apps => &["space", "space.organization", "space,space.organization"],
        List::Spaces => &["organization"],
        List::Packages | List::Organizations => &[],
    };
    if included.is_empty() || random.one_in(2) {
        return target;
    }
    let separator = if target.ends_with('?') { "" } else { "&" };
    format!("{target}{separator}include={}", random.choose(included))
}

fn compare(is_current: bool, rounds: Rounds) {
    if server_or_skip("a comparison of random answers").is_none() {
        return;
    }
    let data = Data::random(&mut Random(rounds.seed));
    let folders = [WorkDir::of_files(), WorkDir::new()];
    let [mut of_file, mut of_server] =
        folders.map(|folder| Server::start_in(folder, &data, is_current));
    let mut seen = BTreeSet::new();
    for round in 0..rounds.count {
        let random = &mut Random(rounds.seed ^ (round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let user = random.below(data.users.len());
        let request = if is_current {
            ListRequest::random(random, &data)
        } else {
            ListRequest::random_2015(random, &data)
        };
        let target = target(random, &request);
        // The second answer may come from a cache.
        for _ in 0..2 {
            let answers = [&mut of_file, &mut of_server].map(|server| {
                let response = server.response(user, &target);
                (response.status, response.bytes)
            });
            let texts = answers.each_ref().map(|(status, bytes)| {
                let text = String::from_utf8_lossy(bytes);
                format!("{status} {text}")
            });
            assert!(
                answers[0] == answers[1],
                "round {round}: user {} requests {target}\nfile:   {}\nserver: {}",
                data.users[user].guid,
                texts[0],
                texts[1]
            );
        }
        for name in NAMES {
            if target.contains(name) {
                seen.insert(name);
            }
        }
    }
    if is_current {
        assert_eq!(seen, NAMES.into(), "not every parameter was sent");
    }
}

/// What some request of the edition `current` contains.
const NAMES: [&str; 14] = [
    "/v3/packages?",
    "/v3/apps?",
    "/v3/spaces?",
    "/v3/organizations?",
    "order_by=created_at",
    "order_by=-updated_at",
    "order_by=name",
    "order_by=-state",
    "label_selector=",
    "created_ats",
    "updated_ats",
    "states=",
    "include=space",
    "include=organization",
];

#[test]
fn random_lists_of_the_edition_current_are_the_same_bytes() {
    compare(true, Rounds::from_environment(20, 2_000));
}

#[test]
fn random_lists_of_the_edition_2015_are_the_same_bytes() {
    compare(false, Rounds::from_environment(20, 300));
}
