//! The work of a page is bounded by the page: SQLite's own counters at 1,000 and at 100,000 packages.

// What helps a test may panic as the test itself may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;

use cf_packages::caller::{Caller, Member};
use cf_packages::edition::Edition;
use cf_packages::listing;
use cf_packages::records::Package;
use cf_packages::store::{Durability, OpenMode, Store, StoreError, Transaction};

const APPS_PER_SPACE: i64 = 5;
const SPACES_PER_ORGANIZATION: i64 = 5;
/// 1,000 packages become 100,000; what grows by more than this is not bounded by the page.
const FACTOR: i32 = 4;
/// What a page of fifty rows may cost in any table: steps of SQLite's machine, and rows of a scan.
const STEPS: i32 = 3_000;
const ROWS: i32 = 500;

/// A database of so many packages, evenly in so many spaces.
fn store(packages: i64, spaces: i64) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packages.db");
    Store::create(&path, |db| fill(db, packages, spaces)).unwrap();
    let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
    (folder, store)
}

/// So many packages, evenly in so many spaces, and a user with roles in three of these.
pub(crate) fn fill(db: &Transaction<'_>, packages: i64, spaces: i64) -> Result<(), StoreError> {
    let count = |sql: &str, count: i64, other: &[i64]| {
        let mut values = vec![count.into()];
        values.extend(other.iter().map(|n| (*n).into()));
        let sql = format!(
            "with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < $1) {sql}"
        );
        db.execute(&sql, &values)
    };
    count(
        "insert into organizations (id, guid, name, folded_name, created_at)
         select i + 1, 'o' || i, 'o' || i, 'o' || i, 0 from n",
        spaces / SPACES_PER_ORGANIZATION,
        &[],
    )?;
    count(
        "insert into spaces (id, guid, name, folded_name, organization_id, created_at)
         select i + 1, 's' || i, 's' || i, 's' || i, i / $2 + 1, 0 from n",
        spaces,
        &[SPACES_PER_ORGANIZATION],
    )?;
    count(
        "insert into apps (id, guid, name, folded_name, space_id, created_at)
         select i + 1, 'a' || i, 'a' || i, 'a' || i, i / $2 + 1, 0 from n",
        spaces * APPS_PER_SPACE,
        &[APPS_PER_SPACE],
    )?;
    // `m` is any number that does not follow `i`.
    count(
        ", p as (select i, i * 48271 % 2147483647 as m from n)
         insert into packages (guid, app_id, space_id, type, state, image, store_image, created_at, updated_at)
         select 'p' || i, m % $2 + 1, m % $2 / $3 + 1, case when m / 7 % 4 = 0 then 'docker' else 'bits' end,
                case m / 11 % 4 when 0 then 'FAILED' when 1 then 'COPYING' else 'READY' end,
                case when m / 7 % 4 = 0 then 'image' end, case when m / 7 % 4 = 0 then 0 end,
                m / 13 % 100000, case when m / 17 % 3 > 0 then 100000 + m / 19 % 100000 end
         from p",
        packages,
        &[spaces * APPS_PER_SPACE, APPS_PER_SPACE],
    )?;
    db.execute(
        "insert into package_labels (key, value, package_id)
         select 'env', case id % 3 when 0 then 'prod' else 'dev' end, id from packages where id % 3 < 2
         union all select 'tier', 'tier' || (id * 31 % 4), id from packages
         union all select 'rare', 'yes', id from packages where id <= 20",
        &[],
    )?;
    db.execute("insert into users (guid) values ('member')", &[])?;
    for space in [2, 5, 9] {
        db.execute(
            "insert into space_roles (user_id, space_id, role)
             select id, $1, 'space_developer' from users where guid = 'member'",
            &[space.into()],
        )?;
    }
    Ok(())
}

/// An admin, or someone with roles in three spaces.
fn caller(name: &str) -> Caller {
    match name {
        "admin" => Caller::Everything,
        user => Caller::Member(Member {
            user: user.into(),
            rules: Edition::Current.access_rules(),
        }),
    }
}

/// What SQLite did for the page: steps of its machine, steps of a full scan, and the page's length.
fn work(store: &Store, caller: Caller, query: &str) -> (i32, i32, usize) {
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

const SHAPES: &[&str] = &[
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

/// `many` beside 1,000 packages in ten spaces.
fn compare(many: &Store, few: &Store, callers: &[&str], shapes: &[&str]) {
    let mut report = String::new();
    let mut worse = 0;
    for name in callers {
        for query in shapes {
            let (small, small_scan, _) = work(few, caller(name), query);
            let (large, large_scan, length) = work(many, caller(name), query);
            assert!(length > 0 || *name != "admin", "`{query}` finds nothing");
            let is_worse = |small: i32, large: i32, page: i32| large > small.max(page) * FACTOR;
            let mark = if is_worse(small, large, STEPS) || is_worse(small_scan, large_scan, ROWS) {
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
    assert_eq!(worse, 0, "work grows with the table:\n{report}");
    if std::env::var_os("CF_PACKAGES_WORK_SHOWN").is_some() {
        panic!("{report}");
    }
}

/// The callers see a fraction: three spaces of ten.
#[test]
fn a_page_costs_the_same_where_spaces_are_large() {
    let (_small, small) = store(1_000, 10);
    let (_large, large) = store(100_000, 10);
    compare(&large, &small, &["admin", "member"], SHAPES);
}

/// The callers see a number: three spaces of a thousand.
#[test]
fn a_page_costs_the_same_where_spaces_are_many() {
    let (_small, small) = store(1_000, 10);
    let (_large, large) = store(100_000, 1_000);
    compare(&large, &small, &["admin", "member"], SHAPES);
}

/// A time range in stored order, or under another order, costs one scan at most; and a page if it is wide.
#[test]
fn a_wide_range_under_another_order_costs_a_page() {
    let (_small, small) = store(1_000, 10);
    let (_large, large) = store(100_000, 1_000);
    let shapes = [
        "created_ats[gt]=1970-01-01T06:00:00Z",
        "updated_ats[lt]=1970-01-02T12:00:00Z",
        "order_by=-created_at&updated_ats[lt]=1970-01-02T12:00:00Z",
        "created_ats[gte]=1970-01-01T06:00:00Z&created_ats[lt]=1970-01-01T06:10:00Z",
        "order_by=updated_at&created_ats[gte]=1970-01-01T06:00:00Z&created_ats[lt]=1970-01-01T06:10:00Z",
    ];
    compare(&large, &small, &["admin"], &shapes);
}
