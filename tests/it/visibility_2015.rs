//! Which packages a caller sees in the edition 2015. Totals and pages count only those.

use crate::support::{Server, WorkDir, error_2015};

/// The start of a seed: two spaces of the organization `acme`, one of `other`, one of the suspended `gone`, each with a
/// package or two.
const SEED_START: &str = r#"{
  "organizations": [{"name": "acme"}, {"name": "other"}, {"name": "gone", "suspended": true}],
  "spaces": [{"name": "dev", "organization": "acme"}, {"name": "prod", "organization": "acme"},
             {"name": "their", "organization": "other"}, {"name": "dark", "organization": "gone"}],
  "apps": [{"guid": "a-dev", "name": "a", "space": "dev"}, {"guid": "a-prod", "name": "a", "space": "prod"},
           {"guid": "a-their", "name": "a", "space": "their"}, {"guid": "a-dark", "name": "a", "space": "dark"}],
  "packages": [{"guid": "p-dev", "app": "a-dev", "type": "bits"}, {"guid": "p-prod", "app": "a-prod", "type": "bits"},
               {"guid": "p-their", "app": "a-their", "type": "bits"}, {"guid": "p-dark", "app": "a-dark", "type": "bits"},
               {"guid": "p-dev-2", "app": "a-dev", "type": "bits"}],
  "users": ["#;

/// Guid, roles, the packages in the list, and the packages that can be requested by guid.
const USERS: &[(&str, &str, &[&str], &[&str])] = &[
    ("nobody", "", &[], &[]),
    (
        "developer",
        r#"{"role": "space_developer", "space": "dev"}"#,
        &["p-dev", "p-dev-2"],
        &["p-dev", "p-dev-2"],
    ),
    (
        "manager",
        r#"{"role": "space_manager", "space": "dev"}"#,
        &["p-dev", "p-dev-2"],
        &["p-dev", "p-dev-2"],
    ),
    (
        "auditor",
        r#"{"role": "space_auditor", "space": "dev"}"#,
        &["p-dev", "p-dev-2"],
        &["p-dev", "p-dev-2"],
    ),
    // The API of 2015 does not know this role.
    (
        "supporter",
        r#"{"role": "space_supporter", "space": "dev"}"#,
        &[],
        &[],
    ),
    (
        "org-manager",
        r#"{"role": "organization_manager", "organization": "acme"}"#,
        &["p-dev", "p-prod", "p-dev-2"],
        &["p-dev", "p-prod", "p-dev-2"],
    ),
    (
        "org-user",
        r#"{"role": "organization_user", "organization": "acme"}"#,
        &[],
        &[],
    ),
    (
        "org-auditor",
        r#"{"role": "organization_auditor", "organization": "acme"}"#,
        &[],
        &[],
    ),
    (
        "org-billing",
        r#"{"role": "organization_billing_manager", "organization": "acme"}"#,
        &[],
        &[],
    ),
    (
        "two-spaces",
        r#"{"role": "space_auditor", "space": "their"}, {"role": "space_developer", "space": "prod"}"#,
        &["p-prod", "p-their"],
        &["p-prod", "p-their"],
    ),
    (
        "several-roles",
        r#"{"role": "space_auditor", "space": "dev"}, {"role": "space_developer", "space": "dev"},
           {"role": "organization_manager", "organization": "acme"}"#,
        &["p-dev", "p-prod", "p-dev-2"],
        &["p-dev", "p-prod", "p-dev-2"],
    ),
    // The packages of a suspended organization are listed, but by guid they are 404.
    (
        "dark-developer",
        r#"{"role": "space_developer", "space": "dark"}"#,
        &["p-dark"],
        &[],
    ),
    (
        "dark-manager",
        r#"{"role": "organization_manager", "organization": "gone"}"#,
        &["p-dark"],
        &[],
    ),
];

const ALL: [&str; 5] = ["p-dev", "p-prod", "p-their", "p-dark", "p-dev-2"];

fn serve() -> (WorkDir, Server) {
    let dir = WorkDir::new();
    let users: Vec<String> = USERS
        .iter()
        .map(|(guid, roles, ..)| format!(r#"{{"guid": "{guid}", "roles": [{roles}]}}"#))
        .collect();
    dir.write("seed.json", format!("{SEED_START}{}]}}", users.join(",")));
    let server = dir.serve(&["--seed", "seed.json"]);
    (dir, server)
}

/// Returns the total and the guids of a list, whose pages have two packages.
fn list(server: &Server, token: &str, path: &str) -> (u64, Vec<String>) {
    let mut guids = Vec::new();
    for page in 1.. {
        let response = server.get(&format!("{path}?page={page}&per_page=2"), token);
        assert_eq!(response.status, 200, "{}", response.body);
        let document: serde_json::Value = serde_json::from_str(&response.body).expect("JSON");
        let resources = document["resources"].as_array().expect("resources");
        guids.extend(
            resources
                .iter()
                .map(|resource| resource["guid"].as_str().expect("a guid").to_owned()),
        );
        if document["pagination"]["next"].is_null() {
            return (
                document["pagination"]["total_results"]
                    .as_u64()
                    .expect("a total"),
                guids,
            );
        }
    }
    unreachable!("a list has a last page")
}

/// Checks the list of all packages, each package by guid, and the list of each app.
fn check(server: &Server, token: &str, user: &str, listed: &[&str], by_guid: &[&str]) {
    let expected: Vec<String> = listed.iter().map(|guid| (*guid).to_owned()).collect();
    assert_eq!(
        list(server, token, "/v3/packages"),
        (listed.len() as u64, expected),
        "{user}"
    );
    let package_not_found = error_2015(10010, "CF-ResourceNotFound", "Package not found");
    let app_not_found = error_2015(10010, "CF-ResourceNotFound", "App not found");
    for guid in ALL {
        let response = server.get(&format!("/v3/packages/{guid}"), token);
        let app = format!("a-{}", guid.trim_start_matches("p-").trim_end_matches("-2"));
        let of_app = server.get(&format!("/v3/apps/{app}/packages"), token);
        if by_guid.contains(&guid) {
            assert_eq!(
                (response.status, of_app.status),
                (200, 200),
                "{user}: {guid}"
            );
        } else {
            assert_eq!(
                response.status_and_body(),
                (404, package_not_found.as_str()),
                "{user}: {guid}"
            );
            assert_eq!(
                of_app.status_and_body(),
                (404, app_not_found.as_str()),
                "{user}: {app}"
            );
        }
    }
}

#[test]
fn a_user_sees_the_packages_of_their_roles() {
    let (dir, server) = serve();
    for (user, _, listed, by_guid) in USERS {
        check(&server, &dir.token(user), user, listed, by_guid);
    }
}

#[test]
fn an_unknown_user_sees_an_empty_list() {
    let (dir, server) = serve();
    check(&server, &dir.token("unknown"), "unknown", &[], &[]);
}

#[test]
fn an_admin_sees_everything_including_packages_of_suspended_organizations() {
    let (dir, server) = serve();
    check(&server, &dir.admin_token(), "admin", &ALL, &ALL);
}

#[test]
fn the_global_read_scopes_of_current_have_no_effect_in_2015() {
    let (dir, server) = serve();
    for scope in [
        "cloud_controller.admin_read_only",
        "cloud_controller.global_auditor",
    ] {
        let token = |scopes: &[&str]| {
            let mut arguments = vec!["token", "--user", "developer"];
            arguments.extend(scopes.iter().flat_map(|scope| ["--scope", *scope]));
            dir.run_ok(&arguments).trim_end().to_owned()
        };
        let without_read = server.get("/v3/packages", &token(&[scope]));
        let refused = error_2015(
            10003,
            "CF-NotAuthorized",
            "You are not authorized to perform the requested action",
        );
        assert_eq!(without_read.status_and_body(), (403, refused.as_str()));
        let both = token(&[scope, "cloud_controller.read"]);
        check(
            &server,
            &both,
            scope,
            &["p-dev", "p-dev-2"],
            &["p-dev", "p-dev-2"],
        );
    }
}

#[test]
fn a_role_that_is_added_or_removed_counts_at_once() {
    let (dir, server) = serve();
    let token = dir.token("nobody");
    assert_eq!(list(&server, &token, "/v3/packages").0, 0);
    dir.write(
        "role.json",
        r#"{"users": [{"guid": "nobody", "roles": [{"role": "space_developer", "space": "dev"}]}]}"#,
    );
    dir.run_ok(&["seed", "role.json"]);
    assert_eq!(list(&server, &token, "/v3/packages").0, 2);
    dir.write(
        "role.json",
        r#"{"users": [{"guid": "nobody", "roles": []}]}"#,
    );
    dir.run_ok(&["seed", "role.json"]);
    assert_eq!(list(&server, &token, "/v3/packages").0, 0);
}
