//! Random writes between random lists. A cached response or list never differs from the stored data, and no response is
//! older than a commit that returned before the request.

mod changes;
mod list_query;
mod second_process;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cf_packages::auth::tokens::{self, Subject};
use cf_packages::auth::{Keys, Secret};
use cf_packages::clock::Clock;
use cf_packages::edition::{BaseUrl, Edition};
use cf_packages::http::Router;
use cf_packages::listing::{self, PageIds};
use cf_packages::records::Package;
use cf_packages::service::{Authentication, Service, ServiceOptions};
use cf_packages::store::{Durability, OpenMode, Snapshot, Store, StoreError, Version};
use http_body_util::{BodyExt, Empty};
use list_query::{CALLERS, ListQuery};
use second_process::SecondProcess;
use tokio::runtime::Runtime;

use crate::support::database::TestDatabase;
use crate::support::random::{Random, Rounds};

/// A database that is served in this process, with all caches, and is open in a second process too.
struct SharedDatabase {
    service: Arc<Service>,
    router: Router,
    tokens: Vec<String>,
    second_process: Mutex<SecondProcess>,
    database: TestDatabase,
}

fn open(path: &Path) -> Store {
    Store::open(path, OpenMode::ReadWrite, Durability::Off).unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn base_url() -> BaseUrl {
    BaseUrl("http://api.example.org".into())
}

impl SharedDatabase {
    fn new(packages: i64) -> Self {
        let database = TestDatabase::new();
        let location = database.location();
        location
            .create(|transaction| changes::fill(transaction, packages))
            .unwrap();
        let keys = Keys::from_secrets(vec![Secret::new("tokensecret")]).unwrap();
        let clock = Clock::system();
        let tokens = CALLERS.map(|name| {
            let (subject, scopes) = match name {
                "admin" => (Subject::admin(), tokens::admin_scopes()),
                name => (Subject::user(name, None), tokens::user_scopes()),
            };
            let ttl = Duration::from_secs(86_400);
            tokens::access(&keys, &clock, &subject, &scopes, ttl)
                .unwrap()
                .text
        });
        let service = Arc::new(Service::new(
            location.open(Durability::Off).unwrap(),
            ServiceOptions {
                authentication: Authentication::Tokens(keys),
                clock,
                edition: Edition::Current,
                external_url: Some(base_url()),
                response_cache_mib: 64,
                ..ServiceOptions::default()
            },
        ));
        Self {
            router: Router::new(service.clone()),
            service,
            tokens: tokens.to_vec(),
            second_process: Mutex::new(SecondProcess::start(database.name())),
            database,
        }
    }

    /// Sends `GET /v3/packages?QUERY` to the router, which uses the caches. Returns the body.
    fn get(&self, runtime: &Runtime, caller: &str, query: &str) -> Bytes {
        let token = &self.tokens[CALLERS.iter().position(|name| *name == caller).unwrap()];
        let request = hyper::Request::get(format!("/v3/packages?{query}"))
            .header("authorization", format!("bearer {token}"))
            .body(Empty::<Bytes>::new())
            .unwrap();
        runtime.block_on(async {
            let response = self.router.clone().answer(request).await.unwrap();
            assert_eq!(response.status(), 200);
            response.into_body().collect().await.unwrap().to_bytes()
        })
    }

    /// Finds a page in one snapshot in three ways: with the list cache, without it, and by independent SQL. All three
    /// must find the same. Returns the data version of the snapshot and the expected body.
    fn expected(&self, list: &ListQuery, page: u64, per_page: u64) -> (Version, Vec<u8>) {
        let query = list.page(page, per_page);
        let request = Edition::Current
            .parse_package_list(None, &query)
            .unwrap()
            .list;
        let caller = list_query::caller(list.caller);
        let list_cache = self.service.list_cache.clone();
        let sql = list.clone();
        let (version, cached, uncached, plain, body) = self
            .service
            .store
            .read_blocking(move |db| {
                let version = db.version()?;
                let cached = listing::find::<Package>(db, &list_cache, &caller, &request)?;
                let uncached = listing::find_without_cache::<Package>(db, &caller, &request)?;
                let (total, ids) = sql.find(db, page, per_page)?;
                let rows = |each: &mut cf_packages::edition::RecordSink<'_, Package>| {
                    listing::rows::<Package, StoreError>(db, &ids, each)
                };
                let body = Edition::Current.package_list(&base_url(), &request, total, rows)?;
                let plain = PageIds { total, ids };
                Ok::<_, StoreError>((version, cached, uncached, plain, body))
            })
            .unwrap();
        let context = format!("{} requests {query}", list.caller);
        assert_eq!(cached, plain, "with the list cache: {context}");
        assert_eq!(uncached, plain, "without the list cache: {context}");
        (version, body)
    }

    /// Has the second process carry out a command. See [`SecondProcess::run`].
    fn run_in_second_process(&self, command: &str) -> String {
        self.second_process.lock().unwrap().run(command)
    }

    /// Stores a package with the command `seed`, in a third process.
    fn seed(&self, package: &str) {
        let file = self.database.folder().join("packages.jsonl");
        std::fs::write(&file, format!("{{\"package\":{package}}}\n")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_cf-packages"))
            .args(["seed", "--db"])
            .arg(self.database.name())
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Makes a random change, in this process or another, or one that is rolled back. Returns its name.
    fn change(&self, random: &mut Random, packages: i64, with_resets: bool) -> String {
        if random.one_in(150) {
            let guid = random.next();
            self.seed(&format!(
                r#"{{"guid":"seeded-{guid}","app":"a7","type":"bits","labels":{{"env":"prod"}}}}"#
            ));
            return "seed".into();
        }
        let kind = match random.below(150) {
            0 if with_resets => "reset",
            1..=12 => "rollback",
            _ => "change",
        };
        let (seed, in_second_process) = (random.next(), random.one_in(2));
        if in_second_process {
            let name = self.run_in_second_process(&format!("{kind} {seed} {packages}"));
            return format!("{name} (second process)");
        }
        second_process::change(&self.service.store, kind, seed, packages)
    }
}

/// In each round, makes up to two changes and compares four lists with the stored data, byte by byte.
fn compare_lists_between_changes(packages: i64, lists: usize, with_resets: bool, rounds: Rounds) {
    let mut random = Random(rounds.seed);
    let database = SharedDatabase::new(packages);
    let runtime = runtime();
    let lists: Vec<ListQuery> = (0..lists).map(|_| ListQuery::random(&mut random)).collect();
    let choose_page = |random: &mut Random| {
        let list = random.choose(&lists).clone();
        let per_page = *random.choose(&[1, 7, 50, 50, 500, 5000]);
        let pages = packages.unsigned_abs() / per_page + 2;
        let page = match random.below(3) {
            0 => 1,
            1 => 1 + random.below(3) as u64,
            _ => 1 + random.next() % pages,
        };
        (list, page, per_page)
    };
    // Each round repeats most of these, so that they are in the caches when the data changes.
    let mut pages: Vec<_> = (0..4).map(|_| choose_page(&mut random)).collect();
    for round in 0..rounds.count {
        let changes: Vec<String> = (0..*random.choose(&[0, 1, 1, 1, 2]))
            .map(|_| database.change(&mut random, packages, with_resets))
            .collect();
        let replaced = random.below(pages.len());
        if random.one_in(2) {
            pages[replaced] = choose_page(&mut random);
        }
        for (list, page, per_page) in &pages {
            let (page, per_page) = (*page, *per_page);
            let query = list.page(page, per_page);
            let context = format!(
                "round {round}: {} requests {query} after {changes:?}",
                list.caller
            );
            let get = || database.get(&runtime, list.caller, &query);
            // Either this request or the snapshot is the first to see the changes and to fill the caches.
            let first = random.one_in(2).then(get);
            let expected =
                catch_unwind(AssertUnwindSafe(|| database.expected(list, page, per_page)));
            let Ok((version, body)) = expected else {
                panic!("{context}");
            };
            if let Some(first) = first {
                assert!(first == body, "the first response: {context}");
            }
            assert!(get() == body, "the second response: {context}");
            assert!(get() == body, "the cached response: {context}");
            let now = database.service.store.version_now();
            assert!(
                now.is_none_or(|now| now == version),
                "the data version: {context}"
            );
        }
    }
}

#[test]
fn cached_lists_of_few_packages_equal_the_stored_data_after_every_change() {
    let rounds = Rounds::from_environment(7, 400);
    compare_lists_between_changes(3_000, 60, true, rounds);
}

/// Here the list cache has many blocks, and pages are far from the start.
#[test]
fn cached_lists_of_many_packages_equal_the_stored_data_after_every_change() {
    let rounds = Rounds::from_environment(7, 40);
    compare_lists_between_changes(150_000, 12, false, rounds);
}

/// A package that shows a number which each commit increases.
struct Counter {
    guid: &'static str,
    /// The number that is known to be committed.
    committed: AtomicU64,
}

impl Counter {
    fn new(guid: &'static str) -> Self {
        Self {
            guid,
            committed: AtomicU64::new(0),
        }
    }
}

/// Three writers and three readers at the same time. Each round is one commit of the first two writers.
#[test]
fn no_response_is_older_than_a_commit_that_returned() {
    let rounds = Rounds::from_environment(0, 400);
    let database = SharedDatabase::new(12_000);
    let counters = ["counter-a", "counter-b", "counter-c"].map(Counter::new);
    for counter in &counters {
        second_process::insert(&database.service.store, counter.guid);
    }
    let before = total(&database.get(&runtime(), "admin", "per_page=1"));
    let inserted = AtomicU64::new(0);
    let writing = AtomicUsize::new(counters.len());
    let failed = AtomicBool::new(false);

    // Increases a counter, and stores a package after every third commit.
    let write = |counter: &Counter, in_second_process: bool| {
        for n in 1..=rounds.count {
            if failed.load(Ordering::SeqCst) {
                return;
            }
            if in_second_process {
                database.run_in_second_process(&format!("count {n} {}", counter.guid));
            } else {
                let store = &database.service.store;
                let version = second_process::count(store, counter.guid, n);
                let now = store.version_now();
                assert!(
                    now.is_none_or(|now| !version.is_after(&now)),
                    "{now:?} after {version:?}"
                );
            }
            counter.committed.store(n, Ordering::SeqCst);
            if n.is_multiple_of(3) {
                let guid = format!("{}-{n}", counter.guid);
                if in_second_process {
                    database.run_in_second_process(&format!("insert {n} {guid}"));
                } else {
                    second_process::insert(&database.service.store, &guid);
                }
                inserted.fetch_add(1, Ordering::SeqCst);
            }
            // Lets the readers fill the caches between two commits.
            std::thread::sleep(Duration::from_millis(7));
        }
    };
    // The same with the command `seed`, which takes longer.
    let write_seeds = |counter: &Counter| {
        for n in 1..=rounds.count.div_ceil(8) {
            if failed.load(Ordering::SeqCst) {
                return;
            }
            database.seed(&format!(
                r#"{{"guid":"{}","app":"a0","type":"bits","state":"FAILED","error":"{n}"}}"#,
                counter.guid
            ));
            counter.committed.store(n, Ordering::SeqCst);
        }
    };
    // Reads until all writers have ended, and compares in any case once.
    let read = |seed: u64| {
        let mut random = Random(seed);
        let runtime = runtime();
        loop {
            let is_last = writing.load(Ordering::SeqCst) == 0;
            let counter = random.choose(&counters);
            let order = *random.choose(&["", "&order_by=created_at", "&order_by=-updated_at"]);

            let committed = counter.committed.load(Ordering::SeqCst);
            let query = format!("guids={}{order}", counter.guid);
            let document = database.get(&runtime, "admin", &query);
            let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
            let error = document["resources"][0]["data"]["error"].as_str().unwrap();
            let shown: u64 = error.parse().unwrap();
            assert!(
                shown >= committed,
                "{} shows {shown} after {committed} was committed",
                counter.guid
            );

            let committed = before + inserted.load(Ordering::SeqCst);
            let page = *random.choose(&[1, 2, 11_500]);
            let query = format!("per_page=1&page={page}{order}");
            let shown = total(&database.get(&runtime, "admin", &query));
            assert!(
                shown >= committed,
                "{shown} packages after {committed} were committed"
            );

            let list = ListQuery::random(&mut random);
            database.expected(&list, 1 + random.below(300) as u64, 50);
            if is_last || failed.load(Ordering::SeqCst) {
                return;
            }
        }
    };
    // A thread that fails ends the others.
    let run = |work: &dyn Fn()| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
            failed.store(true, Ordering::SeqCst);
            resume_unwind(panic);
        }
    };
    let run_writer = |work: &dyn Fn()| {
        run(work);
        writing.fetch_sub(1, Ordering::SeqCst);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| run_writer(&|| write(&counters[0], false)));
        scope.spawn(|| run_writer(&|| write(&counters[1], true)));
        scope.spawn(|| run_writer(&|| write_seeds(&counters[2])));
        for reader in 0..3 {
            let (run, read) = (&run, &read);
            let seed = rounds.seed.wrapping_add(reader);
            scope.spawn(move || run(&|| read(seed)));
        }
    });
}

fn total(document: &[u8]) -> u64 {
    let document: serde_json::Value = serde_json::from_slice(document).unwrap();
    document["pagination"]["total_results"].as_u64().unwrap()
}

/// After such a crash the header of the file counts pages that exist only in the write-ahead log.
#[test]
fn a_crash_during_a_checkpoint_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packages.db");
    let wal_path = folder.path().join("packages.db-wal");
    Store::create(&path, |transaction| changes::fill(transaction, 100)).unwrap();
    let store = open(&path);
    let length = std::fs::metadata(&path).unwrap().len();
    store
        .write(|transaction| changes::fill_more(transaction, 2_000))
        .unwrap();
    let wal = std::fs::read(&wal_path).unwrap();
    store.close().unwrap();
    let mut file = std::fs::read(&path).unwrap();
    file.truncate(usize::try_from(length).unwrap());
    std::fs::write(&path, file).unwrap();
    std::fs::write(&wal_path, wal).unwrap();

    let store = open(&path);
    let count = |db: &Snapshot<'_>| db.int("select count(*) from packages", &[]);
    assert_eq!(store.read_blocking(count).unwrap(), Some(2_100));
}
