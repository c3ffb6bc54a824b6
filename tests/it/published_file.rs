//! A `--read-only` server whose file other programs replace or change: each state is served, and no request fails.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection as Database, ErrorCode};

use crate::support::{Connection, Response, Server, WorkDir, get};

/// How long a server may take to notice a change. It looks twice a second.
const SOON: Duration = Duration::from_secs(20);
const FLAGS: [&str; 6] = [
    "--db",
    "x.db",
    "--read-only",
    "--no-auth",
    "--api",
    "current",
];
/// A list that is not the same in any two of the databases.
const APPS: &str = "/v3/apps?per_page=5000";
/// How a database is prepared before it is published.
const KINDS: [(&str, &str); 2] = [
    ("write-ahead log", "pragma journal_mode = wal"),
    ("rollback journal", "pragma journal_mode = delete"),
];

/// Clients that send requests without pause.
struct Load {
    ends: Arc<AtomicBool>,
    clients: Vec<JoinHandle<(usize, Vec<Response>)>>,
}

impl Load {
    /// Starts two clients for each target. `is_right` says which answers are.
    fn start(
        server: &Server,
        targets: &[&'static str],
        is_right: impl Fn(&str, &Response) -> bool + Clone + Send + 'static,
    ) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let client = |target: &'static str| {
            let (address, ends, is_right) = (server.address(), ends.clone(), is_right.clone());
            thread::spawn(move || {
                let mut answers = ask(address, target);
                let (mut count, mut wrong) = (0, Vec::new());
                while !ends.load(Ordering::Relaxed) {
                    let answer = answers();
                    count += 1;
                    if !is_right(target, &answer) {
                        wrong.push(answer);
                    }
                }
                (count, wrong)
            })
        };
        Self {
            clients: targets
                .iter()
                .flat_map(|target| [client(target), client(target)])
                .collect(),
            ends,
        }
    }

    /// Ends the clients. Each of their requests must have had a right answer.
    fn end(self) {
        self.ends.store(true, Ordering::Relaxed);
        for client in self.clients {
            let (count, wrong) = client.join().expect("a client ends");
            assert!(count > 0);
            assert!(
                wrong.is_empty(),
                "{} of {count}: {:?}",
                wrong.len(),
                wrong.first()
            );
        }
    }
}

/// Returns a function that sends the request on one connection and returns the answer.
fn ask(address: SocketAddr, target: &'static str) -> impl FnMut() -> Response {
    let mut connection = Connection::open(address);
    move || {
        connection.send(get(target, ""));
        connection.read(false).expect("a response")
    }
}

/// Returns what a server of that file answers.
fn answer_of(dir: &WorkDir, file: &str, target: &str) -> String {
    let server = dir.serve(&["--db", file, "--read-only", "--no-auth", "--api", "current"]);
    server.get(target, "").body
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn run_sql(file: &Path, sql: &str) {
    let database = Database::open(file).expect("a database");
    database.execute_batch(sql).expect("statements");
}

/// Makes three databases with different data and sizes, prepared with `sql`. Returns their names, and their apps.
fn databases(dir: &WorkDir, sql: &str) -> Vec<(&'static str, String)> {
    dir.run_ok(&["seed", "example", "--db", "a.db"]);
    // The same counters as in the first one.
    let other = dir.run_ok(&["export", "--db", "a.db"]);
    dir.write("other.json", other.replace("my-app", "its-app"));
    dir.run_ok(&["seed", "other.json", "--db", "b.db"]);
    dir.run_ok(&["seed", "demo", "--db", "c.db"]);
    let names = ["a.db", "b.db", "c.db"];
    for name in names {
        run_sql(&dir.path(name), sql);
    }
    names
        .map(|name| (name, answer_of(dir, name, APPS)))
        .to_vec()
}

/// Starts a server whose log is the file `log`.
fn serve_with_log(dir: &WorkDir) -> Server {
    let mut shell = std::process::Command::new("sh");
    let command = dir.command();
    shell
        .current_dir(dir.path(""))
        .env("CF_PACKAGES_ALLOWED_HOST", "example.org")
        .args(["-c", "exec \"$0\" \"$@\" 2>log"])
        .arg(command.get_program())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(FLAGS);
    Server::start_whole(&mut shell)
}

fn log(dir: &WorkDir) -> String {
    String::from_utf8(dir.read("log")).expect("text")
}

fn publish(dir: &WorkDir, file: &str) {
    fs::copy(dir.path(file), dir.path("new.db")).expect("copied");
    fs::rename(dir.path("new.db"), dir.path("x.db")).expect("renamed");
}

#[test]
fn renamed_files_are_served_without_a_failed_request() {
    for (kind, sql) in KINDS {
        let dir = WorkDir::of_files();
        let files = databases(&dir, sql);
        publish(&dir, "a.db");
        let server = dir.serve(&FLAGS);
        let known = files.clone();
        let load = Load::start(&server, &[APPS, "/v3/packages", "/healthz"], {
            move |target, answer| {
                let is_known = || known.iter().any(|(_, apps)| *apps == answer.body);
                answer.status == 200 && (target != APPS || is_known())
            }
        });
        for (name, apps) in files.iter().cycle().skip(1).take(6) {
            publish(&dir, name);
            wait_until(kind, || server.get(APPS, "").body == *apps);
        }
        // Replaced more often than the server looks.
        for (name, _) in files.iter().cycle().take(200) {
            publish(&dir, name);
            thread::sleep(Duration::from_millis(5));
        }
        publish(&dir, "c.db");
        wait_until(kind, || server.get(APPS, "").body == files[2].1);
        load.end();
        let names = dir.file_names();
        assert!(names.iter().all(|name| !name.contains('-')), "{names:?}");
    }
}

#[test]
fn new_file_that_cannot_be_served_keeps_the_former_one() {
    for (kind, sql) in KINDS {
        let dir = WorkDir::of_files();
        let files = databases(&dir, sql);
        fs::copy(dir.path("b.db"), dir.path("newer.db")).expect("copied");
        run_sql(&dir.path("newer.db"), "pragma user_version = 99");
        dir.write("text", "not a database");
        let whole = dir.read("c.db");
        dir.write("part", &whole[..whole.len() / 2]);
        run_sql(&dir.path("foreign.db"), "create table t (a)");

        publish(&dir, "a.db");
        let server = serve_with_log(&dir);
        let former = files[0].1.clone();
        let load = Load::start(&server, &[APPS, "/healthz"], move |target, answer| {
            answer.status == 200 && (target != APPS || answer.body == former)
        });
        for (file, fault) in [
            ("text", "is not an SQLite database"),
            ("part", "is cut short"),
            ("newer.db", "was made by a newer cf-packages"),
            ("foreign.db", "belongs to another program"),
        ] {
            publish(&dir, file);
            wait_until(fault, || log(&dir).contains(fault));
        }
        load.end();
        publish(&dir, "b.db");
        wait_until(kind, || server.get(APPS, "").body == files[1].1);
        server.signal("TERM");
        assert_eq!(server.wait().0, Some(0));
        let log = log(&dir);
        assert_eq!(
            log.matches("the former file is served on").count(),
            4,
            "{log}"
        );
    }
}

#[test]
fn removed_file_is_refused_until_there_is_another() {
    let dir = WorkDir::of_files();
    let files = databases(&dir, KINDS[1].1);
    publish(&dir, "a.db");
    let server = dir.serve(&FLAGS);
    fs::remove_file(dir.path("x.db")).expect("removed");
    wait_until("refused", || server.get(APPS, "").status == 503);
    assert_eq!(server.get("/healthz", "").status, 503);
    publish(&dir, "b.db");
    wait_until("served", || server.get(APPS, "").body == files[1].1);
}

#[test]
fn file_that_is_written_in_place_is_refused_until_it_is_whole() {
    for (kind, sql) in KINDS {
        let dir = WorkDir::of_files();
        let files = databases(&dir, sql);
        publish(&dir, "a.db");
        let server = dir.serve(&FLAGS);
        let mut current = &files[0].1;
        for (name, apps) in files.iter().cycle().skip(1).take(2) {
            assert_eq!(server.get(APPS, "").body, *current, "{kind}");
            let bytes = dir.read(name);
            let mut file = OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(dir.path("x.db"))
                .expect("opened");
            // Longer than the server waits for an end of the changes.
            for part in [&bytes[..0], &bytes[..4096], &bytes[4096..bytes.len() / 2]] {
                file.write_all(part).expect("written");
                let start = Instant::now();
                while start.elapsed() < Duration::from_millis(1200) {
                    for target in [APPS, "/v3/packages", "/healthz"] {
                        let answer = server.get(target, "");
                        assert_eq!(answer.status, 503, "{kind}: {answer:?}");
                    }
                }
            }
            file.write_all(&bytes[bytes.len() / 2..]).expect("written");
            drop(file);
            wait_until(kind, || {
                let answer = server.get(APPS, "");
                assert!(answer.status == 503 || answer.body == *apps, "{answer:?}");
                answer.status == 200
            });
            current = apps;
        }
        wait_until(kind, || server.get("/healthz", "").status == 200);
    }
}

#[test]
fn commits_of_another_program_are_served_at_once_without_a_failed_request() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "demo", "--db", "x.db"]);
    let writer = Database::open(dir.path("x.db")).expect("a database");
    writer.busy_timeout(SOON).expect("set");
    writer.execute_batch(KINDS[1].1).expect("another mode");
    let server = dir.serve(&FLAGS);
    let targets = [
        "/v3/organizations",
        "/v3/packages?per_page=5000",
        "/healthz",
    ];
    let load = Load::start(&server, &targets, |_, answer| answer.status == 200);
    let mut organizations = ask(server.address(), targets[0]);
    let mut packages = ask(server.address(), targets[1]);
    for round in 0..60 {
        let name = format!("round-{round}");
        let rename = "update organizations set name = $1, folded_name = $1 where id = 1";
        writer.execute(rename, [&name]).expect("committed");
        assert!(organizations().body.contains(&format!("\"{name}\"")));
        // The file grows by half a megabyte, and shrinks again.
        let sql = match round % 6 {
            1 => "update packages set annotations = json_object('long', printf('%.*c', 2000, 'x'))",
            4 => "update packages set annotations = '{}'; vacuum;",
            _ => continue,
        };
        writer.execute_batch(sql).expect("committed");
        assert_eq!(packages().body.contains("xxxx"), round % 6 == 1);
    }
    load.end();
    assert_eq!(dir.file_names(), ["x.db"]);
    server.stop();
    drop(writer);
    dir.run_ok(&["check", "--db", "x.db"]);
}

#[test]
fn file_that_another_program_makes_unfit_in_place_is_refused_until_it_is_fit() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "demo", "--db", "x.db"]);
    let writer = Database::open(dir.path("x.db")).expect("a database");
    writer.busy_timeout(SOON).expect("set");
    writer.execute_batch(KINDS[1].1).expect("another mode");
    let server = dir.serve(&FLAGS);
    for (unfit, fit) in [
        ("create table extra (a)", "drop table extra"),
        ("pragma user_version = 99", "pragma user_version = 5"),
        // The log is emptied when the mode is changed again.
        (
            "pragma journal_mode = wal; update organizations set name = 'z', folded_name = 'z' where id = 1",
            "pragma journal_mode = delete",
        ),
    ] {
        assert_eq!(server.get(APPS, "").status, 200);
        // A change of the mode is refused at once while the server reads.
        wait_until(unfit, || match writer.execute_batch(unfit) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => false,
            done => done.map(|()| true).expect(unfit),
        });
        assert_eq!(server.get(APPS, "").status, 503, "{unfit}");
        thread::sleep(Duration::from_secs(2));
        assert_eq!(server.get(APPS, "").status, 503, "{unfit}");
        writer.execute_batch(fit).expect("committed");
        wait_until(fit, || server.get(APPS, "").status == 200);
    }
    assert!(server.get("/v3/organizations", "").body.contains("\"z\""));
    assert_eq!(dir.file_names(), ["x.db"]);
}

/// Litestream writes pages without the change counter, unless the first page is among them.
#[test]
fn pages_that_were_written_without_the_change_counter_are_served() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "demo", "--db", "x.db"]);
    run_sql(&dir.path("x.db"), KINDS[1].1);
    let server = dir.serve(&FLAGS);
    let file = OpenOptions::new()
        .write(true)
        .open(dir.path("x.db"))
        .expect("opened");
    for round in 0..5 {
        let before = dir.read("x.db");
        assert_eq!(server.get("/v3/organizations", "").status, 200);
        fs::copy(dir.path("x.db"), dir.path("next.db")).expect("copied");
        let name = format!("round-{round}");
        run_sql(
            &dir.path("next.db"),
            &format!(
                "update organizations set name = '{name}', folded_name = '{name}' where id = 1"
            ),
        );
        let after = dir.read("next.db");
        assert_eq!(before.len(), after.len());
        let pages = before.chunks(4096).zip(after.chunks(4096));
        for (number, (_, page)) in pages.enumerate().skip(1).filter(|(_, (a, b))| a != b) {
            file.write_all_at(page, 4096 * number as u64)
                .expect("written");
        }
        let body = server.get("/v3/organizations", "").body;
        assert!(body.contains(&format!("\"{name}\"")), "{body}");
    }
}

#[test]
fn file_that_may_only_be_read_is_served_from_a_folder_that_may_only_be_read() {
    for (kind, sql) in KINDS {
        let dir = WorkDir::of_files();
        let files = databases(&dir, sql);
        let Some(mut command) = dir.unprivileged() else {
            return;
        };
        fs::create_dir(dir.path("folder")).expect("a folder");
        fs::copy(dir.path("a.db"), dir.path("folder/x.db")).expect("copied");
        let set = |name, mode| {
            fs::set_permissions(dir.path(name), PermissionsExt::from_mode(mode)).expect("a mode");
        };
        set("folder/x.db", 0o444);
        set("folder", 0o555);
        command
            .env("CF_PACKAGES_ALLOWED_HOST", "example.org")
            .args(["serve", "--listen", "127.0.0.1:0", "--db", "folder/x.db"])
            .args(&FLAGS[2..]);
        let server = Server::start_whole(&mut command);
        assert_eq!(server.get(APPS, "").body, files[0].1, "{kind}");
        assert_eq!(fs::read_dir(dir.path("folder")).expect("read").count(), 1);
        server.stop();
        set("folder", 0o755);
    }
}
