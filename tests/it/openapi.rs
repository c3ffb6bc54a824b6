//! The OpenAPI documents name exactly the routes and parameters that are served. `.ci/schemathesis` compares them with
//! the responses of running servers.

use std::collections::BTreeSet;

use cf_packages::edition::current::empty::EMPTY_ROUTES;
use cf_packages::edition::current::request::parameters::{self, ListParameters};
use cf_packages::edition::{Edition, path_prefix};
use fancy_regex::Regex;
use serde_json::Value;

/// The operations of every edition.
const BOTH: [&str; 23] = [
    "GET /v3/packages",
    "GET /v3/packages/{guid}",
    "POST /v3/packages/{guid}/upload",
    "GET /v3/packages/{guid}/download",
    "GET /v3/apps/{guid}",
    "GET /v3/apps/{guid}/packages",
    "GET /healthz",
    "GET /openapi.json",
    "DELETE /v3/packages/{guid}",
    "GET /v3/droplets/{guid}",
    "POST /admin/builds/{guid}",
    "POST /admin/seed",
    "POST /admin/reset",
    "GET /admin/export",
    "POST /admin/token",
    "GET /admin/clock",
    "PUT /admin/clock",
    "GET /admin/faults",
    "POST /admin/faults",
    "DELETE /admin/faults",
    "GET /admin/requests",
    "DELETE /admin/requests",
    "GET /admin/requests/count",
];

/// The other operations of `2015`.
const OF_2015: [&str; 3] = [
    "PUT /v3/apps/{guid}/current_droplet",
    "POST /v3/apps/{guid}/packages",
    "POST /v3/packages/{guid}/droplets",
];

/// The other operations of `current`, beside those of `EMPTY_ROUTES`.
const CURRENT: [&str; 41] = [
    "PATCH /v3/apps/{guid}/relationships/current_droplet",
    "POST /v3/packages",
    "PATCH /v3/packages/{guid}",
    "GET /v3/jobs/{guid}",
    "POST /v3/builds",
    "GET /v3/builds/{guid}",
    "GET /v3/droplets",
    "GET /v3/packages/{guid}/droplets",
    "GET /v3/apps/{guid}/droplets",
    "GET /v3/processes",
    "GET /v3/processes/{guid}",
    "GET /v3/processes/{guid}/stats",
    "GET /v3/processes/{guid}/process_instances",
    "GET /v3/apps/{guid}/processes",
    "GET /v3/apps/{guid}/processes/{type}",
    "GET /v3/apps/{guid}/processes/{type}/stats",
    "GET /v3/apps/{guid}/features",
    "GET /v3/apps/{guid}/features/{name}",
    "GET /v3/apps/{guid}/ssh_enabled",
    "GET /v3/apps/{guid}/env",
    "GET /v3/apps/{guid}/environment_variables",
    "GET /v3/spaces/{guid}/features",
    "GET /v3/spaces/{guid}/features/{name}",
    "GET /v3/spaces/{guid}/relationships/isolation_segment",
    "GET /v3/organizations/{guid}/relationships/default_isolation_segment",
    "GET /v3/users",
    "GET /v3/users/{guid}",
    "GET /v3/roles",
    "GET /v3/roles/{guid}",
    "GET /v3/organization_quotas",
    "GET /v3/organization_quotas/{guid}",
    "GET /",
    "GET /v3",
    "GET /v3/info",
    "GET /v3/organizations",
    "GET /v3/organizations/{guid}",
    "GET /v3/spaces",
    "GET /v3/spaces/{guid}",
    "GET /v3/apps",
    "GET /login",
    "POST /oauth/token",
];

fn document(edition: Edition) -> Value {
    serde_json::from_slice(edition.openapi()).expect("the document is JSON")
}

/// Follows a `$ref`.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        None => value,
        Some(reference) => reference
            .strip_prefix('#')
            .and_then(|pointer| document.pointer(pointer))
            .unwrap_or_else(|| panic!("{reference} does not exist")),
    }
}

fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().expect("paths");
    let methods = |(path, item): (&String, &Value)| {
        let keys = item.as_object().expect("a path item").keys();
        let methods = keys.filter(|key| *key != "parameters");
        methods
            .map(|method| format!("{} {path}", method.to_uppercase()))
            .collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

/// Returns the names of the query parameters of `GET path`.
fn query_parameters(document: &Value, path: &str) -> BTreeSet<String> {
    let parameters = document["paths"][path]["get"]["parameters"].as_array();
    parameters
        .into_iter()
        .flatten()
        .map(|parameter| resolved(document, parameter))
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().expect("a name").to_owned())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn each_document_names_the_operations_of_its_edition() {
    let of_2015 = [&BOTH[..], &OF_2015[..]].concat();
    assert_eq!(operations(&document(Edition::Of2015)), set(&of_2015));
    let current = [&BOTH[..], &CURRENT[..]].concat();
    let mut current = set(&current);
    current.extend(empty_paths().map(|(path, _)| format!("GET {path}")));
    assert_eq!(operations(&document(Edition::Current)), current);
}

/// Returns the paths of `EMPTY_ROUTES` as the document has them, with the query parameters of each.
fn empty_paths() -> impl Iterator<Item = (String, Vec<&'static str>)> {
    EMPTY_ROUTES.iter().map(|route| {
        let segments = route
            .path
            .split('/')
            .map(|segment| match segment.strip_prefix(':') {
                Some(name) => format!("/{{{name}}}"),
                None => format!("/{segment}"),
            });
        (segments.collect(), route.accepted())
    })
}

#[test]
fn each_document_names_the_query_parameters_of_its_lists() {
    let of_2015 = document(Edition::Of2015);
    for path in ["/v3/packages", "/v3/apps/{guid}/packages"] {
        assert_eq!(
            query_parameters(&of_2015, path),
            set(&["page", "per_page"]),
            "{path}"
        );
    }

    let current = document(Edition::Current);
    let lists: [(&str, &ListParameters); 10] = [
        ("/v3/packages", &parameters::PACKAGES),
        ("/v3/organizations", &parameters::ORGANIZATIONS),
        ("/v3/spaces", &parameters::SPACES),
        ("/v3/apps", &parameters::APPS),
        ("/v3/droplets", &parameters::DROPLETS),
        ("/v3/packages/{guid}/droplets", &parameters::DROPLETS),
        ("/v3/processes", &parameters::PROCESSES),
        ("/v3/users", &parameters::USERS),
        ("/v3/roles", &parameters::ROLES),
        ("/v3/organization_quotas", &parameters::ORGANIZATION_QUOTAS),
    ];
    for (path, accepted) in lists {
        assert_eq!(
            query_parameters(&current, path),
            set(&accepted.names()),
            "{path}"
        );
    }
    for (path, accepted) in [
        ("/v3/apps/{guid}/packages", &parameters::PACKAGES),
        ("/v3/apps/{guid}/droplets", &parameters::DROPLETS),
        ("/v3/apps/{guid}/processes", &parameters::PROCESSES),
    ] {
        let mut of_one_app = set(&accepted.names());
        for name in parameters::REFUSED_WITHIN_APP {
            of_one_app.remove(*name);
        }
        assert_eq!(query_parameters(&current, path), of_one_app, "{path}");
    }
    for (path, accepted) in empty_paths() {
        assert_eq!(query_parameters(&current, &path), set(&accepted), "{path}");
    }
    for path in ["/v3/spaces/{guid}", "/v3/apps/{guid}", "/v3/roles/{guid}"] {
        assert_eq!(
            query_parameters(&current, path),
            set(&["include"]),
            "{path}"
        );
    }
    for path in [
        "/v3/packages/{guid}",
        "/v3/packages/{guid}/download",
        "/v3/organizations/{guid}",
    ] {
        assert_eq!(query_parameters(&current, path), set(&[]), "{path}");
    }
}

#[test]
fn every_reference_exists() {
    fn resolve_all(document: &Value, value: &Value) {
        resolved(document, value);
        match value {
            Value::Array(values) => values.iter().for_each(|value| resolve_all(document, value)),
            Value::Object(members) => members
                .values()
                .for_each(|value| resolve_all(document, value)),
            _ => {}
        }
    }
    for edition in [Edition::Of2015, Edition::Current] {
        let document = document(edition);
        resolve_all(&document, &document);
    }
}

/// Without one, generators of clients drop the schema or take it for anything.
#[test]
fn every_constant_has_a_type() {
    fn check(schema: &Value, place: &str) {
        if schema.get("const").or(schema.get("enum")).is_some() {
            assert!(schema.get("type").is_some(), "{place}");
        }
        match schema {
            Value::Object(members) => {
                for (name, member) in members
                    .iter()
                    .filter(|(name, _)| !name.starts_with("example"))
                {
                    check(member, &format!("{place}/{name}"));
                }
            }
            Value::Array(members) => {
                for member in members {
                    check(member, place);
                }
            }
            _ => {}
        }
    }
    for edition in [Edition::Of2015, Edition::Current] {
        check(&document(edition), "");
    }
}

#[test]
fn hrefs_may_have_the_path_prefixes_that_servers_take() {
    let pattern = |edition, pointer: &str| {
        let document = document(edition);
        let schema = document.pointer(pointer).expect("a schema");
        Regex::new(schema["pattern"].as_str().expect("a pattern")).expect("a valid pattern")
    };
    let root = "/components/schemas/Root/properties/links/properties/self/properties/href";
    let absolute = pattern(Edition::Current, root);
    let relative = pattern(
        Edition::Of2015,
        "/components/schemas/PageLink/properties/href",
    );
    for prefix in [
        "", "/p", "/p/q.r", "/...", "/.p", "/p..", "/~_-", "/v3", "/", "/p/", "//p", "/p//q", "/.",
        "/..", "/p/..", "/../p", "/./p", "/%70", "/p q", "/p?q", "/p#q",
    ] {
        let is_taken = path_prefix(prefix) == Some(prefix);
        let url = format!("https://a.example:8443{prefix}");
        assert_eq!(absolute.is_match(&url).ok(), Some(is_taken), "{url}");
        let path = format!("{prefix}/v3/packages?page=1&per_page=50");
        assert_eq!(relative.is_match(&path).ok(), Some(is_taken), "{path}");
    }
}
