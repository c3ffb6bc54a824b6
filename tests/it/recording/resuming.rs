//! Interrupted recordings.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{HARD, record, serve_seed};
use crate::support::WorkDir;
use crate::support::scripted::{Scripted, json_response, page, root};

/// Returns a controller with ten packages, two a page. What `fault` returns for a request is sent instead.
fn controller(fault: impl Fn(&str) -> Option<Option<Vec<u8>>> + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |target| {
        if let Some(answer) = fault(target) {
            return answer;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let number = query.split('&').find_map(|pair| pair.strip_prefix("page="));
        let number: usize = number.and_then(|text| text.parse().ok()).unwrap_or(1);
        let package = |n: usize| {
            format!(
                r#"{{"guid": "p{n}", "type": "bits", "state": "READY", "data": {{}}, "relationships": {{"app": {{"data": {{"guid": "a"}}}}}}}}"#
            )
        };
        let parent = |guid: &str, parent: &str, of: &str| {
            format!(
                r#"{{"guid": "{guid}", "name": "{guid}", "relationships": {{"{parent}": {{"data": {{"guid": "{of}"}}}}}}}}"#
            )
        };
        let body = match path {
            "/" => root(),
            "/v3/organizations" => page("organizations", "", &[parent("o", "x", "x")]),
            "/v3/spaces" => page("spaces", "", &[parent("s", "organization", "o")]),
            "/v3/apps" => page("apps", "", &[parent("a", "space", "s")]),
            "/v3/packages" => {
                let next = match number {
                    5 => String::new(),
                    _ => format!("/v3/packages?page={}&per_page=2", number + 1),
                };
                page(
                    "packages",
                    &next,
                    &[package(2 * number), package(2 * number + 1)],
                )
            }
            path => page(path.trim_start_matches("/v3/"), "", &[]),
        };
        Some(json_response(200, "", &body))
    })
}

const OUTPUT: &str = "recording.jsonl";
const SIDE_FILE: &str = "recording.jsonl.partial";

fn run(dir: &WorkDir, url: &str, flags: &[&str]) -> crate::support::Output {
    let mut arguments = vec!["record", url, "--token", "t", "--output", OUTPUT];
    arguments.extend(flags);
    dir.run(&arguments)
}

#[test]
fn recording_goes_on_with_the_page_that_failed() {
    let expected = WorkDir::new();
    let whole = controller(|_| None);
    assert_eq!(run(&expected, &whole.url(), &[]).status, 0);

    let failures = Arc::new(AtomicUsize::new(0));
    let count = failures.clone();
    let broken = controller(move |target| {
        let fails = target.contains("page=4") && count.fetch_add(1, Ordering::SeqCst) == 0;
        fails.then(|| Some(json_response(401, "", r#"{"errors": []}"#)))
    });
    let dir = WorkDir::new();
    let output = run(&dir, &broken.url(), &[]);
    assert_eq!(output.status, 1);
    assert!(output.stderr.contains("401"), "{}", output.stderr);
    assert!(output.stderr.contains(SIDE_FILE), "{}", output.stderr);
    assert_eq!(dir.file_names(), [SIDE_FILE]);
    let before = broken.requests().len();
    let output = run(&dir, &broken.url(), &[]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert_eq!(dir.file_names(), [OUTPUT]);
    assert_eq!(dir.read(OUTPUT), expected.read(OUTPUT));
    // The root, and the two pages that were missing.
    let again = broken.requests().split_off(before);
    assert_eq!(again.len(), 3, "{again:?}");
}

#[test]
fn roles_and_users_are_read_again_if_the_list_of_users_failed() {
    let (dir, server) = serve_seed(HARD);
    let expected = record(&dir, &server, &[]).stdout;
    let token = dir.admin_token();
    let failures = AtomicUsize::new(0);
    let broken = Scripted::start(move |target| {
        if target.starts_with("/v3/users?page=2") && failures.fetch_add(1, Ordering::SeqCst) == 0 {
            return Some(json_response(401, "", "{}"));
        }
        let body = server.get(target, &token).body;
        // The next pages are at the broken server.
        let body = body.replace("http://example.org", "");
        Some(json_response(200, "", &body))
    });
    let dir = WorkDir::new();
    let flags = ["--per-page", "1"];
    assert_eq!(run(&dir, &broken.url(), &flags).status, 1);
    let output = run(&dir, &broken.url(), &flags);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let recording = String::from_utf8(dir.read(OUTPUT)).expect("UTF-8");
    assert_eq!(recording, expected);
}

#[test]
fn interrupted_recording_leaves_only_its_side_file() {
    let stuck = controller(|target| target.contains("page=3").then_some(None));
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let dir = WorkDir::new();
        let mut child = dir
            .command()
            .args(["record", &stuck.url(), "--token", "t", "--output", OUTPUT])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let is_begun = || {
            std::fs::read_to_string(dir.path(SIDE_FILE)).is_ok_and(|text| text.contains("page=3"))
        };
        while !is_begun() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let pid = child.id().to_string();
        let sent = std::process::Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid])
            .status();
        assert!(sent.expect("a shell").success());
        assert_eq!(child.wait().expect("the program ends").code(), Some(code));
        assert_eq!(dir.file_names(), [SIDE_FILE]);
    }
}

#[test]
fn anonymized_recording_goes_on_with_the_same_replacements() {
    let failures = Arc::new(AtomicUsize::new(0));
    let count = failures.clone();
    let broken = controller(move |target| {
        let fails = target.contains("page=2") && count.fetch_add(1, Ordering::SeqCst) == 0;
        fails.then(|| Some(json_response(403, "", "{}")))
    });
    let dir = WorkDir::new();
    assert_eq!(run(&dir, &broken.url(), &["--anonymize"]).status, 1);
    let output = run(&dir, &broken.url(), &["--anonymize"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let recording = String::from_utf8(dir.read(OUTPUT)).expect("UTF-8");
    let apps = super::of_packages(&recording, "app");
    assert_eq!(apps.len(), 10);
    assert!(apps.iter().all(|app| *app == apps[0]), "{apps:?}");
    dir.run_ok(&["seed", OUTPUT]);
}

#[test]
fn other_flags_do_not_continue_a_recording() {
    let broken = controller(|target| {
        target
            .contains("page=2")
            .then(|| Some(json_response(404, "", "{}")))
    });
    let dir = WorkDir::new();
    assert_eq!(run(&dir, &broken.url(), &[]).status, 1);
    let before = dir.read(SIDE_FILE);
    for flags in [&["--anonymize"][..], &["--limit", "3"]] {
        let output = run(&dir, &broken.url(), flags);
        assert_eq!(output.status, 2, "{}", output.stderr);
        assert!(output.stderr.contains("other flags"), "{}", output.stderr);
    }
    assert_eq!(dir.read(SIDE_FILE), before);
}

#[test]
fn existing_output_is_kept() {
    let (dir, server) = serve_seed(HARD);
    dir.write(OUTPUT, "mine");
    let output = record(&dir, &server, &["--output", OUTPUT]);
    assert_eq!(output.status, 2);
    assert!(
        output.stderr.contains("`recording.jsonl` exists"),
        "{}",
        output.stderr
    );
    assert_eq!(dir.read(OUTPUT), b"mine");
    assert!(!dir.file_names().contains(&SIDE_FILE.to_owned()));
}

#[test]
fn full_disk_leaves_nothing_under_the_name_of_the_output() {
    let whole = controller(|_| None);
    let dir = WorkDir::new();
    let script = "ulimit -f 1";
    let url = whole.url();
    let arguments = ["record", &url, "--token", "t", "--output", OUTPUT];
    let output = dir.run_after(script, &arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot be written"), "{stderr}");
    assert_eq!(dir.file_names(), [SIDE_FILE]);
    // Once there is room, it goes on.
    let output = run(&dir, &url, &[]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert_eq!(dir.file_names(), [OUTPUT]);
}
