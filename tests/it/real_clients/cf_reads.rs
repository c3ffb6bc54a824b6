//! What the `cf` command reads beside packages: one test for each of its commands, with the requests that it sends.

use serde_json::Value;

use super::cf_command::{Cf, alice, get_without_token};
use super::server::Server;
use super::{guids, text};

const SPACE: &str = "41e849e6-b52b-48a8-aed5-8082f983c4ff";
const ORGANIZATION: &str = "7e4c430b-78b6-49b2-93f0-57841115fd05";
const APP: &str = "325ca6bf-200f-433e-8777-dd14f4dd59ab";

/// Sends requests of lists, each of which must be empty and whole.
#[track_caller]
fn assert_empty(cf: &Cf<'_>, targets: &[&str]) {
    for target in targets {
        let page = cf.get(target).ok();
        assert_eq!(page["pagination"]["total_results"], 0, "{target}");
        assert_eq!(page["pagination"]["next"], Value::Null, "{target}");
        assert_eq!(page["resources"], Value::Array(Vec::new()), "{target}");
    }
}

/// Returns the text of an error, which `cf` compares or prints.
#[track_caller]
fn detail(cf: &Cf<'_>, target: &str) -> String {
    text(&cf.get(target).json(404)["errors"][0]["detail"])
}

#[test]
fn apps_reads_processes_and_routes() {
    let cf = alice();
    let apps = cf
        .get(&format!(
            "/v3/apps?order_by=name&per_page=5000&space_guids={SPACE}"
        ))
        .ok();
    assert_eq!(guids(&apps).len(), 4);
    let embed = format!("/v3/processes?embed=process_instances&per_page=5000&space_guids={SPACE}");
    let processes = cf.get(&embed).ok();
    let processes = processes["resources"].as_array().expect("resources");
    let mut of_apps = Vec::new();
    for process in processes {
        // The column `processes` shows `web:0/0`: instances that run, and instances.
        assert_eq!(process["type"], "web");
        assert_eq!(process["process_instances"], Value::Array(Vec::new()));
        of_apps.push(text(&process["relationships"]["app"]["data"]["guid"]));
    }
    of_apps.sort();
    let mut expected = guids(&apps);
    expected.sort();
    assert_eq!(of_apps, expected);
    // Versions before 8.15 do not embed, and ask for the instances of each process.
    let unembedded = format!("/v3/processes?per_page=5000&space_guids={SPACE}");
    for guid in guids(&cf.get(&unembedded).ok()) {
        let stats = cf.get(&format!("/v3/processes/{guid}/stats")).ok();
        assert_eq!(stats["resources"], Value::Array(Vec::new()));
    }
    assert_empty(
        &cf,
        &[
            &format!("/v3/routes?per_page=5000&space_guids={SPACE}"),
            &format!("/v3/routes?app_guids={APP},x"),
        ],
    );
}

#[test]
fn app_reads_what_runs_of_it() {
    let cf = alice();
    for query in ["", "?per_page=5000", "?embed=process_instances"] {
        let page = cf.get(&format!("/v3/apps/{APP}/processes{query}")).ok();
        assert_eq!(guids(&page), [APP], "{query}");
    }
    let process = cf.get(&format!("/v3/apps/{APP}/processes/web")).ok();
    assert_eq!(process["instances"], 0);
    let stats = cf.get(&format!("/v3/processes/{APP}/stats")).ok();
    assert_eq!(stats["resources"], Value::Array(Vec::new()));
    assert_empty(
        &cf,
        &[
            &format!("/v3/processes/{APP}/sidecars"),
            &format!("/v3/apps/{APP}/routes"),
            &format!(
                "/v3/deployments?app_guids={APP}&order_by=-created_at&page=1&per_page=1&status_values=ACTIVE"
            ),
        ],
    );
    // `cf` goes on for exactly this text, and fails for any other.
    let current = format!("/v3/apps/{APP}/droplets/current");
    assert_eq!(detail(&cf, &current), "Droplet not found");
    assert_eq!(detail(&cf, "/v3/processes/x/stats"), "Process not found");
    let features = cf.get(&format!("/v3/apps/{APP}/features/ssh")).ok();
    assert_eq!(features["enabled"], false);
}

#[test]
fn org_reads_its_domains_quota_and_isolation_segment() {
    let cf = alice();
    let organizations = cf.get("/v3/organizations?names=acme-retail").ok();
    let quota = text(&organizations["resources"][0]["relationships"]["quota"]["data"]["guid"]);
    let quota = cf.get(&format!("/v3/organization_quotas/{quota}")).ok();
    assert_eq!(quota["name"], "default");
    assert_empty(
        &cf,
        &[
            &format!("/v3/organizations/{ORGANIZATION}/domains"),
            &format!("/v3/isolation_segments?organization_guids={ORGANIZATION}"),
        ],
    );
    let segment = cf
        .get(&format!(
            "/v3/organizations/{ORGANIZATION}/relationships/default_isolation_segment"
        ))
        .ok();
    assert_eq!(segment["data"], Value::Null);
}

#[test]
fn space_reads_its_services_security_groups_and_isolation_segment() {
    let cf = alice();
    assert_empty(
        &cf,
        &[
            &format!("/v3/service_instances?order_by=name&per_page=5000&space_guids={SPACE}"),
            &format!("/v3/spaces/{SPACE}/running_security_groups"),
            &format!("/v3/spaces/{SPACE}/staging_security_groups"),
            "/v3/security_groups?globally_enabled_running=true",
            "/v3/security_groups?globally_enabled_staging=true",
            &format!("/v3/space_quotas?organization_guids={ORGANIZATION}"),
        ],
    );
    let segment = cf
        .get(&format!(
            "/v3/spaces/{SPACE}/relationships/isolation_segment"
        ))
        .ok();
    assert_eq!(segment["data"], Value::Null);
    let features = cf.get(&format!("/v3/spaces/{SPACE}/features/ssh")).ok();
    assert_eq!(features["enabled"], false);
}

#[test]
fn droplets_tasks_events_and_revisions_read_those_of_an_app() {
    let cf = alice();
    assert_empty(
        &cf,
        &[
            &format!("/v3/droplets?app_guids={APP}&order_by=-created_at"),
            &format!("/v3/apps/{APP}/droplets?order_by=-created_at"),
            &format!("/v3/apps/{APP}/tasks?order_by=-created_at&per_page=5000"),
            &format!("/v3/audit_events?order_by=-created_at&page=1&target_guids={APP}"),
            &format!("/v3/apps/{APP}/revisions?order_by=-created_at&per_page=5000"),
            &format!("/v3/apps/{APP}/revisions/deployed"),
        ],
    );
}

#[test]
fn lists_of_the_platform_are_empty() {
    let cf = alice();
    assert_empty(
        &cf,
        &[
            "/v3/buildpacks?order_by=position",
            "/v3/buildpacks?lifecycle=cnb&order_by=position",
            "/v3/stacks?order_by=name",
            "/v3/domains",
            "/v3/feature_flags",
            "/v3/isolation_segments?order_by=name",
            "/v3/security_groups",
            "/v3/service_brokers",
            "/v3/service_offerings?fields%5Bservice_broker%5D=guid%2Cname&per_page=5000",
            "/v3/service_plans?include=service_offering&per_page=5000",
            &format!("/v3/routes?include=domain&organization_guids={ORGANIZATION}&per_page=5000"),
            &format!(
                "/v3/service_instances?fields%5Bservice_plan%5D=guid%2Cname%2Crelationships.service_offering&fields%5Bservice_plan.service_offering%5D=guid%2Cname%2Crelationships.service_broker&fields%5Bservice_plan.service_offering.service_broker%5D=guid%2Cname&order_by=name&per_page=5000&space_guids={SPACE}"
            ),
            "/v3/service_credential_bindings?include=app&per_page=5000&service_instance_guids=x",
            "/v3/service_route_bindings?include=route&service_instance_guids=x",
        ],
    );
    let quotas = cf.get("/v3/organization_quotas").ok();
    assert_eq!(quotas["resources"][0]["name"], "default");
}

#[test]
fn env_reads_five_groups_of_variables() {
    let env = alice().get(&format!("/v3/apps/{APP}/env")).ok();
    for group in [
        "system_env_json",
        "application_env_json",
        "environment_variables",
        "running_env_json",
        "staging_env_json",
    ] {
        assert!(env[group].is_object(), "{group}");
    }
    let application = &env["application_env_json"]["VCAP_APPLICATION"];
    assert_eq!(application["application_name"], "storefront");
}

#[test]
fn org_users_and_space_users_read_roles_with_their_users() {
    let cf = alice();
    for (filter, expected) in [
        (
            format!("organization_guids={ORGANIZATION}"),
            vec!["alice.moreau", "bob.tanaka", "hugo.silva"],
        ),
        (format!("space_guids={SPACE}"), vec!["alice.moreau"]),
    ] {
        let page = cf
            .get(&format!("/v3/roles?include=user&{filter}&per_page=5000"))
            .ok();
        // `cf` joins each role with its user by the guid.
        let mut names = Vec::new();
        for role in page["resources"].as_array().expect("resources") {
            let guid = &role["relationships"]["user"]["data"]["guid"];
            let users = page["included"]["users"].as_array().expect("users");
            let user = users.iter().find(|user| user["guid"] == *guid);
            let user = user.expect("the user is included");
            assert_eq!(user["presentation_name"], user["username"]);
            assert_eq!(user["origin"], "uaa");
            names.push(text(&user["username"]));
        }
        names.sort();
        assert_eq!(names, expected);
    }
}

/// `cf` shows "API endpoint not found" for the text `Unknown request`, and every other text as it is.
#[test]
fn commands_that_write_show_what_is_served() {
    let cf = alice();
    for request in [
        "POST /v3/organizations",
        "PATCH /v3/apps/325ca6bf-200f-433e-8777-dd14f4dd59ab",
        "DELETE /v3/spaces/x",
        "POST /v3/apps/x/actions/start",
        "PUT /v3/packages",
    ] {
        let error = cf.send(request, "{}").json(404);
        let text = text(&error["errors"][0]["detail"]);
        assert!(
            text.starts_with("Unknown request: cf-packages ")
                && text.contains("docs/reference/served-routes.md"),
            "{request}: {text}"
        );
    }
    assert_eq!(detail(&cf, "/v3/potatoes"), "Unknown request");
}

/// `cf logs` asks the address in `links.log_cache`, which must have a scheme.
#[test]
fn logs_asks_this_server_and_gets_404() {
    let root = get_without_token(Server::demo(), "/").ok();
    let log_cache = text(&root["links"]["log_cache"]["href"]);
    assert_eq!(log_cache, Server::demo().url());
    let target = format!("/api/v1/read/{APP}?descending=true&envelope_types=LOG&limit=1");
    assert_eq!(detail(&alice(), &target), "Unknown request");
}
