//! `serve --processing`: copies and jobs that take some time.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::{Changed, document};
use crate::support::WorkDir;

const SLOW: &[&str] = &["--api", "current", "--processing", "1d"];
const FAST: &[&str] = &["--api", "current", "--processing", "50ms"];

fn copy(changed: &Changed) -> String {
    let body = r#"{"relationships": {"app": {"data": {"guid": "cart"}}}}"#;
    let answer = changed.send("POST", "/v3/packages?source_guid=ready", body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    document(&answer)["guid"]
        .as_str()
        .expect("a guid")
        .to_owned()
}

/// Deletes the package `waiting`. Returns the path of the job.
fn delete(changed: &Changed) -> String {
    let answer = changed.send("DELETE", "/v3/packages/waiting", "");
    let job = answer.header("location").expect("a job");
    job.strip_prefix("http://example.org")
        .expect("an absolute URL")
        .to_owned()
}

fn state(changed: &Changed, path: &str) -> Value {
    document(&changed.send("GET", path, ""))["state"].clone()
}

fn wait_for(changed: &Changed, path: &str, wanted: &str) {
    let begin = Instant::now();
    while state(changed, path) != json!(wanted) {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "{path} is not {wanted}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn copy_and_job_stay_as_they_are_until_they_are_due() {
    let changed = Changed::serve(SLOW);
    let (copy, job) = (copy(&changed), delete(&changed));
    assert_eq!(
        state(&changed, &format!("/v3/packages/{copy}")),
        json!("COPYING")
    );
    let list = changed.send("GET", "/v3/packages?states=COPYING", "");
    assert!(list.body.contains(&copy), "{}", list.body);
    let shown = document(&changed.send("GET", &job, ""));
    assert_eq!(shown["state"], json!("PROCESSING"));
    assert_eq!(
        shown["links"]["package"]["href"],
        json!("http://example.org/v3/packages/waiting")
    );
    assert_eq!(changed.send("GET", "/v3/packages/waiting", "").status, 200);
}

#[test]
fn copy_of_a_package_that_is_being_processed_is_ready_too() {
    let changed = Changed::serve(&["--api", "current", "--processing", "2s"]);
    let first = copy(&changed);
    let body = r#"{"relationships": {"app": {"data": {"guid": "shop"}}}}"#;
    let answer = changed.send("POST", &format!("/v3/packages?source_guid={first}"), body);
    let second = document(&answer)["guid"]
        .as_str()
        .expect("a guid")
        .to_owned();
    let path = format!("/v3/packages/{second}");
    while state(&changed, &path) == json!("COPYING") {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (first, second) = (changed.package(&first), changed.package(&second));
    assert_eq!(second["state"], json!("READY"));
    assert_eq!(second["data"]["checksum"], first["data"]["checksum"]);
}

#[test]
fn copy_and_job_end_by_themselves() {
    let changed = Changed::serve(FAST);
    let (copy, job) = (copy(&changed), delete(&changed));
    wait_for(&changed, &format!("/v3/packages/{copy}"), "READY");
    wait_for(&changed, &job, "COMPLETE");
    assert_eq!(changed.send("GET", "/v3/packages/waiting", "").status, 404);
}

#[test]
fn what_became_due_without_a_server_is_finished_before_the_first_request() {
    let changed = Changed::serve(SLOW);
    let (copy, job) = (copy(&changed), delete(&changed));
    let Changed { dir, server } = changed;
    // Killed.
    drop(server);
    make_due(&dir);
    let server = dir.serve(&["--api", "current", "--token-key", "key"]);
    let changed = Changed { dir, server };
    let state = |path: &str| document(&changed.send("GET", path, ""))["state"].clone();
    assert_eq!(state(&format!("/v3/packages/{copy}")), "READY");
    assert_eq!(state(&job), "COMPLETE");
}

/// Makes what is being processed due now.
fn make_due(dir: &WorkDir) {
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("a time").as_secs();
    let jobs = format!("update jobs set due = {now} * cast(1000 as bigint)");
    dir.change(&["update package_outcomes set due = 0", &jobs]);
}

#[test]
fn what_a_killed_server_left_is_finished_by_another_server_that_was_running() {
    let Changed { dir, server } = Changed::serve(SLOW);
    let other = dir.serve(&["--api", "current", "--token-key", "key"]);
    let changed = Changed { dir, server };
    let (copy, job) = (copy(&changed), delete(&changed));
    let Changed { dir, server } = changed;
    // Killed.
    drop(server);
    make_due(&dir);
    let changed = Changed { dir, server: other };
    wait_for(&changed, &format!("/v3/packages/{copy}"), "READY");
    wait_for(&changed, &job, "COMPLETE");
}

#[test]
fn export_shows_what_becomes_of_a_package_that_is_being_processed() {
    let changed = Changed::serve(SLOW);
    let copy = copy(&changed);
    let export: Value = serde_json::from_str(&changed.dir.run_ok(&["export"])).expect("JSON");
    let packages = export["packages"].as_array().expect("an array");
    let exported = packages
        .iter()
        .find(|package| package["guid"] == json!(copy));
    let exported = exported.expect("the copy");
    assert_eq!(exported["state"], json!("READY"));
    assert_eq!(
        exported["sha1"],
        json!("da39a3ee5e6b4b0d3255bfef95601890afd80709")
    );
}

#[test]
fn state_that_a_seed_stored_meanwhile_stays() {
    let changed = Changed::serve(SLOW);
    let copy = copy(&changed);
    let seed = json!({"packages": [{"guid": copy, "app": "cart", "type": "bits", "state": "FAILED", "error": "by hand"}]});
    changed.dir.write("more.json", seed.to_string());
    assert_eq!(changed.dir.run(&["seed", "more.json"]).status, 0);
    changed.dir.change(&["update package_outcomes set due = 0"]);
    // Any change finishes what is due.
    changed.send("PATCH", "/v3/packages/ready", "{}");
    let package = changed.package(&copy);
    assert_eq!(package["state"], json!("FAILED"));
    assert_eq!(package["data"]["error"], json!("by hand"));
}
