//! The cost of a page does not depend on the size of the table: SQLite's counters with 1,000 and with 100,000 packages.

use std::fmt::Write;

use cf_packages::caller::{Caller, Member};
use cf_packages::edition::Edition;
use cf_packages::listing;
use cf_packages::records::Package;
use cf_packages::store::{Durability, OpenMode, Store, StoreError};

use crate::support::generated_data;

/// A cost that grows by more than this, while 1,000 packages become 100,000, depends on the size of the table.
const FACTOR: i32 = 4;
/// A page of 50 packages may cost `FACTOR` times as many instructions of SQLite's virtual machine in any table
/// (<https://sqlite.org/c3ref/c_stmtstatus_counter.html>).
const STEPS: i32 = 3_000;
/// A page of 50 packages may cost `FACTOR` times as many steps of full table scans in any table.
const SCANNED: i32 = 500;

/// Creates a database with that many packages and spaces.
fn store(packages: i64, spaces: i64) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packages.db");
    Store::create(&path, |transaction| {
        generated_data::insert(transaction, packages, spaces)
    })
    .unwrap();
    let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
    (folder, store)
}

/// Returns the admin, or the user with roles in three spaces.
fn caller(name: &str) -> Caller {
    match name {
        "admin" => Caller::Everything,
        user => Caller::Member(Member {
            user: user.into(),
            rules: Edition::Current.access_rules(),
        }),
    }
}

/// Returns the cost of a page: instructions, steps of full table scans, and the number of packages on it.
fn cost(store: &Store, caller: Caller, query: &str) -> (i32, i32, usize) {
    let request = Edition::Current
        .parse_package_list(None, query)
        .unwrap()
        .list;
    store
        .read_blocking(move |db| {
            let (sql, values) = listing::page_statement::<Package>(db, &caller, &request)?;
            let mut length = 0;
            db.work(&sql)?;
            db.rows(&sql, &values, |_| {
                length += 1;
                Ok::<_, StoreError>(())
            })?;
            let (steps, scanned) = db.work(&sql)?;
            Ok::<_, StoreError>((steps, scanned, length))
        })
        .unwrap()
}

const QUERIES: &[&str] = &[
    "",
    "page=3",
    "states=READY",
    "states=READY,FAILED",
    "types=docker",
    "types=bits,docker",
    "states=FAILED&types=bits",
    "guids=p7",
    "guids=p1,p100,p500,nope",
    "app_guids=a7",
    "app_guids=a5,a6,a7,a21,a22",
    "space_guids=s1",
    "space_guids=s1,s4",
    "space_guids=s1,s4&states=READY",
    "organization_guids=o0",
    "organization_guids=o0,o1",
    "organization_guids=o0&types=bits",
    "label_selector=env%3Dprod",
    "label_selector=env%20in%20(prod,dev)",
    "label_selector=env",
    "label_selector=!env",
    "label_selector=env!%3Dprod",
    "label_selector=env%20notin%20(dev)",
    "label_selector=rare%3Dyes",
    "label_selector=env%3Dprod,tier%20in%20(tier1,tier2)",
    "order_by=created_at",
    "order_by=-created_at",
    "order_by=updated_at",
    "order_by=-updated_at",
    "order_by=-created_at&states=READY",
    "order_by=created_at&space_guids=s1",
    "order_by=created_at&space_guids=s1,s4",
    "order_by=created_at&organization_guids=o0",
    "order_by=-created_at&label_selector=env%3Dprod",
    "order_by=-updated_at&label_selector=rare%3Dyes",
    "order_by=created_at&created_ats[gt]=1970-01-01T12:00:00Z",
    "order_by=-created_at&created_ats[lt]=1970-01-01T12:00:00Z",
    "order_by=created_at&created_ats[gte]=1970-01-01T06:00:00Z&created_ats[lt]=1970-01-01T20:00:00Z",
    "order_by=-updated_at&updated_ats[gte]=1970-01-01T12:00:00Z&updated_ats[lt]=1970-01-02T12:00:00Z",
];

/// Compares the cost in the database `many` with the cost in the database `few`, which has 1,000 packages.
/// `CF_PACKAGES_TEST_SHOW_COST` makes it fail and print all costs.
fn compare(many: &Store, few: &Store, callers: &[&str], queries: &[&str]) {
    let mut report = String::new();
    let mut worse = 0;
    for name in callers {
        for query in queries {
            let (small, small_scan, _) = cost(few, caller(name), query);
            let (large, large_scan, length) = cost(many, caller(name), query);
            assert!(length > 0 || *name != "admin", "`{query}` finds nothing");
            let is_worse = |small: i32, large: i32, page: i32| large > small.max(page) * FACTOR;
            let mark = if is_worse(small, large, STEPS) || is_worse(small_scan, large_scan, SCANNED)
            {
                worse += 1;
                "GROWS"
            } else {
                ""
            };
            let _ = writeln!(
                report,
                "{name:>6} {small:>8} → {large:>8} steps, {small_scan:>6} → {large_scan:>6} scanned  {query} {mark}"
            );
        }
    }
    assert_eq!(worse, 0, "the cost grows with the table:\n{report}");
    if std::env::var_os("CF_PACKAGES_TEST_SHOW_COST").is_some() {
        panic!("{report}");
    }
}

/// `member` sees three spaces of ten.
#[test]
fn a_page_costs_the_same_in_few_large_spaces() {
    let (_small, small) = store(1_000, 10);
    let (_large, large) = store(100_000, 10);
    compare(&large, &small, &["admin", "member"], QUERIES);
}

/// `member` sees three spaces of a thousand.
#[test]
fn a_page_costs_the_same_in_many_small_spaces() {
    let (_small, small) = store(1_000, 10);
    let (_large, large) = store(100_000, 1_000);
    compare(&large, &small, &["admin", "member"], QUERIES);
}

/// The order is not the order of the index of the range.
#[test]
fn a_time_range_under_another_order_costs_a_page() {
    let (_small, small) = store(1_000, 10);
    let (_large, large) = store(100_000, 1_000);
    let queries = [
        "created_ats[gt]=1970-01-01T06:00:00Z",
        "updated_ats[lt]=1970-01-02T12:00:00Z",
        "order_by=-created_at&updated_ats[lt]=1970-01-02T12:00:00Z",
        "created_ats[gte]=1970-01-01T06:00:00Z&created_ats[lt]=1970-01-01T06:10:00Z",
        "order_by=updated_at&created_ats[gte]=1970-01-01T06:00:00Z&created_ats[lt]=1970-01-01T06:10:00Z",
    ];
    compare(&large, &small, &["admin"], &queries);
}

/// SQLite lowers its estimate of a list with each condition, and at some forty of them it would sort the whole list.
#[test]
fn a_page_costs_the_same_with_many_label_requirements() {
    let (_small, small) = store(1_000, 10);
    let (_large, large) = store(100_000, 1_000);
    let selectors = [40, 46, 50].map(|requirements| {
        let list: Vec<String> = (0..requirements).map(|n| format!("!key{n}")).collect();
        list.join(",")
    });
    let orders = ["", "order_by=created_at&", "space_guids=s1,s4&"];
    let queries: Vec<String> = selectors
        .iter()
        .flat_map(|selector| orders.map(|order| format!("{order}label_selector={selector}")))
        .collect();
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    compare(&large, &small, &["admin"], &queries);
}
