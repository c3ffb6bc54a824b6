//! Tests of every parser with queries that no client should send.

use proptest::prelude::*;

use super::*;
use crate::records::{App, Organization, Space};

/// Fragments from which the random test builds unusual queries.
const FRAGMENTS: &[&str] = &[
    "page",
    "per_page",
    "order_by",
    "created_ats",
    "updated_ats",
    "guids",
    "states",
    "types",
    "names",
    "app_guid",
    "app_guids",
    "space_guids",
    "label_selector",
    "include",
    "lifecycle_type",
    "stacks",
    "isolation_segment_guid",
    "=",
    "==",
    "!=",
    "&",
    ";",
    "[",
    "]",
    "[]",
    "[gt]",
    "[x]",
    "[][a]",
    ",",
    "%2C",
    "%252C",
    "%25FF",
    "%2500",
    "%00",
    "%0A",
    "%FF",
    "%",
    "+",
    "-",
    "(",
    ")",
    " in (",
    "+notin+(",
    "/",
    "é",
    "😀",
    "0x1p-2",
    "1e400",
    "_",
    ".",
    "9999999999999999999999999999999999999999999",
    "READY",
    "2020-02-30T00:00:00Z",
    "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "org",
    "space.organization",
    "created_at",
    "%7B",
    "#%7B",
    "example.com",
    "\n",
    "\0",
    "\t",
];

fn unusual_query() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::collection::vec(prop::sample::select(FRAGMENTS), 0..40).prop_map(|fragments| fragments.concat()),
        1 => any::<String>(),
        1 => prop::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| {
            bytes.iter().map(|byte| format!("%{byte:02x}")).collect::<String>()
        }),
        1 => prop::collection::vec(any::<u8>(), 0..80)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

/// Passes a query to every parser of every edition.
fn parse_with_every_parser(query: &str) {
    for edition in Edition::value_variants() {
        let _ = edition.parse_package_list(None, query);
        let _ = edition.parse_package_list(Some("a"), query);
        if let Some(foundation) = edition.foundation() {
            let _ = foundation.parse_list::<Organization>(query);
            let _ = foundation.parse_list::<Space>(query);
            let _ = foundation.parse_list::<App>(query);
            let _ = foundation.parse_single::<Organization>(query);
            let _ = foundation.parse_single::<Space>(query);
            let _ = foundation.parse_single::<App>(query);
        }
    }
}

proptest! {
    #[test]
    fn no_query_makes_a_parser_panic(
        query in unusual_query(),
        value in unusual_query(),
        name in prop::sample::select(FRAGMENTS),
    ) {
        parse_with_every_parser(&query);
        parse_with_every_parser(&format!("{name}={value}"));
    }
}

#[test]
fn long_queries_are_parsed_in_linear_time() {
    let length = 100_000;
    let started = std::time::Instant::now();
    for query in [
        format!("page={}", "9".repeat(length)),
        format!("page={}", "1_".repeat(length / 2)),
        format!("page={}x", " ".repeat(length)),
        format!("states={}", ",".repeat(length)),
        format!("label_selector={}", "(".repeat(length)),
        format!("label_selector={}", "a in (".repeat(length / 6)),
        format!("include={}", "org,".repeat(length / 4)),
        (0..length / 8).map(|n| format!("n{n}&")).collect(),
        (0..length / 8).map(|n| format!("states[n{n}]&")).collect(),
        "a[][b]=1&".repeat(length / 9),
        format!("a{}", "[".repeat(length)),
    ] {
        parse_with_every_parser(&query);
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
