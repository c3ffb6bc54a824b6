//! Pages of lists in the edition 2015: each package is on exactly one page, whatever the page size.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use crate::support::random::Rounds;
use crate::support::{Server, WorkDir};

/// The number of packages of each app.
const TOTALS: [u64; 12] = [0, 1, 2, 3, 5, 8, 13, 49, 50, 51, 100, 233];

fn guid(app: usize, package: u64) -> String {
    format!("package-{app}-{package}")
}

/// Returns a seed with an app for each of `TOTALS`.
fn seed() -> String {
    let apps: Vec<String> = (0..TOTALS.len())
        .map(|app| format!(r#"{{"guid": "app-{app}", "name": "app-{app}", "space": "s"}}"#))
        .collect();
    let packages: Vec<String> = packages()
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

/// Returns the app and the number of each package, in stored order. The packages of an app do not lie side by side.
fn packages() -> impl Iterator<Item = (usize, u64)> {
    (0..233).flat_map(|package| {
        (0..TOTALS.len())
            .filter(move |app| package < TOTALS[*app])
            .map(move |app| (app, package))
    })
}

/// Returns the path of a list, and its guids: the list of an app, or with `TOTALS.len()` the list of all packages.
fn list(number: usize) -> (String, Vec<String>) {
    if number == TOTALS.len() {
        let all = packages()
            .map(|(app, package)| guid(app, package))
            .collect();
        return ("/v3/packages".into(), all);
    }
    let guids = (0..TOTALS[number])
        .map(|package| guid(number, package))
        .collect();
    (format!("/v3/apps/app-{number}/packages"), guids)
}

fn get_page(server: &Server, token: &str, target: &str) -> Value {
    let response = server.get(target, token);
    assert_eq!(response.status, 200, "{target}: {}", response.body);
    serde_json::from_str(&response.body).expect("JSON")
}

fn guids(page: &Value) -> Vec<&str> {
    let resources = page["resources"].as_array().expect("resources");
    resources
        .iter()
        .map(|resource| resource["guid"].as_str().expect("a guid"))
        .collect()
}

fn serve() -> (WorkDir, Server, String) {
    let dir = WorkDir::new();
    dir.write("seed.json", seed());
    let server = dir.serve(&["--seed", "seed.json"]);
    let token = dir.admin_token();
    (dir, server, token)
}

/// Returns a runner of that many rounds, unless the environment says otherwise.
fn runner(count: u64) -> TestRunner {
    let rounds = Rounds::from_environment(2015, count);
    let config = Config {
        cases: rounds.count.try_into().expect("a number of rounds"),
        failure_persistence: None,
        ..Config::default()
    };
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&rounds.seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

#[test]
fn next_leads_to_every_package_exactly_once() {
    let (_dir, server, token) = serve();
    let lists = (
        0..=TOTALS.len(),
        prop_oneof![1..=9_usize, 10..=60_usize, 200..=5000_usize],
    );
    runner(60)
        .run(&lists, |(number, per_page)| {
            let (path, all) = list(number);
            // At most 40 pages, so that a round stays short.
            let per_page = per_page.max(all.len() / 40);
            let mut seen = Vec::new();
            let mut next = format!("{path}?per_page={per_page}");
            let mut page_number = 1;
            loop {
                let page = get_page(&server, &token, &next);
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
                let previous = if page_number > 1 { href(page_number - 1) } else { Value::Null };
                prop_assert_eq!(&pagination["previous"], &previous);
                let Some(href) = pagination["next"]["href"].as_str() else {
                    prop_assert_eq!(page_number, last);
                    break;
                };
                next = href.to_owned();
                page_number += 1;
            }
            prop_assert_eq!(seen, all);
            Ok(())
        })
        .expect("every round succeeds");
}

#[test]
fn a_page_and_its_links_follow_from_total_number_and_size() {
    let (_dir, server, token) = serve();
    let lists = (
        0..=TOTALS.len(),
        prop_oneof![
            1..=12_u64,
            1..=1000_u64,
            any::<u32>().prop_map(|page| u64::from(page) + 1)
        ],
        prop_oneof![1..=9_u64, 1..=5000_u64],
    );
    runner(200)
        .run(&lists, |(list_number, number, per_page)| {
            let (path, all) = list(list_number);
            let page = get_page(
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
        .expect("every round succeeds");
}
