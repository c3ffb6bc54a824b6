//! The flags of the command line, their values, their environment variables, and the help.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use clap::{Arg, ValueHint};

use crate::support::{Output, Server, WorkDir};

/// The flags whose values are keys and passwords. Their variables are specified in `authorization.rs` and `recording.rs`.
const SECRETS: &[&str] = &["anonymize-key", "login-password", "token", "token-key"];

fn definition() -> clap::Command {
    let mut definition = cf_packages::cli::Cli::definition();
    definition.build();
    definition
}

/// Returns the commands that are our own, without `help`.
fn commands(definition: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    definition
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
}

/// Returns the flags of a command with their names, without `--help` and `--version`.
fn flags(command: &clap::Command) -> impl Iterator<Item = (&str, &Arg)> {
    command
        .get_arguments()
        .filter_map(|arg| Some((arg.get_long()?, arg)))
        .filter(|(flag, _)| !["help", "version"].contains(flag))
}

fn variable_of(flag: &str) -> String {
    format!("CF_PACKAGES_{}", flag.replace('-', "_").to_uppercase())
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program runs");
    Output {
        status: output.status.code().expect("an exit code"),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a command with one variable.
fn run_with_variable(dir: &WorkDir, name: &str, value: &str, arguments: &[&str]) -> Output {
    run(dir.command().args(arguments).env(name, value))
}

/// Asserts that the command line is refused with exactly this sentence.
fn assert_usage(arguments: &[&str], sentence: &str) {
    let output = run(WorkDir::new().command().args(arguments));
    assert_eq!(
        (output.status, output.stderr),
        (2, format!("cf-packages: {sentence}\n")),
        "{arguments:?}"
    );
}

#[test]
fn the_definition_of_the_command_line_is_consistent() {
    cf_packages::cli::Cli::definition().debug_assert();
}

#[test]
fn help_of_every_command_names_the_variable_of_every_flag() {
    let definition = definition();
    let mut count = 0;
    for command in commands(&definition) {
        let help = command.clone().render_long_help().to_string();
        // Long lines are wrapped.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for (flag, _) in flags(command) {
            let variable = variable_of(flag);
            assert!(
                help.contains(&format!("[env: {variable}]")),
                "{} --{flag}: {help}",
                command.get_name()
            );
            count += 1;
        }
    }
    assert!(count > 40, "{count} flags");
}

#[test]
fn every_flag_of_every_command_is_read_from_its_variable() {
    let dir = WorkDir::new();
    let definition = definition();
    let mut paths = BTreeSet::new();
    for command in commands(&definition) {
        for (flag, arg) in flags(command) {
            if SECRETS.contains(&flag.strip_suffix("-file").unwrap_or(flag)) {
                continue;
            }
            if arg.get_value_hint() == ValueHint::AnyPath {
                paths.insert(flag.to_owned());
                continue;
            }
            let variable = variable_of(flag);
            let output = run(dir
                .command()
                .arg(command.get_name())
                .env(&variable, OsStr::from_bytes(b"\xff")));
            assert_eq!(
                (output.status, output.stderr),
                (
                    2,
                    format!("cf-packages: `{variable}` is not UTF-8; give text\n")
                ),
                "{} --{flag}",
                command.get_name()
            );
        }
    }
    // A path may be any bytes: the next tests show these.
    for flag in [
        "admin-token-file",
        "cf-home",
        "db",
        "from",
        "token-public-key",
    ] {
        assert!(paths.contains(flag), "--{flag}");
    }
}

#[test]
fn paths_are_read_from_variables() {
    let dir = WorkDir::of_files();
    let set = |name: &str, value: &str, arguments: &[&str]| {
        run_with_variable(&dir, name, value, arguments)
    };
    assert_eq!(
        set("CF_PACKAGES_DB", "x.db", &["seed", "example"]).status,
        0
    );
    assert_eq!(dir.file_names(), ["x.db"]);
    let token = set(
        "CF_PACKAGES_CF_HOME",
        "home",
        &["token", "--admin", "--db", "x.db"],
    );
    assert_eq!((token.status, token.stdout.as_str()), (0, ""));
    assert!(dir.path("home/.cf/config.json").exists());
    let from = set("CF_PACKAGES_FROM", "none.db", &["serve", "--ephemeral"]);
    assert!(from.stderr.contains("`none.db`"), "{from:?}");
    let key = set(
        "CF_PACKAGES_TOKEN_PUBLIC_KEY",
        "a.pem,b.pem",
        &["serve", "--ephemeral"],
    );
    assert!(key.stderr.contains("`a.pem`"), "{key:?}");
    let server = Server::start(
        dir.command()
            .args(["--db", "x.db"])
            .env("CF_PACKAGES_ADMIN_TOKEN_FILE", "token"),
    );
    assert_eq!(
        server.get("/v3/packages", dir_token(&dir).as_str()).status,
        200
    );
    server.stop();
}

fn dir_token(dir: &WorkDir) -> String {
    let token = String::from_utf8(dir.read("token")).expect("ASCII");
    token.trim_end().to_owned()
}

#[test]
fn dry_run_from_the_environment_writes_nothing() {
    let dir = WorkDir::new();
    for value in ["1", "true", "YES", "on"] {
        let output = run_with_variable(&dir, "CF_PACKAGES_DRY_RUN", value, &["seed", "example"]);
        assert_eq!(output.status, 0, "{value}");
        assert!(output.stdout.starts_with("dry run: "), "{value}");
        assert_eq!(dir.file_names(), [""; 0], "{value}");
    }
    let output = run_with_variable(&dir, "CF_PACKAGES_DRY_RUN", "ture", &["seed", "example"]);
    assert_eq!(
        output.stderr,
        "cf-packages: `CF_PACKAGES_DRY_RUN` is `ture`; give `true` or `false`\n"
    );
    assert_eq!(dir.file_names(), [""; 0]);
    let output = run_with_variable(&dir, "CF_PACKAGES_DRY_RUN", "false", &["seed", "example"]);
    assert!(!output.stdout.contains("dry run"), "{}", output.stdout);
    assert_eq!(dir.file_names(), dir.database_files());
}

#[test]
fn empty_variable_is_unset() {
    let dir = WorkDir::new();
    let definition = definition();
    let variables: BTreeSet<String> = commands(&definition)
        .flat_map(flags)
        .map(|(flag, _)| variable_of(flag))
        .collect();
    let empty = || variables.iter().map(|variable| (variable, ""));
    for arguments in [
        &["seed", "example"][..],
        &["token", "--admin"],
        &["get", "/v3/packages", "--admin"],
        &["export"],
        &["check"],
    ] {
        let output = run(dir.command().args(arguments).envs(empty()));
        assert_eq!(
            (output.status, output.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
    }
    Server::start(dir.command().envs(empty())).stop();
}

#[test]
fn variable_of_a_repeatable_flag_holds_a_list_and_its_flag_one_value() {
    let dir = WorkDir::new();
    let token = |variables: &[(&str, &str)], flags: &[&str]| {
        let mut command = dir.command();
        command
            .args(["token", "--admin", "--token-key", "k"])
            .args(flags);
        let output = run(command.envs(variables.iter().copied()));
        assert_eq!(output.status, 0, "{output:?}");
        let claims = output.stdout.split('.').nth(1).expect("claims").to_owned();
        let json =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims)
                .expect("base64");
        let claims: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        claims["scope"].to_string()
    };
    let list = [("CF_PACKAGES_SCOPE", "one, two,,")];
    assert_eq!(token(&list, &[]), r#"["one","two"]"#);
    assert_eq!(token(&list, &["--scope", "three"]), r#"["three"]"#);
    assert_eq!(token(&[], &["--scope", "one,two"]), r#"["one,two"]"#);

    dir.write("a,b.json", "{\"organizations\": [{\"name\": \"comma\"}]}");
    let server = dir.serve(&["--seed", "a,b.json"]);
    assert!(dir.run_ok(&["export"]).contains("comma"));
    server.stop();
    let server = Server::start(dir.command().env("CF_PACKAGES_SEED", "example,demo"));
    let packages = dir.run_ok(&["get", "/v3/packages?per_page=1", "--admin"]);
    assert!(packages.contains("\"total_results\": 304"), "{packages}");
    server.stop();
}

#[test]
fn flag_wins_over_its_variable_and_over_those_that_it_excludes() {
    let dir = WorkDir::new();
    let output = run_with_variable(
        &dir,
        "CF_PACKAGES_DB",
        "no",
        &["seed", "example", "--db", "yes.db"],
    );
    assert_eq!(output.status, 0, "{output:?}");
    assert_eq!(dir.file_names(), ["yes.db"]);
    for (name, value, arguments) in [
        (
            "CF_PACKAGES_USER",
            "uaa-id-463",
            &["token", "--admin", "--db", "yes.db"][..],
        ),
        (
            "CF_PACKAGES_ADMIN",
            "1",
            &["token", "--user", "uaa-id-463", "--db", "yes.db"],
        ),
        (
            "CF_PACKAGES_USER",
            "uaa-id-463",
            &["get", "/v3/packages", "--admin", "--db", "yes.db"],
        ),
        ("CF_PACKAGES_RESET", "1", &["seed", "--list"]),
        (
            "CF_PACKAGES_LIST",
            "1",
            &["seed", "example", "--db", "yes.db"],
        ),
    ] {
        let output = run_with_variable(&dir, name, value, arguments);
        assert_eq!(
            (output.status, output.stderr.as_str()),
            (0, ""),
            "{name} {arguments:?}"
        );
    }
}

#[test]
fn wrong_usage_names_the_variables_that_it_comes_from() {
    let dir = WorkDir::new();
    for (name, value, arguments, expected) in [
        (
            "CF_PACKAGES_FROM",
            "x.db",
            &["serve"][..],
            "`--from` needs `--ephemeral`; give both; `--from` is set by `CF_PACKAGES_FROM`",
        ),
        (
            "CF_PACKAGES_URL",
            "http://x",
            &["token", "--admin"],
            "`--url` needs `--cf-home`; give both; `--url` is set by `CF_PACKAGES_URL`",
        ),
        (
            "CF_PACKAGES_TTL",
            "8",
            &["token", "--admin"],
            "invalid value `8` for `--ttl <DURATION>`: expected a unit too: `8ms`, `8s`, `8m`, `8h` or `8d`; `--help` shows the usage; `--ttl` is set by `CF_PACKAGES_TTL`",
        ),
    ] {
        let output = run_with_variable(&dir, name, value, arguments);
        assert_eq!(
            (output.status, output.stderr),
            (2, format!("cf-packages: {expected}\n"))
        );
    }
}

#[test]
fn typo_gets_a_suggestion() {
    assert_usage(
        &["serve", "--ephemral"],
        "unexpected argument `--ephemral` found; did you mean `--ephemeral`? `--help` shows the usage",
    );
    assert_usage(
        &["srve"],
        "unrecognized command `srve`; did you mean `serve`? `--help` shows the usage",
    );
    assert_usage(
        &["help", "srve"],
        "unrecognized command `srve`; did you mean `serve`? `--help` shows the usage",
    );
    assert_usage(
        &["serve", "--api", "curent"],
        "invalid value `curent` for `--api <EDITION>` [possible values: 2015, current]; did you mean `current`? `--help` shows the usage",
    );
    assert_usage(
        &["seed", "-x.json"],
        "unexpected argument `-x` found; to pass `-x` as a value, use `-- -x`; `--help` shows the usage",
    );
    // The value may be a password.
    assert_usage(
        &["serve", "--login-pasword=hunter2"],
        "unexpected argument `--login-pasword` found; did you mean `--login-password`? `--help` shows the usage",
    );
}

#[test]
fn wrong_value_is_named_with_the_expected_form() {
    const DURATION: &str =
        "expected a whole number and a unit, such as `250ms`, `90s`, `10m`, `2h` or `1d`";
    const COUNT: &str =
        "expected a whole number of 64 bits, such as `1000000`, `1_000_000` or `1e6`";
    const SIZE: &str =
        "expected MiB from 0 to 1048576, such as `64`, or a size such as `512M` or `1G`";
    const ADDRESS: &str = "expected an IP address and a port from 0 to 65535, such as `127.0.0.1:8080`, or a port of 127.0.0.1, such as `8080` or `localhost:8080`, or a socket, such as `unix:/run/cf-packages.sock`";
    const TIME: &str =
        "expected an RFC 3339 time from 1970 to 9999, such as `2015-11-13T17:03:00Z`";
    for (command, flag, name, values, form) in [
        (
            "token",
            "--ttl",
            "DURATION",
            &["1.5h", "-5s", "soon"][..],
            DURATION,
        ),
        ("serve", "--login-ttl", "DURATION", &["1w", "-1"], DURATION),
        ("serve", "--delay", "DURATION", &["fast"], DURATION),
        (
            "seed",
            "--generate",
            "N",
            &["1k", "-5", "1.5e6", "many"],
            COUNT,
        ),
        (
            "serve",
            "--cache-size",
            "MIB",
            &["1K", "-1", "2T", "big"],
            SIZE,
        ),
        (
            "serve",
            "--listen",
            "ADDR:PORT|unix:PATH",
            &["example.org:80", "127.0.0.1", "localhost", "-1", "65536"],
            ADDRESS,
        ),
        (
            "seed",
            "--clock",
            "TIME",
            &["now", "2026-01-01", "-1"],
            TIME,
        ),
    ] {
        for value in values {
            assert_usage(
                &[command, flag, value],
                &format!(
                    "invalid value `{value}` for `{flag} <{name}>`: {form}; `--help` shows the usage"
                ),
            );
        }
    }
}

#[test]
fn numbers_and_addresses_may_be_written_as_people_write_them() {
    let dir = WorkDir::new();
    for count in ["1_000", "1e3"] {
        let output = dir.run_ok(&["seed", "--generate", count, "--reset"]);
        assert!(output.contains("packages: 1000 added"), "{output}");
    }
    let dir = WorkDir::of_files();
    for address in ["0", ":0", "localhost:0", "127.0.0.1:0"] {
        let mut command = dir.command();
        command.args([
            "serve",
            "--ephemeral",
            "--cache-size",
            "1G",
            "--listen",
            address,
        ]);
        let server = Server::start_whole(&mut command);
        assert!(server.address().ip().is_loopback(), "{address}");
        server.stop();
    }
}

#[test]
fn help_and_version_work_everywhere() {
    let dir = WorkDir::new();
    let definition = definition();
    for command in commands(&definition) {
        let name = command.get_name();
        let help = dir.run_ok(&["help", name]);
        assert!(
            help.contains(&format!("Usage: cf-packages {name}")),
            "{help}"
        );
        assert_eq!(dir.run_ok(&[name, "--help"]), help);
        for version in ["-V", "--version"] {
            assert_eq!(dir.run_ok(&[name, version]), dir.run_ok(&[version]));
        }
    }
    let version = format!("cf-packages {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(dir.run_ok(&["-V"]), version);
    assert_eq!(dir.run_ok(&["help"]), dir.run_ok(&["--help"]));
}

#[test]
fn flags_of_serve_are_grouped_under_headings() {
    let definition = definition();
    let serve = definition.find_subcommand("serve").expect("serve");
    for (flag, arg) in flags(serve) {
        assert!(arg.get_help_heading().is_some(), "--{flag} has no heading");
    }
    let headings: Vec<_> = flags(serve)
        .filter_map(|(_, arg)| arg.get_help_heading())
        .collect();
    let distinct: BTreeSet<_> = headings.iter().collect();
    let mut groups = headings.clone();
    groups.dedup();
    assert_eq!(
        groups.len(),
        distinct.len(),
        "a heading is interrupted: {headings:?}"
    );
}

#[test]
fn completions_of_every_shell_have_every_command_and_flag() {
    let dir = WorkDir::new();
    let definition = definition();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = dir.run_ok(&["completions", shell]);
        for command in commands(&definition) {
            assert!(script.contains(command.get_name()), "{shell}");
            for (flag, _) in flags(command) {
                assert!(script.contains(flag), "{shell}: {flag}");
            }
        }
    }
}

#[test]
fn bash_completes_a_flag() {
    let dir = WorkDir::new();
    dir.write("completions", dir.run_ok(&["completions", "bash"]));
    let script = "source ./completions; COMP_WORDS=(cf-packages serve --eph); COMP_CWORD=2; \
                  _cf__packages cf-packages --eph serve; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["-c", script])
        .current_dir(dir.path(""))
        .output()
        .expect("bash");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "--ephemeral\n");
}

#[test]
fn every_command_has_a_manual_page_with_its_flags_and_variables() {
    let dir = WorkDir::new();
    let definition = definition();
    let program = dir.run_ok(&["man"]);
    assert!(program.contains(".TH cf-packages 1"), "{program}");
    for command in commands(&definition) {
        let name = command.get_name();
        assert!(
            program.contains(&format!("cf\\-packages\\-{name}(1)")),
            "{name}"
        );
        let page = dir.run_ok(&["man", name]);
        assert!(
            page.contains(&format!(".TH cf-packages-{name} 1")),
            "{page}"
        );
        for (flag, _) in flags(command) {
            assert!(
                page.contains(&format!("\\-\\-{}", flag.replace('-', "\\-"))),
                "{flag}"
            );
            assert!(page.contains(&variable_of(flag)), "{flag}");
        }
    }
    assert_usage(
        &["man", "srve"],
        "unrecognized command `srve`; did you mean `serve`? `--help` shows the usage",
    );
}

#[test]
fn error_about_a_url_shows_neither_user_nor_password() {
    let dir = WorkDir::new();
    let url = "http://u:PW/x@127.0.0.1:1/v3?a";
    for arguments in [
        &["healthcheck", url][..],
        &["healthcheck", "https://u:PW@host"],
        &["serve", "--external-url", url],
        &["serve", "--allow-origin", url],
        &["serve", "--seed", url],
        &["seed", url],
    ] {
        let refused = dir.run(arguments);
        assert!(refused.stderr.contains("://***@"), "{}", refused.stderr);
        assert!(!refused.stderr.contains("PW"), "{}", refused.stderr);
    }
}

#[cfg(not(feature = "postgres"))]
#[test]
fn url_of_a_server_is_refused_by_a_program_without_postgresql() {
    let dir = WorkDir::new();
    for flags in [
        &["export", "--db", "postgres://me:wordpass@db.example.org/x"][..],
        &["serve", "--db", "postgresql://h/x?password=wordpass"],
    ] {
        let output = dir.run(flags);
        assert_eq!(output.status, 2, "{}", output.stderr);
        assert!(
            output.stderr.contains("built without PostgreSQL")
                && output.stderr.contains("`--features postgres`"),
            "{}",
            output.stderr
        );
        assert!(!output.stderr.contains("wordpass"), "{}", output.stderr);
    }
    assert!(dir.file_names().is_empty());
}

#[test]
fn content_of_db_file_that_may_be_a_secret_is_refused_and_never_shown() {
    let dir = WorkDir::of_files();
    for content in [
        "postgres//cf:wordpass@h/cf",
        "postgres:cf:wordpass@h/cf",
        "psql:cf:wordpass@h/cf",
        "cf:wordpass@h:5432/cf",
        "cf:wordpass@h:5432",
        "wordpass@h",
        "mysql://cf:wordpass@h/cf",
        "# the database\npostgres://cf:wordpass@h/cf",
        "postgres://cf:wordpass@h/cf\n\npostgres://cf:wordpass@i/cf",
    ] {
        let file = dir.write("url", content);
        for arguments in [&["seed", "demo"][..], &["check"], &["serve"]] {
            let given = run(dir.command().args(arguments).args(["--db-file", "url"]));
            let variable = run_with_variable(&dir, "CF_PACKAGES_DB_FILE", "url", arguments);
            for output in [given, variable] {
                assert_eq!(output.status, 2, "{content}: {}", output.stderr);
                assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
                assert!(
                    output.stderr.contains("`url` of `--db-file`"),
                    "{}",
                    output.stderr
                );
                assert!(!output.stderr.contains("wordpass"), "{}", output.stderr);
            }
        }
        std::fs::remove_file(file).expect("the file is removed");
        assert!(
            dir.file_names().is_empty(),
            "{content}: {:?}",
            dir.file_names()
        );
    }
}

#[test]
fn address_of_another_kind_of_server_is_no_database() {
    let dir = WorkDir::of_files();
    for address in ["mysql://u:wordpass@h/cf", "u:wordpass@h/cf"] {
        for arguments in [["seed", "demo", "--db"], ["seed", "demo", "--db-file"]] {
            let output = run(dir.command().args(arguments).arg(address));
            assert_eq!(output.status, 2, "{}", output.stderr);
            assert!(!output.stderr.contains("wordpass"), "{}", output.stderr);
        }
        let output = run(dir
            .command()
            .args(["serve", "--ephemeral", "--from", address]));
        assert_eq!(output.status, 2, "{}", output.stderr);
        assert!(!output.stderr.contains("wordpass"), "{}", output.stderr);
        let output = run(dir.command().args(["check", "--db", address]));
        assert!(
            output.stderr.contains("no other kind of URL is supported"),
            "{}",
            output.stderr
        );
    }
    assert!(dir.file_names().is_empty(), "{:?}", dir.file_names());
}
