//! Who asks: the Authorization header and the token in it, as the server answers them in the edition 2015.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{Bench, Server, refusal};

/// 2015-11-13T17:03:00Z, where the server's clock stands still.
const NOW: i64 = 1_447_434_180;
const CLOCK: &str = "2015-11-13T17:03:00Z";

fn served(more: &[&str]) -> (Bench, Server) {
    let bench = Bench::new();
    let mut flags = vec![
        "--seed",
        "example",
        "--token-key",
        "tokensecret",
        "--clock",
        CLOCK,
    ];
    flags.extend(more);
    let server = bench.serve(&flags);
    (bench, server)
}

fn claims() -> Value {
    json!({"user_id": "uaa-id-463", "scope": ["cloud_controller.read"], "aud": ["cloud_controller"], "exp": NOW + 60})
}

fn signed(key: &str, algorithm: Algorithm, claims: &Value) -> String {
    encode(
        &Header::new(algorithm),
        claims,
        &EncodingKey::from_secret(key.as_bytes()),
    )
    .expect("a token")
}

fn token(claims: &Value) -> String {
    signed("tokensecret", Algorithm::HS256, claims)
}

/// The claims with this one changed, or taken out where it is `"-"`.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let object = claims.as_object_mut().expect("an object");
    if value == json!("-") {
        object.remove(name);
    } else {
        object.insert(name.into(), value);
    }
    claims
}

fn told(server: &Server, headers: &str) -> (u16, String) {
    let answer = server.ask(format!(
        "GET /v3/packages?page=0 HTTP/1.1\r\nHost: example.org\r\n{headers}\r\n"
    ));
    assert_eq!(answer.header("www-authenticate"), None);
    (answer.status, answer.body)
}

/// The request's query is wrong as well: who passes is told that, and nobody else.
fn passes() -> (u16, String) {
    let text = "The query parameter is invalid: Page must be greater than 0";
    (400, refusal(10005, "CF-BadQueryParameter", text))
}

fn not_authenticated() -> (u16, String) {
    (
        401,
        refusal(10002, "CF-NotAuthenticated", "Authentication error"),
    )
}

fn invalid_token() -> (u16, String) {
    (
        401,
        refusal(1000, "CF-InvalidAuthToken", "Invalid Auth Token"),
    )
}

fn not_authorized() -> (u16, String) {
    let text = "You are not authorized to perform the requested action";
    (403, refusal(10003, "CF-NotAuthorized", text))
}

#[test]
fn the_header_must_be_bearer_and_one_token() {
    let (_bench, server) = served(&[]);
    let good = token(&claims());
    for (headers, expected) in [
        (String::new(), not_authenticated()),
        ("Authorization: \r\n".into(), not_authenticated()),
        ("Authorization: Basic YTpi\r\n".into(), not_authenticated()),
        (format!("Authorization: {good}\r\n"), not_authenticated()),
        (
            format!("Cookie: token={good}\r\nX-Auth-Token: {good}\r\n"),
            not_authenticated(),
        ),
        (format!("Authorization: bearer {good}\r\n"), passes()),
        (format!("Authorization: Bearer {good}\r\n"), passes()),
        (format!("Authorization: BEARER {good}\r\n"), passes()),
        (format!("AUTHORIZATION: bEaReR   {good}\r\n"), passes()),
        (format!("Authorization: bearer {good}   \r\n"), passes()),
        ("Authorization: bearer\r\n".into(), invalid_token()),
        ("Authorization: bearer potato\r\n".into(), invalid_token()),
        (
            format!("Authorization: bearerX {good}\r\n"),
            invalid_token(),
        ),
        (
            format!("Authorization: bearer\t{good}\r\n"),
            invalid_token(),
        ),
        (
            format!("Authorization: bearer {good} more\r\n"),
            invalid_token(),
        ),
        (
            format!("Authorization: bearer bearer {good}\r\n"),
            invalid_token(),
        ),
        (
            format!("Authorization: bearer {good}.\r\n"),
            invalid_token(),
        ),
        (
            format!("Authorization: bearer {good}=\r\n"),
            invalid_token(),
        ),
        ("Authorization: bearer \u{fc}\r\n".into(), invalid_token()),
        (
            format!("Authorization: bearer {good}\r\nAuthorization: bearer {good}\r\n"),
            invalid_token(),
        ),
    ] {
        assert_eq!(told(&server, &headers), expected, "{headers}");
    }
}

#[test]
fn every_claim_is_judged() {
    let (_bench, server) = served(&[]);
    for (claims, expected) in [
        (claims(), passes()),
        (with("exp", json!(NOW + 1)), passes()),
        (with("exp", json!(NOW)), invalid_token()),
        (with("exp", json!(NOW - 1)), invalid_token()),
        (with("exp", json!("-")), invalid_token()),
        (with("exp", json!(null)), invalid_token()),
        (with("exp", json!("1999999999")), invalid_token()),
        (with("exp", json!(1_999_999_999.5)), invalid_token()),
        (with("exp", json!(-1)), invalid_token()),
        (with("exp", json!(u64::MAX)), invalid_token()),
        (with("exp", json!([NOW + 60])), invalid_token()),
        (with("nbf", json!(NOW)), passes()),
        (with("nbf", json!(NOW + 1)), invalid_token()),
        (with("iat", json!(NOW + 1000)), passes()),
        (with("iss", json!("anybody")), passes()),
        (with("jti", json!("abc")), passes()),
        (with("jti", json!("abc-r")), invalid_token()),
        (with("aud", json!("-")), invalid_token()),
        (with("aud", json!([])), invalid_token()),
        (with("aud", json!(["other"])), invalid_token()),
        (with("aud", json!(["other", "cloud_controller"])), passes()),
        (with("aud", json!("cloud_controller")), passes()),
        (with("aud", json!(7)), invalid_token()),
        (with("user_id", json!("-")), invalid_token()),
        (with("scope", json!([])), not_authorized()),
        (
            with("scope", json!(["cloud_controller.write"])),
            not_authorized(),
        ),
        (
            with("scope", json!(["cloud_controller.read "])),
            not_authorized(),
        ),
        (
            with("scope", json!(["Cloud_Controller.Read"])),
            not_authorized(),
        ),
        (
            with("scope", json!(["openid", "cloud_controller.read"])),
            passes(),
        ),
        (with("scope", json!(["cloud_controller.admin"])), passes()),
        (
            with("scope", json!(["cloud_controller.admin_read_only"])),
            not_authorized(),
        ),
        (
            with("scope", json!(["cloud_controller.global_auditor"])),
            not_authorized(),
        ),
    ] {
        let headers = format!("Authorization: bearer {}\r\n", token(&claims));
        assert_eq!(told(&server, &headers), expected, "{claims}");
    }
    let client = json!({"client_id": "cf", "scope": ["cloud_controller.read"], "aud": ["cloud_controller"], "exp": NOW + 60});
    assert_eq!(
        told(
            &server,
            &format!("Authorization: bearer {}\r\n", token(&client))
        ),
        passes()
    );
}

#[test]
fn another_key_algorithm_or_byte_is_no_token() {
    let (_bench, server) = served(&[]);
    let good = token(&claims());
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let (_, payload) = message.split_once('.').expect("three parts");
    // {"alg":"none"}, {"alg":"HS256","crit":["exp"]}
    let none = "eyJhbGciOiJub25lIn0";
    let mut wrong = vec![
        signed("another", Algorithm::HS256, &claims()),
        signed("tokensecret", Algorithm::HS384, &claims()),
        signed("tokensecret", Algorithm::HS512, &claims()),
        signed("", Algorithm::HS256, &claims()),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{none}.{payload}"),
        message.to_owned(),
        format!("{message}."),
        format!("{good}.{signature}"),
        "..".into(),
        ".".into(),
    ];
    for place in (0..good.len()).step_by(3) {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        wrong.push(String::from_utf8(bytes).expect("ASCII"));
    }
    for token in wrong {
        assert_eq!(
            told(&server, &format!("Authorization: bearer {token}\r\n")),
            invalid_token(),
            "{token}"
        );
    }
}

#[test]
fn every_key_given_verifies_and_the_first_signs() {
    let bench = Bench::new();
    bench.write("new", "the new one\n");
    bench.write("old", "the old one");
    let server = bench.serve(&[
        "--token-key-file",
        "new",
        "--token-key-file",
        "old",
        "--clock",
        CLOCK,
    ]);
    for (key, expected) in [
        ("the new one", passes()),
        ("the old one", passes()),
        ("the new one\n", invalid_token()),
        ("tokensecret", invalid_token()),
    ] {
        let token = signed(key, Algorithm::HS256, &claims());
        assert_eq!(
            told(&server, &format!("Authorization: bearer {token}\r\n")),
            expected,
            "{key:?}"
        );
    }
    let printed = bench.ok(&[
        "token",
        "--admin",
        "--token-key-file",
        "new",
        "--clock",
        CLOCK,
    ]);
    assert_eq!(
        told(&server, &format!("Authorization: bearer {printed}\r\n")),
        passes()
    );
}

#[test]
fn keys_come_from_the_environment_too_and_are_never_shown() {
    let bench = Bench::new();
    bench.write("key", "from a file");
    for (name, value, key) in [
        (
            "CF_PACKAGES_TOKEN_KEY",
            "from the environment",
            "from the environment",
        ),
        ("CF_PACKAGES_TOKEN_KEY_FILE", "key", "from a file"),
    ] {
        let server = Server::start(bench.command().env(name, value).args(["--clock", CLOCK]));
        let token = signed(key, Algorithm::HS256, &claims());
        assert_eq!(
            told(&server, &format!("Authorization: bearer {token}\r\n")),
            passes(),
            "{name}"
        );
        server.signal("TERM");
        let (code, stdout, stderr) = server.wait();
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (Some(0), "", ""));
    }
    let help = bench
        .command()
        .env("CF_PACKAGES_TOKEN_KEY", "hunter2")
        .args(["serve", "--help"])
        .output();
    let help = help.expect("the binary runs").stdout;
    assert!(!String::from_utf8_lossy(&help).contains("hunter2"));
}

#[test]
fn without_authorization_everybody_is_an_admin_on_loopback_only() {
    let (bench, server) = served(&["--no-auth"]);
    let answer = server.get("/v3/packages?per_page=1", "");
    assert!(
        answer.body.contains("\"total_results\": 4"),
        "{}",
        answer.body
    );
    assert_eq!(told(&server, "Authorization: Basic x\r\n"), passes());
    let ran = bench.run(&[
        "serve",
        "--no-auth",
        "--listen",
        "0.0.0.0:0",
        "--db",
        "other.db",
    ]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    assert_eq!(
        bench
            .names()
            .iter()
            .filter(|name| name.starts_with("other"))
            .count(),
        0
    );
}

#[test]
fn the_admins_token_is_in_its_file_before_anybody_waits_for_it() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let server = bench.serve(&["--admin-token-file", "admin-token"]);
    let token = String::from_utf8(bench.bytes("admin-token")).expect("ASCII");
    assert_eq!(
        told(
            &server,
            &format!("Authorization: bearer {}\r\n", token.trim_end())
        ),
        passes()
    );
    let mode = std::fs::metadata(bench.path("admin-token"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}
