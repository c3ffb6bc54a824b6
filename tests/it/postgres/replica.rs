//! Pages from a streaming standby. Skipped without `CF_PACKAGES_TEST_POSTGRES_REPLICA`, the URL of a standby of the server of
//! the tests.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::proxy::server_of;
use super::{CLOCK, Proxy, run, serve, wait_until};
use crate::support::database::{Schema, server_or_skip};
use crate::support::random::{Random, Rounds};
use crate::support::{Connection, Server, WorkDir, get};

/// The tests pause and restart the standby, one after the other.
static STANDBY: Mutex<()> = Mutex::new(());

/// A database on the primary and on its standby.
struct Replicated {
    schema: Schema,
    /// The URL of the same schema at the standby.
    replica: String,
    folder: WorkDir,
    token: String,
    apps: Vec<String>,
    _alone: MutexGuard<'static, ()>,
}

impl Replicated {
    fn new(test: &str) -> Option<Self> {
        server_or_skip(test)?;
        let Ok(standby) = std::env::var("CF_PACKAGES_TEST_POSTGRES_REPLICA") else {
            eprintln!(
                "skipped: {test} needs a standby, named by `CF_PACKAGES_TEST_POSTGRES_REPLICA`"
            );
            return None;
        };
        let alone = STANDBY.lock().unwrap_or_else(PoisonError::into_inner);
        let schema = Schema::new()?;
        let folder = WorkDir::of_files();
        run(&folder, schema.url(), &["seed", "demo", "--clock", CLOCK]);
        let get = [
            "get",
            "/v3/apps?lifecycle_type=buildpack",
            "--api",
            "current",
            "--no-auth",
        ];
        let apps: Value = serde_json::from_str(&run(&folder, schema.url(), &get)).expect("JSON");
        let replicated = Self {
            replica: schema
                .url()
                .replace(server_of(schema.url()), server_of(&standby)),
            token: run(&folder, schema.url(), &["token", "--admin"])
                .trim_end()
                .into(),
            apps: guids(&apps).into_iter().collect(),
            schema,
            folder,
            _alone: alone,
        };
        replicated.wait_for_standby();
        Some(replicated)
    }

    fn at_standby(&self) -> postgres::Client {
        postgres::Client::connect(&self.replica, postgres::NoTls).expect("the standby")
    }

    /// Waits until the standby has replayed what the primary has committed.
    fn wait_for_standby(&self) {
        let sql = "select pg_current_wal_lsn()::text";
        let lsn: String = self
            .schema
            .connect()
            .query_one(sql, &[])
            .expect("a place")
            .get(0);
        let mut standby = self.at_standby();
        // A test that failed may have left it paused.
        standby
            .batch_execute("select pg_wal_replay_resume()")
            .expect("no pause");
        let sql = format!("select pg_last_wal_replay_lsn() >= '{lsn}'::pg_lsn");
        wait_until("the standby follows", || is_true(&mut standby, &sql));
    }

    /// Starts a server that reads from these standbys.
    fn serve(&self, replicas: &[&str]) -> Reader {
        // Free until the server takes it.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let metrics = listener.local_addr().expect("an address");
        drop(listener);
        let mut flags = vec!["--metrics".to_owned(), metrics.to_string()];
        flags.extend(replicas.iter().map(|url| format!("--db-replica={url}")));
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        Reader {
            server: serve(&self.folder, self.schema.url(), &flags),
            metrics,
        }
    }

    fn client(&self, server: &Server) -> Client {
        Client {
            connection: server.connect(),
            token: self.token.clone(),
        }
    }
}

/// A server with replicas.
struct Reader {
    server: Server,
    metrics: std::net::SocketAddr,
}

impl Reader {
    /// Returns how many pages were read from replicas, and how many from the primary instead.
    fn counts(&self) -> (u64, u64) {
        let mut connection = Connection::open(self.metrics);
        connection.send(get("/metrics", ""));
        let text = connection.read(false).expect("the metrics").body;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.expect("the metric").trim().parse().expect("a number")
        };
        (
            value("cf_packages_replica_reads_total"),
            value("cf_packages_replica_refusals_total"),
        )
    }

    /// Reads new pages until one comes from a replica.
    fn wait_until_used(&self, client: &mut Client) {
        let (before, _) = self.counts();
        let mut page = 0;
        wait_until("a replica is used", || {
            page += 1;
            client.page(&format!("/v3/packages?per_page=1&page={page}"));
            self.counts().0 > before
        });
    }
}

/// Ends the other threads of a test when it is dropped, also by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Asks a standby, which may end the question to replay what conflicts with it.
fn is_true(standby: &mut postgres::Client, sql: &str) -> bool {
    let row = standby.query_one(sql, &[]);
    row.is_ok_and(|row| row.get(0))
}

/// A connection to a server.
struct Client {
    connection: Connection,
    token: String,
}

impl Client {
    fn send(&mut self, method: &str, target: &str, body: &str) -> (u16, String) {
        self.connection.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        ));
        let response = self.connection.read(false).expect("a response");
        (response.status, response.body)
    }

    fn page(&mut self, target: &str) -> BTreeSet<String> {
        let (status, body) = self.send("GET", target, "");
        assert_eq!(status, 200, "{target}: {body}");
        guids(&serde_json::from_str(&body).expect("JSON"))
    }

    /// Creates a package and returns its guid.
    fn create(&mut self, app: &str) -> String {
        let body = json!({
            "type": "bits",
            "relationships": {"app": {"data": {"guid": app}}},
        });
        let (status, body) = self.send("POST", "/v3/packages", &body.to_string());
        assert_eq!(status, 201, "{body}");
        let created: Value = serde_json::from_str(&body).expect("JSON");
        created["guid"].as_str().expect("a guid").to_owned()
    }

    fn delete(&mut self, guid: &str) {
        let (status, body) = self.send("DELETE", &format!("/v3/packages/{guid}"), "");
        assert_eq!(status, 202, "{body}");
    }
}

fn guids(page: &Value) -> BTreeSet<String> {
    let resources = page["resources"].as_array().expect("resources");
    let guid = |one: &Value| one["guid"].as_str().expect("a guid").to_owned();
    resources.iter().map(guid).collect()
}

const ALL: &str = "/v3/packages?per_page=5000";

#[test]
fn no_page_from_a_standby_is_older_than_a_commit() {
    let Some(replicated) = Replicated::new("pages from a standby") else {
        return;
    };
    let writer = serve(&replicated.folder, replicated.schema.url(), &[]);
    let reader = replicated.serve(&[&replicated.replica]);
    let (mut writing, mut reading) = (
        replicated.client(&writer),
        replicated.client(&reader.server),
    );
    let mut expected = reading.page(ALL);
    let rounds = Rounds::from_environment(7, 1_000);
    let mut random = Random(rounds.seed);
    let mut stale = 0;
    for _ in 0..rounds.count {
        if random.one_in(3) && expected.len() > 3 {
            let guid = random
                .choose(&expected.iter().collect::<Vec<_>>())
                .to_string();
            writing.delete(&guid);
            expected.remove(&guid);
        } else {
            let app: &String = random.choose(&replicated.apps);
            expected.insert(writing.create(app));
        }
        // The first one is read while the standby is perhaps behind.
        for page in [ALL, "/v3/packages?per_page=5000&order_by=-created_at"] {
            stale += u64::from(reading.page(page) != expected);
        }
    }
    let (served, refused) = reader.counts();
    eprintln!("{served} pages from the standby, {refused} from the primary");
    assert_eq!(stale, 0, "of {} pages", 2 * rounds.count);
    assert!(served + refused >= 2 * rounds.count);
    assert!(served > rounds.count / 10, "{served} from the standby");
}

#[test]
fn pages_come_from_the_primary_while_the_standby_is_behind() {
    let Some(replicated) = Replicated::new("a standby that is behind") else {
        return;
    };
    let reader = replicated.serve(&[&replicated.replica]);
    let mut client = replicated.client(&reader.server);
    reader.wait_until_used(&mut client);
    let mut standby = replicated.at_standby();
    standby
        .batch_execute("select pg_wal_replay_pause()")
        .expect("a pause");
    wait_until("the standby is paused", || {
        let sql = "select pg_get_wal_replay_pause_state() = 'paused'";
        is_true(&mut standby, sql)
    });
    let (served, _) = reader.counts();
    let mut expected = client.page(ALL);
    let mut old = 0;
    for round in 0..20 {
        let created = client.create(&replicated.apps[0]);
        expected.insert(created.clone());
        // The control: a client of the standby alone sees the old state.
        let sql = "select count(*) from packages where guid = $1";
        let found: i64 = standby
            .query_one(sql, &[&created])
            .expect("a number")
            .get(0);
        old += i32::from(found == 0);
        assert_eq!(client.page(ALL), expected, "{round}");
        let one = client.send("GET", &format!("/v3/packages/{created}"), "").0;
        assert_eq!(one, 200);
    }
    assert_eq!(old, 20);
    // Perhaps one for the page before the first change.
    assert!(reader.counts().0 <= served + 1);
    standby
        .batch_execute("select pg_wal_replay_resume()")
        .expect("an end");
    reader.wait_until_used(&mut client);
    assert_eq!(client.page(ALL), expected);
}

#[test]
fn standby_that_restarts_fails_no_request() {
    let Some(replicated) = Replicated::new("a standby that restarts") else {
        return;
    };
    let Ok(restart) = std::env::var("CF_PACKAGES_TEST_POSTGRES_REPLICA_RESTART") else {
        eprintln!("skipped: nothing says how to restart the standby");
        return;
    };
    let reader = replicated.serve(&[&replicated.replica]);
    let mut client = replicated.client(&reader.server);
    reader.wait_until_used(&mut client);
    let is_over = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let over = Over(&is_over);
        let readers: Vec<_> = (0..3)
            .map(|n| {
                let (mut client, is_over) = (replicated.client(&reader.server), &is_over);
                scope.spawn(move || {
                    let mut count = 0;
                    while !is_over.load(Ordering::SeqCst) {
                        // Most of these pages are not cached.
                        client.page(&format!(
                            "/v3/packages?per_page={}&page={n}",
                            1 + count % 90,
                            n = n + 1
                        ));
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let (mut client, replicated, is_over) =
            (replicated.client(&reader.server), &replicated, &is_over);
        let writer = scope.spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                let created = client.create(&replicated.apps[0]);
                assert!(client.page(ALL).contains(&created));
            }
        });
        let words: Vec<_> = restart.split_whitespace().collect();
        let status = std::process::Command::new(words[0])
            .args(&words[1..])
            .status();
        assert!(status.expect("a command").success(), "{restart}");
        reader.wait_until_used(&mut replicated.client(&reader.server));
        drop(over);
        writer.join().expect("the writer");
        let counts = readers
            .into_iter()
            .map(|reader| reader.join().expect("a reader"));
        counts.sum::<u64>()
    });
    assert!(read > 0);
    reader.server.signal("TERM");
    let log = reader.server.wait().2;
    assert!(log.contains("is left out: "), "{log}");
    assert_eq!(
        log.matches("is left out").count(),
        log.matches("is used again").count(),
        "{log}"
    );
    let password = replicated
        .replica
        .split(['@', ':'])
        .nth(2)
        .expect("a password");
    assert!(!log.contains(password), "{log}");
}

#[test]
fn reads_that_a_standby_ends_are_repeated_at_the_primary() {
    let Some(replicated) = Replicated::new("a standby that ends reads") else {
        return;
    };
    let reader = replicated.serve(&[&replicated.replica]);
    reader.wait_until_used(&mut replicated.client(&reader.server));
    let is_over = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let over = Over(&is_over);
        let readers: Vec<_> = (1..=3)
            .map(|n| {
                let (mut client, is_over) = (replicated.client(&reader.server), &is_over);
                scope.spawn(move || {
                    let mut count = 0;
                    while !is_over.load(Ordering::SeqCst) {
                        client.page(&format!("/v3/packages?per_page={}&page={n}", 1 + count));
                        count = (count + 1) % 5_000;
                    }
                    count
                })
            })
            .collect();
        let (mut primary, mut standby) = (replicated.schema.connect(), replicated.at_standby());
        let mut client = replicated.client(&reader.server);
        for round in 0..200 {
            // What a vacuum removes ends the older snapshots of the standby.
            let created = client.create(&replicated.apps[0]);
            client.delete(&created);
            primary.batch_execute("vacuum packages").expect("a vacuum");
            let ends = if round % 4 == 0 {
                "pg_terminate_backend"
            } else {
                "pg_cancel_backend"
            };
            let sql = format!(
                "select {ends}(pid) from pg_stat_activity where application_name = 'cf-packages'"
            );
            // A vacuum may end this one, too.
            let _ = standby.batch_execute(&sql);
        }
        drop(over);
        let counts = readers
            .into_iter()
            .map(|reader| reader.join().expect("a reader"));
        counts.sum::<u64>()
    });
    let (served, refused) = reader.counts();
    eprintln!("{read} pages, {served} from the standby, {refused} from the primary");
    assert!(served > 0 && refused > 0);
    reader.wait_until_used(&mut replicated.client(&reader.server));
}

#[test]
fn standby_that_does_not_answer_is_left_out_and_used_again() {
    let Some(replicated) = Replicated::new("a standby that does not answer") else {
        return;
    };
    let proxy = Proxy::start(&replicated.replica);
    let reader = replicated.serve(&[&proxy.url(&replicated.replica), &replicated.replica]);
    let mut client = replicated.client(&reader.server);
    // The first turn of the proxy is among the next two.
    for _ in 0..2 {
        reader.wait_until_used(&mut client);
    }
    proxy.freeze(true);
    for page in 1..=6 {
        client.page(&format!("/v3/packages?per_page=3&page={page}"));
    }
    // The other one takes each turn.
    let (served, refused) = reader.counts();
    for page in 1..=6 {
        client.page(&format!("/v3/packages?per_page=4&page={page}"));
    }
    assert_eq!(reader.counts(), (served + 6, refused));
    proxy.freeze(false);
    let other = replicated.serve(&[&proxy.url(&replicated.replica)]);
    other.wait_until_used(&mut replicated.client(&other.server));
    proxy.cut();
    let mut client = replicated.client(&other.server);
    for page in 1..=6 {
        client.page(&format!("/v3/packages?per_page=3&page={page}"));
    }
    proxy.mend();
    other.wait_until_used(&mut client);
    for (reader, least) in [(reader, 0), (other, 1)] {
        reader.server.signal("TERM");
        let (status, _, log) = reader.server.wait();
        assert_eq!(status, Some(0));
        assert!(log.contains("is left out: "), "{log}");
        assert!(log.matches("is used again").count() >= least, "{log}");
    }
}

#[test]
fn other_data_is_no_replica_and_one_that_cannot_be_reached_is_left_out() {
    let Some(replicated) = Replicated::new("what is no replica") else {
        return;
    };
    let other = Schema::new().expect("a server");
    run(&replicated.folder, other.url(), &["seed", "demo"]);
    let password = replicated
        .replica
        .split(['@', ':'])
        .nth(2)
        .expect("a password");
    let mut program = crate::support::command(&replicated.folder.path(""));
    let output = program
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("CF_PACKAGES_DB", replicated.schema.url())
        .env(
            "CF_PACKAGES_DB_REPLICA",
            format!("{},{}", replicated.replica, other.url()),
        )
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("is no streaming standby of `postgres://127.0.0.1:"),
        "{stderr}"
    );
    assert!(!stderr.contains(password), "{stderr}");

    let lines = format!(
        "postgres://me:wordpass@127.0.0.1:1/x\n{}\n",
        replicated.replica
    );
    let file = replicated.folder.write("replicas", lines);
    let flags = ["--db-replica-file", file.to_str().expect("UTF-8")];
    let server = serve(&replicated.folder, replicated.schema.url(), &flags);
    assert_eq!(server.get(ALL, &replicated.token).status, 200);
    server.signal("TERM");
    let (status, _, log) = server.wait();
    assert_eq!(status, Some(0), "{log}");
    assert!(
        log.contains("the replica `postgres://127.0.0.1:1/x` is left out: cannot be reached"),
        "{log}"
    );
    assert!(
        !log.contains("wordpass") && !log.contains(password),
        "{log}"
    );
}

#[test]
fn replicas_of_a_file_are_wrong_usage() {
    let folder = WorkDir::of_files();
    let url = "postgres://me:wordpass@db.example.org/packages";
    folder.write("urls", format!("{url}\nreplica.db\n"));
    for (arguments, advice) in [
        (&["--db-replica", url][..], "a file has no replicas"),
        (
            &["--db", "packages.db", "--db-replica-file", "urls"],
            "a file has no replicas",
        ),
        (
            &["--ephemeral", "--db-replica", url],
            "a file has no replicas",
        ),
        (
            &["--read-only", "--db", "packages.db", "--db-replica", url],
            "a file has no replicas",
        ),
        (
            &["--db", url, "--db-replica", "replica.db"],
            "is no URL of a PostgreSQL server",
        ),
        (
            &["--db", url, "--db-replica-file", "urls"],
            "`urls` of `--db-replica-file` is no URL",
        ),
        (
            &[
                "--db",
                url,
                "--db-replica",
                "postgres://me:wordpass@h/x?sslmode=prefer",
            ],
            "`verify-full`",
        ),
        (
            &[
                "--db",
                url,
                "--db-replica",
                url,
                "--db-replica-file",
                "urls",
            ],
            "cannot be used with",
        ),
    ] {
        let output = folder.run(&[&["serve"], arguments].concat());
        assert_eq!(output.status, 2, "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(advice), "{}", output.stderr);
        assert!(!output.stderr.contains("wordpass"), "{}", output.stderr);
    }
    assert_eq!(folder.file_names(), ["urls"]);
}

/// Promotes the standby of all tests, so that it runs alone, as the last one.
#[test]
#[ignore = "promotes the standby; `.ci/postgres` runs it alone"]
fn promoted_standby_with_the_same_version_and_other_data_is_another_history() {
    let Some(replicated) = Replicated::new("a standby that is promoted") else {
        return;
    };
    let reader = replicated.serve(&[&replicated.replica]);
    let mut client = replicated.client(&reader.server);
    reader.wait_until_used(&mut client);
    let proxy = Proxy::start(replicated.schema.url());
    let moving = serve(&replicated.folder, &proxy.url(replicated.schema.url()), &[]);
    let mut of_moving = replicated.client(&moving);
    let mut standby = replicated.at_standby();
    let promoted: bool = standby
        .query_one("select pg_promote()", &[])
        .expect("a promotion")
        .get(0);
    assert!(promoted);
    // One change at each of them, so that they count the same.
    let change = "update packages set guid = guid || $1 where id = (select min(id) from packages)";
    for (client, suffix) in [
        (&mut replicated.schema.connect(), "-primary"),
        (&mut standby, "-promoted"),
    ] {
        assert_eq!(client.execute(change, &[&suffix]).expect("a change"), 1);
    }
    let version = "select packages::text || access || parents || (select max(id) from packages) from versions";
    let [of_primary, of_promoted] = [replicated.schema.connect(), standby]
        .map(|mut client| client.query_one(version, &[]).expect("a version"))
        .map(|row| row.get::<_, String>(0));
    assert_eq!(of_primary, of_promoted);
    let (served, refused) = reader.counts();
    for page in 0..20 {
        let shown = client.page(&format!("/v3/packages?per_page={}", 4_000 + page));
        assert!(shown.iter().any(|guid| guid.ends_with("-primary")));
        assert!(!shown.iter().any(|guid| guid.ends_with("-promoted")));
    }
    assert_eq!(reader.counts(), (served, refused + 20));
    // The primary fails, and the other server takes over.
    let primary = of_moving.page(ALL);
    assert!(primary.iter().any(|guid| guid.ends_with("-primary")));
    proxy.lead_to(&replicated.replica);
    for target in [ALL, "/v3/packages?per_page=4999"] {
        let shown = of_moving.page(target);
        assert!(shown.iter().any(|guid| guid.ends_with("-promoted")));
        assert!(!shown.iter().any(|guid| guid.ends_with("-primary")));
    }
}
