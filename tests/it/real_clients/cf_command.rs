//! The `cf` command: one test for each of its commands.

use serde_json::Value;

use super::server::{ClientResponse, PASSWORD, Server};
use super::{assert_is_time, claims, demo_seed, guids, package_guids, text};

const AGENT: &str = "User-Agent: cf/8.18.4+ab12cd3.2026-08-01 (go1.26.6; amd64 linux)";

/// A `cf` that is logged in: its server and its tokens.
pub struct Cf<'s> {
    server: &'s Server,
    access: String,
    refresh: String,
}

/// Sends a request without a token, as `cf api` and the start of `cf login` do.
pub fn get_without_token(server: &Server, target: &str) -> ClientResponse {
    server.send(
        &[
            &format!("GET {target} HTTP/1.1"),
            "Host: HOST",
            AGENT,
            "Accept: application/json",
            "Content-Type: application/json",
            "X-B3-Spanid: 6f9e1c0d2b3a4857",
            "X-B3-Traceid: 6f9e1c0d2b3a48576f9e1c0d2b3a4857",
            "Accept-Encoding: gzip",
        ],
        "",
    )
}

/// Sends `POST {login}/oauth/token`, with the header `Basic cf:` (an empty secret) or without it.
fn request_token(server: &Server, with_basic: bool, form: &str) -> ClientResponse {
    let length = format!("Content-Length: {}", form.len());
    let mut head = vec!["POST /oauth/token HTTP/1.1", "Host: HOST", AGENT, &length];
    head.push("Accept: application/json");
    if with_basic {
        head.push("Authorization: Basic Y2Y6");
    }
    head.extend([
        "Connection: close",
        "Content-Type: application/x-www-form-urlencoded",
        "X-B3-Spanid: 6f9e1c0d2b3a4857",
        "X-B3-Traceid: 6f9e1c0d2b3a48576f9e1c0d2b3a4857",
        "Accept-Encoding: gzip",
    ]);
    server.send(&head, form)
}

impl<'s> Cf<'s> {
    /// Runs `cf auth USER PASSWORD`.
    pub fn auth(server: &'s Server, user: &str) -> Self {
        let password = PASSWORD.replace(' ', "+");
        let form = format!("grant_type=password&password={password}&username={user}");
        let response = request_token(server, true, &form);
        let token = response.ok();
        assert_eq!(token["token_type"], "bearer");
        assert!(
            response.closes_connection(),
            "the client sent `Connection: close`"
        );
        Self {
            server,
            access: text(&token["access_token"]),
            refresh: text(&token["refresh_token"]),
        }
    }

    pub fn get(&self, target: &str) -> ClientResponse {
        self.send(&format!("GET {target}"), "")
    }

    /// Sends a method and a target, with a JSON body.
    pub fn send(&self, request: &str, body: &str) -> ClientResponse {
        self.server.send(
            &[
                &format!("{request} HTTP/1.1"),
                &format!("Content-Length: {}", body.len()),
                "Host: HOST",
                AGENT,
                "Accept: application/json",
                &format!("Authorization: bearer {}", self.access),
                "Content-Type: application/json",
                "X-B3-Spanid: 6f9e1c0d2b3a4857",
                "X-B3-Traceid: 6f9e1c0d2b3a48576f9e1c0d2b3a4857",
                "Accept-Encoding: gzip",
            ],
            body,
        )
    }

    /// Returns guid and name of all organizations, spaces or apps of a list. `cf` uses no other fields.
    #[track_caller]
    fn list(&self, target: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        self.for_each_resource(target, |one| {
            assert_ne!(one["guid"], "", "`cf target` needs a guid");
            found.push((text(&one["guid"]), text(&one["name"])));
        });
        found
    }

    /// Follows `pagination.next.href` unchanged, with the token, until it is null.
    #[track_caller]
    fn for_each_resource(&self, target: &str, mut each: impl FnMut(&Value)) {
        let mut target = target.to_owned();
        loop {
            let list = self.get(&target).ok();
            list["resources"]
                .as_array()
                .unwrap()
                .iter()
                .for_each(&mut each);
            let next = &list["pagination"]["next"];
            if next.is_null() {
                return;
            }
            target = self.server.target(&next["href"]);
            for parameter in ["page=", "per_page="] {
                assert!(target.contains(parameter), "{target}");
            }
        }
    }

    /// Runs `cf target -o O -s S`. Returns the guids of both.
    #[track_caller]
    fn target(&self, organization: &str, space: &str) -> (String, String) {
        let path = format!("/v3/organizations?names={organization}&page=1&per_page=1");
        let [(organization, _)] = &self.list(&path)[..] else {
            panic!("Organization '{organization}' not found.");
        };
        let path =
            format!("/v3/spaces?names={space}&organization_guids={organization}&page=1&per_page=1");
        let [(space, _)] = &self.list(&path)[..] else {
            panic!("Space '{space}' not found.");
        };
        (organization.clone(), space.clone())
    }
}

pub fn alice() -> Cf<'static> {
    Cf::auth(Server::demo(), "alice.moreau")
}

#[test]
fn api_reads_the_login_url_and_the_version() {
    let server = Server::demo();
    let root = get_without_token(server, "/").ok();
    // Without this link `cf auth` fails before it sends a request.
    assert_eq!(server.target(&root["links"]["login"]["href"]), "");
    let controller = &root["links"]["cloud_controller_v3"];
    assert_eq!(server.target(&controller["href"]), "/v3");
    let version = text(&controller["meta"]["version"]);
    let minor = version
        .strip_prefix("3.")
        .and_then(|rest| rest.split('.').next());
    // `cf` warns about versions below 3.99.
    assert!(minor.unwrap().parse::<u32>().unwrap() >= 99, "{version}");
    for (name, link) in root["links"].as_object().unwrap() {
        assert!(link.is_null() || link["href"].is_string(), "{name}");
    }
}

#[test]
fn auth_reads_the_user_from_the_token() {
    let cf = alice();
    let claims = claims(&cf.access);
    // `cf` panics if one of the three is missing.
    assert_eq!(claims["user_name"], "alice.moreau");
    assert_eq!(claims["user_id"], "78593e23-2c9e-429f-8c39-402478fbf96e");
    assert_eq!(claims["origin"], "uaa");
}

#[test]
fn auth_with_client_credentials_names_no_user() {
    let server = Server::demo();
    let secret = PASSWORD.replace(' ', "+");
    let form = format!("client_id=bob.tanaka&client_secret={secret}&grant_type=client_credentials");
    let token = request_token(server, false, &form).ok();
    let access = text(&token["access_token"]);
    let claims = claims(&access);
    // Without a user name `cf` shows the client as the user.
    assert_eq!(claims.get("user_name"), None);
    assert!(claims["client_id"].is_string());
    let cf = Cf {
        server,
        access,
        refresh: String::new(),
    };
    assert_eq!(cf.list("/v3/organizations?order_by=name").len(), 1);
}

#[test]
fn an_expiring_token_is_refreshed() {
    let cf = alice();
    let form = format!("grant_type=refresh_token&refresh_token={}", cf.refresh);
    let token = request_token(cf.server, true, &form).ok();
    // `cf` stores what it receives: without a `token_type` its configuration becomes unusable.
    assert_eq!(token["token_type"], "bearer");
    assert!(token["refresh_token"].is_string());
    let renewed = Cf {
        access: text(&token["access_token"]),
        ..cf
    };
    assert_eq!(claims(&renewed.access)["user_name"], "alice.moreau");
    renewed.get("/v3/packages").ok();
}

#[test]
fn auth_with_a_wrong_password_reads_the_error_unauthorized() {
    let response = request_token(
        Server::demo(),
        true,
        "grant_type=password&password=wrong&username=alice.moreau",
    );
    // `cf` prints "Credentials were rejected, please try again." for exactly this error.
    let error = response.json(401);
    assert_eq!(error["error"], "unauthorized");
    assert!(error["error_description"].is_string());
}

#[test]
fn login_reads_the_prompts() {
    let server = Server::demo();
    get_without_token(server, "/").ok();
    let prompts = &get_without_token(server, "/login").ok()["prompts"];
    for (name, kind) in [("username", "text"), ("password", "password")] {
        let prompt = prompts[name].as_array().expect(name);
        // `cf` asks for other types under another name, or not at all.
        assert!(prompt.len() == 2 && prompt[0] == kind && prompt[1].is_string());
    }
    alice().target("acme-retail", "dev");
}

#[test]
fn target_ignores_the_case_of_names() {
    let found = alice().target("acme-retail", "staging");
    assert_eq!(found, alice().target("ACME-Retail", "Staging"));
    let (organization, space) = found;
    assert_eq!(organization, "7e4c430b-78b6-49b2-93f0-57841115fd05");
    assert_eq!(space, "62a608e4-4201-497a-b8c2-4d6a5fe1becf");
}

#[test]
fn orgs_and_spaces_list_every_name_in_order() {
    let cf = Cf::auth(Server::demo(), "admin");
    let demo = demo_seed();
    let sorted = |kind: &str, predicate: &dyn Fn(&Value) -> bool| {
        let all = demo[kind].as_array().unwrap().iter();
        let mut names: Vec<String> = all
            .filter(|one| predicate(one))
            .map(|one| text(&one["name"]))
            .collect();
        names.sort();
        names
    };
    let names =
        |found: Vec<(String, String)>| found.into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    let organizations = cf.list("/v3/organizations?order_by=name");
    for (guid, organization) in &organizations {
        let spaces = cf.list(&format!(
            "/v3/spaces?order_by=name&organization_guids={guid}"
        ));
        assert_eq!(
            names(spaces),
            sorted("spaces", &|space| space["organization"] == **organization)
        );
    }
    assert_eq!(names(organizations), sorted("organizations", &|_| true));
}

#[test]
fn app_guid_finds_an_app_by_name_and_space() {
    let cf = alice();
    let (_, space) = cf.target("acme-retail", "dev");
    let found = cf.list(&format!("/v3/apps?names=storefront&space_guids={space}"));
    assert_eq!(
        found,
        [(
            "325ca6bf-200f-433e-8777-dd14f4dd59ab".into(),
            "storefront".into()
        )]
    );
    // For an empty list `cf` prints "App 'x' not found".
    assert_eq!(
        cf.list(&format!("/v3/apps?names=x&space_guids={space}")),
        []
    );
    // `cf` escapes a comma within a name twice.
    assert_eq!(
        cf.list(&format!(
            "/v3/apps?names=store%252Cfront&space_guids={space}"
        )),
        []
    );
}

#[test]
fn packages_lists_the_newest_first() {
    let cf = alice();
    let app = "325ca6bf-200f-433e-8777-dd14f4dd59ab";
    let mut shown = Vec::new();
    cf.for_each_resource(
        &format!("/v3/packages?app_guids={app}&order_by=-created_at"),
        |package| {
            assert_is_time(&package["created_at"]);
            assert!(package["state"].is_string());
            shown.push((text(&package["created_at"]), text(&package["guid"])));
        },
    );
    assert!(shown.is_sorted_by(|newer, older| newer >= older));
    let mut shown: Vec<String> = shown.into_iter().map(|(_, guid)| guid).collect();
    let mut expected = package_guids(&demo_seed(), |package| package["app"] == app);
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
}

#[test]
fn packages_follows_the_links_to_all_pages() {
    // `cf` sends no `per_page`: each page has 50 packages.
    let mut shown = Vec::new();
    let cf = Cf::auth(Server::demo(), "admin");
    cf.for_each_resource("/v3/packages?types=bits&order_by=-created_at", |package| {
        shown.push(text(&package["guid"]));
    });
    let mut expected = package_guids(&demo_seed(), |package| package["type"] == "bits");
    assert!(expected.len() > 4 * 50);
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
}

#[test]
fn curl_prints_pages_and_errors() {
    let cf = alice();
    let list = cf.get("/v3/packages?page=2&per_page=3").ok();
    assert_eq!(guids(&list).len(), 3);
    // `cf curl` prints an error as it is; other commands print `detail`.
    let refused = cf.get("/v3/packages?foo=bar").json(400);
    let error = &refused["errors"][0];
    assert!(error["code"].is_u64() && error["title"].is_string() && error["detail"].is_string());
    // For exactly this detail `cf` prints that the endpoint does not exist.
    let refused = cf.get("/v3/no-such-thing").json(404);
    assert_eq!(refused["errors"][0]["detail"], "Unknown request");
    // `cf curl -X POST -d {}`
    let response = cf.server.send(
        &[
            "POST /v3/packages HTTP/1.1",
            "Host: HOST",
            AGENT,
            "Content-Length: 2",
            "Accept: application/json",
            &format!("Authorization: bearer {}", cf.access),
            "Content-Type: application/json",
            "Accept-Encoding: gzip",
        ],
        "{}",
    );
    assert_eq!(response.json(422)["errors"][0]["code"], 10008);
}

#[test]
fn a_refused_token_does_not_start_another_login() {
    let cf = Cf {
        access: alice().refresh,
        ..alice()
    };
    // The server refuses a refresh token as an access token. `cf` prints the detail and exits.
    let error = cf.get("/v3/packages").json(401);
    assert_eq!(error["errors"].as_array().unwrap().len(), 1);
    assert_eq!(error["errors"][0]["title"], "CF-InvalidAuthToken");
    assert_eq!(error["errors"][0]["code"], 1000);
}
