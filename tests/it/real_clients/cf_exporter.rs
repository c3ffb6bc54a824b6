//! Prometheus' cf_exporter: the lists that it reads, and what its collectors look for in them
//! (`docs/reference/clients.md#cf_exporter`).

use super::cf_command::Cf;
use super::server::Server;
use super::{guids, text};

#[test]
fn every_list_of_a_scrape_is_answered() {
    let cf = Cf::auth(Server::demo(), "admin");
    for (list, total) in [
        ("/v3/organizations", 4),
        ("/v3/organization_quotas", 1),
        ("/v3/spaces", 10),
        ("/v3/space_quotas", 0),
        ("/v3/apps", 36),
        ("/v3/processes", 36),
        ("/v3/routes", 0),
        ("/v3/domains", 0),
        ("/v3/isolation_segments", 0),
        ("/v3/security_groups", 0),
        ("/v3/stacks", 0),
        ("/v3/buildpacks", 0),
        ("/v3/tasks?states=PENDING,RUNNING,CANCELING", 0),
        ("/v3/service_brokers", 0),
        ("/v3/service_offerings", 0),
        ("/v3/service_plans", 0),
        ("/v3/service_instances", 0),
        ("/v3/service_credential_bindings", 0),
        ("/v3/service_route_bindings", 0),
        ("/v3/users", 10),
        ("/v3/audit_events", 0),
    ] {
        let sign = if list.contains('?') { '&' } else { '?' };
        let page = cf.get(&format!("{list}{sign}per_page=5000")).ok();
        assert_eq!(page["pagination"]["total_results"], total, "{list}");
        let resources = page["resources"].as_array().expect("resources");
        assert_eq!(resources.len(), total, "{list}");
    }
    // An organization names a quota that exists.
    let organizations = cf.get("/v3/organizations?per_page=5000").ok();
    let quotas = cf.get("/v3/organization_quotas?per_page=5000").ok();
    for organization in organizations["resources"].as_array().expect("resources") {
        let quota = &organization["relationships"]["quota"]["data"]["guid"];
        assert_eq!(*quota, quotas["resources"][0]["guid"]);
    }
    // An app without a process is an error of the collector of applications.
    let apps = cf.get("/v3/apps?per_page=5000").ok();
    let processes = cf.get("/v3/processes?per_page=5000").ok();
    let mut with_process = Vec::new();
    for process in processes["resources"].as_array().expect("resources") {
        assert_eq!(process["type"], "web");
        with_process.push(text(&process["relationships"]["app"]["data"]["guid"]));
    }
    assert_eq!(with_process, guids(&apps));
}
