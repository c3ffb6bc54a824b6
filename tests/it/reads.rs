//! No read makes another wait for long: a read that takes many steps is moved to a lane of its own, and one that takes
//! more than a request may cost is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cf_packages::error::ApiError;
use cf_packages::store::{Durability, OpenMode, Store, StoreError};

/// A statement that takes several steps for each number up to `$1`.
const COUNT: &str = "with recursive n (i) as (select 1 union all select i + 1 from n where i < $1)
                     select count(*) from n";
/// Few enough for the fast lane.
const CHEAP: i64 = 100;
/// Too many for the fast lane, few enough for the medium lane.
const MODERATE: i64 = 20_000;
/// Too many for the medium lane, few enough for a request.
const EXPENSIVE: i64 = 500_000;
/// Too many for a request.
const ENDLESS: i64 = 1_000_000_000_000;

fn store() -> (tempfile::TempDir, Arc<Store>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packages.db");
    Store::create(&path, |_| Ok::<_, StoreError>(())).unwrap();
    let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
    (folder, Arc::new(store))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

async fn count(store: &Store, to: i64) -> Result<Option<i64>, StoreError> {
    store
        .read(move |snapshot| snapshot.int(COUNT, &[to.into()]))
        .await
}

#[test]
fn read_that_takes_many_steps_is_run_again_in_the_next_lane_and_answered() {
    for (numbers, lanes) in [(CHEAP, 1), (MODERATE, 2), (EXPENSIVE, 3)] {
        let (_folder, store) = store();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let answer = runtime().block_on(store.read(move |snapshot| {
            counted.fetch_add(1, Ordering::Relaxed);
            snapshot.int(COUNT, &[numbers.into()])
        }));
        assert_eq!(answer.unwrap(), Some(numbers));
        assert_eq!(runs.load(Ordering::Relaxed), lanes);
    }
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
                        .read(move |snapshot| {
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
                .read(move |snapshot| {
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
