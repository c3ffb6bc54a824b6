//! Links: each one leads to a resource, to bits, or to a 404 with the message `Unknown request`.

use serde_json::Value;

use super::server::{ClientResponse, Server};

/// Checks that each link is an object with an absolute href and perhaps a method. A link must not be null, since the
/// Python client makes a method of each.
#[track_caller]
fn check_links(server: &Server, one: &Value) {
    let links = one["links"].as_object().expect("links");
    assert!(links.contains_key("self"));
    for (name, link) in links {
        let target = server.target(&link["href"]);
        assert!(target.starts_with("/v3/"), "{name}: {target}");
        let method = link.get("method");
        assert!(method.is_none_or(Value::is_string), "{name}: {link}");
    }
    let relationships = one["relationships"].as_object().expect("relationships");
    for (name, relationship) in relationships {
        assert!(relationship.is_object(), "{name}");
    }
}

fn get(server: &Server, token: &str, target: &str) -> Value {
    send(server, token, target).ok()
}

fn send(server: &Server, token: &str, target: &str) -> ClientResponse {
    let head = [
        &format!("GET {target} HTTP/1.1"),
        "Host: HOST",
        &format!("Authorization: bearer {token}"),
        "Connection: close",
    ];
    server.send(&head, "")
}

#[test]
fn no_link_is_null_and_each_is_absolute() {
    let server = Server::demo();
    let token = super::login::log_in(server, "admin").ok();
    let token = super::text(&token["access_token"]);
    for kind in ["packages", "apps", "spaces", "organizations"] {
        let list = get(server, &token, &format!("/v3/{kind}?per_page=5000"));
        let pagination = list["pagination"].as_object().unwrap();
        for name in ["first", "last"] {
            let target = server.target(&pagination[name]["href"]);
            assert_eq!(target, format!("/v3/{kind}?page=1&per_page=5000"));
        }
        assert!(pagination["next"].is_null() && pagination["previous"].is_null());
        for one in list["resources"].as_array().unwrap() {
            check_links(server, one);
            let own = server.target(&one["links"]["self"]["href"]);
            assert_eq!(own, format!("/v3/{kind}/{}", super::text(&one["guid"])));
        }
        // The link to itself shows the same resource.
        let first = &list["resources"][0];
        let own = server.target(&first["links"]["self"]["href"]);
        assert_eq!(get(server, &token, &own), *first);
    }
}

#[test]
fn only_packages_of_type_bits_link_to_upload_and_download() {
    let server = Server::demo();
    let token = super::login::log_in(server, "admin").ok();
    let token = super::text(&token["access_token"]);
    let list = get(server, &token, "/v3/packages?per_page=5000");
    for package in list["resources"].as_array().unwrap() {
        let links = package["links"].as_object().unwrap();
        let names: Vec<&str> = links.keys().map(String::as_str).collect();
        if package["type"] == "bits" {
            assert_eq!(links["upload"]["method"], "POST");
            assert!(links.contains_key("download") && names.len() == 4);
        } else {
            assert!(links.contains_key("app") && names.len() == 2, "{names:?}");
        }
    }
}

#[test]
fn a_link_without_a_method_leads_to_a_resource_or_to_its_404() {
    let server = Server::demo();
    let token = super::login::log_in(server, "admin").ok();
    let token = super::text(&token["access_token"]);
    for kind in ["packages", "apps", "spaces", "organizations"] {
        let list = get(server, &token, &format!("/v3/{kind}?per_page=1"));
        for (name, link) in list["resources"][0]["links"].as_object().unwrap() {
            let response = send(server, &token, &server.target(&link["href"]));
            let missing = match name.as_str() {
                // The demo seed stores no bits.
                "download" => Some((422, "Package has no bits to download.")),
                "current_droplet" => Some((404, "Droplet not found")),
                "default_domain" => Some((404, "Domain not found")),
                _ if !link["method"].is_null() => Some((404, "Unknown request")),
                _ => None,
            };
            match missing {
                Some((status, text)) => {
                    assert_eq!(response.json(status)["errors"][0]["detail"], text);
                }
                None => drop(response.ok()),
            }
        }
    }
}
