//! A server whose database goes away and comes back.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{CLOCK, Proxy, run, serve};
use crate::support::database::{Schema, server_or_skip};
use crate::support::{Server, WorkDir, get};

const PAGE: &str = "/v3/packages?per_page=2";

pub(super) struct Cut {
    pub proxy: Proxy,
    pub server: Server,
    pub token: String,
    pub schema: Schema,
    app: String,
    folder: WorkDir,
}

/// Starts a server that reaches its database through a proxy.
pub(super) fn start() -> Option<Cut> {
    server_or_skip("a database that goes away")?;
    let schema = Schema::new()?;
    let folder = WorkDir::of_files();
    run(&folder, schema.url(), &["seed", "demo", "--clock", CLOCK]);
    let token = run(&folder, schema.url(), &["token", "--admin"]);
    let token = token.trim_end().to_owned();
    let proxy = Proxy::start(schema.url());
    let server = serve(&folder, &proxy.url(schema.url()), &[]);
    let apps = server.get("/v3/apps?per_page=1", &token).body;
    let apps: serde_json::Value = serde_json::from_str(&apps).expect("JSON");
    let app = apps["resources"][0]["guid"].as_str().expect("a guid");
    Some(Cut {
        proxy,
        app: app.to_owned(),
        server,
        token,
        schema,
        folder,
    })
}

impl Cut {
    pub(super) fn create(&self) -> (u16, String) {
        let response = self.server.send(self.creation());
        (response.status, response.body)
    }

    /// Returns a request that creates a package.
    pub(super) fn creation(&self) -> String {
        let body = json!({
            "type": "bits",
            "relationships": {"app": {"data": {"guid": self.app}}},
        });
        let body = body.to_string();
        format!(
            "POST /v3/packages HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )
    }

    pub(super) fn status(&self, target: &str) -> u16 {
        self.server.get(target, &self.token).status
    }

    /// Asserts that these requests are refused because the database cannot be used.
    pub(super) fn assert_unusable(&self, targets: &[&str]) {
        for target in targets {
            let response = self.server.get(target, &self.token);
            assert_eq!(response.status, 503, "{target}: {}", response.body);
            assert!(
                response.body.contains("cannot be used at present"),
                "{}",
                response.body
            );
        }
    }

    fn packages(&self) -> usize {
        let exported = run(&self.folder, self.schema.url(), &["export", "--jsonl"]);
        let is_package = |line: &&str| line.starts_with("{\"package\"");
        exported.lines().filter(is_package).count()
    }
}

#[test]
fn lost_connections_fail_no_read() {
    let Some(cut) = start() else { return };
    for n in 0..40 {
        if n % 4 == 0 {
            cut.proxy.cut_once();
        }
        assert_eq!(cut.status(&format!("{PAGE}&page={}", 1 + n % 3)), 200);
        assert_eq!(cut.status("/healthz"), 200);
    }
    cut.proxy.cut_once();
    let (status, body) = cut.create();
    assert_eq!(status, 201, "{body}");
}

#[test]
fn server_without_its_database_says_so_and_recovers() {
    let Some(cut) = start() else { return };
    assert_eq!(cut.status(PAGE), 200);
    assert_eq!(cut.status(PAGE), 200);
    let before = cut.packages();
    cut.proxy.cut();
    // A cached page too: whether it still holds cannot be known.
    cut.assert_unusable(&[PAGE, "/v3/apps", "/healthz"]);
    let (status, body) = cut.create();
    assert_eq!(status, 503, "{body}");
    cut.proxy.mend();
    assert_eq!(cut.status(PAGE), 200);
    assert_eq!(cut.status("/healthz"), 200);
    assert_eq!(cut.packages(), before);
    let (status, body) = cut.create();
    assert_eq!(status, 201, "{body}");
    assert_eq!(cut.packages(), before + 1);
}

#[test]
fn server_whose_database_does_not_answer_says_so_and_recovers() {
    let Some(cut) = start() else { return };
    assert_eq!(cut.status(PAGE), 200);
    let before = cut.packages();
    cut.proxy.freeze(true);
    for target in [PAGE, "/v3/apps", "/healthz"] {
        let response = cut.server.get(target, &cut.token);
        assert_eq!(response.status, 503, "{target}: {}", response.body);
    }
    let (status, body) = cut.create();
    assert_eq!(status, 503, "{body}");
    assert!(
        body.contains("unknown whether the change was stored"),
        "{body}"
    );
    cut.proxy.freeze(false);
    assert_eq!(cut.status(PAGE), 200);
    assert_eq!(cut.status("/healthz"), 200);
    let (status, body) = cut.create();
    assert_eq!(status, 201, "{body}");
    let stored = cut.packages() - before;
    assert!((1..=2).contains(&stored), "{stored}");
}

#[test]
fn write_whose_commit_was_not_answered_is_503_and_says_that_nobody_knows() {
    let Some(cut) = start() else { return };
    let before = cut.packages();
    let (status, body) = cut.create();
    assert_eq!(status, 201, "{body}");
    cut.proxy.lose_next_commit();
    let (status, body) = cut.create();
    assert_eq!(status, 503, "{body}");
    assert!(
        body.contains("unknown whether the change was stored"),
        "{body}"
    );
    // It was, as it happens.
    assert_eq!(cut.packages(), before + 2);
    let (status, body) = cut.create();
    assert_eq!(status, 201, "{body}");
}

/// Restarts the server of all tests, so that it runs alone.
#[test]
#[ignore = "restarts the PostgreSQL server; `.ci/postgres` runs it alone"]
fn restart_under_load_fails_reads_with_503_at_most_and_loses_no_write() {
    let Some(cut) = start() else { return };
    let Ok(restart) = std::env::var("CF_PACKAGES_TEST_POSTGRES_RESTART") else {
        eprintln!("skipped: nothing says how to restart the server");
        return;
    };
    let before = cut.packages();
    let is_over = AtomicBool::new(false);
    let (reads, created, unknown) = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|n| {
                let (cut, is_over) = (&cut, &is_over);
                scope.spawn(move || {
                    let mut connection = cut.server.connect();
                    let mut statuses = Vec::new();
                    while !is_over.load(Ordering::SeqCst) {
                        let target = format!("{PAGE}&page={}", 1 + (n + statuses.len()) % 3);
                        connection.send(get(&target, &cut.token));
                        statuses.push(connection.read(false).expect("a response").status);
                    }
                    statuses
                })
            })
            .collect();
        let (cut, is_over) = (&cut, &is_over);
        let writer = scope.spawn(move || {
            let (mut created, mut unknown) = (0, 0);
            while !is_over.load(Ordering::SeqCst) {
                match cut.create() {
                    (201, _) => created += 1,
                    (503, body) if body.contains("unknown") => unknown += 1,
                    (status, body) => assert_eq!(status, 503, "{body}"),
                }
            }
            (created, unknown)
        });
        std::thread::sleep(Duration::from_millis(500));
        let words: Vec<_> = restart.split_whitespace().collect();
        let status = std::process::Command::new(words[0])
            .args(&words[1..])
            .status();
        assert!(status.expect("a command").success(), "{restart}");
        let started = Instant::now();
        while cut.status("/healthz") != 200 {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "it does not recover"
            );
        }
        std::thread::sleep(Duration::from_millis(500));
        is_over.store(true, Ordering::SeqCst);
        let reads: Vec<u16> = readers
            .into_iter()
            .flat_map(|reader| reader.join().expect("a reader"))
            .collect();
        let (created, unknown) = writer.join().expect("the writer");
        (reads, created, unknown)
    });
    assert!(reads.iter().all(|status| [200, 503].contains(status)));
    assert_eq!(reads.last(), Some(&200));
    assert!(created > 0);
    let stored = cut.packages() - before;
    assert!(
        (created..=created + unknown).contains(&stored),
        "{stored} stored, {created} answered, {unknown} unknown"
    );
}

#[test]
fn connections_that_hang_alone_fail_no_read() {
    let Some(cut) = start() else { return };
    assert_eq!(cut.status(PAGE), 200);
    cut.proxy.freeze_open_ones();
    assert_eq!(cut.status("/v3/packages?per_page=3"), 200);
    assert_eq!(cut.status("/healthz"), 200);
}

#[test]
fn data_that_is_restored_from_a_dump_is_served_at_once() {
    let Some(cut) = start() else { return };
    let Ok(programs) = std::env::var("CF_PACKAGES_TEST_POSTGRES_PROGRAMS") else {
        eprintln!("skipped: nothing says where `pg_dump` and `psql` are");
        return;
    };
    let run = |name: &str, arguments: &[&str]| {
        let program = std::path::Path::new(&programs).join(name);
        let output = Command::new(program)
            .args(arguments)
            .arg(cut.schema.url())
            .output()
            .expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{name}: {stderr}");
    };
    let dump = cut.folder.path("dump.sql");
    let dump = dump.to_str().expect("UTF-8");
    let schema = format!("--schema={}", cut.schema.name());
    run("pg_dump", &["--clean", &schema, "--file", dump]);
    let mut database = cut.schema.connect();
    // Each change counts the same, so that the versions after both are equal.
    let mut change = |suffix: &str| {
        let sql = "update packages set guid = guid || $1 where id = (select min(id) from packages)";
        assert_eq!(database.execute(sql, &[&suffix]).expect("a change"), 1);
    };
    let page = || cut.server.get("/v3/packages?per_page=1", &cut.token);
    change("-before");
    let before = page();
    assert!(before.body.contains("-before\""), "{}", before.body);
    run(
        "psql",
        &[
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--single-transaction",
            "--file",
            dump,
        ],
    );
    assert!(!page().body.contains("-before\""));
    change("-after");
    let after = page();
    assert!(after.body.contains("-after\""), "{}", after.body);
    assert!(!after.body.contains("-before\""), "{}", after.body);
}
