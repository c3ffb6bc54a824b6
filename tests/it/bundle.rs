//! `bundle`: executables that carry a database, and how they are used.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::support::{Output, Server, WorkDir, archive};

/// Returns a folder with the database `x.db` of the seed `example`, and `demo`, a bundle of it with these flags.
fn bundled(flags: &[&str]) -> WorkDir {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    bundle(&dir, "x.db", "demo", flags);
    dir
}

fn bundle(dir: &WorkDir, database: &str, output: &str, flags: &[&str]) -> Output {
    let arguments = ["bundle", "--db", database, "--output", output, "--"];
    let made = dir.run(&[&arguments[..], flags].concat());
    assert_eq!(made.status, 0, "{made:?}");
    made
}

/// Returns a command that runs the program `name` of the folder as the tests run the program.
fn program(dir: &WorkDir, name: &str) -> Command {
    let template = dir.command();
    let mut command = Command::new(dir.path(name));
    command.current_dir(dir.path(""));
    for (variable, value) in template.get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    let temporary = dir.path("tmp");
    std::fs::create_dir_all(&temporary).expect("a folder");
    command.env("TMPDIR", temporary);
    command
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program runs");
    Output {
        status: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
    }
}

/// Runs the program `demo`, which must succeed without a message. Returns its stdout.
fn demo(dir: &WorkDir, arguments: &[&str]) -> String {
    let output = run(program(dir, "demo").args(arguments));
    assert_eq!(
        (output.status, output.stderr.as_str()),
        (0, ""),
        "{arguments:?}"
    );
    output.stdout
}

/// Runs a shell script in the folder. A file that this process itself wrote could still be open for writing in a process
/// that another test starts, and then cannot be run.
fn shell(dir: &WorkDir, script: &str) {
    let status = Command::new("sh")
        .args(["-ec", script])
        .current_dir(dir.path(""))
        .status();
    assert!(status.expect("a shell").success(), "{script}");
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("a folder is read").count() == 0
}

fn keys(file: &Path) -> Vec<Vec<u8>> {
    let database = Connection::open(file).unwrap();
    let mut statement = database.prepare("select secret from token_keys").unwrap();
    let keys = statement.query_map([], |row| row.get(0)).unwrap();
    keys.collect::<Result<_, _>>().unwrap()
}

#[test]
fn bundle_without_arguments_serves_its_data_and_leaves_nothing() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let before = dir.read("x.db");
    let flags = ["--listen", "127.0.0.1:0", "--no-auth", "--api=current"];
    let made = bundle(&dir, "x.db", "demo", &flags);
    assert!(
        made.stdout.starts_with("`demo`: 4 packages, ")
            && made
                .stdout
                .ends_with(" are data, serves with `--listen` `--api` `--no-auth`\n"),
        "{made:?}"
    );
    assert_eq!(made.stderr, "");
    assert!(dir.read("x.db") == before);
    // It needs nothing but itself.
    std::fs::remove_file(dir.path("x.db")).unwrap();
    let server = Server::start_whole(&mut program(&dir, "demo"));
    let page = server.get("/v3/packages", "");
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("\"total_results\":4"), "{}", page.body);
    assert_eq!(server.get("/healthz", "").status, 200);
    server.stop();
    assert_eq!(dir.file_names(), ["demo", "tmp"]);
    assert!(is_empty(&dir.path("tmp")));
}

#[test]
fn changes_are_those_of_one_start_and_the_admin_api_resets_them() {
    let dir = bundled(&["--listen=127.0.0.1:0", "--no-auth", "--api=current"]);
    let total = |server: &Server| {
        let body = server.get("/v3/packages", "").body;
        let list: serde_json::Value = serde_json::from_str(&body).unwrap();
        list["pagination"]["total_results"].as_u64().unwrap()
    };
    let send = |server: &Server, method: &str, target: &str| {
        server.send(format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n"))
    };
    let list = demo(&dir, &["get", "/v3/packages"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let guid = list["resources"][0]["guid"].as_str().unwrap();
    let server = Server::start_whole(&mut program(&dir, "demo"));
    let deleted = send(&server, "DELETE", &format!("/v3/packages/{guid}"));
    assert_eq!(deleted.status, 202, "{}", deleted.body);
    assert_eq!(total(&server), 3);
    assert_eq!(send(&server, "POST", "/admin/reset").status, 204);
    assert_eq!(total(&server), 4);
    send(&server, "DELETE", &format!("/v3/packages/{guid}"));
    server.stop();
    let again = Server::start_whole(&mut program(&dir, "demo"));
    assert_eq!(total(&again), 4);
}

#[test]
fn flags_win_over_variables_and_variables_over_the_flags_of_the_bundle() {
    let dir = bundled(&[
        "--api",
        "current",
        "--external-url",
        "https://bundle.example",
    ]);
    let get = |variable: Option<&str>, flags: &[&str]| {
        let mut command = program(&dir, "demo");
        command.args(["get", "/v3/packages?per_page=1", "--admin"]);
        if let Some(url) = variable {
            command.env("CF_PACKAGES_EXTERNAL_URL", url);
        }
        let output = run(command.args(flags));
        assert_eq!((output.status, output.stderr.as_str()), (0, ""));
        output.stdout
    };
    let has = |body: &str, host: &str| body.contains(&format!("\"https://{host}.example/v3/"));
    assert!(has(&get(None, &[]), "bundle"));
    assert!(has(&get(Some(""), &[]), "bundle"));
    assert!(has(&get(Some("https://variable.example"), &[]), "variable"));
    let flag = ["--external-url", "https://flag.example"];
    assert!(has(&get(Some("https://variable.example"), &flag), "flag"));
    assert!(has(&get(None, &flag), "flag"));
    assert!(get(None, &["--api", "2015"]).contains("\"/v3/packages"));
}

#[test]
fn default_that_needs_an_overridden_one_is_dropped() {
    let dir = bundled(&[
        "--listen=127.0.0.1:0",
        "--token-key=sekret",
        "--api=current",
        "--login",
        "--login-password=pw",
    ]);
    let login = |variables: &[(&str, &str)], flags: &[&str]| {
        let mut command = program(&dir, "demo");
        let server = Server::start_whole(command.envs(variables.iter().copied()).args(flags));
        let body = "grant_type=password&username=admin&password=pw";
        let length = body.len();
        let response = server.send(format!(
            "POST /oauth/token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic Y2Y6\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        (response.status, server.get("/v3/packages", "").status)
    };
    assert_eq!(login(&[], &[]), (200, 401));
    assert_eq!(login(&[("CF_PACKAGES_LOGIN", "false")], &[]), (404, 401));
    assert_eq!(login(&[("CF_PACKAGES_API", "2015")], &[]), (404, 401));
    assert_eq!(login(&[], &["--api", "2015"]), (404, 401));
    assert_eq!(login(&[], &["--no-auth"]), (404, 200));
    assert_eq!(login(&[("CF_PACKAGES_NO_AUTH", "true")], &[]), (404, 200));
    // What is given at the start is still checked.
    let mut command = program(&dir, "demo");
    command.env("CF_PACKAGES_LOGIN", "false");
    let refused = run(command.args(["--login-password", "other"]));
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(refused.stderr.contains("needs `--login`"), "{refused:?}");
}

#[test]
fn user_that_is_given_is_the_caller_although_the_bundle_requires_no_token() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo", "--db", "x.db"]);
    bundle(&dir, "x.db", "demo", &["--no-auth", "--api=current"]);
    let total = |variables: &[(&str, &str)], flags: &[&str]| {
        let mut command = program(&dir, "demo");
        command.args(["get", "/v3/packages"]).args(flags);
        let output = run(command.envs(variables.iter().copied()));
        assert_eq!(output.status, 0, "{output:?}");
        let list: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        list["pagination"]["total_results"].as_u64().unwrap()
    };
    assert_eq!(total(&[], &[]), 300);
    assert_eq!(total(&[], &["--user", "nobody"]), 0);
    assert_eq!(total(&[("CF_PACKAGES_USER", "nobody")], &[]), 0);
    assert_eq!(
        total(&[("CF_PACKAGES_NO_AUTH", "true")], &["--user", "nobody"]),
        0
    );
    for (variables, flags) in [
        (&[][..], &["--no-auth", "--user", "nobody"][..]),
        (
            &[
                ("CF_PACKAGES_NO_AUTH", "true"),
                ("CF_PACKAGES_USER", "nobody"),
            ],
            &[],
        ),
    ] {
        let mut command = program(&dir, "demo");
        command.args(["get", "/v3/packages"]).args(flags);
        let refused = run(command.envs(variables.iter().copied()));
        assert_eq!(refused.status, 2, "{refused:?}");
        assert!(refused.stderr.contains("`--no-auth`"), "{refused:?}");
        assert!(refused.stderr.contains("`--user <GUID>`"), "{refused:?}");
    }
}

#[test]
fn switch_of_the_bundle_is_turned_off_by_its_variable() {
    let dir = bundled(&["--no-auth", "--listen=127.0.0.1:0"]);
    let status = |value: &str| {
        let mut command = program(&dir, "demo");
        let server = Server::start_whole(command.env("CF_PACKAGES_NO_AUTH", value));
        server.get("/v3/packages", "").status
    };
    assert_eq!(status(""), 200);
    assert_eq!(status("true"), 200);
    assert_eq!(status("false"), 401);
}

#[test]
fn error_about_a_flag_of_the_bundle_says_where_it_comes_from() {
    let dir = bundled(&["--no-auth"]);
    let refused = run(program(&dir, "demo").args(["--listen", "0.0.0.0:0"]));
    assert_eq!(
        (refused.status, refused.stderr.as_str()),
        (
            2,
            "cf-packages: `--no-auth` on `0.0.0.0:0` would give everyone full access; listen on loopback, or leave it out; `--no-auth` is set by this bundle\n"
        )
    );
    let refused = run(program(&dir, "demo").args(["--listen", "127.0.0.1:0", "--read-only"]));
    assert_eq!(refused.status, 2);
    assert!(
        refused
            .stderr
            .starts_with("cf-packages: `--read-only` needs `--db` here, "),
        "{refused:?}"
    );
}

#[test]
fn wrong_flags_are_refused_when_the_bundle_is_made() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    for (flags, sentence) in [
        (
            &["--ephemral"][..],
            "unexpected argument `--ephemral` found; did you mean `--ephemeral`? `--help` shows the usage",
        ),
        (
            &["--listen", "nowhere"],
            "invalid value `nowhere` for `--listen <ADDR:PORT|unix:PATH>`: ",
        ),
        (
            &["--help"],
            "only flags with which `serve` starts can be bundled",
        ),
        (&["token", "--admin"], "unexpected argument `token` found"),
        (
            &["--db", "y.db"],
            "`--db` names other data than that of the bundle; ",
        ),
        (&["--seed", "demo"], "`--seed` names other data"),
        (&["--demo"], "`--demo` names other data"),
        (&["--read-only"], "`--read-only` names other data"),
        (&["--ephemeral", "--from=x.db"], "`--from` names other data"),
        (&["--login"], "`--login` needs `--api current`; "),
        (
            &["--no-auth", "--listen=0.0.0.0:1"],
            "`--no-auth` on `0.0.0.0:1` would give",
        ),
        (
            &["--login-password=x"],
            "`--login-password` needs `--login`; give both",
        ),
        (
            &["--token-key=x", "--token-key-file=y"],
            "`--token-key` and `--token-key-file` are both given; ",
        ),
        (&["--max-upload=0"], "the `--max-upload` is 0; "),
    ] {
        let arguments = ["bundle", "--db", "x.db", "--output", "demo", "--"];
        let refused = dir.run(&[&arguments[..], flags].concat());
        assert_eq!((refused.status, &*refused.stdout), (2, ""), "{refused:?}");
        assert!(
            refused
                .stderr
                .starts_with(&format!("cf-packages: after `--`: {sentence}")),
            "{refused:?}"
        );
        assert_eq!(refused.stderr.lines().count(), 1);
        assert_eq!(dir.file_names(), ["x.db"]);
    }
    bundle(
        &dir,
        "x.db",
        "with-the-command",
        &["serve", "--api=current"],
    );
    let refused = dir.run(&["bundle", "--db", "x.db"]);
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("--output <FILE>"), "{refused:?}");
}

#[test]
fn secrets_are_named_and_neither_shown_nor_silently_bundled() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "demo", "--db", "x.db"]);
    let flags = [
        "--token-key=S3CRET",
        "--api=current",
        "--login",
        "--login-password=S3CRET",
    ];
    let made = bundle(&dir, "x.db", "demo", &flags);
    assert!(!format!("{made:?}").contains("S3CRET"));
    assert!(
        made.stderr.starts_with(
            "cf-packages: warning: `demo` holds the value of `--token-key` and the value of `--login-password` and the registry passwords of "
        ) && made.stderr.ends_with(" packages, which everyone who has the file can read\n"),
        "{made:?}"
    );
    let made = bundle(&dir, "x.db", "other", &["--token-key-file", "key"]);
    assert!(
        made.stderr.starts_with(
            "cf-packages: warning: `other` does not hold the file that `--token-key-file` names; it has to be there at each start\n"
        ),
        "{made:?}"
    );
    let help = demo(&dir, &["--help"]);
    assert!(
        help.contains("`--token-key`") && !help.contains("S3CRET"),
        "{help}"
    );
}

#[test]
fn key_of_the_database_is_nowhere_in_the_bundle_and_each_start_makes_a_new_one() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let old = keys(&dir.path("x.db")).remove(0);
    let token = dir.run_ok(&["token", "--admin", "--db", "x.db"]);
    bundle(&dir, "x.db", "demo", &[]);
    let contains_key = |bytes: &[u8]| bytes.windows(old.len()).any(|window| window == old);
    assert!(contains_key(&dir.read("x.db")));
    assert_eq!(demo(&dir, &["--extract", "one.db"]), "");
    assert_eq!(demo(&dir, &["--extract=two.db"]), "");
    let (one, two) = (keys(&dir.path("one.db")), keys(&dir.path("two.db")));
    assert_eq!((one.len(), two.len()), (1, 1));
    assert!(one != two && one[0] != old && two[0] != old);
    assert!(!contains_key(&dir.read("one.db")));
    assert!(!contains_key(&dir.read("demo")));

    let server = Server::start_whole(program(&dir, "demo").args([
        "--listen",
        "127.0.0.1:0",
        "--admin-token-file",
        "token",
    ]));
    assert_eq!(server.get("/v3/packages", token.trim()).status, 401);
    let of_this_start = String::from_utf8(dir.read("token")).unwrap();
    assert_eq!(server.get("/v3/packages", &of_this_start).status, 200);
    server.stop();
    let again = Server::start_whole(program(&dir, "demo").args(["--listen", "127.0.0.1:0"]));
    assert_eq!(again.get("/v3/packages", &of_this_start).status, 401);
}

#[test]
fn extract_gives_the_database_back_and_replaces_no_file() {
    let dir = bundled(&["--api", "current"]);
    demo(&dir, &["--extract", "back.db"]);
    let mode = std::fs::metadata(dir.path("back.db"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(
        dir.run_ok(&["export", "--db", "back.db"]),
        dir.run_ok(&["export", "--db", "x.db"])
    );
    dir.run_ok(&["check", "--db", "back.db"]);
    dir.write("text", "kept");
    std::os::unix::fs::symlink("nowhere", dir.path("link")).unwrap();
    let before = dir.file_names();
    for (file, fault) in [
        (
            "back.db",
            "already exists, and `--extract` replaces no file; name another file, or remove this one",
        ),
        ("text", "already exists, and"),
        ("link", "already exists, and"),
        ("tmp", "is a directory; name a file in it"),
        (".", "is a directory; name a file in it"),
        (
            "no/folder/y.db",
            "cannot be made: there is no folder `no/folder`; make it first",
        ),
        (
            "y.db-wal",
            "has a name that SQLite or cf-packages gives to a file beside a database",
        ),
    ] {
        let refused = run(program(&dir, "demo").args(["--extract", file]));
        assert_eq!(refused.status, 1, "{refused:?}");
        assert!(
            refused
                .stderr
                .starts_with(&format!("cf-packages: `{file}` {fault}")),
            "{refused:?}"
        );
    }
    assert_eq!(dir.file_names(), before);
    assert_eq!(dir.read("text"), b"kept");
    for wrong in [&["--extract"][..], &["--extract", "a.db", "--listen=0"]] {
        assert_eq!(run(program(&dir, "demo").args(wrong)).status, 2);
    }
    let plain = dir.run(&["--extract", "y.db"]);
    assert_eq!(plain.status, 2, "{plain:?}");
}

#[test]
fn commands_without_a_database_read_the_data_of_the_bundle() {
    let dir = bundled(&["--api", "current", "--token-key", "fixture"]);
    let of = |command: &[&str]| dir.run_ok(&[command, &["--db", "x.db"]].concat());
    assert_eq!(demo(&dir, &["export"]), of(&["export"]));
    let get = ["get", "/v3/packages", "--user", "uaa-id-463"];
    let expected = of(&[&get[..], &["--api", "current"]].concat());
    assert_eq!(demo(&dir, &get), expected);
    assert!(demo(&dir, &["check"]).contains("4 packages"));
    assert!(demo(&dir, &["stats", "--json"]).contains("\"packages\": 4"));
    assert!(demo(&dir, &["backup", "copy.db"]).contains("4 packages"));
    // The database that is named is used.
    dir.run_ok(&["seed", "demo", "--db", "other.db"]);
    assert!(demo(&dir, &["check", "--db", "other.db"]).contains("300 packages"));
    assert_eq!(
        demo(&dir, &["seed", "--list"]),
        dir.run_ok(&["seed", "--list"])
    );
    assert!(demo(&dir, &["man", "stats"]).contains(".TH"));
    demo(&dir, &["seed", "demo"]);
    assert!(demo(&dir, &["check", "--db", "packages.db"]).contains("300 packages"));
    let token = demo(&dir, &["token", "--admin"]);
    let server = Server::start_whole(program(&dir, "demo").args(["--listen", "127.0.0.1:0"]));
    assert_eq!(server.get("/v3/packages", token.trim()).status, 200);
    server.stop();
    assert!(is_empty(&dir.path("tmp")));
}

#[test]
fn token_without_a_key_is_refused_as_no_server_would_accept_it() {
    let dir = bundled(&[]);
    let refused = run(program(&dir, "demo").args(["token", "--admin"]));
    assert_eq!((refused.status, &*refused.stdout), (2, ""));
    assert!(
        refused
            .stderr
            .starts_with("cf-packages: this program makes a new token key at each start, "),
        "{refused:?}"
    );
    for (variable, value) in [("CF_PACKAGES_TOKEN_KEY", "k"), ("CF_PACKAGES_DB", "x.db")] {
        let output = run(program(&dir, "demo")
            .args(["token", "--admin"])
            .env(variable, value));
        assert_eq!(output.status, 0, "{output:?}");
    }
}

#[test]
fn secret_of_the_bundle_gives_way_to_one_that_is_given_in_any_form() {
    let dir = bundled(&["--token-key", "of-the-bundle"]);
    dir.write("key", "given");
    let server = Server::start_whole(program(&dir, "demo").args([
        "--listen",
        "127.0.0.1:0",
        "--token-key-file",
        "key",
    ]));
    let status = |token: String| server.get("/v3/packages", token.trim()).status;
    for (flag, variable, expected) in [
        ("", "", 401),
        ("--token-key=given", "", 200),
        ("--token-key-file=key", "", 200),
        ("", "CF_PACKAGES_TOKEN_KEY=given", 200),
        ("", "CF_PACKAGES_TOKEN_KEY_FILE=key", 200),
    ] {
        let mut command = program(&dir, "demo");
        command.args(["token", "--admin"]);
        command.args(Some(flag).filter(|flag| !flag.is_empty()));
        command.envs(variable.split_once('='));
        let token = run(&mut command);
        assert_eq!((token.status, &*token.stderr), (0, ""), "{token:?}");
        assert_eq!(status(token.stdout), expected, "{flag} {variable}");
    }
}

#[test]
fn database_that_is_named_is_made_once_with_the_data_and_keeps_changes() {
    let dir = bundled(&["--listen=127.0.0.1:0", "--no-auth", "--api=current"]);
    let start = || Server::start_whole(program(&dir, "demo").args(["--db", "kept.db"]));
    let list = demo(&dir, &["get", "/v3/packages"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let guid = list["resources"][0]["guid"].as_str().unwrap();
    let server = start();
    let deleted = server.send(format!(
        "DELETE /v3/packages/{guid} HTTP/1.1\r\nHost: x\r\n\r\n"
    ));
    assert_eq!(deleted.status, 202);
    server.stop();
    assert_eq!(dir.file_names(), ["demo", "kept.db", "tmp", "x.db"]);
    let again = start();
    assert!(
        again
            .get("/v3/packages", "")
            .body
            .contains("\"total_results\":3")
    );
    again.stop();
    dir.write("empty.db", "");
    dir.write("text", "no database");
    for (file, fault) in [
        (
            "empty.db",
            "is empty; remove it, or name a file that does not exist",
        ),
        ("text", "is not an SQLite database; name another file"),
    ] {
        let refused = run(program(&dir, "demo").args(["--db", file]));
        assert_eq!(
            (refused.status, refused.stderr),
            (1, format!("cf-packages: `{file}` {fault}\n"))
        );
    }
}

#[test]
fn bits_are_bundled_too() {
    let dir = WorkDir::of_files();
    let bits = archive(&[("a.txt", &[b'a'; 5000]), ("b.txt", b"b")]);
    dir.write("shop.zip", &bits);
    dir.write(
        "shop.json",
        r#"{"organizations": [{"name": "acme"}], "spaces": [{"name": "dev", "organization": "acme"}],
            "apps": [{"name": "shop", "space": "dev"}],
            "packages": [{"app": "shop", "type": "bits", "guid": "p", "bits": "shop.zip"}]}"#,
    );
    dir.run_ok(&["seed", "shop.json", "--db", "x.db"]);
    bundle(
        &dir,
        "x.db",
        "demo",
        &["--listen=127.0.0.1:0", "--no-auth", "--api=current"],
    );
    let server = Server::start_whole(&mut program(&dir, "demo"));
    let download = server.get("/v3/packages/p/download", "");
    assert_eq!(download.status, 200);
    assert!(download.bytes == bits);
}

#[test]
fn damaged_bundle_is_refused_and_never_serves() {
    let dir = bundled(&["--listen=127.0.0.1:0", "--no-auth"]);
    let program_length = std::fs::metadata(dir.command().get_program())
        .unwrap()
        .len();
    let length = std::fs::metadata(dir.path("demo")).unwrap().len();
    let damage = "is damaged or was changed after it was bundled, so that its data cannot be used; copy it again, or make it again with `bundle`";
    let cut = "carries data, but the end of it is not found: the file was cut short, or more than 64 KiB were added to its end; copy it again, or make it again with `bundle`";
    let incomplete = "was cut short, so that even the end of the program is missing; copy it again";
    let change = |at: u64| {
        format!(
            "cp demo bad; printf '\\001\\002\\003' | dd of=bad bs=1 seek={at} conv=notrunc 2>/dev/null"
        )
    };
    let keep = |length: u64| format!("head -c {length} demo >bad; chmod +x bad");
    let damages = [
        // In the compressed data, in its last bytes, in the flags, in the trailer.
        (change(program_length + 16 + 2000), damage),
        (change(length - 120 - 60), damage),
        (change(length - 120 - 10), damage),
        (change(length - 90), damage),
        (change(length - 4), damage),
        // In the mark by which the trailer is found.
        (change(length - 120), cut),
        (keep(length - 1), damage),
        (keep(length - 120), cut),
        (keep(program_length + 2000), cut),
        (keep(program_length + 16), cut),
        (keep(program_length - 1), incomplete),
        ("cp demo bad; head -c 70000 /dev/zero >>bad".to_owned(), cut),
    ];
    for (script, fault) in damages {
        shell(&dir, &script);
        for arguments in [
            &[][..],
            &["--listen=127.0.0.1:0"],
            &["export"],
            &["--extract", "y.db"],
        ] {
            let refused = run(program(&dir, "bad").args(arguments));
            assert_eq!(
                (refused.status, &*refused.stdout),
                (1, ""),
                "{script}: {refused:?}"
            );
            assert_eq!(
                refused.stderr,
                format!("cf-packages: `{}` {fault}\n", dir.path("bad").display()),
                "{script}"
            );
        }
        assert_eq!(dir.file_names(), ["bad", "demo", "tmp", "x.db"]);
        assert!(is_empty(&dir.path("tmp")), "{script}");
        std::fs::remove_file(dir.path("bad")).unwrap();
    }
}

#[test]
fn what_is_added_to_the_end_does_not_matter_up_to_64_kib() {
    let dir = bundled(&["--api=current"]);
    let expected = demo(&dir, &["export"]);
    for added in [
        "printf x",
        "head -c 65536 /dev/zero",
        "head -c 3000 /dev/urandom",
    ] {
        shell(
            &dir,
            &format!("rm -f signed; cp demo signed; {added} >>signed"),
        );
        assert_eq!(
            run(program(&dir, "signed").arg("export")).stdout,
            expected,
            "{added}"
        );
    }
}

#[test]
fn stripped_bundle_is_an_ordinary_program() {
    if Command::new("strip").arg("--version").output().is_err() {
        return;
    }
    let dir = bundled(&["--api=current"]);
    shell(&dir, "strip -o stripped demo");
    let refused = run(&mut program(&dir, "stripped"));
    assert_eq!((refused.status, &*refused.stdout), (2, ""), "{refused:?}");
    assert!(refused.stderr.contains("name a command"), "{refused:?}");
    let read = run(program(&dir, "stripped").args(["check", "--db", "x.db"]));
    assert_eq!(read.status, 0, "{read:?}");
}

#[test]
fn bundle_of_a_bundle_carries_the_new_data_only() {
    let dir = bundled(&["--api=current"]);
    dir.run_ok(&["seed", "demo", "--db", "y.db"]);
    let made = run(program(&dir, "demo").args(["bundle", "--db", "y.db", "--output", "second"]));
    assert_eq!(made.status, 0, "{made:?}");
    let direct = bundle(&dir, "y.db", "direct", &[]);
    assert_eq!(made.stdout.replace("second", "direct"), direct.stdout);
    let of = |name: &str, command: &[&str]| run(program(&dir, name).args(command)).stdout;
    assert_eq!(
        of("second", &["export"]),
        dir.run_ok(&["export", "--db", "y.db"])
    );
    // The flags are those of the new bundle: it has none.
    assert!(of("second", &["get", "/v3/packages", "--admin"]).contains("\"/v3/packages"));
    // Without `--db`, the data stays.
    let made = run(program(&dir, "demo").args(["bundle", "--output", "third", "--", "--api=2015"]));
    assert_eq!((made.status, &*made.stderr), (0, ""), "{made:?}");
    assert_eq!(
        of("third", &["export"]),
        dir.run_ok(&["export", "--db", "x.db"])
    );
    assert!(of("third", &["get", "/v3/packages", "--admin"]).contains("\"/v3/packages"));
    assert!(is_empty(&dir.path("tmp")));
}

#[test]
fn bundle_replaces_no_file_and_is_made_of_a_sound_database_only() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    dir.run_ok(&["seed", "example", "--db", "faulty.db"]);
    let writer = Connection::open(dir.path("faulty.db")).unwrap();
    writer
        .execute_batch("pragma foreign_keys = off; delete from apps; pragma journal_mode = delete; pragma journal_mode = wal")
        .unwrap();
    drop(writer);
    dir.write("text", "kept");
    std::fs::create_dir(dir.path("folder")).unwrap();
    std::fs::create_dir(dir.path("tmp")).unwrap();
    let before = dir.file_names();
    for (database, output, fault) in [
        (
            "x.db",
            "text",
            "`text` already exists, and a bundle replaces no file; name another file, or remove this one",
        ),
        ("x.db", "x.db", "`x.db` already exists, and a bundle"),
        (
            "x.db",
            "folder",
            "`folder` is a directory; name a file in it",
        ),
        (
            "x.db",
            "no/folder/demo",
            "`no/folder/demo` cannot be made: there is no folder `no/folder`; make it first",
        ),
        (
            "x.db",
            "y.db-wal",
            "`y.db-wal` has a name that SQLite or cf-packages gives",
        ),
        ("none.db", "demo", "`none.db` does not exist; "),
        ("text", "demo", "`text` is not an SQLite database; "),
        (
            "faulty.db",
            "demo",
            "`faulty.db` has a row 1 in `packages` that refers to nothing in `apps`",
        ),
    ] {
        let mut command = dir.command();
        command.args(["bundle", "--db", database, "--output", output]);
        let refused = run(command.env("TMPDIR", dir.path("tmp")));
        assert_eq!((refused.status, &*refused.stdout), (1, ""), "{refused:?}");
        assert!(
            refused.stderr.starts_with(&format!("cf-packages: {fault}")),
            "{refused:?}"
        );
        assert_eq!(dir.file_names(), before, "{output}");
    }
    assert!(is_empty(&dir.path("tmp")));
    assert_eq!(dir.read("text"), b"kept");
}

#[test]
fn mode_of_a_bundle_is_that_of_a_program_under_the_umask() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    for (umask, mode) in [("022", 0o755), ("077", 0o700), ("000", 0o755)] {
        let output = dir.run_after(
            &format!("umask {umask}"),
            &["bundle", "--db", "x.db", "--output", umask],
        );
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let made = std::fs::metadata(dir.path(umask)).unwrap();
        assert_eq!(made.permissions().mode() & 0o7777, mode, "{umask}");
    }
}

#[test]
fn program_that_was_replaced_while_it_runs_bundles_itself() {
    let dir = bundled(&["--api=current"]);
    let expected = demo(&dir, &["export"]);
    // The shell that runs it removes it first, by its open descriptor.
    shell(
        &dir,
        "exec 3<demo; rm demo; echo 'exit 3' >demo; \
         TMPDIR=. /proc/self/fd/3 bundle --output copy 3<&3 >/dev/null",
    );
    assert_eq!(run(program(&dir, "copy").arg("export")).stdout, expected);
}

#[test]
fn disk_without_room_leaves_no_bundle() {
    let dir = WorkDir::of_files();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    std::fs::create_dir(dir.path("tmp")).unwrap();
    // In units of 512 bytes: there is room for the copy of the database, and not for the program.
    let output = dir.run_after(
        "export TMPDIR=tmp; ulimit -f 4000",
        &["bundle", "--db", "x.db", "--output", "demo"],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("cf-packages: `demo` cannot be written: file too large; "),
        "{stderr}"
    );
    assert_eq!(dir.file_names(), ["tmp", "x.db"]);
    assert!(is_empty(&dir.path("tmp")));
}

/// Waits until there is a file with that name in a folder in `tmp`.
fn wait_for(dir: &WorkDir, name: &str, child: &mut Child) {
    let begin = Instant::now();
    loop {
        let folders = std::fs::read_dir(dir.path("tmp")).into_iter().flatten();
        if folders
            .flatten()
            .any(|folder| folder.path().join(name).exists())
        {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        assert!(begin.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn signal_ends_a_bundle_that_is_made_and_nothing_is_left() {
    let dir = WorkDir::of_files();
    std::fs::create_dir(dir.path("tmp")).unwrap();
    dir.run_ok(&["seed", "--generate", "30000", "--db", "x.db"]);
    let before = dir.read("x.db");
    let mut child = dir
        .command()
        .args(["bundle", "--db", "x.db", "--output", "demo"])
        .env("TMPDIR", dir.path("tmp"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&dir, "packages.db", &mut child);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("stopped by SIGTERM"), "{stderr}");
    assert_eq!(dir.file_names(), ["tmp", "x.db"]);
    assert!(is_empty(&dir.path("tmp")));
    assert!(dir.read("x.db") == before);
}
