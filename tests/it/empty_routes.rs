//! What a controller has and this server has none of, and the constants beside it, as `docs/reference/served-routes.md`
//! has them.

use std::collections::BTreeSet;

use cf_packages::edition::current::empty::{EMPTY_ROUTES, EmptyAnswer, ParentKind};
use cf_packages::edition::current::request::parameters::Refusal;
use serde_json::Value;

use crate::support::{Response, Server, WorkDir, get};

const SEED: &str = r#"{
    "organizations": [{"guid": "O", "name": "acme"}],
    "spaces": [{"guid": "S", "name": "dev", "organization": "O"}],
    "apps": [{"guid": "A", "name": "shop", "space": "S"}],
    "users": [{"guid": "dev", "roles": [{"role": "space_developer", "space": "S"}]},
              {"guid": "supporter", "roles": [{"role": "space_supporter", "space": "S"}]},
              {"guid": "nobody"}]
}"#;

/// A server with `SEED`, and the folder with its key.
struct Served {
    dir: WorkDir,
    server: Server,
}

impl Served {
    fn new() -> Self {
        let dir = WorkDir::new();
        dir.write("seed.json", SEED);
        let server = dir.serve(&[
            "--api",
            "current",
            "--seed",
            "seed.json",
            "--token-key",
            "k",
            "--external-url",
            "https://api.example.org",
        ]);
        Self { dir, server }
    }

    /// Sends `GET` as that user.
    fn get_as(&self, user: &[&str], target: &str) -> Response {
        let token = self
            .dir
            .run_ok(&[&["token", "--token-key", "k"], user].concat());
        self.server.send(get(target, token.trim_end()))
    }

    fn get(&self, target: &str) -> Response {
        self.get_as(&["--admin"], target)
    }

    /// Returns the body of a 200.
    #[track_caller]
    fn body(&self, target: &str) -> String {
        let response = self.get(target);
        assert_eq!(response.status, 200, "{target}: {response:?}");
        response.body
    }

    /// Returns the status and the text of an error.
    #[track_caller]
    fn error(&self, target: &str) -> (u16, String) {
        let response = self.get(target);
        let document: Value = serde_json::from_str(&response.body).expect("JSON");
        let text = document["errors"][0]["detail"].as_str();
        (
            response.status,
            text.unwrap_or_else(|| panic!("{response:?}")).to_owned(),
        )
    }
}

/// Returns the path of a route with guids that exist where they are those of a parent.
fn target(path: &str, parent: Option<ParentKind>) -> String {
    let guid = match parent {
        Some(ParentKind::Organization) => "O",
        Some(ParentKind::Space) => "S",
        Some(ParentKind::App | ParentKind::Process) => "A",
        None => "any",
    };
    format!("/{}", path.replace(":guid", guid).replace(':', ""))
}

#[test]
fn every_list_is_empty_and_names_its_parameters() {
    let served = Served::new();
    for route in EMPTY_ROUTES {
        let target = target(route.path, route.parent);
        let Some(parameters) = route.parameters() else {
            continue;
        };
        assert_eq!(
            served.body(&target),
            format!(
                r#"{{"pagination":{{"total_results":0,"total_pages":1,"first":{{"href":"https://api.example.org{target}?page=1\u0026per_page=50"}},"last":{{"href":"https://api.example.org{target}?page=1\u0026per_page=50"}},"next":null,"previous":null}},"resources":[]}}"#
            )
        );
        let (status, text) = served.error(&format!("{target}?potato=1"));
        let unknown = format!(
            "Unknown query parameter(s): 'potato'. Valid parameters are: '{}'",
            parameters.names().join("', '")
        );
        match parameters.refusal {
            Refusal::BadQuery => {
                assert_eq!(status, 400);
                assert_eq!(text, format!("The query parameter is invalid: {unknown}"));
            }
            Refusal::Unprocessable => {
                assert_eq!(status, 422);
                assert_eq!(text, unknown);
            }
        }
    }
}

#[test]
fn every_single_resource_is_404_with_its_text() {
    let served = Served::new();
    for route in EMPTY_ROUTES {
        if let EmptyAnswer::NotFound(text) = route.answer {
            let target = target(route.path, route.parent);
            assert_eq!(served.error(&target), (404, text.to_owned()), "{target}");
        }
        if let Some(parent) = route.parent {
            let missing = target(route.path, None);
            let text = match parent {
                ParentKind::Organization => "Organization not found",
                ParentKind::Space => "Space not found",
                ParentKind::App => "App not found",
                ParentKind::Process => "Process not found",
            };
            assert_eq!(served.error(&missing), (404, text.to_owned()), "{missing}");
        }
    }
}

/// The texts of a controller, word for word.
#[test]
fn parameters_of_empty_lists_are_validated() {
    let served = Served::new();
    for (target, text) in [
        ("/v3/tasks?app_guid=nope", "App not found"),
        (
            "/v3/tasks?sequence_ids=1",
            "The query parameter is invalid: Unknown query parameter(s): 'sequence_ids'",
        ),
        (
            "/v3/apps/A/tasks?app_guids=1&space_guids=2",
            "The query parameter is invalid: Unknown query parameter(s): 'space_guids', 'app_guids'",
        ),
        (
            "/v3/routes?include=app,domain",
            "The query parameter is invalid: Invalid included resource: 'app'. Valid included resources are: 'domain', 'space', 'space.organization'",
        ),
        (
            "/v3/feature_flags?created_ats=2020-01-01T00:00:00Z&order_by=created_at",
            "The query parameter is invalid: Order by can only be: 'name', Filtering by 'created_ats' is not allowed on this resource.",
        ),
        (
            "/v3/service_instances?type=x&fields[potato]=guid&fields[space]=a",
            "The query parameter is invalid: Type must be one of 'managed', 'user-provided', Fields [potato] valid resources are: 'space', 'space.organization', 'service_plan', 'service_plan.service_offering', 'service_plan.service_offering.service_broker', Fields valid keys for 'space' are: 'guid', 'name', 'relationships.organization'",
        ),
        (
            "/v3/service_instances?fields=x",
            "The query parameter is invalid: Fields must be an object",
        ),
        (
            "/v3/security_groups?globally_enabled_running=1",
            "Globally enabled running must be 'true' or 'false'",
        ),
        (
            "/v3/buildpacks?lifecycle=docker&order_by=name",
            "The query parameter is invalid: Order by can only be: 'created_at', 'updated_at', 'position', 'lifecycle', Lifecycle must be either \"buildpack\" or \"cnb\"",
        ),
        (
            "/v3/audit_events?target_guids[is]=a",
            "The query parameter is invalid: Target guids target_guids has an invalid operator",
        ),
        // The organization is looked for before the parameters are.
        (
            "/v3/organizations/nope/domains?foo=1",
            "Organization not found",
        ),
    ] {
        assert_eq!(served.error(target).1, text, "{target}");
    }
}

/// The others report a missing resource first, or take no parameters.
#[test]
fn parameters_of_a_route_and_a_binding_are_checked_before_they_are_looked_for() {
    let served = Served::new();
    let (route, binding) = ("/v3/routes/x", "/v3/service_credential_bindings/x");
    for (target, status, text) in [
        (
            format!("{route}?include=zork"),
            422,
            "Invalid included resource: 'zork'. Valid included resources are: 'domain', 'space', 'space.organization'",
        ),
        (
            format!("{route}?zork=1&guid=y"),
            422,
            "Unknown query parameter(s): 'zork'. Valid parameters are: 'guid', 'include'",
        ),
        (
            format!("{route}?include=space.organization,domain"),
            404,
            "Route not found",
        ),
        (
            format!("{binding}?include=zork"),
            400,
            "The query parameter is invalid: Invalid included resource: 'zork'. Valid included resources are: 'app', 'service_instance'",
        ),
        (
            format!("{binding}?zork=1"),
            400,
            "The query parameter is invalid: Unknown query parameter(s): 'zork'. Valid parameters are: 'include'",
        ),
        (
            format!("{binding}?include=app"),
            404,
            "Service credential binding not found",
        ),
        (
            "/v3/service_instances/x?zork=1".to_owned(),
            404,
            "Service instance not found",
        ),
    ] {
        assert_eq!(served.error(&target), (status, text.to_owned()), "{target}");
    }
}

#[test]
fn hrefs_of_empty_lists_repeat_the_parameters() {
    let served = Served::new();
    for (target, href) in [
        (
            "/v3/tasks?states=RUNNING&space_guids=S&app_guid=",
            "/v3/tasks?page=1&per_page=50&space_guids=S&states=RUNNING",
        ),
        (
            "/v3/tasks?app_guid=A&per_page=5",
            "/v3/apps/A/tasks?page=1&per_page=5",
        ),
        (
            "/v3/audit_events?target_guids[not]=a,b&order_by=-created_at",
            "/v3/audit_events?order_by=-created_at&page=1&per_page=50&target_guids%5Bnot%5D=a%2Cb",
        ),
        (
            "/v3/service_instances?fields[service_plan]=guid,name&type=managed",
            "/v3/service_instances?fields%5Bservice_plan%5D=guid%2Cname&page=1&per_page=50&type=managed",
        ),
        // A page beyond the last has a previous page.
        ("/v3/stacks?page=3", "/v3/stacks?page=1&per_page=50"),
    ] {
        let document: Value = serde_json::from_str(&served.body(target)).expect("JSON");
        let first = document["pagination"]["first"]["href"].as_str();
        let expected = format!("https://api.example.org{href}");
        assert_eq!(first, Some(expected.as_str()), "{target}");
    }
    let included = served.body("/v3/routes?include=domain,space.organization,space");
    assert!(
        included.ends_with(
            r#","resources":[],"included":{"domains":[],"spaces":[],"organizations":[]}}"#
        ),
        "{included}"
    );
}

#[test]
fn constants_have_the_shapes_of_a_controller() {
    let served = Served::new();
    for (target, body) in [
        (
            "/v3/apps/A/features",
            r#"{"resources":[{"name":"ssh","description":"Enable SSHing into the app.","enabled":false},{"name":"revisions","description":"Enable versioning of an application","enabled":false},{"name":"service-binding-k8s","description":"Enable k8s service bindings for the app","enabled":false},{"name":"file-based-vcap-services","description":"Enable file-based VCAP service bindings for the app","enabled":false}],"pagination":{"total_results":4,"total_pages":1,"first":{"href":"/v3/apps/A/features"},"last":{"href":"/v3/apps/A/features"},"next":null,"previous":null}}"#,
        ),
        (
            "/v3/apps/A/features/revisions",
            r#"{"name":"revisions","description":"Enable versioning of an application","enabled":false}"#,
        ),
        (
            "/v3/apps/A/ssh_enabled",
            r#"{"enabled":false,"reason":"Disabled globally"}"#,
        ),
        (
            "/v3/spaces/S/features",
            r#"{"resources":[{"name":"ssh","description":"Enable SSHing into apps in the space.","enabled":false}]}"#,
        ),
        (
            "/v3/spaces/S/features/ssh",
            r#"{"name":"ssh","description":"Enable SSHing into apps in the space.","enabled":false}"#,
        ),
        (
            "/v3/spaces/S/relationships/isolation_segment",
            r#"{"data":null,"links":{"self":{"href":"https://api.example.org/v3/spaces/S/relationships/isolation_segment"}}}"#,
        ),
        (
            "/v3/organizations/O/relationships/default_isolation_segment",
            r#"{"data":null,"links":{"self":{"href":"https://api.example.org/v3/organizations/O/relationships/default_isolation_segment"}}}"#,
        ),
        (
            "/v3/apps/A/env",
            r#"{"environment_variables":{},"staging_env_json":{},"running_env_json":{},"system_env_json":{"VCAP_SERVICES":{}},"application_env_json":{"VCAP_APPLICATION":{"cf_api":"https://api.example.org","limits":{},"application_name":"shop","application_uris":[],"name":"shop","space_name":"dev","space_id":"S","organization_id":"O","organization_name":"acme","uris":[],"users":null,"application_id":"A"}}}"#,
        ),
        (
            "/v3/apps/A/environment_variables",
            r#"{"var":{},"links":{"self":{"href":"https://api.example.org/v3/apps/A/environment_variables"},"app":{"href":"https://api.example.org/v3/apps/A"}}}"#,
        ),
        (
            "/v3/organization_quotas/a1f5c9b2-6d3e-4f70-8b14-2c9d7e605a38",
            QUOTA,
        ),
    ] {
        assert_eq!(served.body(target), body, "{target}");
    }
    for target in [
        "/v3/apps/A/features/potato",
        "/v3/spaces/S/features/revisions",
    ] {
        assert_eq!(served.error(target), (404, "Feature not found".into()));
    }
    let supporter = served.get_as(&["--user", "supporter"], "/v3/apps/A/env");
    assert!(
        supporter
            .body
            .contains(r#""system_env_json":{"redacted_message":"[PRIVATE DATA HIDDEN]"}"#),
        "{supporter:?}"
    );
}

const QUOTA: &str = r#"{"apps":{"total_memory_in_mb":null,"per_process_memory_in_mb":null,"total_instances":null,"per_app_tasks":null,"log_rate_limit_in_bytes_per_second":null},"services":{"paid_services_allowed":true,"total_service_instances":null,"total_service_keys":null},"routes":{"total_routes":null,"total_reserved_ports":null},"guid":"a1f5c9b2-6d3e-4f70-8b14-2c9d7e605a38","created_at":"1970-01-01T00:00:00Z","updated_at":"1970-01-01T00:00:00Z","name":"default","domains":{"total_domains":null},"relationships":{"organizations":{"data":[{"guid":"O"}]}},"links":{"self":{"href":"https://api.example.org/v3/organization_quotas/a1f5c9b2-6d3e-4f70-8b14-2c9d7e605a38"}}}"#;

#[test]
fn the_quota_is_listed_where_it_matches() {
    let served = Served::new();
    for (query, is_listed) in [
        ("", true),
        ("?names=DEFAULT,x", true),
        ("?names=x", false),
        ("?guids=x", false),
        ("?organization_guids=O", true),
        ("?organization_guids=x", false),
        ("?created_ats[lt]=2000-01-01T00:00:00Z", true),
        ("?created_ats[gt]=2000-01-01T00:00:00Z", false),
        ("?names", false),
    ] {
        let body = served.body(&format!("/v3/organization_quotas{query}"));
        let resources = if is_listed { QUOTA } else { "" };
        assert!(
            body.ends_with(&format!(r#","resources":[{resources}]}}"#)),
            "{query}: {body}"
        );
        assert!(
            body.contains(&format!(r#""total_results":{},"#, u8::from(is_listed))),
            "{query}: {body}"
        );
    }
    let second = served.body("/v3/organization_quotas?page=2");
    assert!(second.contains(r#""total_results":1,"#) && second.ends_with(r#""resources":[]}"#));
    // Who sees no organization sees no quota.
    let nobody = served.get_as(&["--user", "nobody"], "/v3/organization_quotas");
    assert!(nobody.body.contains(r#""total_results":0,"#), "{nobody:?}");
}

#[test]
fn the_reference_has_a_row_for_each_route() {
    let reference = include_str!("../../docs/reference/served-routes.md");
    let mut documented = BTreeSet::new();
    for line in reference.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [path, kind @ ("always empty" | "never found"), text] = cells[..] {
            documented.insert((path.trim_matches('`'), kind, text.trim_matches('`')));
        }
    }
    let paths: Vec<_> = EMPTY_ROUTES
        .iter()
        .map(|route| format!("/{}", route.path))
        .collect();
    let rows = EMPTY_ROUTES.iter().zip(&paths).map(|(route, path)| {
        let (kind, text) = match route.answer {
            EmptyAnswer::NotFound(text) => ("never found", text),
            EmptyAnswer::List(_) | EmptyAnswer::ListOfParent(_) => ("always empty", ""),
        };
        (path.as_str(), kind, text)
    });
    assert_eq!(documented, rows.collect());
}
