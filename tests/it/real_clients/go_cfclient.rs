//! go-cfclient: one test for each of its operations.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::server::{ClientResponse, PASSWORD, Server};
use super::{assert_is_time, claims, demo_seed, guids, package_guids, text};

/// A client that is logged in.
struct GoClient {
    server: &'static Server,
    access: String,
}

/// Sends `GET /` to find the UAA.
fn discover(server: &Server) {
    let root = server.send(
        &[
            "GET / HTTP/1.1",
            "Host: HOST",
            "User-Agent: Go-CF-Client/3.0",
            "Accept-Encoding: gzip",
        ],
        "",
    );
    assert_eq!(server.target(&root.ok()["links"]["uaa"]["href"]), "");
}

/// Sends `POST {uaa}/oauth/token` as Go's OAuth library does: it form-encodes id and secret in the Basic header.
fn request_token(server: &Server, id: &str, secret: &str, form: &str) -> ClientResponse {
    let encode = |text| form_urlencoded::byte_serialize(str::as_bytes(text)).collect::<String>();
    let basic = STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
    server.send(
        &[
            "POST /oauth/token HTTP/1.1",
            "Host: HOST",
            "User-Agent: Go-http-client/1.1",
            &format!("Content-Length: {}", form.len()),
            &format!("Authorization: Basic {basic}"),
            "Content-Type: application/x-www-form-urlencoded",
            "Accept-Encoding: gzip",
        ],
        form,
    )
}

impl GoClient {
    /// Runs `config.New(url, config.UserPassword(user, password))`.
    fn with_password(user: &str) -> Self {
        let server = Server::demo();
        discover(server);
        let password = PASSWORD.replace(' ', "+");
        let form = format!("grant_type=password&password={password}&username={user}");
        let token = request_token(server, "cf", "", &form).ok();
        // The client fails if `expires_in` is not a number.
        assert!(token["expires_in"].is_i64());
        Self {
            server,
            access: text(&token["access_token"]),
        }
    }

    fn get(&self, target: &str) -> ClientResponse {
        self.server.send(
            &[
                &format!("GET {target} HTTP/1.1"),
                "Host: HOST",
                "User-Agent: Go-CF-Client/3.0",
                &format!("Authorization: Bearer {}", self.access),
                "Accept-Encoding: gzip",
            ],
            "",
        )
    }

    /// Returns the resources of all pages. The client takes `page` and `per_page` from the query of `next.href`.
    #[track_caller]
    fn list_all(&self, path: &str) -> Vec<Value> {
        let mut query = "page=1&per_page=50".to_owned();
        let mut found = Vec::new();
        for expected in 2.. {
            let list = self.get(&format!("{path}?{query}")).ok();
            assert!(list["pagination"]["total_results"].is_u64());
            found.extend(list["resources"].as_array().unwrap().iter().cloned());
            let next = &list["pagination"]["next"];
            if next.is_null() {
                break;
            }
            let href = text(&next["href"]);
            let fields = href.split_once('?').expect("a query").1.as_bytes();
            let field = |name: &str| {
                let mut fields = form_urlencoded::parse(fields);
                let found = fields.find(|(field, _)| field == name);
                found.unwrap_or_else(|| panic!("`{name}` in {href}")).1
            };
            // The client loops forever if the page does not change.
            assert_eq!(field("page"), expected.to_string());
            query = format!("page={}&per_page={}", field("page"), field("per_page"));
        }
        found
    }
}

/// Decodes a package as the client does. One package that it cannot decode fails the whole list.
#[track_caller]
fn decode_package(package: &Value) {
    assert!(package["type"] == "bits" || package["type"] == "docker");
    assert!(package.get("data").is_some(), "data is present");
    assert!(package["state"].is_string());
    assert_is_time(&package["created_at"]);
    assert_is_time(&package["updated_at"]);
    decode_metadata(package);
}

#[track_caller]
fn decode_app(app: &Value) {
    let lifecycle = &app["lifecycle"];
    assert!(["buildpack", "docker", "cnb"].contains(&lifecycle["type"].as_str().unwrap()));
    assert!(lifecycle["data"].is_object(), "lifecycle.data is present");
    assert_is_time(&app["created_at"]);
    assert_is_time(&app["updated_at"]);
    decode_metadata(app);
}

#[track_caller]
fn decode_metadata(one: &Value) {
    for kind in ["labels", "annotations"] {
        let values = one["metadata"][kind].as_object().expect(kind).values();
        for value in values {
            assert!(value.is_string() || value.is_null(), "{value}");
        }
    }
}

#[test]
fn login_with_a_password_reads_the_user_name() {
    let token = claims(&GoClient::with_password("alice.moreau").access);
    assert_eq!(token["user_name"], "alice.moreau");
}

#[test]
fn login_with_client_credentials_lists_all_packages() {
    let server = Server::demo();
    discover(server);
    let form = "grant_type=client_credentials";
    let token = request_token(server, "admin", PASSWORD, form).ok();
    let access = text(&token["access_token"]);
    assert_eq!(claims(&access).get("user_name"), None);
    let go = GoClient { server, access };
    assert_eq!(go.list_all("/v3/packages").len(), 300);
}

#[test]
fn packages_list_all_follows_every_page() {
    let found = GoClient::with_password("admin").list_all("/v3/packages");
    found.iter().for_each(decode_package);
    let found: Vec<String> = found.iter().map(|one| text(&one["guid"])).collect();
    assert_eq!(found, package_guids(&demo_seed(), |_| true));
}

#[test]
fn packages_list_applies_filters_and_order() {
    let go = GoClient::with_password("admin");
    let (app, later) = (
        "325ca6bf-200f-433e-8777-dd14f4dd59ab",
        "2026-02-01T00:00:00Z",
    );
    let list = go
        .get(&format!(
            "/v3/packages?app_guids={app}&created_ats%5Bgt%5D=2026-02-01T00%3A00%3A00Z&order_by=-created_at\
             &page=1&per_page=2&states=READY%2CFAILED%2CEXPIRED&types=bits"
        ))
        .ok();
    let expected = package_guids(&demo_seed(), |package| {
        package["app"] == app
            && package["type"] == "bits"
            && package["created_at"].as_str().unwrap() > later
            && ["READY", "FAILED", "EXPIRED"].contains(&package["state"].as_str().unwrap_or(""))
    });
    assert_eq!(list["pagination"]["total_results"], expected.len());
    assert!(expected.len() > 2, "more than one page");
    let newest_first: Vec<String> = expected.into_iter().rev().take(2).collect();
    assert_eq!(guids(&list), newest_first);

    let selected = go
        .get("/v3/packages?label_selector=env+in+%28prod%2Cqa%29&page=1&per_page=50")
        .ok();
    let prod = package_guids(&demo_seed(), |package| package["labels"]["env"] == "prod");
    assert_eq!(selected["pagination"]["total_results"], prod.len());
}

#[test]
fn a_time_with_an_offset_is_refused_as_a_controller_does() {
    let go = GoClient::with_password("admin");
    let refused = go
        .get("/v3/packages?page=1&per_page=50&updated_ats%5Blte%5D=2027-01-02T03%3A04%3A05%2B01%3A00")
        .json(400);
    // The client turns the first of `errors` into a typed error.
    assert_eq!(refused["errors"][0]["title"], "CF-BadQueryParameter");
    assert_eq!(refused["errors"][0]["code"], 10005);
    assert_eq!(
        refused["errors"][0]["detail"],
        "The query parameter is invalid: Updated ats has an invalid timestamp format. \
         Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'"
    );
}

#[test]
fn packages_single_and_first_return_one_package() {
    let go = GoClient::with_password("admin");
    let one = "a57286e7-7f68-4f0d-8671-b0950cde0995";
    let single = go.get(&format!("/v3/packages?guids={one}&page=1&per_page=50"));
    assert_eq!(guids(&single.ok()), [one]);
    let first = go.get("/v3/packages?page=1&per_page=50").ok();
    assert_eq!(guids(&first)[0], package_guids(&demo_seed(), |_| true)[0]);
}

/// The client polls a package until it is READY or FAILED, for five minutes.
#[test]
fn first_package_of_each_demo_user_is_ready() {
    let users = demo_seed()["users"].as_array().unwrap().clone();
    let names = users.iter().map(|user| text(&user["name"]));
    for name in names.chain(["admin".into()]) {
        let go = GoClient::with_password(&name);
        let list = go.get("/v3/packages?page=1&per_page=50").ok();
        let first = &list["resources"][0];
        assert!(
            first.is_null() || first["state"] == "READY",
            "{name}: {first}"
        );
    }
}

/// Every user is a client too. The error says so, whether or not there is one of that name.
#[test]
fn error_of_a_wrong_client_says_what_a_client_is() {
    for (id, secret) in [("nobody", PASSWORD), ("alice.moreau", "wrong")] {
        let form = "grant_type=client_credentials";
        let refused = request_token(Server::demo(), id, secret, form).json(401);
        assert_eq!(refused["error"], "unauthorized");
        assert_eq!(
            refused["error_description"],
            "Bad client credentials: the id must be the guid or the name of a seeded user, or admin, and the secret the password of the login"
        );
    }
}

#[test]
fn packages_get_decodes_one_package() {
    let go = GoClient::with_password("admin");
    for guid in package_guids(&demo_seed(), |package| package["state"] == "COPYING") {
        let package = go.get(&format!("/v3/packages/{guid}")).ok();
        decode_package(&package);
        assert_eq!(package["guid"], guid);
    }
    let refused = go.get("/v3/packages/no-such").json(404);
    assert_eq!(refused["errors"][0]["title"], "CF-ResourceNotFound");
}

#[test]
fn packages_list_for_app_all_returns_the_packages_of_that_app() {
    let go = GoClient::with_password("admin");
    let demo = demo_seed();
    for app in demo["apps"].as_array().unwrap() {
        let found = go.list_all(&format!("/v3/apps/{}/packages", text(&app["guid"])));
        found.iter().for_each(decode_package);
        let found: Vec<String> = found.iter().map(|one| text(&one["guid"])).collect();
        assert_eq!(
            found,
            package_guids(&demo, |package| package["app"] == app["guid"])
        );
    }
}

#[test]
fn apps_list_with_included_spaces_and_organizations() {
    let go = GoClient::with_password("admin");
    let list = go
        .get("/v3/apps?include=space.organization&page=1&per_page=50")
        .ok();
    for app in list["resources"].as_array().unwrap() {
        decode_app(app);
        // The client takes the first element of each list without checking its length.
        let one = format!("/v3/apps/{}?include=", text(&app["guid"]));
        let space = &app["relationships"]["space"]["data"]["guid"];
        let with_space = go.get(&format!("{one}space")).ok();
        assert_eq!(with_space["included"]["spaces"][0]["guid"], *space);
        let with_both = go.get(&format!("{one}space.organization")).ok();
        let organization =
            &with_both["included"]["spaces"][0]["relationships"]["organization"]["data"];
        assert_eq!(
            with_both["included"]["organizations"][0]["guid"],
            organization["guid"]
        );
    }
    for kind in ["spaces", "organizations"] {
        let included = list["included"][kind].as_array().expect(kind);
        assert!(!included.is_empty());
    }
    let spaces = go
        .get("/v3/spaces?include=organization&page=1&per_page=50")
        .ok();
    assert_eq!(
        spaces["included"]["organizations"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
}

#[test]
fn every_401_starts_another_login() {
    let mut go = GoClient::with_password("admin");
    go.access = "stale".into();
    assert_eq!(go.get("/v3/packages?page=1&per_page=50").status, 401);
    let go = GoClient::with_password("admin");
    go.get("/v3/packages?page=1&per_page=50").ok();
}
