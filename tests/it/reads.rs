//! No read makes another wait for long: a read that takes many steps is moved to a lane of its own, and one that takes
//! more than a request may cost is refused.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use cf_packages::caller::CallerKey;
use cf_packages::error::ApiError;
use cf_packages::store::{Durability, OpenMode, Store, StoreError};
use tokio::task::JoinSet;

use crate::support::database::TestDatabase;

/// A statement that takes several steps for each number up to `$1`.
const COUNT: &str =
    "with recursive n (i) as (select cast(1 as bigint) union all select i + 1 from n where i < $1)
                     select count(*) from n";
/// Few enough for the fast lane.
const CHEAP: i64 = 100;
/// Too many for the fast lane while another read waits, few enough for the medium lane.
const MODERATE: i64 = 20_000;
/// Too many for the medium lane, few enough for the slow lane.
const EXPENSIVE: i64 = 500_000;
/// Too many for the slow lane, few enough for a request.
const DEAR: i64 = 5_000_000;
/// Too many for a request.
const ENDLESS: i64 = 1_000_000_000_000;

/// Returns a store over a file, whose reads are measured in steps.
fn store_of_a_file() -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packages.db");
    Store::create(&path, |_| Ok::<_, StoreError>(())).unwrap();
    let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
    (folder, Arc::new(store))
}

fn store() -> (TestDatabase, Arc<Store>) {
    let database = TestDatabase::new();
    let location = database.location();
    location.create(|_| Ok::<_, StoreError>(())).unwrap();
    let store = location.open(Durability::Off).unwrap();
    (database, Arc::new(store))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

async fn count(store: &Store, to: i64) -> Result<Option<i64>, StoreError> {
    count_for(store, CallerKey::SERVER, to).await
}

async fn count_for(store: &Store, caller: CallerKey, to: i64) -> Result<Option<i64>, StoreError> {
    let read = store.read(caller, move |snapshot| snapshot.int(COUNT, &[to.into()]));
    read.await
}

#[test]
fn read_that_takes_many_steps_is_run_again_in_the_next_lane_and_answered() {
    // While no other read waits, the fast lane takes as many steps as the medium lane.
    for (numbers, lanes) in [(CHEAP, 1), (MODERATE, 1), (EXPENSIVE, 3), (DEAR, 4)] {
        let (_folder, store) = store_of_a_file();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let answer = runtime().block_on(store.read(CallerKey::SERVER, move |snapshot| {
            counted.fetch_add(1, Ordering::Relaxed);
            snapshot.int(COUNT, &[numbers.into()])
        }));
        assert_eq!(answer.unwrap(), Some(numbers));
        assert_eq!(runs.load(Ordering::Relaxed), lanes);
    }
}

#[test]
fn read_that_takes_many_steps_leaves_the_fast_lane_when_another_one_waits() {
    let (_folder, store) = store_of_a_file();
    let threads = thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8));
    // One for each thread of the fast lane, and one for each that runs in place.
    let reads = 2 * threads;
    let (begun, runs) = (
        Arc::new(Barrier::new(reads + 1)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (store, runs_of_all) = (&store, runs.clone());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async move {
        let moderate: Vec<_> = (0..reads)
            .map(|_| {
                let (store, begun, runs) = (store.clone(), begun.clone(), runs.clone());
                let is_first = AtomicBool::new(true);
                tokio::spawn(async move {
                    let read = store.read(CallerKey::SERVER, move |snapshot| {
                        runs.fetch_add(1, Ordering::Relaxed);
                        if is_first.swap(false, Ordering::Relaxed) {
                            // The first time until all have begun, the second time until another read waits.
                            begun.wait();
                            begun.wait();
                        }
                        snapshot.int(COUNT, &[MODERATE.into()])
                    });
                    read.await
                })
            })
            .collect();
        tokio::task::block_in_place(|| begun.wait());
        let other = store.clone();
        let waits = tokio::spawn(async move { count(&other, CHEAP).await });
        while store.activity().waiting_reads.fast == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::task::block_in_place(|| begun.wait());
        assert_eq!(waits.await.unwrap().unwrap(), Some(CHEAP));
        for read in moderate {
            assert_eq!(read.await.unwrap().unwrap(), Some(MODERATE));
        }
    });
    assert!(runs_of_all.load(Ordering::Relaxed) > reads);
}

#[test]
fn read_that_takes_more_steps_than_a_request_may_is_refused_with_503() {
    let (_folder, store) = store();
    let refused = runtime().block_on(count(&store, ENDLESS)).unwrap_err();
    let error = ApiError::from(refused);
    assert_eq!(error.status(), 503);
    assert_eq!(
        error.detail(),
        "The request is too expensive, use a smaller page or fewer filters"
    );
    // The connection that was interrupted goes on to serve.
    let answer = runtime().block_on(count(&store, CHEAP));
    assert_eq!(answer.unwrap(), Some(CHEAP));
}

#[test]
fn cheap_reads_are_answered_while_expensive_ones_run() {
    let (_folder, store) = store();
    let ended = Arc::new(AtomicUsize::new(0));
    runtime().block_on(async {
        let expensive: Vec<_> = (0..6)
            .map(|_| {
                let (store, ended) = (store.clone(), ended.clone());
                tokio::spawn(async move {
                    let answer = count(&store, ENDLESS).await;
                    ended.fetch_add(1, Ordering::Relaxed);
                    answer
                })
            })
            .collect();
        for _ in 0..100 {
            assert_eq!(count(&store, CHEAP).await.unwrap(), Some(CHEAP));
        }
        assert!(ended.load(Ordering::Relaxed) < 6);
        for read in expensive {
            read.abort();
        }
    });
}

/// Returns the answers of as many endless reads of `caller`, in the order in which they end.
fn endless_reads(
    store: &Arc<Store>,
    caller: CallerKey,
    number: usize,
) -> JoinSet<Result<Option<i64>, StoreError>> {
    let mut reads = JoinSet::new();
    for _ in 0..number {
        let store = store.clone();
        reads.spawn(async move { count_for(&store, caller, ENDLESS).await });
    }
    reads
}

#[test]
fn expensive_read_of_a_caller_does_not_wait_for_all_those_of_another() {
    let (_folder, store) = store();
    runtime().block_on(async {
        let mut of_alice = endless_reads(&store, CallerKey::of_user("alice"), 8);
        // A caller runs one at a time in each lane.
        while store.activity().waiting_reads.slow < 6 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let of_bob = count_for(&store, CallerKey::of_user("bob"), EXPENSIVE).await;
        assert_eq!(of_bob.unwrap(), Some(EXPENSIVE));
        let mut ended = 0;
        while of_alice.try_join_next().is_some() {
            ended += 1;
        }
        assert!(ended < 6, "{ended} of 8 reads of alice ended first");
    });
}

#[test]
fn expensive_read_that_finds_too_many_waiting_is_refused_with_503() {
    let (_folder, store) = store();
    let refused = runtime().block_on(async {
        let mut reads = endless_reads(&store, CallerKey::of_user("alice"), 300);
        reads.join_next().await.unwrap().unwrap().unwrap_err()
    });
    let error = ApiError::from(refused);
    assert_eq!(error.status(), 503);
    assert_eq!(
        error.detail(),
        "Too many expensive requests are waiting, try again"
    );
}

#[test]
fn reads_that_are_broken_off_fail_with_503() {
    let (_folder, store) = store();
    runtime().block_on(async {
        let mut reads = endless_reads(&store, CallerKey::SERVER, 8);
        while store.activity().waiting_reads.slow < 6 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        store.break_off_reads();
        while let Some(read) = reads.join_next().await {
            let error = ApiError::from(read.unwrap().unwrap_err());
            assert_eq!(error.status(), 503);
            assert_eq!(error.detail(), "The server is stopping, try again");
        }
    });
}

#[test]
fn read_of_a_client_that_has_gone_is_not_run() {
    let (_folder, store) = store();
    let runs = Arc::new(AtomicUsize::new(0));
    runtime().block_on(async {
        // More reads than threads: the last ones are still queued when their clients go.
        let reads: Vec<_> = (0..50)
            .map(|_| {
                let (store, runs) = (store.clone(), runs.clone());
                tokio::spawn(async move {
                    store
                        .read(CallerKey::SERVER, move |snapshot| {
                            runs.fetch_add(1, Ordering::Relaxed);
                            snapshot.int(COUNT, &[EXPENSIVE.into()])
                        })
                        .await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        for read in &reads {
            read.abort();
        }
    });
    Arc::into_inner(store).unwrap().close().unwrap();
    assert!(runs.load(Ordering::Relaxed) < 50);
}

#[test]
fn read_whose_caller_goes_while_it_runs_is_interrupted() {
    let (_folder, store) = store();
    let counts = Arc::new(AtomicUsize::new(0));
    runtime().block_on(async {
        let (reading, counted) = (store.clone(), counts.clone());
        let read = tokio::spawn(async move {
            reading
                .read(CallerKey::SERVER, move |snapshot| {
                    for _ in 0..50 {
                        snapshot.int(COUNT, &[EXPENSIVE.into()])?;
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok::<_, StoreError>(())
                })
                .await
        });
        while counts.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        read.abort();
        assert!(read.await.unwrap_err().is_cancelled());
    });
    Arc::into_inner(store).unwrap().close().unwrap();
    assert!(counts.load(Ordering::Relaxed) < 50);
}
