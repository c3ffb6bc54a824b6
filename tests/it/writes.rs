//! Random writes between random listings: what is remembered never shows in an answer, and no answer is older than a
//! commit that returned.
//!
//! `CF_PACKAGES_WRITES_SECONDS` says for how long, `CF_PACKAGES_WRITES_SEED` which ones.

// What helps a test may panic as the test itself may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod change;
mod other;
mod question;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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
use other::Other;
use question::{CALLERS, Question};

use crate::model::data::Random;

const SECONDS: u64 = 12;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A third of the time.
fn end() -> Instant {
    let seconds = number("CF_PACKAGES_WRITES_SECONDS", SECONDS);
    Instant::now() + Duration::from_secs(seconds) / 3
}

/// A database, served in this process with everything remembered, and open in another process too.
struct Stage {
    service: Arc<Service>,
    router: Router,
    runtime: tokio::runtime::Runtime,
    tokens: Vec<String>,
    other: Mutex<Other>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn open(path: &Path) -> Store {
    Store::open(path, OpenMode::ReadWrite, Durability::Off).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

impl Stage {
    fn new(packages: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packages.db");
        Store::create(&path, |db| change::fill(db, packages)).unwrap();
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
            open(&path),
            ServiceOptions {
                authentication: Authentication::Tokens(keys),
                clock,
                edition: Edition::Current,
                external_url: Some(site()),
                response_cache_mib: 64,
                ..ServiceOptions::default()
            },
        ));
        Self {
            router: Router::new(service.clone()),
            service,
            runtime: runtime(),
            tokens: tokens.to_vec(),
            other: Mutex::new(Other::start(&path)),
            path,
            _folder: folder,
        }
    }

    /// The answer's bytes, through everything that is remembered.
    fn get(&self, runtime: &tokio::runtime::Runtime, caller: &str, query: &str) -> Bytes {
        let token = &self.tokens[CALLERS.iter().position(|name| *name == caller).unwrap()];
        let request = hyper::Request::get(format!("/v3/packages?{query}"))
            .header("authorization", format!("bearer {token}"))
            .body(Empty::<Bytes>::new())
            .unwrap();
        runtime.block_on(async {
            let reply = self.router.clone().answer(request).await.unwrap();
            assert_eq!(reply.status(), 200);
            reply.into_body().collect().await.unwrap().to_bytes()
        })
    }

    /// The page by list_cache, by counting and skipping, and by SQL that knows nothing of either, over one snapshot;
    /// they are the same. The bytes that it should be, and of which data.
    fn snapshot(&self, question: &Question, page: u64, per_page: u64) -> (Version, Vec<u8>) {
        let query = question.page(page, per_page);
        let request = Edition::Current
            .parse_package_list(None, &query)
            .unwrap()
            .list;
        let caller = question::caller(question.caller);
        let list_cache = self.service.list_cache.clone();
        let asked = question.clone();
        let (version, found, without, plain, bytes) = self
            .service
            .store
            .read_blocking(move |db| {
                let version = db.version()?;
                let found = listing::find::<Package>(db, &list_cache, &caller, &request)?;
                let without = listing::find_without_cache::<Package>(db, &caller, &request)?;
                let (total, ids) = asked.ask(db, page, per_page)?;
                let rows = |each: &mut cf_packages::edition::RecordSink<'_, Package>| {
                    listing::rows::<Package, StoreError>(db, &ids, each)
                };
                let bytes = Edition::Current.package_list(&site(), &request, total, rows)?;
                Ok::<_, StoreError>((version, found, without, PageIds { total, ids }, bytes))
            })
            .unwrap();
        assert_eq!(
            found, plain,
            "list_cache: {} asks for {query}",
            question.caller
        );
        assert_eq!(
            without, plain,
            "no list_cache: {} asks for {query}",
            question.caller
        );
        (version, bytes)
    }

    /// Seeds a package from another process.
    fn seed(&self, package: &str) {
        let file = self.path.with_extension("jsonl");
        std::fs::write(&file, format!("{{\"package\":{package}}}\n")).unwrap();
        let began = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_cf-packages"))
            .args(["seed", "--db"])
            .args([&self.path, &file])
            .output()
            .unwrap();
        let took = began.elapsed();
        assert!(
            took < Duration::from_secs(4),
            "a seed took {took:?}: it waits for readers to end"
        );
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn site() -> BaseUrl {
    BaseUrl("http://api.example.org".into())
}

/// Writes and listings in turn; each listing is compared, bytes too. Answers how many were compared.
fn in_turn(packages: i64, lists: usize, resets: bool) -> u64 {
    let seed = number("CF_PACKAGES_WRITES_SEED", 7);
    let mut random = Random(seed);
    let stage = Stage::new(packages);
    let questions: Vec<Question> = (0..lists).map(|_| Question::random(&mut random)).collect();
    let pick = |random: &mut Random| {
        let question = random.of(&questions).clone();
        let per_page = *random.of(&[1, 7, 50, 50, 500, 5000]);
        let pages = packages.unsigned_abs() / per_page + 2;
        let page = match random.below(3) {
            0 => 1,
            1 => 1 + random.below(3) as u64,
            _ => 1 + random.next() % pages,
        };
        (question, page, per_page)
    };
    // The same few are asked for again and again, so that they are remembered from just before a write.
    let mut asked: Vec<_> = (0..4).map(|_| pick(&mut random)).collect();
    let end = end();
    let mut written = Vec::new();
    let mut compared = 0;
    while Instant::now() < end {
        written.clear();
        for _ in 0..*random.of(&[0, 1, 1, 1, 2]) {
            written.push(write(&stage, &mut random, packages, resets));
        }
        let place = random.below(asked.len());
        if random.one_in(2) {
            asked[place] = pick(&mut random);
        }
        for (question, page, per_page) in &asked {
            let (page, per_page) = (*page, *per_page);
            let query = question.page(page, per_page);
            let context = format!(
                "seed {seed}, listing {compared}: {} asks for {query} after {written:?}",
                question.caller
            );
            let get = || stage.get(&stage.runtime, question.caller, &query);
            // Either may be the first to see the change, and to remember.
            let first = random.one_in(2).then(get);
            let snapshot = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                stage.snapshot(question, page, per_page)
            }));
            let Ok((version, bytes)) = snapshot else {
                panic!("{context}");
            };
            if let Some(first) = first {
                assert!(first == bytes, "the answer: {context}");
            }
            assert!(get() == bytes, "the answer again: {context}");
            assert!(get() == bytes, "the answer as it is kept: {context}");
            let now = stage.service.store.version_now();
            assert!(
                now.is_none_or(|now| now == version),
                "the version: {context}"
            );
            compared += 1;
        }
    }
    compared
}

/// A random write, by this process or another, or one that is undone; its name.
fn write(stage: &Stage, random: &mut Random, packages: i64, resets: bool) -> String {
    if random.one_in(150) {
        let guid = random.next();
        stage.seed(&format!(
            r#"{{"guid":"seeded-{guid}","app":"a7","type":"bits","labels":{{"env":"prod"}}}}"#
        ));
        return "seeded".into();
    }
    let kind = match random.below(150) {
        0 if resets => "reset",
        1..=12 => "undone",
        _ => "change",
    };
    let (seed, elsewhere) = (random.next(), random.one_in(2));
    if elsewhere {
        let other = stage
            .other
            .lock()
            .unwrap()
            .ask(&format!("{kind} {seed} {packages}"));
        return format!("{other}, elsewhere");
    }
    other::write(&stage.service.store, kind, seed, packages)
}

#[test]
fn listings_between_writes_are_plain_where_data_is_small() {
    let compared = in_turn(3_000, 60, true);
    println!("{compared} listings of 3,000 packages compared");
}

/// Blocks of list_cache are many here, and pages lie deep.
#[test]
fn listings_between_writes_are_plain_where_data_is_large() {
    let compared = in_turn(150_000, 12, false);
    println!("{compared} listings of 150,000 packages compared");
}

/// A number that each commit raises, and what is known to be committed.
struct Marker {
    guid: &'static str,
    committed: AtomicU64,
}

impl Marker {
    fn new(guid: &'static str) -> Self {
        Self {
            guid,
            committed: AtomicU64::new(0),
        }
    }
}

#[test]
fn no_answer_is_older_than_a_commit_that_returned() {
    let stage = Stage::new(12_000);
    let markers = ["marker-a", "marker-b", "marker-c"].map(Marker::new);
    for marker in &markers {
        other::insert(&stage.service.store, marker.guid);
    }
    let before = total(&stage.get(&stage.runtime, "admin", "per_page=1"));
    let inserted = AtomicU64::new(0);
    let asked = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    let end = end();
    // Raises a marker, by one of the two processes, and now and then stores a package.
    let write = |marker: &Marker, elsewhere: bool| {
        let mut n = 0;
        while Instant::now() < end && !done.load(Ordering::SeqCst) {
            n += 1;
            if elsewhere {
                stage
                    .other
                    .lock()
                    .unwrap()
                    .ask(&format!("mark {n} {}", marker.guid));
            } else {
                let version = other::mark(&stage.service.store, marker.guid, n);
                let now = stage.service.store.version_now();
                assert!(
                    now.is_none_or(|now| !version.is_after(&now)),
                    "{now:?} after {version:?}"
                );
            }
            marker.committed.store(n, Ordering::SeqCst);
            if n.is_multiple_of(3) {
                let guid = format!("{}-{n}", marker.guid);
                if elsewhere {
                    stage
                        .other
                        .lock()
                        .unwrap()
                        .ask(&format!("insert {n} {guid}"));
                } else {
                    other::insert(&stage.service.store, &guid);
                }
                inserted.fetch_add(1, Ordering::SeqCst);
            }
            std::thread::sleep(Duration::from_millis(7));
        }
    };
    let read = |seed: u64| {
        let mut random = Random(seed);
        let runtime = runtime();
        while Instant::now() < end && !done.load(Ordering::SeqCst) {
            let marker = random.of(&markers);
            let least = marker.committed.load(Ordering::SeqCst);
            let order = *random.of(&["", "&order_by=created_at", "&order_by=-updated_at"]);
            let document = stage.get(&runtime, "admin", &format!("guids={}{order}", marker.guid));
            let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
            let error = document["resources"][0]["data"]["error"].as_str().unwrap();
            let shown: u64 = error.parse().unwrap();
            assert!(
                shown >= least,
                "{} shows {shown} after {least} was committed",
                marker.guid
            );
            let least = before + inserted.load(Ordering::SeqCst);
            let page = *random.of(&[1, 2, 11_500]);
            let shown =
                total(&stage.get(&runtime, "admin", &format!("per_page=1&page={page}{order}")));
            assert!(
                shown >= least,
                "{shown} packages after {least} were committed"
            );
            let question = Question::random(&mut random);
            let page = 1 + random.below(300) as u64;
            stage.snapshot(&question, page, 50);
            asked.fetch_add(3, Ordering::SeqCst);
        }
    };
    // Whoever fails ends the others.
    let guarded = |work: &dyn Fn()| {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        if let Err(error) = ended {
            done.store(true, Ordering::SeqCst);
            std::panic::resume_unwind(error);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| guarded(&|| write(&markers[0], false)));
        scope.spawn(|| guarded(&|| write(&markers[1], true)));
        scope.spawn(|| {
            guarded(&|| {
                let mut n = 0;
                while Instant::now() < end && !done.load(Ordering::SeqCst) {
                    n += 1;
                    stage.seed(&format!(
                        r#"{{"guid":"marker-c","app":"a0","type":"bits","state":"FAILED","error":"{n}"}}"#
                    ));
                    markers[2].committed.store(n, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        });
        for seed in 0..3 {
            let (guarded, read) = (&guarded, &read);
            scope.spawn(move || guarded(&|| read(seed)));
        }
    });
    let asked = asked.into_inner();
    assert!(asked > 0);
    let commits: u64 = markers
        .iter()
        .map(|marker| marker.committed.load(Ordering::SeqCst))
        .sum();
    println!("{asked} listings beside {commits} commits");
}

fn total(document: &[u8]) -> u64 {
    let document: serde_json::Value = serde_json::from_slice(document).unwrap();
    document["pagination"]["total_results"].as_u64().unwrap()
}

/// The file's header then speaks of pages that still lie in the write-ahead log.
#[test]
fn a_crash_in_the_midst_of_a_checkpoint_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packages.db");
    let wal = folder.path().join("packages.db-wal");
    Store::create(&path, |db| change::fill(db, 100)).unwrap();
    let store = open(&path);
    let before = std::fs::metadata(&path).unwrap().len();
    store.write(|db| change::fill_more(db, 2_000)).unwrap();
    let log = std::fs::read(&wal).unwrap();
    store.close().unwrap();
    let mut file = std::fs::read(&path).unwrap();
    file.truncate(usize::try_from(before).unwrap());
    std::fs::write(&path, file).unwrap();
    std::fs::write(&wal, log).unwrap();

    let store = open(&path);
    let count = |db: &Snapshot<'_>| db.int("select count(*) from packages", &[]);
    assert_eq!(store.read_blocking(count).unwrap(), Some(2_100));
}
