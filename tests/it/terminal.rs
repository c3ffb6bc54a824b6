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
