//! The `Authorization` header and its token, as the server of the edition `2015` answers them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::{Server, WorkDir, error_2015};

/// The time of the server's clock, which stands still: 2015-11-13T17:03:00Z.
const NOW: i64 = 1_447_434_180;
const CLOCK: &str = "2015-11-13T17:03:00Z";

fn serve(more: &[&str]) -> (WorkDir, Server) {
    let dir = WorkDir::new();
    let mut flags = vec![
        "--seed",
        "example",
        "--token-key",
        "tokensecret",
        "--clock",
        CLOCK,
    ];
    flags.extend(more);
    let server = dir.serve(&flags);
    (dir, server)
}

fn claims() -> Value {
    json!({"user_id": "uaa-id-463", "scope": ["cloud_controller.read"], "aud": ["cloud_controller"], "exp": NOW + 60})
}

/// Returns a token whose header names `alg` and whose signature is made with that algorithm.
fn signed(key: &str, alg: &str, claims: &Value) -> String {
    let algorithm = match alg {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        other => panic!("{other}"),
    };
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let header = json!({"typ": "JWT", "alg": alg});
    let message = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
    let key = hmac::Key::new(algorithm, key.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}

fn token(claims: &Value) -> String {
    signed("tokensecret", "HS256", claims)
}

/// Returns valid claims with one of them replaced, or left out if `value` is `"-"`.
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

fn response_to(server: &Server, headers: &str) -> (u16, String) {
    let answer = server.send(format!(
        "GET /v3/packages?page=0 HTTP/1.1\r\nHost: example.org\r\n{headers}\r\n"
    ));
    assert_eq!(answer.header("www-authenticate"), None);
    (answer.status, answer.body)
}

/// The response to an accepted token. The query of the request is wrong, which is reported only after authentication.
fn accepted() -> (u16, String) {
    let text = "The query parameter is invalid: Page must be greater than 0";
    (400, error_2015(10005, "CF-BadQueryParameter", text))
}

fn not_authenticated() -> (u16, String) {
    (
        401,
        error_2015(10002, "CF-NotAuthenticated", "Authentication error"),
    )
}

fn invalid_token() -> (u16, String) {
    (
        401,
        error_2015(1000, "CF-InvalidAuthToken", "Invalid Auth Token"),
    )
}

fn not_authorized() -> (u16, String) {
    let text = "You are not authorized to perform the requested action";
    (403, error_2015(10003, "CF-NotAuthorized", text))
}

#[test]
fn header_must_be_bearer_and_one_token() {
    let (_dir, server) = serve(&[]);
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
        (format!("Authorization: bearer {good}\r\n"), accepted()),
        (format!("Authorization: Bearer {good}\r\n"), accepted()),
        (format!("Authorization: BEARER {good}\r\n"), accepted()),
        (format!("AUTHORIZATION: bEaReR   {good}\r\n"), accepted()),
        (format!("Authorization: bearer {good}   \r\n"), accepted()),
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
        assert_eq!(response_to(&server, &headers), expected, "{headers}");
    }
}

#[test]
fn every_claim_must_be_valid() {
    let (_dir, server) = serve(&[]);
    for (claims, expected) in [
        (claims(), accepted()),
        (with("exp", json!(NOW + 1)), accepted()),
        (with("exp", json!(NOW)), invalid_token()),
        (with("exp", json!(NOW - 1)), invalid_token()),
        (with("exp", json!("-")), invalid_token()),
        (with("exp", json!(null)), invalid_token()),
        (with("exp", json!("1999999999")), invalid_token()),
        (with("exp", json!(1_999_999_999.5)), invalid_token()),
        (with("exp", json!(-1)), invalid_token()),
        (with("exp", json!(u64::MAX)), invalid_token()),
        (with("exp", json!([NOW + 60])), invalid_token()),
        (with("nbf", json!(NOW)), accepted()),
        (with("nbf", json!(NOW + 1)), invalid_token()),
        (with("iat", json!(NOW + 1000)), accepted()),
        (with("iss", json!("anybody")), accepted()),
        (with("jti", json!("abc")), accepted()),
        (with("jti", json!("abc-r")), invalid_token()),
        (with("aud", json!("-")), invalid_token()),
        (with("aud", json!([])), invalid_token()),
        (with("aud", json!(["other"])), invalid_token()),
        (
            with("aud", json!(["other", "cloud_controller"])),
            accepted(),
        ),
        (with("aud", json!("cloud_controller")), accepted()),
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
            accepted(),
        ),
        (with("scope", json!(["cloud_controller.admin"])), accepted()),
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
        assert_eq!(response_to(&server, &headers), expected, "{claims}");
    }
    let client = json!({"client_id": "cf", "scope": ["cloud_controller.read"], "aud": ["cloud_controller"], "exp": NOW + 60});
    assert_eq!(
        response_to(
            &server,
            &format!("Authorization: bearer {}\r\n", token(&client))
        ),
        accepted()
    );
}

#[test]
fn token_with_another_key_algorithm_or_byte_is_invalid() {
    let (_dir, server) = serve(&[]);
    let good = token(&claims());
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let (_, payload) = message.split_once('.').expect("three parts");
    // The header {"alg":"none"}.
    let none = "eyJhbGciOiJub25lIn0";
    let mut wrong = vec![
        signed("another", "HS256", &claims()),
        signed("tokensecret", "HS384", &claims()),
        signed("tokensecret", "HS512", &claims()),
        signed("", "HS256", &claims()),
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
            response_to(&server, &format!("Authorization: bearer {token}\r\n")),
            invalid_token(),
            "{token}"
        );
    }
}

#[test]
fn every_key_file_verifies_and_the_first_signs() {
    let dir = WorkDir::new();
    dir.write("new", "the new one\n");
    dir.write("old", "the old one");
    let server = dir.serve(&[
        "--token-key-file",
        "new",
        "--token-key-file",
        "old",
        "--clock",
        CLOCK,
    ]);
    for (key, expected) in [
        ("the new one", accepted()),
        ("the old one", accepted()),
        ("the new one\n", invalid_token()),
        ("tokensecret", invalid_token()),
    ] {
        let token = signed(key, "HS256", &claims());
        assert_eq!(
            response_to(&server, &format!("Authorization: bearer {token}\r\n")),
            expected,
            "{key:?}"
        );
    }
    let printed = dir.run_ok(&[
        "token",
        "--admin",
        "--token-key-file",
        "new",
        "--clock",
        CLOCK,
    ]);
    let printed = printed.trim_end();
    assert_eq!(
        response_to(&server, &format!("Authorization: bearer {printed}\r\n")),
        accepted()
    );
}

#[test]
fn keys_from_variables_are_used_and_never_shown() {
    let dir = WorkDir::new();
    dir.write("key", "from a file");
    for (name, value, key) in [
        (
            "CF_PACKAGES_TOKEN_KEY",
            "from the environment",
            "from the environment",
        ),
        ("CF_PACKAGES_TOKEN_KEY_FILE", "key", "from a file"),
    ] {
        let server = Server::start(dir.command().env(name, value).args(["--clock", CLOCK]));
        let token = signed(key, "HS256", &claims());
        assert_eq!(
            response_to(&server, &format!("Authorization: bearer {token}\r\n")),
            accepted(),
            "{name}"
        );
        server.signal("TERM");
        let (code, stdout, stderr) = server.wait();
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (Some(0), "", ""));
    }
    let help = dir
        .command()
        .env("CF_PACKAGES_TOKEN_KEY", "hunter2")
        .args(["serve", "--help"])
        .output();
    let help = help.expect("the binary runs").stdout;
    assert!(!String::from_utf8_lossy(&help).contains("hunter2"));
}

#[test]
fn no_auth_makes_every_request_an_admins_on_loopback_only() {
    let (dir, server) = serve(&["--no-auth"]);
    let answer = server.get("/v3/packages?per_page=1", "");
    assert!(
        answer.body.contains("\"total_results\": 4"),
        "{}",
        answer.body
    );
    assert_eq!(
        response_to(&server, "Authorization: Basic x\r\n"),
        accepted()
    );
    let output = dir.run(&[
        "serve",
        "--no-auth",
        "--listen",
        "0.0.0.0:0",
        "--db",
        "other.db",
    ]);
    assert_eq!(
        (output.status, output.stdout.as_str()),
        (2, ""),
        "{}",
        output.stderr
    );
    assert_eq!(
        dir.file_names()
            .iter()
            .filter(|name| name.starts_with("other"))
            .count(),
        0
    );
}

#[test]
fn admin_token_file_holds_the_token_alone_while_the_server_runs() {
    use std::os::unix::fs::PermissionsExt;
    let dir = WorkDir::new();
    let server = dir.serve(&["--admin-token-file", "admin-token"]);
    let token = String::from_utf8(dir.read("admin-token")).expect("ASCII");
    assert_eq!(
        response_to(&server, &format!("Authorization: bearer {token}\r\n")),
        accepted()
    );
    let mode = std::fs::metadata(dir.path("admin-token"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    server.stop();
    assert!(!dir.path("admin-token").exists());
}

#[test]
fn admin_token_file_that_another_program_wrote_since_stays() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--admin-token-file", "admin-token"]);
    dir.write("admin-token", "the token of another server");
    server.stop();
    assert_eq!(dir.read("admin-token"), b"the token of another server");
}

#[test]
fn server_that_cannot_listen_leaves_the_token_file_of_the_running_one() {
    let dir = WorkDir::new();
    let first = dir.serve(&["--ephemeral", "--admin-token-file", "admin-token"]);
    let token = dir.read("admin-token");
    let address = first.address().to_string();
    for file in ["admin-token", "another"] {
        let ran = dir.run(&[
            "serve",
            "--ephemeral",
            "--listen",
            &address,
            "--admin-token-file",
            file,
        ]);
        assert_eq!(ran.status, 1);
        assert_eq!(dir.file_names(), ["admin-token"]);
        assert!(dir.read("admin-token") == token);
    }
    first.stop();
    assert_eq!(dir.file_names(), [""; 0]);
}

#[test]
fn token_of_a_server_that_was_killed_is_replaced() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let old = dir.run_ok(&["token", "--admin", "--db", "x.db"]);
    dir.write("admin-token", &old);
    let server = dir.serve(&["--admin-token-file", "admin-token"]);
    assert_ne!(dir.read("admin-token"), old.as_bytes());
    server.stop();
    assert!(!dir.path("admin-token").exists());
}

#[test]
fn admin_token_file_replaces_nothing_but_a_token() {
    let dir = WorkDir::new();
    let seed = r#"{"organizations":[{"name":"acme"}]}"#;
    dir.write("seed.json", seed);
    dir.write("other-jwt", "e30.e30.c2ln");
    dir.write("target", "");
    std::os::unix::fs::symlink(dir.path("target"), dir.path("link")).expect("a link");
    std::fs::create_dir(dir.path("folder")).expect("a folder");
    let made = std::process::Command::new("mkfifo")
        .arg(dir.path("pipe"))
        .status();
    assert!(made.expect("mkfifo").success());
    let names = dir.file_names();
    let other = "is a file that holds something else than a token of cf-packages";
    for (file, what) in [
        ("seed.json", other),
        ("other-jwt", other),
        ("target", other),
        ("link", "is a symbolic link"),
        ("folder", "is a folder"),
        ("pipe", "is not a regular file"),
    ] {
        let ran = dir.run(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--db",
            "x.db",
            "--seed",
            "seed.json",
            "--admin-token-file",
            file,
        ]);
        let text = format!(
            "cf-packages: `{file}` {what}; `--admin-token-file` would replace it; name a file that does not exist, or that holds a token\n"
        );
        assert_eq!((ran.status, ran.stderr), (1, text));
        assert_eq!(dir.file_names(), names);
    }
    assert_eq!(dir.read("seed.json"), seed.as_bytes());
    assert!(dir.path("link").is_symlink());
}
