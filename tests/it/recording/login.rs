//! The login of the `cf` program.

use super::{HARD, serve_seed};
use crate::support::WorkDir;
use crate::support::scripted::{Scripted, json_response, page, root};

/// Returns a folder with a configuration of `cf` for that server. `more` are further fields.
fn cf_home(url: &str, access_token: &str, more: &str) -> WorkDir {
    let home = WorkDir::new();
    std::fs::create_dir(home.path(".cf")).expect("a folder");
    home.write(
        ".cf/config.json",
        format!(
            r#"{{"ConfigVersion": 4, "Target": "{url}", "AccessToken": "bearer {access_token}", "SSLDisabled": true{more}}}"#
        ),
    );
    home
}

/// A token that has expired.
const EXPIRED: &str = "e30.eyJleHAiOjE0NDgwMzg5NzZ9.x";

fn controller() -> Scripted {
    Scripted::start(|target| {
        Some(match target.split('?').next().unwrap_or_default() {
            "/" => json_response(200, "", &root()),
            "/oauth/token" => json_response(
                200,
                "",
                r#"{"access_token": "new-token", "refresh_token": "refresh", "token_type": "bearer"}"#,
            ),
            path => json_response(200, "", &page(path.trim_start_matches("/v3/"), "", &[])),
        })
    })
}

#[test]
fn target_and_token_are_those_of_the_login() {
    let (dir, server) = serve_seed(HARD);
    let url = format!("http://{}", server.address());
    dir.run_ok(&["token", "--admin", "--cf-home", "home", "--url", &url]);
    for arguments in [
        &["record", "--cf-home", "home"][..],
        &["record", &url, "--cf-home", "home"],
    ] {
        let output = dir.run(arguments);
        assert_eq!(output.status, 0, "{}", output.stderr);
        assert!(output.stdout.contains("\"p6\""));
    }
    let output = dir
        .command()
        .arg("record")
        .env("CF_HOME", dir.path("home"))
        .output()
        .expect("the program runs");
    assert!(output.status.success());
}

#[test]
fn token_of_the_login_is_not_sent_to_another_server() {
    let other = controller();
    let home = cf_home("https://api.example.org", "secret-token", "");
    let output = home.run(&["record", &other.url(), "--cf-home", "."]);
    assert_eq!(output.status, 2);
    assert!(
        output.stderr.contains("`https://api.example.org`"),
        "{}",
        output.stderr
    );
    assert_eq!(other.requests(), Vec::<String>::new());
}

#[test]
fn expired_token_is_replaced_before_it_is_sent() {
    let controller = controller();
    let more = format!(
        r#", "RefreshToken": "refresh", "UaaEndpoint": "{}", "UAAOAuthClient": "cf", "UAAOAuthClientSecret": """#,
        controller.url()
    );
    let home = cf_home(&controller.url(), EXPIRED, &more);
    let before = home.read(".cf/config.json");
    let output = home.run(&["record", "--cf-home", "."]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let requests = controller.requests();
    let posts: Vec<_> = requests
        .iter()
        .filter(|head| head.starts_with("POST "))
        .collect();
    assert_eq!(posts.len(), 1, "{requests:?}");
    // `cf:` with an empty secret.
    assert!(
        posts[0]
            .to_lowercase()
            .contains("authorization: basic y2y6"),
        "{}",
        posts[0]
    );
    for head in requests.iter().filter(|head| head.starts_with("GET /v3/")) {
        assert!(head.contains("bearer new-token"), "{head}");
        assert!(
            head.to_lowercase().contains("user-agent: cf-packages/"),
            "{head}"
        );
    }
    // `GET /` needs no token.
    assert!(requests[0].starts_with("GET / ") && !requests[0].contains("bearer"));
    assert_eq!(home.read(".cf/config.json"), before);
}

#[test]
fn login_that_cannot_be_used_says_what_to_do() {
    let controller = controller();
    let refused = Scripted::start(|_| Some(json_response(401, "", "{}")));
    let expired = format!(
        r#", "RefreshToken": "refresh", "UaaEndpoint": "{}""#,
        refused.url()
    );
    for (home, said) in [
        (WorkDir::new(), "cannot be read"),
        (cf_home("", "x", ""), "has no login"),
        (cf_home(&controller.url(), "", ""), "holds no valid token"),
        (
            cf_home(&controller.url(), EXPIRED, &expired),
            "log in again with `cf login`",
        ),
    ] {
        let output = home.run(&["record", "--cf-home", "."]);
        assert_eq!(output.status, 1, "{}", output.stderr);
        assert!(output.stderr.contains(said), "{}", output.stderr);
        assert!(output.stderr.contains("cf login"), "{}", output.stderr);
        assert!(!output.stderr.contains("refresh\""), "{}", output.stderr);
    }
}
