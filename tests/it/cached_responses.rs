//! The caches of responses and lists, as a client sees them: they change no byte and hide no commit.

use serde_json::Value;

use crate::support::WorkDir;

#[test]
fn a_server_with_and_one_without_a_response_cache_send_the_same_bytes() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "--generate", "515"]);
    let cached = dir.serve(&[]);
    let uncached = dir.serve(&["--cache-size", "0"]);
    let token = dir.admin_token();
    for round in 0..3 {
        for page in [1, 2, 3, 40, 73, 74, 75, 7, 1] {
            let target = format!("/v3/packages?page={page}&per_page=7");
            assert_eq!(
                cached.get(&target, &token).status_and_body(),
                uncached.get(&target, &token).status_and_body(),
                "{target}, round {round}"
            );
        }
    }
}

#[test]
fn the_next_response_shows_what_another_process_stored() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    let server = dir.serve(&[]);
    let token = dir.admin_token();
    for round in 0..5 {
        dir.write(
            "more.json",
            format!(
                r#"{{"packages": [{{"guid": "more-{round}", "app": "my-app", "type": "bits",
                    "created_at": "2020-01-01T00:00:00Z"}}]}}"#
            ),
        );
        dir.run_ok(&["seed", "more.json"]);
        let response = server.get("/v3/packages?per_page=2&page=3", &token);
        let page: Value = serde_json::from_str(&response.body).expect("JSON");
        assert_eq!(page["pagination"]["total_results"], 5 + round);
    }
}
