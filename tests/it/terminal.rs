//! What a person at a terminal sees.

use std::process::Stdio;

use crate::support::{Terminal, WorkDir};

#[test]
fn seed_from_a_terminal_says_how_it_ends_and_ends_with_one_ctrl_d() {
    for seed in [
        // JSON, and JSON without a newline at its end, which the first Ctrl-D sends and the second ends.
        "{\"organizations\": [{\"name\": \"acme\"}]}\n\x04",
        "{\"organizations\":\n [{\"name\": \"acme\"}]}\n\x04",
        "{\"organization\": {\"name\": \"acme\"}}\n\x04",
        "{\"organization\": {\"name\": \"acme\"}}\x04\x04",
    ] {
        let dir = WorkDir::new();
        let mut terminal = Terminal::open();
        terminal.type_text(seed);
        let (code, shown) = terminal_run(terminal, &dir, &["seed", "-"]);
        assert_eq!(code, Some(0), "{seed:?}: {shown}");
        assert!(
            shown.contains("cf-packages: reading a seed from standard input; end it with Ctrl-D on an empty line\r\n"),
            "{shown}"
        );
        assert!(dir.run_ok(&["export"]).contains("acme"), "{seed:?}");
    }
}

#[test]
fn empty_seed_from_a_terminal_ends_with_one_ctrl_d_too() {
    let dir = WorkDir::new();
    let mut terminal = Terminal::open();
    terminal.type_text("\n\x04");
    let (code, shown) = terminal_run(terminal, &dir, &["seed", "-"]);
    assert_eq!(code, Some(1));
    assert!(shown.contains("standard input"), "{shown}");
}

#[test]
fn seed_from_a_pipe_says_nothing_while_it_is_read() {
    let dir = WorkDir::new();
    let output = dir.run_with(&["seed", "-"], b"{\"organizations\": []}");
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
}

#[test]
fn serve_shows_commands_to_those_who_read_its_log_as_text() {
    for (flags, is_shown) in [
        (&[][..], true),
        (&["--log-level", "debug"], true),
        (&["--log-level", "warn"], false),
        (&["--log-level", "error"], false),
        (&["--log", "json"], false),
    ] {
        let dir = WorkDir::new();
        let (code, shown) = serve_at_terminal(&dir, flags);
        assert_eq!(code, Some(0), "{shown}");
        assert_eq!(shown.contains("curl"), is_shown, "{flags:?}: {shown}");
        assert!(is_shown || shown.is_empty(), "{shown}");
    }
}

#[test]
fn random_password_is_never_made_up_and_not_shown() {
    let dir = WorkDir::new();
    let login = ["--api", "current", "--login"];
    let (code, shown) = serve_at_terminal(&dir, &login);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("cf login -a http://"), "{shown}");
    for flags in [["--log", "json"], ["--log-level", "warn"]] {
        let (code, shown) = serve_at_terminal(&dir, &[&login[..], &flags].concat());
        assert_eq!(code, Some(2), "{shown}");
        assert!(shown.contains("give `--login-password-file`"), "{shown}");
    }
}

/// Runs `serve` with its standard error at a terminal until it listens.
fn serve_at_terminal(dir: &WorkDir, flags: &[&str]) -> (Option<i32>, String) {
    let terminal = Terminal::open();
    let mut command = dir.command();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--exit-with-stdin"])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(terminal.stdio());
    terminal.run(&mut command)
}

#[test]
fn body_that_get_prints_ends_with_a_newline_on_a_terminal_only() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    for api in ["2015", "current"] {
        let arguments = ["get", "/v3/packages", "--admin", "--api", api];
        let body = dir.run_ok(&arguments);
        let terminal = Terminal::open();
        let mut command = dir.command();
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(terminal.stdio())
            .stderr(Stdio::null());
        let (code, shown) = terminal.run(&mut command);
        assert_eq!(code, Some(0));
        assert!(!body.ends_with('\n'), "{body:?}");
        assert_eq!(shown.replace("\r\n", "\n"), format!("{body}\n"));
    }
}

/// Runs the program with all of its streams at the terminal.
fn terminal_run(terminal: Terminal, dir: &WorkDir, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = dir.command();
    command
        .args(arguments)
        .stdin(terminal.stdio())
        .stdout(terminal.stdio())
        .stderr(terminal.stdio());
    terminal.run(&mut command)
}
