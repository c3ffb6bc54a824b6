//! `token --cf-home DIR` writes a configuration with which `cf` and go-cfclient are logged in.

use serde::Deserialize;
use serde_json::Value;

use super::login::request_token;
use super::server::Server;
use super::{claims, text};
use crate::support::WorkDir;

/// The file as both clients decode it. If one field has another type, they read nothing.
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

/// Returns the configuration that `token` writes for that user.
fn config(user: &[&str]) -> Config {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo"]);
    let url = ["--cf-home", "home", "--url", "https://api.example.org/"];
    assert_eq!(dir.run_ok(&[&["token"], user, &url].concat()), "");
    serde_json::from_slice(&dir.read("home/.cf/config.json")).unwrap()
}

#[test]
fn both_clients_find_every_setting_they_read() {
    let config = config(&["--user", "78593e23-2c9e-429f-8c39-402478fbf96e"]);
    // `cf` 8 discards a file of another version.
    assert_eq!(config.config_version, 4);
    // The clients append paths to the target, which must not end in a slash. go-cfclient sends `GET /` if one of the
    // other endpoints is missing.
    let url = "https://api.example.org";
    assert_eq!(config.target, url);
    assert_eq!(config.authorization_endpoint, url);
    assert_eq!(config.uaa_endpoint, url);
    assert!(config.api_version.starts_with("3.") && !config.ssl_disabled);
    // The OAuth client `cf` has an empty secret. With a grant type, `cf` would log in as a client, not as a user.
    assert_eq!(config.uaa_oauth_client, "cf");
    assert_eq!(config.uaa_oauth_client_secret, "");
    assert_eq!(config.uaa_grant_type, "");
    // `cf` removes the first seven characters without checking them.
    let access = config.access_token.strip_prefix("bearer ").unwrap();
    let user = claims(access);
    assert_eq!(user["user_name"], "alice.moreau");
    assert_eq!(user["user_id"], "78593e23-2c9e-429f-8c39-402478fbf96e");
    assert!(user["origin"].is_string());
    assert_eq!(claims(&config.refresh_token)["client_id"], "cf");
}

#[test]
fn the_token_of_an_admin_names_a_user_too() {
    let config = config(&["--admin"]);
    let user = claims(&config.access_token[7..]);
    for name in ["user_name", "user_id", "origin"] {
        assert!(user[name].is_string(), "{name}");
    }
}

#[test]
fn a_server_with_the_same_key_accepts_the_refresh_token() {
    let dir = WorkDir::new();
    let key = ["--token-key", "k"];
    dir.run_ok(&["token", "--admin", "--cf-home", "home", key[0], key[1]]);
    let config: Value = serde_json::from_slice(&dir.read("home/.cf/config.json")).unwrap();
    let server = Server::start(&["--api", "current", "--login", key[0], key[1]]);
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&config["RefreshToken"])
    );
    let token = request_token(&server, &form).ok();
    let claims = claims(&text(&token["access_token"]));
    assert_eq!(claims["user_id"], "admin");
}
