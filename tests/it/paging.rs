//! The arithmetic of pages, against a server: each package is on exactly one page, whatever the size of a page.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::support::{Bench, Server};

/// How many packages the apps have; all of them together are the last total.
const TOTALS: [u64; 12] = [0, 1, 2, 3, 5, 8, 13, 49, 50, 51, 100, 233];

fn guid(app: usize, package: u64) -> String {
    format!("package-{app}-{package}")
}

/// Apps of every total, their packages stored in turn, so that none lies in one piece.
fn seed() -> String {
    let apps: Vec<String> = (0..TOTALS.len())
        .map(|app| format!(r#"{{"guid": "app-{app}", "name": "app-{app}", "space": "s"}}"#))
        .collect();
    let packages: Vec<String> = stored()
        .map(|(app, package)| {
            format!(
                r#"{{"guid": "{}", "app": "app-{app}", "type": "bits", "created_at": "2020-01-01T00:00:00Z"}}"#,
                guid(app, package)
            )
        })
        .collect();
    format!(
        r#"{{"organizations": [{{"name": "o"}}], "spaces": [{{"name": "s", "organization": "o"}}],
            "apps": [{}], "packages": [{}]}}"#,
        apps.join(","),
        packages.join(",")
    )
}

/// App and number of each package, in the order in which they are stored.
fn stored() -> impl Iterator<Item = (usize, u64)> {
    (0..233).flat_map(|package| {
        (0..TOTALS.len())
            .filter(move |app| package < TOTALS[*app])
            .map(move |app| (app, package))
    })
}

/// A list: its path, and what it holds in order.
fn list(place: usize) -> (String, Vec<String>) {
    if place == TOTALS.len() {
        let all = stored().map(|(app, package)| guid(app, package)).collect();
        return ("/v3/packages".into(), all);
    }
    let guids = (0..TOTALS[place])
        .map(|package| guid(place, package))
        .collect();
    (format!("/v3/apps/app-{place}/packages"), guids)
}

fn page(server: &Server, token: &str, target: &str) -> Value {
    let answer = server.get(target, token);
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

fn guids(page: &Value) -> Vec<&str> {
    let resources = page["resources"].as_array().expect("resources");
    resources
        .iter()
        .map(|resource| resource["guid"].as_str().expect("a guid"))
        .collect()
}

fn served() -> (Bench, Server, String) {
    let bench = Bench::new();
    bench.write("seed.json", seed());
    let server = bench.serve(&["--seed", "seed.json"]);
    let token = bench.admin_token();
    (bench, server, token)
}

fn cases(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn every_package_is_on_exactly_one_page_and_next_leads_through_all() {
    let (_bench, server, token) = served();
    let lists = (
        0..=TOTALS.len(),
        prop_oneof![1..=9_usize, 10..=60_usize, 200..=5000_usize],
    );
    cases(60)
        .run(&lists, |(place, per_page)| {
            let (path, all) = list(place);
            // A walk of more pages than this shows nothing new.
            let per_page = per_page.max(all.len() / 40);
            let mut seen = Vec::new();
            let mut next = format!("{path}?per_page={per_page}");
            let mut number = 1;
            loop {
                let page = page(&server, &token, &next);
                let shown = guids(&page);
                prop_assert!(shown.len() <= per_page);
                seen.extend(shown.into_iter().map(str::to_owned));
                let pagination = &page["pagination"];
                let href = |number: usize| {
                    serde_json::json!({"href": format!("{path}?page={number}&per_page={per_page}")})
                };
                let last = all.len().div_ceil(per_page).max(1);
                prop_assert_eq!(&pagination["total_results"], all.len());
                prop_assert_eq!(&pagination["first"], &href(1));
                prop_assert_eq!(&pagination["last"], &href(last));
                let previous = if number > 1 { href(number - 1) } else { Value::Null };
                prop_assert_eq!(&pagination["previous"], &previous);
                let Some(href) = pagination["next"]["href"].as_str() else {
                    prop_assert_eq!(number, last);
                    break;
                };
                next = href.to_owned();
                number += 1;
            }
            prop_assert_eq!(seen, all);
            Ok(())
        })
        .expect("holds for all");
}

#[test]
fn any_page_is_told_by_arithmetic_alone() {
    let (_bench, server, token) = served();
    let lists = (
        0..=TOTALS.len(),
        prop_oneof![
            1..=12_u64,
            1..=1000_u64,
            any::<u32>().prop_map(|page| u64::from(page) + 1)
        ],
        prop_oneof![1..=9_u64, 1..=5000_u64],
    );
    cases(200)
        .run(&lists, |(place, number, per_page)| {
            let (path, all) = list(place);
            let page = page(
                &server,
                &token,
                &format!("{path}?page={number}&per_page={per_page}"),
            );
            let before = usize::try_from((number - 1) * per_page).unwrap_or(usize::MAX);
            let shown: Vec<&str> = all
                .iter()
                .skip(before)
                .take(usize::try_from(per_page).unwrap_or(usize::MAX))
                .map(String::as_str)
                .collect();
            prop_assert_eq!(guids(&page), shown);
            let last = (all.len() as u64).div_ceil(per_page).max(1);
            let href = |number: u64| format!("{path}?page={number}&per_page={per_page}");
            let pagination = &page["pagination"];
            prop_assert_eq!(&pagination["total_results"], all.len());
            prop_assert_eq!(&pagination["first"]["href"], &href(1));
            prop_assert_eq!(&pagination["last"]["href"], &href(last));
            let next = (number < last).then(|| href(number + 1));
            prop_assert_eq!(pagination["next"]["href"].as_str(), next.as_deref());
            let previous = (number > 1).then(|| href(number - 1));
            prop_assert_eq!(pagination["previous"]["href"].as_str(), previous.as_deref());
            Ok(())
        })
        .expect("holds for all");
}

#[test]
fn a_warm_cache_and_none_answer_the_same_bytes() {
    let bench = Bench::new();
    bench.write("seed.json", seed());
    bench.ok(&["seed", "seed.json"]);
    let cached = bench.serve(&[]);
    let plain = bench.serve(&["--cache-size", "0"]);
    let token = bench.admin_token();
    for round in 0..3 {
        for page in [1, 2, 3, 40, 80, 81, 82, 7, 1] {
            let target = format!("/v3/packages?page={page}&per_page=7");
            let (one, other) = (cached.get(&target, &token), plain.get(&target, &token));
            assert_eq!(one.told(), other.told(), "{target}, round {round}");
        }
    }
}

#[test]
fn what_another_process_stored_is_in_the_next_answer() {
    let bench = Bench::new();
    bench.ok(&["seed", "example"]);
    let server = bench.serve(&[]);
    let token = bench.admin_token();
    let mut totals = BTreeMap::new();
    for round in 0..5 {
        bench.write(
            "more.json",
            format!(
                r#"{{"packages": [{{"guid": "more-{round}", "app": "my-app", "type": "bits",
                    "created_at": "2020-01-01T00:00:00Z"}}]}}"#
            ),
        );
        bench.ok(&["seed", "more.json"]);
        let page = page(&server, &token, "/v3/packages?per_page=2&page=3");
        totals.insert(round, page["pagination"]["total_results"].as_u64());
    }
    let expected: Vec<_> = (5..10).map(Some).collect();
    assert_eq!(totals.into_values().collect::<Vec<_>>(), expected);
}
