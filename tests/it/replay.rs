//! What real clients send, replayed header for header, and what they must find in the answers.
//!
//! The requests are those that the `cf` program (8) and go-cfclient (3) were seen to make; each test reads an answer
//! as its client does and fails where the client would. Python's client runs itself: `.ci/clients`.

mod cf;
mod doors;
mod go;
mod home;
mod links;
mod load;
mod wire;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The bundled seed that most of these servers hold.
fn demo() -> Value {
    serde_json::from_str(include_str!("../../seed/demo.json")).unwrap()
}

/// The guids of the seed's packages, in the order in which they are listed, as far as they are `wanted`.
fn packages_of(demo: &Value, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
    let packages = demo["packages"].as_array().unwrap().iter();
    let wanted = packages.filter(|package| wanted(package));
    wanted.map(|package| text(&package["guid"])).collect()
}

#[track_caller]
fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("{value} is no text")).into()
}

#[track_caller]
fn guids(list: &Value) -> Vec<String> {
    let resources = list["resources"].as_array().expect("resources");
    resources.iter().map(|one| text(&one["guid"])).collect()
}

fn claims(token: &str) -> Value {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "a compact JWS");
    let [header, payload] = [parts[0], parts[1]].map(|part| {
        let json = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice::<Value>(&json).expect("JSON")
    });
    // The algorithms that `cf` was seen to read; it does not check the signature.
    assert!(["HS256", "RS256", "ES256"].contains(&header["alg"].as_str().unwrap()));
    // Less than a minute ahead, and `cf` asks for a new token before each request.
    let exp = payload["exp"].as_i64().expect("exp is a number");
    assert!(exp >= wire::now() + 60, "exp lies ahead");
    payload
}

/// A time as Go reads it: RFC 3339 with a zone.
#[track_caller]
fn is_time(value: &Value) {
    let text = text(value);
    let seconds = cf_packages::clock::parse_rfc3339(&text);
    assert!(seconds.is_ok() && text.ends_with('Z'), "{text} is a time");
}
