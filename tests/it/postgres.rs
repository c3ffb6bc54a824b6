//! Several servers over one database of a PostgreSQL server. Skipped without `CF_PACKAGES_TEST_POSTGRES`: `.ci/postgres`
//! runs them.

mod cancelling;
mod equal_answers;
mod migrating;
mod proxy;
mod recovery;
mod refusals;
mod replica;
mod schema;
mod sharing;
mod silence;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use proxy::Proxy;

use crate::support::database::{Schema, server_or_skip};
use crate::support::{Server, WorkDir, command};

/// The time of every server and command here, so that answers are comparable.
const CLOCK: &str = "2026-01-01T00:00:00Z";

/// How long [`wait_until`] waits.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `is_so` returns true.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LIMIT, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns a schema that holds the seed `example`, and a folder; or says that the test is skipped.
fn example_or_skip(test: &str) -> Option<(Schema, WorkDir)> {
    server_or_skip(test)?;
    let schema = Schema::new()?;
    let folder = WorkDir::of_files();
    run(&folder, schema.url(), &["seed", "example"]);
    Some((schema, folder))
}

/// Waits until a program holds the lock of writers.
fn wait_until_written_to(schema: &Schema) {
    let mut client = schema.connect();
    let lock = "select 1 from versions for update nowait";
    wait_until("a program writes", || client.batch_execute(lock).is_err());
}

/// Starts a command over that database.
fn spawn(folder: &WorkDir, url: &str, arguments: &[&str]) -> Child {
    command(&folder.path(""))
        .args(arguments)
        .env("CF_PACKAGES_DB", url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Returns what a command prints over that database.
fn run(folder: &WorkDir, url: &str, arguments: &[&str]) -> String {
    let output = command(&folder.path(""))
        .args(arguments)
        .env("CF_PACKAGES_DB", url)
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Starts a server over that database.
fn serve(folder: &WorkDir, url: &str, flags: &[&str]) -> Server {
    let mut program = command(&folder.path(""));
    Server::start(
        program
            .args(["--api", "current", "--clock", CLOCK])
            .args(flags)
            .env("CF_PACKAGES_DB", url),
    )
}

#[test]
fn answers_and_exports_are_those_of_a_file() {
    if server_or_skip("a comparison with a file").is_none() {
        return;
    }
    let schema = Schema::new().expect("a server");
    let folder = WorkDir::of_files();
    let file = folder.path("packages.db");
    let urls = [file.to_str().expect("UTF-8"), schema.url()];
    let seed = [
        "seed",
        "demo",
        "example",
        "--generate",
        "300",
        "--clock",
        CLOCK,
    ];
    let reports = urls.map(|url| run(&folder, url, &seed));
    assert_eq!(reports[0], reports[1]);
    for arguments in [&["export"][..], &["export", "--jsonl"]] {
        let [of_file, of_server] = urls.map(|url| run(&folder, url, arguments));
        assert!(of_file == of_server, "{arguments:?}");
    }
    for target in [
        "/v3/packages?per_page=100",
        "/v3/packages?per_page=7&page=5&order_by=-updated_at",
        "/v3/packages?states=READY,FAILED&types=bits&order_by=created_at",
        "/v3/packages?label_selector=env%20in%20(prod,dev),!tier",
        "/v3/packages?created_ats[gt]=2020-01-01T00:00:00Z&per_page=3",
        "/v3/packages?guids=a%00b,none",
        "/v3/apps?include=space,space.organization&per_page=20",
        "/v3/spaces?names=DEV-1,test-2",
        "/v3/organizations?order_by=name",
        "/v3/users?per_page=5&order_by=-created_at",
        "/v3/roles?types=space_developer&per_page=9",
        "/v3/processes?per_page=3",
        "/v3/droplets",
        "/v3/builds",
    ] {
        for user in [&["--admin"][..], &["--user", "uaa-id-463"]] {
            let get = [
                "get",
                target,
                "--api",
                "current",
                "--clock",
                CLOCK,
                "--include",
            ];
            let get = [&get[..], user].concat();
            let [of_file, of_server] = urls.map(|url| {
                let mut program = command(&folder.path(""));
                let output = program.args(&get).env("CF_PACKAGES_DB", url).output();
                let output = output.expect("the program runs");
                String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8")
            });
            assert_eq!(of_file, of_server, "{target} {user:?}");
            assert!(of_file.starts_with("HTTP/1.1 "), "{of_file}");
        }
    }
    let checked = run(&folder, schema.url(), &["check"]);
    assert!(checked.contains("PostgreSQL 1"), "{checked}");
    assert!(checked.contains("no fault"), "{checked}");
}

#[test]
fn file_may_hold_the_url_and_the_password_is_never_shown() {
    let Some(server) = server_or_skip("a URL in a file") else {
        return;
    };
    let schema = Schema::new().expect("a server");
    let folder = WorkDir::of_files();
    let file = folder.write("url", format!("{}\n", schema.url()));
    let path = file.to_str().expect("UTF-8");
    let seeded = command(&folder.path(""))
        .args(["seed", "example", "--db-file", path])
        .output()
        .expect("the program runs");
    assert!(seeded.status.success(), "{seeded:?}");
    let read = command(&folder.path(""))
        .args(["token", "--admin"])
        .env("CF_PACKAGES_DB_FILE", path)
        .output()
        .expect("the program runs");
    assert!(read.status.success(), "{read:?}");

    let password = server.split(['@', ':']).nth(2).expect("a password");
    let wrong = schema.url().replace(password, "notthepassword");
    let other = schema.url().replace("/postgres?", "/nosuchdatabase?");
    for url in [
        wrong.as_str(),
        &other,
        "postgres://me:notthepassword@127.0.0.1:1/x",
    ] {
        let output = command(&folder.path(""))
            .args(["export", "--db", url])
            .output()
            .expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains("cannot be reached"), "{stderr}");
        assert!(
            !stderr.contains("notthepassword") && !stderr.contains(password),
            "{stderr}"
        );
    }
}

#[test]
fn what_is_about_files_is_wrong_usage_with_a_server() {
    let folder = WorkDir::of_files();
    let url = "postgres://me:wordpass@db.example.org/packages";
    for (arguments, advice) in [
        (
            &["serve", "--ephemeral", "--db", url][..],
            "the `export` of a PostgreSQL database as `--seed`",
        ),
        (
            &["serve", "--ephemeral", "--from", url],
            "`export` that database",
        ),
        (&["serve", "--read-only", "--db", url], "leave it out"),
        (
            &["serve", "--demo", "--db", url],
            "give the `export` as `--seed`",
        ),
        (
            &["get", "/", "--ephemeral", "--db", url],
            "the `export` of a PostgreSQL database as `--seed`",
        ),
        (
            &["get", "/", "--ephemeral", "--from", url],
            "`export` that database",
        ),
        (&["backup", "copy.db", "--db", url], "`pg_dump`"),
        (&["stats", "--db", url], "`seed` an `export`"),
        (
            &["bundle", "--output", "x", "--db", url],
            "`seed` an `export`",
        ),
        (
            &[
                "export",
                "--db",
                "postgres://me:wordpass@h/x?sslmode=prefer",
            ],
            "`verify-full`",
        ),
        (
            &[
                "export",
                "--db",
                "postgres://h/x?user=me&password=wordpass&sslcert=a",
            ],
            "sslcert",
        ),
        (&["export", "--db", "postgres:///x"], "names no host"),
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status, 2, "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(advice), "{}", output.stderr);
        assert!(!output.stderr.contains("wordpass"), "{}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    }
    assert!(folder.file_names().is_empty());
}

#[test]
fn encrypted_connection_needs_a_certificate_that_is_trusted() {
    let Some(server) = server_or_skip("TLS") else {
        return;
    };
    let Ok(authority) = std::env::var("CF_PACKAGES_TEST_POSTGRES_AUTHORITY") else {
        eprintln!("skipped: TLS needs a server with a certificate");
        return;
    };
    let schema = Schema::new().expect("a server");
    let folder = WorkDir::of_files();
    run(&folder, schema.url(), &["seed", "example"]);
    assert!(Path::new(&authority).is_file());
    let by_name = schema.url().replace("127.0.0.1", "localhost");
    assert!(server.contains("127.0.0.1"));
    run(
        &folder,
        &format!("{by_name}&sslmode=verify-full&sslrootcert={authority}"),
        &["export"],
    );
    for (url, cause) in [
        (format!("{by_name}&sslmode=verify-full"), "certificate"),
        // The certificate names another host.
        (
            format!(
                "{}&sslmode=verify-full&sslrootcert={authority}",
                schema.url()
            ),
            "certificate",
        ),
        (format!("{by_name}&sslrootcert=/nowhere.pem"), "sslrootcert"),
    ] {
        let output = folder.run(&["export", "--db", &url]);
        assert_eq!(output.status, 1, "{}", output.stderr);
        assert!(output.stderr.contains(cause), "{}", output.stderr);
    }
}
