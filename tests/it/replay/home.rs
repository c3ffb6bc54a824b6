//! `token --cf-home DIR`: a home in which `cf` and go-cfclient find themselves logged in.

use serde::Deserialize;
use serde_json::Value;

use super::wire::Server;
use super::{claims, text};
use crate::support::Bench;

/// The file as both clients decode it: a field of another type, and nothing of it is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    access_token: String,
    #[serde(rename = "APIVersion")]
    api_version: String,
    authorization_endpoint: String,
    config_version: u32,
    refresh_token: String,
    #[serde(rename = "SSLDisabled")]
    ssl_disabled: bool,
    target: String,
    #[serde(rename = "UAAGrantType")]
    uaa_grant_type: String,
    #[serde(rename = "UAAOAuthClient")]
    uaa_oauth_client: String,
    #[serde(rename = "UAAOAuthClientSecret")]
    uaa_oauth_client_secret: String,
    uaa_endpoint: String,
}

fn home(whose: &[&str]) -> Config {
    let bench = Bench::new();
    bench.ok(&["seed", "demo"]);
    let url = ["--cf-home", "home", "--url", "https://api.example.org/"];
    assert_eq!(bench.ok(&[&["token"], whose, &url].concat()), "");
    serde_json::from_slice(&bench.bytes("home/.cf/config.json")).unwrap()
}

#[test]
fn both_clients_find_what_they_read() {
    let config = home(&["--user", "78593e23-2c9e-429f-8c39-402478fbf96e"]);
    // Another version, and `cf` 8 forgets everything that the file says.
    assert_eq!(config.config_version, 4);
    // Paths are put behind it. go-cfclient asks `GET /` unless both other endpoints are there.
    let url = "https://api.example.org";
    assert_eq!(config.target, url);
    assert_eq!(config.authorization_endpoint, url);
    assert_eq!(config.uaa_endpoint, url);
    assert!(config.api_version.starts_with("3.") && !config.ssl_disabled);
    // The client whose secret is empty; a grant type of its own would mean a client's login.
    assert_eq!(config.uaa_oauth_client, "cf");
    assert_eq!(config.uaa_oauth_client_secret, "");
    assert_eq!(config.uaa_grant_type, "");
    // `cf` cuts off seven characters, whatever they are.
    let access = config.access_token.strip_prefix("bearer ").unwrap();
    let user = claims(access);
    assert_eq!(user["user_name"], "alice.moreau");
    assert_eq!(user["user_id"], "78593e23-2c9e-429f-8c39-402478fbf96e");
    assert!(user["origin"].is_string());
    assert_eq!(claims(&config.refresh_token)["client_id"], "cf");
}

#[test]
fn an_admins_is_a_users_too() {
    let config = home(&["--admin"]);
    let user = claims(&config.access_token[7..]);
    for name in ["user_name", "user_id", "origin"] {
        assert!(user[name].is_string(), "{name}");
    }
}

#[test]
fn its_refresh_token_is_taken_by_a_server_of_the_same_key() {
    let bench = Bench::new();
    let key = ["--token-key", "k"];
    bench.ok(&["token", "--admin", "--cf-home", "home", key[0], key[1]]);
    let config: Value = serde_json::from_slice(&bench.bytes("home/.cf/config.json")).unwrap();
    let server = Server::start(&["--api", "current", "--login", key[0], key[1]]);
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&config["RefreshToken"])
    );
    let head = [
        "POST /oauth/token HTTP/1.1",
        "Host: HOST",
        "Authorization: Basic Y2Y6",
        "Content-Type: application/x-www-form-urlencoded",
        &format!("Content-Length: {}", form.len()),
    ];
    let token = server.send(&head, &form).ok();
    let claims = claims(&text(&token["access_token"]));
    assert_eq!(claims["user_id"], "admin");
}
