//! `cf`, command by command.

use serde_json::Value;

use super::wire::{Answer, PASSWORD, Server};
use super::{claims, demo, guids, is_time, packages_of, text};

const AGENT: &str = "User-Agent: cf/8.18.4+ab12cd3.2026-08-01 (go1.26.6; amd64 linux)";

/// Somebody's `cf`: where it is logged in, and as whom.
struct Cf<'s> {
    server: &'s Server,
    access: String,
    refresh: String,
}

/// A request without a token: `cf api`, and what `cf login` begins with.
fn unauthenticated(server: &Server, target: &str) -> Answer {
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

/// `POST {login}/oauth/token`, with `Basic cf:` (an empty secret) or without.
fn ask_for_token(server: &Server, with_basic: bool, form: &str) -> Answer {
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
    /// `cf auth USER PASSWORD`
    fn auth(server: &'s Server, user: &str) -> Self {
        let password = PASSWORD.replace(' ', "+");
        let form = format!("grant_type=password&password={password}&username={user}");
        let answer = ask_for_token(server, true, &form);
        let token = answer.ok();
        assert_eq!(token["token_type"], "bearer");
        assert!(answer.ends(), "the client said `Connection: close`");
        Self {
            server,
            access: text(&token["access_token"]),
            refresh: text(&token["refresh_token"]),
        }
    }

    fn get(&self, target: &str) -> Answer {
        self.server.send(
            &[
                &format!("GET {target} HTTP/1.1"),
                "Host: HOST",
                AGENT,
                "Accept: application/json",
                &format!("Authorization: bearer {}", self.access),
                "Content-Type: application/json",
                "X-B3-Spanid: 6f9e1c0d2b3a4857",
                "X-B3-Traceid: 6f9e1c0d2b3a48576f9e1c0d2b3a4857",
                "Accept-Encoding: gzip",
            ],
            "",
        )
    }

    /// A list of organizations, spaces or apps, all pages of it. `cf` looks at guid and name alone.
    #[track_caller]
    fn list(&self, target: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        self.walk(target, |one| {
            assert_ne!(one["guid"], "", "an empty guid is no target");
            found.push((text(&one["guid"]), text(&one["name"])));
        });
        found
    }

    /// Follows `pagination.next.href` as given, with the token, as long as there is one.
    #[track_caller]
    fn walk(&self, target: &str, mut each: impl FnMut(&Value)) {
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

    /// `cf target -o O -s S`: the guids of both.
    #[track_caller]
    fn target(&self, organization: &str, space: &str) -> (String, String) {
        let asked = format!("/v3/organizations?names={organization}&page=1&per_page=1");
        let [(organization, _)] = &self.list(&asked)[..] else {
            panic!("Organization '{organization}' not found.");
        };
        let asked =
            format!("/v3/spaces?names={space}&organization_guids={organization}&page=1&per_page=1");
        let [(space, _)] = &self.list(&asked)[..] else {
            panic!("Space '{space}' not found.");
        };
        (organization.clone(), space.clone())
    }
}

fn alice() -> Cf<'static> {
    Cf::auth(Server::demo(), "alice.moreau")
}

#[test]
fn api() {
    let server = Server::demo();
    let root = unauthenticated(server, "/").ok();
    // Without it `cf auth` fails before any request.
    assert_eq!(server.target(&root["links"]["login"]["href"]), "");
    let controller = &root["links"]["cloud_controller_v3"];
    assert_eq!(server.target(&controller["href"]), "/v3");
    let version = text(&controller["meta"]["version"]);
    let minor = version
        .strip_prefix("3.")
        .and_then(|rest| rest.split('.').next());
    // Below 3.99 it warns.
    assert!(minor.unwrap().parse::<u32>().unwrap() >= 99, "{version}");
    for (name, link) in root["links"].as_object().unwrap() {
        assert!(link.is_null() || link["href"].is_string(), "{name}");
    }
}

#[test]
fn auth() {
    let cf = alice();
    let claims = claims(&cf.access);
    // All three, or `cf` panics.
    assert_eq!(claims["user_name"], "alice.moreau");
    assert_eq!(claims["user_id"], "78593e23-2c9e-429f-8c39-402478fbf96e");
    assert_eq!(claims["origin"], "uaa");
}

#[test]
fn auth_client_credentials() {
    let server = Server::demo();
    let secret = PASSWORD.replace(' ', "+");
    let form = format!("client_id=bob.tanaka&client_secret={secret}&grant_type=client_credentials");
    let token = ask_for_token(server, false, &form).ok();
    let access = text(&token["access_token"]);
    let claims = claims(&access);
    // Then the user shown is the client.
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
fn a_token_that_is_about_to_end_is_refreshed() {
    let cf = alice();
    let form = format!("grant_type=refresh_token&refresh_token={}", cf.refresh);
    let token = ask_for_token(cf.server, true, &form).ok();
    // Without a `token_type` the configuration is spoilt here.
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
fn auth_with_a_wrong_password() {
    let answer = ask_for_token(
        Server::demo(),
        true,
        "grant_type=password&password=wrong&username=alice.moreau",
    );
    // `cf` says "Credentials were rejected, please try again." to exactly this error.
    let error = answer.json(401);
    assert_eq!(error["error"], "unauthorized");
    assert!(error["error_description"].is_string());
}

#[test]
fn login() {
    let server = Server::demo();
    unauthenticated(server, "/").ok();
    let prompts = &unauthenticated(server, "/login").ok()["prompts"];
    for (name, kind) in [("username", "text"), ("password", "password")] {
        let prompt = prompts[name].as_array().expect(name);
        // What is not of this kind is asked for under another name, or not at all.
        assert!(prompt.len() == 2 && prompt[0] == kind && prompt[1].is_string());
    }
    alice().target("acme-retail", "dev");
}

#[test]
fn target_finds_names_in_any_case() {
    let found = alice().target("acme-retail", "staging");
    assert_eq!(found, alice().target("ACME-Retail", "Staging"));
    let (organization, space) = found;
    assert_eq!(organization, "7e4c430b-78b6-49b2-93f0-57841115fd05");
    assert_eq!(space, "62a608e4-4201-497a-b8c2-4d6a5fe1becf");
}

#[test]
fn orgs_and_spaces() {
    let cf = Cf::auth(Server::demo(), "admin");
    let demo = demo();
    let sorted = |kind: &str, wanted: &dyn Fn(&Value) -> bool| {
        let all = demo[kind].as_array().unwrap().iter();
        let mut names: Vec<String> = all
            .filter(|one| wanted(one))
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
fn org_guid_space_guid_app_guid() {
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
    // What is not there is an empty list: `cf` says "App 'x' not found" itself.
    assert_eq!(
        cf.list(&format!("/v3/apps?names=x&space_guids={space}")),
        []
    );
    // A comma within a name goes out escaped twice.
    assert_eq!(
        cf.list(&format!(
            "/v3/apps?names=store%252Cfront&space_guids={space}"
        )),
        []
    );
}

#[test]
fn packages() {
    let cf = alice();
    let app = "325ca6bf-200f-433e-8777-dd14f4dd59ab";
    let mut shown = Vec::new();
    cf.walk(
        &format!("/v3/packages?app_guids={app}&order_by=-created_at"),
        |package| {
            is_time(&package["created_at"]);
            assert!(package["state"].is_string());
            shown.push((text(&package["created_at"]), text(&package["guid"])));
        },
    );
    assert!(shown.is_sorted_by(|newer, older| newer >= older));
    let mut shown: Vec<String> = shown.into_iter().map(|(_, guid)| guid).collect();
    let mut expected = packages_of(&demo(), |package| package["app"] == app);
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
}

#[test]
fn packages_beyond_a_page_are_found_by_their_links() {
    // No `per_page` of its own: fifty a page, and `cf` follows what it is given.
    let mut shown = Vec::new();
    let cf = Cf::auth(Server::demo(), "admin");
    cf.walk("/v3/packages?types=bits&order_by=-created_at", |package| {
        shown.push(text(&package["guid"]));
    });
    let mut expected = packages_of(&demo(), |package| package["type"] == "bits");
    assert!(expected.len() > 4 * 50);
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
}

#[test]
fn curl() {
    let cf = alice();
    let list = cf.get("/v3/packages?page=2&per_page=3").ok();
    assert_eq!(guids(&list).len(), 3);
    // What is refused is printed as it is; other commands print `detail`.
    let refused = cf.get("/v3/packages?foo=bar").json(400);
    let error = &refused["errors"][0];
    assert!(error["code"].is_u64() && error["title"].is_string() && error["detail"].is_string());
    // To exactly this detail, `cf` says that there is no such endpoint.
    let refused = cf.get("/v3/no-such-thing").json(404);
    assert_eq!(refused["errors"][0]["detail"], "Unknown request");
    // `-X POST` with a body
    let answer = cf.server.send(
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
    assert_eq!(answer.json(404)["errors"][0]["code"], 10000);
}

#[test]
fn a_token_that_is_not_taken_is_no_reason_to_log_in_again() {
    let cf = Cf {
        access: alice().refresh,
        ..alice()
    };
    // A refresh token is no access token; `cf` prints the detail and gives up.
    let error = cf.get("/v3/packages").json(401);
    assert_eq!(error["errors"].as_array().unwrap().len(), 1);
    assert_eq!(error["errors"][0]["title"], "CF-InvalidAuthToken");
    assert_eq!(error["errors"][0]["code"], 1000);
}
