//! Who sees which packages in the edition 2015: a caller's totals and pages are their own.

use crate::support::{Bench, Server, refusal};

/// Two spaces of one organization, one of another, one of a suspended one; a package in each.
const HOUSE: &str = r#"{
  "organizations": [{"name": "acme"}, {"name": "other"}, {"name": "gone", "suspended": true}],
  "spaces": [{"name": "dev", "organization": "acme"}, {"name": "prod", "organization": "acme"},
             {"name": "their", "organization": "other"}, {"name": "dark", "organization": "gone"}],
  "apps": [{"guid": "a-dev", "name": "a", "space": "dev"}, {"guid": "a-prod", "name": "a", "space": "prod"},
           {"guid": "a-their", "name": "a", "space": "their"}, {"guid": "a-dark", "name": "a", "space": "dark"}],
  "packages": [{"guid": "p-dev", "app": "a-dev", "type": "bits"}, {"guid": "p-prod", "app": "a-prod", "type": "bits"},
               {"guid": "p-their", "app": "a-their", "type": "bits"}, {"guid": "p-dark", "app": "a-dark", "type": "bits"},
               {"guid": "p-dev-2", "app": "a-dev", "type": "bits"}],
  "users": ["#;

/// A user, their roles, the packages in their list, and those that they get alone.
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
    // There were none in 2015.
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
        "twice",
        r#"{"role": "space_auditor", "space": "dev"}, {"role": "space_developer", "space": "dev"},
           {"role": "organization_manager", "organization": "acme"}"#,
        &["p-dev", "p-prod", "p-dev-2"],
        &["p-dev", "p-prod", "p-dev-2"],
    ),
    // A suspended organization's packages are listed, and not there alone.
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

fn served() -> (Bench, Server) {
    let bench = Bench::new();
    let users: Vec<String> = USERS
        .iter()
        .map(|(guid, roles, ..)| format!(r#"{{"guid": "{guid}", "roles": [{roles}]}}"#))
        .collect();
    bench.write("seed.json", format!("{HOUSE}{}]}}", users.join(",")));
    let server = bench.serve(&["--seed", "seed.json"]);
    (bench, server)
}

/// Total and guids of the list, page by page of two.
fn listed(server: &Server, token: &str, path: &str) -> (u64, Vec<String>) {
    let mut guids = Vec::new();
    for page in 1.. {
        let answer = server.get(&format!("{path}?page={page}&per_page=2"), token);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let document: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
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
    unreachable!("pages end")
}

fn check(server: &Server, token: &str, who: &str, list: &[&str], alone: &[&str]) {
    let expected: Vec<String> = list.iter().map(|guid| (*guid).to_owned()).collect();
    assert_eq!(
        listed(server, token, "/v3/packages"),
        (list.len() as u64, expected),
        "{who}"
    );
    let package_not_found = refusal(10010, "CF-ResourceNotFound", "Package not found");
    let app_not_found = refusal(10010, "CF-ResourceNotFound", "App not found");
    for guid in ALL {
        let answer = server.get(&format!("/v3/packages/{guid}"), token);
        let app = format!("a-{}", guid.trim_start_matches("p-").trim_end_matches("-2"));
        let of_app = server.get(&format!("/v3/apps/{app}/packages"), token);
        if alone.contains(&guid) {
            assert_eq!((answer.status, of_app.status), (200, 200), "{who}: {guid}");
        } else {
            assert_eq!(
                answer.told(),
                (404, package_not_found.as_str()),
                "{who}: {guid}"
            );
            assert_eq!(of_app.told(), (404, app_not_found.as_str()), "{who}: {app}");
        }
    }
}

#[test]
fn a_user_sees_what_their_roles_show() {
    let (bench, server) = served();
    for (user, _, list, alone) in USERS {
        check(&server, &bench.token(user), user, list, alone);
    }
}

#[test]
fn a_user_whom_the_database_does_not_know_sees_an_empty_list() {
    let (bench, server) = served();
    check(&server, &bench.token("who-is-that"), "unknown", &[], &[]);
}

#[test]
fn an_admin_sees_everything_a_suspended_organizations_packages_too() {
    let (bench, server) = served();
    check(&server, &bench.admin_token(), "admin", &ALL, &ALL);
}

#[test]
fn what_reads_everything_today_reads_nothing_more_in_2015() {
    let (bench, server) = served();
    for scope in [
        "cloud_controller.admin_read_only",
        "cloud_controller.global_auditor",
    ] {
        let token = |scopes: &[&str]| {
            let mut arguments = vec!["token", "--user", "developer"];
            arguments.extend(scopes.iter().flat_map(|scope| ["--scope", *scope]));
            bench.ok(&arguments).trim_end().to_owned()
        };
        let without_read = server.get("/v3/packages", &token(&[scope]));
        let refused = refusal(
            10003,
            "CF-NotAuthorized",
            "You are not authorized to perform the requested action",
        );
        assert_eq!(without_read.told(), (403, refused.as_str()));
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
fn a_role_taken_or_given_while_it_is_served_counts_at_once() {
    let (bench, server) = served();
    let token = bench.token("nobody");
    assert_eq!(listed(&server, &token, "/v3/packages").0, 0);
    bench.write(
        "role.json",
        r#"{"users": [{"guid": "nobody", "roles": [{"role": "space_developer", "space": "dev"}]}]}"#,
    );
    bench.ok(&["seed", "role.json"]);
    assert_eq!(listed(&server, &token, "/v3/packages").0, 2);
    bench.write(
        "role.json",
        r#"{"users": [{"guid": "nobody", "roles": []}]}"#,
    );
    bench.ok(&["seed", "role.json"]);
    assert_eq!(listed(&server, &token, "/v3/packages").0, 0);
}
