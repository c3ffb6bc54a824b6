//! Statements whose answer nobody needs any more.
//!
//! A lock of another program makes statements wait, as a dear statement would run.

use std::sync::Arc;

use cf_packages::caller::CallerKey;
use cf_packages::store::{Durability, Location, StoreError};
use rustix::process::{Pid, Signal, kill_process};

use super::recovery::start;
use super::{Proxy, example_or_skip, run, spawn, wait_until, wait_until_written_to};
use crate::support::database::{Schema, server_or_skip};
use crate::support::{WorkDir, get};

/// A program that keeps all others from a table until it is dropped.
struct Locker {
    client: postgres::Client,
    table: &'static str,
}

impl Locker {
    fn new(schema: &Schema, table: &'static str) -> Self {
        let mut client = schema.connect();
        client
            .batch_execute(&format!(
                "begin; lock table {table} in access exclusive mode"
            ))
            .expect("a lock");
        Self { client, table }
    }

    /// Returns how many statements wait for the table.
    fn waiting(&mut self) -> i64 {
        let table = self.table;
        let sql = format!(
            "select count(*) from pg_locks where relation = '{table}'::regclass and not granted"
        );
        self.client.query_one(&sql, &[]).expect("a number").get(0)
    }

    /// Waits until `is_so` returns true for how many statements wait.
    fn wait_until(&mut self, is_so: impl Fn(i64) -> bool) {
        wait_until("statements wait, or none does", || is_so(self.waiting()));
    }
}

#[test]
fn statements_of_callers_that_have_gone_are_cancelled() {
    let Some((schema, _folder)) = example_or_skip("reads that are broken off") else {
        return;
    };
    let proxy = Proxy::start(schema.url());
    let location = Location::parse(proxy.url(schema.url()).into()).expect("a URL");
    let store = Arc::new(location.open(Durability::Full).expect("a database"));
    let mut locker = Locker::new(&schema, "package_labels");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let count = |table: &str| {
        let (store, sql) = (store.clone(), format!("select count(*) from {table}"));
        async move {
            store
                .read(CallerKey::SERVER, move |snapshot| snapshot.int(&sql, &[]))
                .await
        }
    };
    for round in 1..=2 {
        let reads: Vec<_> = (0..10)
            .map(|_| runtime.spawn(count("package_labels")))
            .collect();
        locker.wait_until(|waiting| waiting >= 2);
        for read in &reads {
            read.abort();
        }
        // The lock is still held, so that nothing else ends them but their limit of time, which the server calls otherwise.
        locker.wait_until(|waiting| waiting == 0 && proxy.cancelled() >= 2 * round);
        let spaces = runtime.block_on(count("spaces"));
        assert_eq!(spaces.expect("a number"), Some(2));
    }
    drop(locker);
    // A question that comes late cancels no other read.
    for _ in 0..50 {
        let packages = runtime.block_on(count("packages"));
        assert_eq!(packages.expect("a number"), Some(4));
    }
    let refused =
        runtime.block_on(store.read(CallerKey::SERVER, |_| Err::<(), _>(StoreError::Busy)));
    assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
}

#[test]
fn first_start_does_not_wait_for_locks_on_tables_of_others() {
    if server_or_skip("a first start beside a lock").is_none() {
        return;
    }
    let folder = WorkDir::of_files();
    let [locked, empty] = [(); 2].map(|()| Schema::new().expect("a server"));
    run(&folder, locked.url(), &["seed", "example"]);
    let _locker = Locker::new(&locked, "packages");
    run(&folder, empty.url(), &["seed", "example"]);
}

#[test]
fn seed_stops_at_a_signal_and_changes_nothing() {
    let Some((schema, folder)) = example_or_skip("a seed that a signal stops") else {
        return;
    };
    let before = run(&folder, schema.url(), &["export"]);
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let endless = ["seed", "--generate", "1000000000"];
        let seeding = spawn(&folder, schema.url(), &endless);
        wait_until_written_to(&schema);
        kill_process(Pid::from_child(&seeding), signal).expect("a signal");
        let output = seeding.wait_with_output().expect("the program ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains("; nothing was changed"), "{stderr}");
        assert_eq!(run(&folder, schema.url(), &["export"]), before);
    }
}

#[test]
fn server_stops_while_statements_run() {
    let Some(stopped) = start() else { return };
    let mut locker = Locker::new(&stopped.schema, "packages");
    let clients: Vec<_> = (1..=10)
        .map(|page| {
            let mut client = stopped.server.connect();
            let target = format!("/v3/packages?per_page=1&page={page}");
            client.send(get(&target, &stopped.token));
            client
        })
        .collect();
    locker.wait_until(|waiting| waiting >= 2);
    stopped.server.terminate();
    // The lock is still held: the server does not wait for it, and leaves no statement behind.
    let (status, stdout, stderr) = stopped.server.wait();
    assert_eq!((status, stdout.as_str()), (Some(0), ""), "{stderr}");
    // Reads and the search for what is due may have given up before.
    let mut lines = stderr.lines();
    assert!(
        lines.all(|line| line.contains("the database locked")),
        "{stderr}"
    );
    locker.wait_until(|waiting| waiting == 0);
    for mut client in clients {
        assert_eq!(client.read(false).expect("an answer").status, 503);
    }
}
