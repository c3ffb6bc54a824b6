//! Requests of real clients, header by header, and what each client requires of the responses.
//!
//! The requests were recorded from the `cf` command (8) and go-cfclient (3). Each test reads the response as the client
//! does, and fails where the client would. The Python client runs itself: see `.ci/clients`.

mod cf_command;
mod cf_exporter;
mod cf_home;
mod cf_reads;
mod changes;
mod concurrent_requests;
mod go_cfclient;
mod links;
mod login;
mod server;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Returns the bundled seed `demo`.
fn demo_seed() -> Value {
    serde_json::from_str(include_str!("../../seed/demo.json")).unwrap()
}

/// Returns the guids of the packages of a seed for which `predicate` holds, in the order of the list.
fn package_guids(seed: &Value, predicate: impl Fn(&Value) -> bool) -> Vec<String> {
    let packages = seed["packages"].as_array().unwrap().iter();
    let packages = packages.filter(|package| predicate(package));
    packages.map(|package| text(&package["guid"])).collect()
}

#[track_caller]
fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("{value} is not a string"))
        .into()
}

/// Returns the guids on a page.
#[track_caller]
fn guids(page: &Value) -> Vec<String> {
    let resources = page["resources"].as_array().expect("resources");
    resources
        .iter()
        .map(|resource| text(&resource["guid"]))
        .collect()
}

/// Decodes a token as `cf` does. `cf` does not check the signature.
fn claims(token: &str) -> Value {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "a compact JWS");
    let [header, payload] = [parts[0], parts[1]].map(|part| {
        let json = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice::<Value>(&json).expect("JSON")
    });
    assert!(["HS256", "RS256", "ES256"].contains(&header["alg"].as_str().unwrap()));
    // `cf` requests a new token before every request if less than a minute is left.
    let exp = payload["exp"].as_i64().expect("exp is a number");
    assert!(exp >= server::now() + 60, "exp is in the future");
    payload
}

/// Checks that Go reads the value as a time: RFC 3339 with a zone.
#[track_caller]
fn assert_is_time(value: &Value) {
    let text = text(value);
    let seconds = cf_packages::clock::parse_rfc3339(&text);
    assert!(seconds.is_ok() && text.ends_with('Z'), "{text} is a time");
}
