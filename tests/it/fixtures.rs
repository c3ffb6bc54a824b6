//! Fixture files, and servers that leave nothing behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Child, Stdio};

use crate::support::{Server, WorkDir};

const CLOCK: &str = "2026-01-01T00:00:00Z";

/// Starts a server whose temporary folder is the dir's, so that the test sees what is left in it.
fn ephemeral(dir: &WorkDir, flags: &[&str]) -> Server {
    let mut command = dir.command();
    command
        .env("TMPDIR", dir.path(""))
        .arg("--ephemeral")
        .args(flags);
    Server::start(&mut command)
}

fn first_page(server: &Server, token: &str) -> String {
    let answer = server.get("/v3/packages", token);
    assert_eq!(answer.status, 200);
    answer.body
}

#[test]
fn ephemeral_server_leaves_nothing_after_sigterm() {
    let dir = WorkDir::new();
    let server = ephemeral(&dir, &["--seed", "demo", "--token-key", "k"]);
    let folders = dir.file_names();
    assert_eq!(folders.len(), 1);
    let mode = fs::metadata(dir.path(&folders[0]))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    server.stop();
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn folder_of_a_killed_server_is_removed_by_the_next_server() {
    let dir = WorkDir::new();
    let living = ephemeral(&dir, &["--token-key", "k"]);
    let killed = ephemeral(&dir, &["--token-key", "k"]);
    killed.signal("KILL");
    killed.wait();
    assert_eq!(dir.file_names().len(), 2);
    let next = ephemeral(&dir, &["--token-key", "k"]);
    assert_eq!(dir.file_names().len(), 2);
    assert_eq!(living.get("/healthz", "").status, 200);
    next.stop();
    living.stop();
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn folder_of_a_server_that_was_killed_at_its_start_is_removed() {
    const MARKER: &str =
        "The folder of a cf-packages server, which removes it with all of these files.\n";
    let dir = WorkDir::new();
    let make = |name: &str, files: &[(&str, &str)]| {
        let folder = dir.path(name);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        folder
    };
    make("cf-packages-killed", &[("lock.new", MARKER)]);
    // Nothing shows that these are such folders.
    make(
        "cf-packages-database",
        &[("lock.new", MARKER), ("packages.db", "")],
    );
    make("cf-packages-empty", &[]);
    make("cf-packages-marker", &[("lock.new", "The folder of ")]);
    make(
        "cf-packages-other",
        &[("lock.new", MARKER), ("thesis.txt", "mine")],
    );
    let living = make("cf-packages-living", &[("lock.new", MARKER)]);
    let lock = fs::File::open(living.join("lock.new")).unwrap();
    lock.lock().unwrap();
    let mut left = dir.file_names();
    left.retain(|name| name != "cf-packages-killed");
    ephemeral(&dir, &["--token-key", "k"]).stop();
    assert_eq!(dir.file_names(), left);
    assert!(living.join("lock.new").exists());
}

#[test]
fn folder_of_a_killed_server_is_removed_where_folders_inherit_their_group() {
    let dir = WorkDir::new();
    fs::set_permissions(dir.path(""), PermissionsExt::from_mode(0o3777)).unwrap();
    let killed = ephemeral(&dir, &["--token-key", "k"]);
    killed.signal("KILL");
    killed.wait();
    assert_eq!(dir.file_names().len(), 1);
    ephemeral(&dir, &["--token-key", "k"]).stop();
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn only_folders_of_killed_servers_of_this_user_are_removed() {
    let dir = WorkDir::new();
    let killed = ephemeral(&dir, &["--token-key", "k"]);
    let folder = dir.path(&dir.file_names()[0]);
    killed.signal("KILL");
    killed.wait();
    // Copies of the folder, each with one difference.
    let copy = |name: &str| {
        let copy = dir.path(name);
        fs::create_dir(&copy).unwrap();
        fs::set_permissions(&copy, PermissionsExt::from_mode(0o700)).unwrap();
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        copy
    };
    fs::write(copy("cf-packages-file").join("thesis.txt"), "mine").unwrap();
    fs::create_dir(copy("cf-packages-folder").join("packages.db.old")).unwrap();
    fs::write(copy("cf-packages-marker").join("lock"), "").unwrap();
    fs::remove_file(copy("cf-packages-no-lock").join("lock")).unwrap();
    let mode = copy("cf-packages-mode");
    fs::set_permissions(mode, PermissionsExt::from_mode(0o755)).unwrap();
    let linked = copy("elsewhere");
    symlink(&linked, dir.path("cf-packages-link")).unwrap();
    let lock = copy("cf-packages-linked-lock").join("lock");
    fs::remove_file(&lock).unwrap();
    symlink(linked.join("lock"), lock).unwrap();
    let database = copy("cf-packages-linked-file").join("start.db");
    fs::remove_file(&database).unwrap();
    symlink(linked.join("start.db"), database).unwrap();
    let fifo = copy("cf-packages-fifo").join("lock");
    fs::remove_file(&fifo).unwrap();
    let made = std::process::Command::new("mkfifo").arg(fifo).status();
    assert!(made.unwrap().success());
    // Only root can give a folder to another user.
    let owner = copy("cf-packages-owner");
    let is_root = std::os::unix::fs::chown(owner.join("lock"), Some(65534), None).is_ok();
    if !is_root {
        fs::remove_dir_all(owner).unwrap();
    }

    let before = dir.file_names();
    ephemeral(&dir, &["--token-key", "k"]).stop();
    assert!(!folder.exists());
    let removed = folder.file_name().unwrap().to_string_lossy().into_owned();
    let left: Vec<_> = before.into_iter().filter(|name| *name != removed).collect();
    assert_eq!(dir.file_names(), left);
    assert!(dir.path("cf-packages-file/thesis.txt").exists());
    assert!(linked.join("start.db").exists() && linked.join("lock").exists());
}

#[test]
fn servers_started_at_once_have_separate_data() {
    let dir = WorkDir::new();
    let servers: Vec<Server> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| ephemeral(&dir, &["--no-auth", "--seed", "example"])))
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    assert_eq!(dir.file_names().len(), 20);
    for server in &servers {
        assert!(first_page(server, "").contains("\"total_results\": 4"));
    }
    for server in servers {
        server.stop();
    }
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn server_stops_when_standard_input_ends() {
    let dir = WorkDir::of_files();
    let mut server: Child = dir
        .command()
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--ephemeral",
            "--exit-with-stdin",
        ])
        .env("TMPDIR", dir.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(
        line.starts_with("listening on http://127.0.0.1:"),
        "{line:?}"
    );
    assert!(server.try_wait().unwrap().is_none());
    drop(server.stdin.take());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn from_serves_a_copy_and_does_not_change_the_original() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "fixture.db"]);
    let before = (dir.read("fixture.db"), dir.file_names());
    let server = Server::start(dir.command().args([
        "--ephemeral",
        "--from",
        "fixture.db",
        "--no-auth",
        "--seed",
        "demo",
    ]));
    assert!(first_page(&server, "").contains("\"total_results\": 304"));
    server.stop();
    assert_eq!((dir.read("fixture.db"), dir.file_names()), before);
}

#[test]
fn read_only_server_changes_no_file() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "fixture.db"]);
    let before = (dir.read("fixture.db"), dir.file_names());
    let server = dir.serve(&[
        "--db",
        "fixture.db",
        "--read-only",
        "--no-auth",
        "--admin-api",
    ]);
    assert!(first_page(&server, "").contains("\"total_results\": 4"));
    assert_eq!(dir.file_names(), before.1);
    let refused = server.send(
        "POST /admin/seed HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{\"name\":\"demo\"}",
    );
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("--read-only"), "{}", refused.body);
    server.stop();
    assert_eq!((dir.read("fixture.db"), dir.file_names()), before);
}

#[test]
fn read_only_server_refuses_a_file_with_a_wal() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "fixture.db"]);
    dir.write("fixture.db-wal", [1; 100]);
    let ran = dir.run(&[
        "serve",
        "--db",
        "fixture.db",
        "--read-only",
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("fixture.db-wal"), "{}", ran.stderr);
}

#[test]
fn same_seed_and_clock_give_the_same_bytes() {
    let answers: Vec<String> = (0..2)
        .map(|_| {
            let dir = WorkDir::new();
            dir.write("seed.json", SEED);
            let server = ephemeral(
                &dir,
                &[
                    "--seed",
                    "seed.json",
                    "--clock",
                    CLOCK,
                    "--no-auth",
                    "--api",
                    "current",
                ],
            );
            first_page(&server, "")
        })
        .collect();
    assert_eq!(answers[0], answers[1]);
}

/// A seed without guids and times.
const SEED: &str = r#"{
    "organizations": [{"name": "acme"}],
    "spaces": [{"name": "dev", "organization": "acme"}],
    "apps": [{"name": "shop", "space": "dev"}],
    "packages": [{"app": "shop", "type": "bits"}, {"app": "shop", "type": "docker", "image": "i"}]
}"#;

#[test]
fn get_prints_the_bytes_of_the_server() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo"]);
    let user = dir.run_ok(&["export", "--jsonl"]);
    let user = user
        .lines()
        .find_map(|line| line.strip_prefix("{\"user\":{\"guid\":\""))
        .unwrap();
    let user = user.split('"').next().unwrap();
    for api in ["2015", "current"] {
        let server = dir.serve(&["--api", api, "--external-url", "http://127.0.0.1:8080"]);
        let (admin, member) = (dir.admin_token(), dir.token(user));
        for target in [
            "/v3/packages",
            "/v3/packages?per_page=2&page=9",
            "/v3/packages?per_page=0",
            "/v3/packages/nope",
            "/v3",
            "/nope",
        ] {
            let by_admin = dir.run(&["get", target, "--api", api, "--admin"]);
            let answer = server.get(target, &admin);
            assert_eq!(by_admin.stdout, answer.body, "{target}");
            assert_eq!(by_admin.status, i32::from(answer.status != 200), "{target}");
            let by_member = dir.run(&["get", target, "--api", api, "--user", user]);
            assert_eq!(
                by_member.stdout,
                server.get(target, &member).body,
                "{target}"
            );
            let without_token = dir.run(&["get", target, "--api", api]);
            assert_eq!(
                without_token.stdout,
                server.get(target, "").body,
                "{target}"
            );
        }
        server.stop();
    }
}

#[test]
fn get_answers_from_a_seed_without_a_database() {
    let dir = WorkDir::new();
    let seed = r#"{"organizations": [{"name": "acme"}], "spaces": [{"name": "dev", "organization": "acme"}],
        "apps": [{"name": "shop", "space": "acme/dev"}],
        "users": [{"name": "alice", "guid": "alice", "roles": [{"role": "space_developer", "space": "dev"}]}],
        "packages": [{"app": "shop", "type": "bits", "guid": "p"}]}"#;
    dir.write("shop.json", seed);
    let flags = ["--ephemeral", "--seed", "shop.json", "--user", "alice"];
    let clock = ["--clock", "2026-01-01T00:00:00Z"];
    let golden = |more: &[&str]| {
        let arguments = [&["get", "/v3/packages/p"], &flags[..], &clock, more].concat();
        let output = dir.run(&arguments);
        assert_eq!((output.status, &*output.stderr), (0, ""));
        output.stdout
    };
    assert_eq!(golden(&[]), golden(&[]));
    assert!(golden(&[]).contains("\"created_at\": \"2026-01-01T00:00:00Z\""));
    assert_eq!(dir.file_names(), ["shop.json"]);

    dir.run_ok(&["seed", "example", "--db", "base.db"]);
    let before = dir.read("base.db");
    let target = "/v3/packages?per_page=1";
    let on_base = dir.run_ok(&[
        "get",
        target,
        "--ephemeral",
        "--from",
        "base.db",
        "--seed",
        "shop.json",
        "--admin",
    ]);
    assert!(on_base.contains("\"total_results\": 5"), "{on_base}");
    assert!(before == dir.read("base.db"));

    for (arguments, words) in [
        (&["--seed", "demo"][..], "`--seed` needs `--ephemeral`"),
        (&["--from", "base.db"], "`--from` needs `--ephemeral`"),
        (&["--ephemeral", "--db", "base.db"], "leave out `--db`"),
    ] {
        let output = dir.run(&[&["get", target, "--admin"], arguments].concat());
        assert_eq!((output.status, &*output.stdout), (2, ""), "{arguments:?}");
        assert!(output.stderr.contains(words), "{}", output.stderr);
    }
}

#[test]
fn get_prints_the_status_line_and_the_headers_if_asked() {
    let dir = WorkDir::new();
    for (target, caller, status) in [
        ("/v3/packages", &["--admin"][..], "200 OK"),
        ("/v3/packages/nope", &["--admin"], "404 Not Found"),
        ("/v3/packages", &[], "401 Unauthorized"),
    ] {
        let arguments = [&["get", target, "--ephemeral", "--seed", "example"], caller].concat();
        let body = dir.run(&arguments).stdout;
        let whole = dir.run(&[&*arguments, &["-i"]].concat()).stdout;
        assert_eq!(
            dir.run(&[&*arguments, &["--include"]].concat()).stdout,
            whole
        );
        let (head, after) = whole.split_once("\n\n").expect("an empty line");
        assert_eq!(after, body);
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some(&*format!("HTTP/1.1 {status}")));
        assert!(head.contains("\nContent-Type: application/json; charset=utf-8\n"));
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        assert!(!head.contains("X-Vcap-Request-Id"), "{head}");
    }
}

#[test]
fn user_that_the_database_does_not_hold_is_named_on_stderr() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    let target = "/v3/packages";
    let unknown = "cf-packages: warning: no user in the database has the guid `";
    for command in [&["get", target][..], &["token"]] {
        let run = |user: &str| dir.run(&[command, &["--user", user]].concat());
        assert_eq!(run("uaa-id-463").stderr, "");
        let output = run("nobody");
        assert_eq!(output.status, 0);
        assert!(!output.stdout.is_empty());
        assert_eq!(
            output.stderr,
            format!("{unknown}nobody`, and a user without roles sees nothing\n")
        );
        assert_eq!(
            run("alice").stderr,
            format!(
                "{unknown}alice`, and a user without roles sees nothing; the user with this name has the guid `uaa-id-463`\n"
            )
        );
    }
    // A user needs no roles to see everything with one of these scopes.
    for (scope, sees_all) in [
        ("cloud_controller.admin", true),
        ("cloud_controller.admin_read_only", true),
        ("cloud_controller.global_auditor", true),
        ("cloud_controller.read", false),
        ("openid", false),
    ] {
        let output = dir.run(&["token", "--user", "nobody", "--scope", scope]);
        let warning = output.stderr;
        assert_eq!(output.status, 0);
        assert_eq!(warning.is_empty(), sees_all, "{scope}: {warning}");
    }
    // With a key, the database is optional, and may be another one unless it was named.
    let with_key = ["token", "--user", "nobody", "--token-key", "k"];
    assert_eq!(dir.run(&with_key).stderr, "");
    let named = dir.run(&[&with_key[..], &["--db", &dir.database()]].concat());
    assert!(named.stderr.starts_with(unknown), "{}", named.stderr);
}

#[test]
fn healthcheck_tells_whether_the_server_is_up() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--seed", "example", "--delay", "0s"]);
    assert_eq!(
        server.get("/healthz", "").status_and_body(),
        (200, "{\"status\":\"ok\"}")
    );
    let url = format!("http://{}", server.address());
    dir.run_ok(&["healthcheck", &url]);
    dir.run_ok(&["healthcheck", &format!("{url}/healthz")]);
    server.stop();
    let ran = dir.run(&["healthcheck", &url]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr
            .starts_with(&format!("cf-packages: `{url}` does not answer")),
        "{}",
        ran.stderr
    );
}

#[test]
fn healthcheck_waits_for_a_server_that_starts_later() {
    let dir = WorkDir::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let url = format!("http://{address}");
    let ran = dir.run(&["healthcheck", &url, "--wait", "200ms"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("does not answer"), "{}", ran.stderr);

    let mut waiting = dir
        .command()
        .args(["healthcheck", &url, "--wait", "60s"])
        .spawn()
        .unwrap();
    assert_eq!(waiting.try_wait().unwrap(), None);
    let server = Server::start_whole(dir.command().args(["serve", "--listen", &address]));
    assert!(waiting.wait().unwrap().success());
    server.stop();
}

#[test]
fn contradicting_flags_are_wrong_usage() {
    let dir = WorkDir::new();
    for flags in [
        &["--ephemeral", "--db", "x.db"][..],
        &["--ephemeral", "--read-only"],
        &["--from", "x.db"],
        &["--read-only", "--seed", "demo"],
        &["--seed", "-", "--exit-with-stdin"],
        &["--listen", "0.0.0.0:0", "--no-auth"],
    ] {
        let mut arguments = vec!["serve"];
        arguments.extend(flags);
        let ran = dir.run(&arguments);
        assert_eq!(ran.status, 2, "{flags:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    assert_eq!(dir.file_names(), Vec::<String>::new());
}

#[test]
fn copy_of_a_file_that_is_being_written_is_one_state_of_it() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let server = dir.serve(&["--db", "x.db", "--no-auth", "--admin-api"]);
    let value = "x".repeat(5000);
    let annotations: Vec<_> = (0..190)
        .map(|number| format!("\"a{number}\": \"{value}\""))
        .collect();
    // Two packages of a megabyte in one transaction, so that the log is often moved into the file.
    let post = |round: u32| {
        let packages = ["a", "b"].map(|name| {
            format!(
                r#"{{"guid": "{name}", "app": "my-app", "type": "bits", "labels": {{"round": "{round}"}}, "annotations": {{{}}}}}"#,
                annotations.join(", ")
            )
        });
        let seed = format!("{{\"packages\": [{}]}}", packages.join(", "));
        let response = server.send(format!(
            "POST /admin/seed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{seed}",
            seed.len()
        ));
        assert_eq!(response.status, 200, "{}", response.body);
    };
    post(0);
    let ends = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1.. {
                if ends.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                post(round);
            }
        });
        for number in 0..30 {
            let name = format!("copy-{number}.db");
            let copied = cf_packages::store::Store::copy(&dir.path("x.db"), &dir.path(&name));
            ends.store(number == 29, std::sync::atomic::Ordering::Relaxed);
            copied.unwrap();
            dir.run_ok(&["check", "--db", &name]);
            let exported = dir.run_ok(&["export", "--jsonl", "--db", &name]);
            let rounds: Vec<_> = exported
                .split("\"round\":\"")
                .skip(1)
                .map(|rest| rest.split('"').next())
                .collect();
            assert_eq!(rounds.len(), 2);
            assert_eq!(rounds[0], rounds[1], "{name}");
            fs::remove_file(dir.path(&name)).unwrap();
        }
    });
    server.stop();
    assert_eq!(dir.file_names(), ["x.db"]);
}

#[test]
fn error_about_the_contents_of_a_copy_names_the_file_that_was_copied() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "sound.db"]);
    let damage = |sql: &str| {
        fs::copy(dir.path("sound.db"), dir.path("bad.db")).unwrap();
        let database = rusqlite::Connection::open(dir.path("bad.db")).unwrap();
        database.execute_batch(sql).unwrap();
    };
    let refused = |fault: &str| {
        for arguments in [
            &[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--exit-with-stdin",
                "--ephemeral",
                "--from",
                "bad.db",
                "--seed",
                "demo",
            ][..],
            &[
                "get",
                "/v3/packages",
                "--ephemeral",
                "--from",
                "bad.db",
                "--seed",
                "demo",
            ],
        ] {
            let mut command = dir.command();
            command.env("TMPDIR", dir.path("")).args(arguments);
            let output = command.output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{stderr}");
            let start = format!("cf-packages: `bad.db` {fault}");
            assert!(stderr.starts_with(&start), "{stderr}");
            assert!(!stderr.contains("packages.db"), "{stderr}");
            assert_eq!(dir.file_names(), ["bad.db", "sound.db"]);
        }
    };
    damage("create table added (id)");
    refused("has a table `added`");
    damage("delete from versions");
    refused("has ");
    damage(
        "update packages set labels = '{\"a\":1}' where id = 1; pragma writable_schema = on; update sqlite_schema set sql = 'x' where name = 'packages'",
    );
    refused("is damaged");
}
