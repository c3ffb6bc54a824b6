//! What a [`Store`] promises to the rest of the program.

// A test may panic.
#![allow(clippy::panic)]

use std::path::PathBuf;
use std::sync::Barrier;
use std::thread::{self, ThreadId};

use super::*;

/// A folder with an empty database.
struct Database {
    path: PathBuf,
    folder: tempfile::TempDir,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("f");
        let created = Store::create(&path, |_| Ok::<_, StoreError>(()));
        assert!(created.expect("created"));
        Self { path, folder }
    }

    fn open(&self, mode: OpenMode) -> Store {
        Store::open(&self.path, mode, Durability::Off).expect("opens")
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    }
}

/// Returns the file that a store has open.
fn file(store: &Store) -> &FileStore {
    match &store.engine {
        Engine::File(file) => file,
        #[cfg(feature = "postgres")]
        Engine::Postgres(_) => panic!("a file was opened"),
    }
}

fn version(store: &Store) -> Version {
    store
        .read_blocking(|snapshot| snapshot.version())
        .expect("a version")
}

fn insert_organization(transaction: &Transaction<'_>, name: &str) -> Result<usize, StoreError> {
    transaction.execute(
        "insert into organizations (guid, name, folded_name, created_at) values ($1, $1, $1, 0)",
        &[name.into()],
    )
}

#[test]
fn version_now_is_what_a_reader_saw_since_the_last_commit() {
    let database = Database::new();
    let store = database.open(OpenMode::ReadWrite);
    assert_eq!(store.version_now(), None);
    let empty = version(&store);
    assert_eq!(store.version_now(), Some(empty));

    store
        .write(|transaction| insert_organization(transaction, "a"))
        .expect("written");
    assert_eq!(store.version_now(), None);
    let changed = version(&store);
    assert!(changed.is_after(&empty));
    assert_eq!(store.version_now(), Some(changed));

    let rolled_back = store.write(|transaction| {
        insert_organization(transaction, "b")?;
        Err::<(), _>(StoreError::Closed)
    });
    assert!(matches!(rolled_back, Err(StoreError::Closed)));
    assert!(store.version_now().is_none_or(|now| now == changed));
    store.close().expect("closes");
}

#[test]
fn version_of_an_immutable_file_is_known_after_the_first_read() {
    let database = Database::new();
    let store = database.open(OpenMode::Immutable);
    assert_eq!(store.version_now(), None);
    let version = version(&store);
    assert_eq!(store.version_now(), Some(version));
}

#[test]
fn transaction_sees_the_version_of_its_own_changes() {
    let database = Database::new();
    let store = database.open(OpenMode::ReadWrite);
    let versions = store.write(|transaction| {
        let before = transaction.version()?;
        insert_organization(transaction, "a")?;
        Ok::<_, StoreError>((before, transaction.version()?))
    });
    let (before, after) = versions.expect("written");
    assert!(after.is_after(&before));
    assert_eq!(version(&store), after);
}

#[test]
fn read_that_panics_fails_alone() {
    let database = Database::new();
    let store = database.open(OpenMode::ReadWrite);
    let caller = Arc::new(());
    for _ in 0..20 {
        let panics = |_: &Snapshot<'_>| -> Result<(), StoreError> { panic!("a bug") };
        let answer = file(&store)
            .submit(CallerKey::SERVER, panics, Arc::downgrade(&caller))
            .expect("queued");
        assert!(answer.blocking_recv().is_err());
    }
    version(&store);
    store.close().expect("closes");
    assert_eq!(database.names(), ["f"]);
}

/// Reads the thread that a read runs on.
async fn reading_thread(store: &Store) -> ThreadId {
    let read = store.read(CallerKey::SERVER, |_| {
        Ok::<_, StoreError>(thread::current().id())
    });
    read.await.expect("read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_runs_on_the_thread_of_its_request_while_a_place_is_free() {
    let database = Database::new();
    let store = Arc::new(database.open(OpenMode::ReadWrite));
    let shared = store.clone();
    let on_its_thread = tokio::spawn(async move {
        let request = thread::current().id();
        reading_thread(&shared).await == request
    });
    assert!(on_its_thread.await.expect("ended"));

    // Each of these holds its place until all have one.
    let places = thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8));
    let (begun, end) = (
        Arc::new(Barrier::new(places + 1)),
        Arc::new(Barrier::new(places + 1)),
    );
    let reads: Vec<_> = (0..places)
        .map(|_| {
            let (store, begun, end) = (store.clone(), begun.clone(), end.clone());
            tokio::spawn(async move {
                let request = thread::current().id();
                let read = store.read(CallerKey::SERVER, move |_| {
                    begun.wait();
                    end.wait();
                    Ok::<_, StoreError>(thread::current().id())
                });
                (request, read.await.expect("read"))
            })
        })
        .collect();
    tokio::task::block_in_place(|| begun.wait());
    let shared = store.clone();
    let beside = tokio::spawn(async move {
        let request = thread::current().id();
        reading_thread(&shared).await == request
    });
    assert!(!beside.await.expect("ended"));
    tokio::task::block_in_place(|| end.wait());
    for read in reads {
        let (request, reader) = read.await.expect("ended");
        assert_eq!(request, reader);
    }
    let store = Arc::into_inner(store).expect("the last reference");
    store.close().expect("closes");
    assert_eq!(database.names(), ["f"]);
}

#[test]
fn closing_runs_queued_reads_and_leaves_only_the_file() {
    for mode in [OpenMode::ReadWrite, OpenMode::ReadOnly, OpenMode::Immutable] {
        let database = Database::new();
        let store = database.open(mode);
        let caller = Arc::new(());
        let submit = || {
            file(&store).submit(
                CallerKey::SERVER,
                |snapshot| snapshot.version(),
                Arc::downgrade(&caller),
            )
        };
        let answers: Vec<_> = (0..50).map(|_| submit().expect("queued")).collect();
        store.close().expect("closes");
        for answer in answers {
            assert!(matches!(answer.blocking_recv(), Ok(Ok(_))), "{mode:?}");
        }
        assert_eq!(database.names(), ["f"], "{mode:?}");
    }
}
