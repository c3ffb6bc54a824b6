//! Processes, as `docs/reference/served-routes.md#processes` has them: every app has one, of the type `web`.

use serde_json::Value;

use crate::support::{Response, Server, WorkDir, get};

const SEED: &str = r#"{
    "organizations": [{"guid": "O", "name": "acme"}, {"guid": "P", "name": "other"}],
    "spaces": [{"guid": "S", "name": "dev", "organization": "O"}, {"guid": "T", "name": "dev", "organization": "P"}],
    "apps": [{"guid": "A", "name": "shop", "space": "S", "created_at": "2020-01-02T03:04:05Z"},
             {"guid": "B", "name": "image", "space": "S", "lifecycle": "docker", "created_at": "2020-01-01T00:00:00Z"},
             {"guid": "C", "name": "shop", "space": "T", "created_at": "2020-01-03T00:00:00Z"}],
    "users": [{"guid": "dev", "roles": [{"role": "space_developer", "space": "S"}]},
              {"guid": "supporter", "roles": [{"role": "space_supporter", "space": "S"}]},
              {"guid": "nobody"}]
}"#;

/// The process of the app `A`, without its command and its instances.
const PROCESS: &str = r#"{"guid":"A","created_at":"2020-01-02T03:04:05Z","updated_at":"2020-01-02T03:04:05Z","version":"A","type":"web","command":COMMAND,"user":"vcap","instances":0,"memory_in_mb":1024,"disk_in_mb":1024,"log_rate_limit_in_bytes_per_second":-1,"health_check":{"type":"port","data":{"timeout":null,"invocation_timeout":null,"interval":null}},"readiness_health_check":{"type":"process","data":{"invocation_timeout":null,"interval":null}},INSTANCES"relationships":{"app":{"data":{"guid":"A"}},"revision":null},"metadata":{"labels":{},"annotations":{}},"links":{"self":{"href":"https://api.example.org/v3/processes/A"},"scale":{"href":"https://api.example.org/v3/processes/A/actions/scale","method":"POST"},"app":{"href":"https://api.example.org/v3/apps/A"},"space":{"href":"https://api.example.org/v3/spaces/S"},"stats":{"href":"https://api.example.org/v3/processes/A/stats"},"process_instances":{"href":"https://api.example.org/v3/processes/A/process_instances"}}}"#;

/// Returns the process of the app `A`, with this JSON as its command, and its instances if they are `embedded`.
fn process(command: &str, embedded: bool) -> String {
    let instances = if embedded {
        r#""process_instances":[],"#
    } else {
        ""
    };
    PROCESS
        .replace("COMMAND", command)
        .replace("INSTANCES", instances)
}

/// A server with `SEED`, and the folder with its key.
struct Served {
    dir: WorkDir,
    server: Server,
}

impl Served {
    fn new() -> Self {
        let dir = WorkDir::new();
        dir.write("seed.json", SEED);
        let url = ["--external-url", "https://api.example.org"];
        let flags = ["--api", "current", "--seed", "seed.json"];
        let server = dir.serve(&[&flags[..], &url, &["--token-key", "k"]].concat());
        Self { dir, server }
    }

    /// Sends `GET` with a token that `cf-packages token` makes with these flags.
    fn get_as(&self, caller: &[&str], target: &str) -> Response {
        let token = self
            .dir
            .run_ok(&[&["token", "--token-key", "k"], caller].concat());
        self.server.send(get(target, token.trim_end()))
    }

    /// Returns the body of a 200 to an admin.
    #[track_caller]
    fn body(&self, target: &str) -> String {
        let response = self.get_as(&["--admin"], target);
        assert_eq!(response.status, 200, "{target}: {response:?}");
        response.body
    }

    /// Returns the status and the text of an error to an admin.
    #[track_caller]
    fn error(&self, target: &str) -> (u16, String) {
        let response = self.get_as(&["--admin"], target);
        let document: Value = serde_json::from_str(&response.body).expect("JSON");
        let text = document["errors"][0]["detail"].as_str();
        (response.status, text.expect("an error").to_owned())
    }
}

#[test]
fn process_of_an_app_has_the_shape_of_a_controller() {
    let served = Served::new();
    for target in ["/v3/processes/A", "/v3/apps/A/processes/web"] {
        assert_eq!(served.body(target), process("null", false), "{target}");
        let embedded = format!("{target}?embed=process_instances");
        assert_eq!(served.body(&embedded), process("null", true), "{target}");
    }
    for target in ["/v3/processes/A/stats", "/v3/apps/A/processes/web/stats"] {
        assert_eq!(served.body(target), r#"{"resources":[]}"#, "{target}");
    }
    assert_eq!(
        served.body("/v3/processes/A/process_instances"),
        r#"{"resources":[],"links":{"self":{"href":"https://api.example.org/v3/processes/A/process_instances"},"process":{"href":"https://api.example.org/v3/processes/A"}}}"#
    );
}

#[test]
fn command_is_shown_to_those_who_may_see_secrets() {
    let served = Served::new();
    let scope = "cloud_controller.admin_read_only";
    let auditor = "cloud_controller.global_auditor";
    for (caller, command) in [
        (vec!["--admin"], "null"),
        (vec!["--user", "nobody", "--scope", scope], "null"),
        (vec!["--user", "dev"], "null"),
        (vec!["--user", "supporter"], r#""[PRIVATE DATA HIDDEN]""#),
        (
            vec!["--user", "nobody", "--scope", auditor],
            r#""[PRIVATE DATA HIDDEN]""#,
        ),
    ] {
        // The answer to one caller is not remembered for the next.
        let response = served.get_as(&caller, "/v3/processes/A");
        assert_eq!(response.body, process(command, false), "{caller:?}");
    }
}

#[test]
fn lists_hide_the_command_and_embed_instances() {
    let served = Served::new();
    let hidden = r#""[PRIVATE DATA HIDDEN IN LISTS]""#;
    for (target, embedded) in [
        ("/v3/processes?guids=A", false),
        ("/v3/processes?guids=A&embed=process_instances", true),
        ("/v3/apps/A/processes", false),
        ("/v3/apps/A/processes?embed=process_instances", true),
    ] {
        let body = served.body(target);
        let resources = format!(r#""resources":[{}]}}"#, process(hidden, embedded));
        assert!(body.ends_with(&resources), "{target}: {body}");
    }
}

/// Each with the guids of the list, in its order.
#[test]
fn lists_filter_order_and_page() {
    let served = Served::new();
    for (target, expected) in [
        ("/v3/processes", "A B C"),
        ("/v3/processes?per_page=2&page=2", "C"),
        ("/v3/processes?order_by=created_at", "B A C"),
        ("/v3/processes?order_by=-updated_at", "C A B"),
        ("/v3/processes?guids=C,A,x", "A C"),
        ("/v3/processes?app_guids=B,C", "B C"),
        ("/v3/processes?app_guids=B&guids=C", ""),
        ("/v3/processes?space_guids=S", "A B"),
        ("/v3/processes?organization_guids=P", "C"),
        ("/v3/processes?types=web,worker", "A B C"),
        ("/v3/processes?types=worker", ""),
        ("/v3/processes?types", ""),
        ("/v3/processes?created_ats=2020-01-01T00:00:00Z", "B"),
        ("/v3/processes?updated_ats[gt]=2020-01-02T00:00:00Z", "A C"),
        ("/v3/processes?label_selector=a", ""),
        ("/v3/processes?label_selector=!a", "A B C"),
        ("/v3/processes?app_guid=B", "B"),
        ("/v3/apps/B/processes?types=web", "B"),
        ("/v3/apps/B/processes?app_guid=A", "B"),
    ] {
        let page: Value = serde_json::from_str(&served.body(target)).expect("JSON");
        let resources = page["resources"].as_array().expect("resources");
        let guids = resources
            .iter()
            .filter_map(|process| process["guid"].as_str());
        assert_eq!(guids.collect::<Vec<_>>().join(" "), expected, "{target}");
    }
    // The list cache answers the second and the third time.
    for _ in 0..3 {
        let nobody = served.get_as(&["--user", "nobody"], "/v3/processes?types=web");
        assert!(nobody.body.contains(r#""total_results":0,"#), "{nobody:?}");
        let developer = served.get_as(&["--user", "dev"], "/v3/processes?types=web");
        assert!(
            developer.body.contains(r#""total_results":2,"#),
            "{developer:?}"
        );
    }
}

#[test]
fn hrefs_repeat_the_parameters() {
    let served = Served::new();
    for (target, href) in [
        (
            "/v3/processes?embed=process_instances&space_guids=S&app_guid=",
            "/v3/processes?embed=process_instances&page=1&per_page=50&space_guids=S",
        ),
        (
            "/v3/processes?app_guid=A&per_page=5",
            "/v3/apps/A/processes?page=1&per_page=5",
        ),
    ] {
        let page: Value = serde_json::from_str(&served.body(target)).expect("JSON");
        let expected = format!("https://api.example.org{href}");
        assert_eq!(page["pagination"]["first"]["href"], expected, "{target}");
    }
}

/// The texts of a controller, word for word.
#[test]
fn wrong_requests_are_refused() {
    let served = Served::new();
    for (target, status, text) in [
        (
            "/v3/processes?foo=1",
            400,
            "The query parameter is invalid: Unknown query parameter(s): 'foo'. Valid parameters are: 'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'app_guid', 'types', 'space_guids', 'organization_guids', 'app_guids', 'embed', 'label_selector'",
        ),
        (
            "/v3/processes?embed=x,process_instances,process_instances",
            400,
            "The query parameter is invalid: Invalid embedded resource: 'x'. Valid embedded resources are: 'process_instances', Duplicate embedded resource: 'process_instances'",
        ),
        (
            "/v3/apps/A/processes?space_guids=x&app_guids=y",
            400,
            "The query parameter is invalid: Unknown query parameter(s): 'app_guids', 'space_guids'",
        ),
        (
            "/v3/processes/nope?foo=1",
            400,
            "The query parameter is invalid: Unknown query parameter(s): 'foo'. Valid parameters are: 'embed'",
        ),
        ("/v3/processes?app_guid=nope", 404, "App not found"),
        ("/v3/apps/nope/processes", 404, "App not found"),
        ("/v3/apps/nope/processes/worker", 404, "App not found"),
        ("/v3/apps/nope/processes/web/stats", 404, "App not found"),
        ("/v3/apps/A/processes/worker", 404, "Process not found"),
        (
            "/v3/apps/A/processes/worker/stats",
            404,
            "Process not found",
        ),
        ("/v3/processes/nope", 404, "Process not found"),
        ("/v3/processes/nope/stats", 404, "Process not found"),
        (
            "/v3/processes/nope/process_instances",
            404,
            "Process not found",
        ),
        ("/v3/processes/nope/sidecars", 404, "Process not found"),
    ] {
        assert_eq!(served.error(target), (status, text.to_owned()), "{target}");
    }
}
