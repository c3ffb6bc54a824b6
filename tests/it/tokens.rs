//! `cf-packages token` prints a token on stdout, or writes a `cf` configuration.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cf_packages::auth::{Keys, Secret};
use cf_packages::caller::Caller;
use cf_packages::edition::Edition;
use cf_packages::store::{Store, StoreError, Transaction};
use serde_json::Value;

use crate::support::WorkDir;

/// Runs `cf-packages token` in `folder` with these variables and no other `CF_PACKAGES_` variable.
fn token_with(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cf-packages"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CF_PACKAGES_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder)
        .envs(variables.iter().copied())
        .arg("token")
        .args(arguments)
        .output()
        .unwrap()
}

fn token(folder: &Path, arguments: &[&str]) -> Output {
    token_with(folder, &[], arguments)
}

/// Returns the printed token, which must be the only line of stdout. stderr must be empty.
#[track_caller]
fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let token = text.strip_suffix('\n').unwrap();
    assert_eq!(token.split('.').count(), 3);
    assert!(!token.contains(char::is_whitespace));
    token.to_owned()
}

#[track_caller]
fn fails(output: &Output, code: i32, sentence: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert!(output.stdout.is_empty());
    assert!(errors.contains(sentence), "{errors}");
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Returns a folder with a `packages.db` whose only user is alice.
fn folder_with_database() -> tempfile::TempDir {
    let folder = folder();
    Store::create(
        &folder.path().join("packages.db"),
        |db: &Transaction<'_>| {
            db.execute(
                "insert into users (guid, name) values ('uaa-id-463', 'alice')",
                &[],
            )
            .map(|_| ())
        },
    )
    .unwrap_or_else(|error: StoreError| panic!("{error}"));
    folder
}

#[test]
fn key_flag_signs_without_a_database() {
    let folder = folder();
    let text = printed(&token(
        folder.path(),
        &["--admin", "--token-key", "tokensecret"],
    ));
    let keys = Keys::from_secrets(vec![Secret::new("tokensecret")]).unwrap();
    let header = format!("bearer {text}");
    let identity = keys
        .identify(&[header.as_bytes()], now(), Edition::Current.access_rules())
        .unwrap();
    assert!(identity.admin);
    assert_eq!(identity.into_reader(), Ok(Caller::Everything));
    let claims = claims(&text);
    assert_eq!(claims["user_name"], "admin");
    assert_eq!(claims["origin"], "uaa");
    assert!((now() + 3590..=now() + 3600).contains(&claims["exp"].as_i64().unwrap()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn key_of_the_database_signs_without_a_key_flag() {
    let folder = folder_with_database();
    let before = std::fs::read(folder.path().join("packages.db")).unwrap();
    let text = printed(&token(
        folder.path(),
        &["--user", "uaa-id-463", "--ttl", "10m"],
    ));
    let store = Store::open_for_reading(&folder.path().join("packages.db")).unwrap();
    let keys = store
        .read_blocking(|db| Keys::load(db, Vec::new(), &[]))
        .unwrap();
    let header = format!("bearer {text}");
    let identity = keys
        .identify(&[header.as_bytes()], now(), Edition::Current.access_rules())
        .unwrap();
    assert_eq!(
        (identity.user.as_str(), identity.admin),
        ("uaa-id-463", false)
    );
    assert_eq!(claims(&text)["user_name"], "alice");
    assert_eq!(
        std::fs::read(folder.path().join("packages.db")).unwrap(),
        before
    );
}

#[test]
fn token_has_the_name_of_a_user_of_the_database() {
    let folder = folder_with_database();
    let key = ["--token-key", "k"];
    for (user, name) in [("uaa-id-463", "alice"), ("nobody", "nobody")] {
        let text = printed(&token(
            folder.path(),
            &[&["--user", user], &key[..]].concat(),
        ));
        assert_eq!(claims(&text)["user_name"], name);
        assert_eq!(claims(&text)["user_id"], user);
    }
}

#[test]
fn scopes_and_expiry_follow_the_flags() {
    let folder = folder();
    let arguments = [
        "--user",
        "u",
        "--token-key",
        "k",
        "--scope",
        "a",
        "--scope",
        "b.c",
        "--ttl",
        "1d",
    ];
    let past = [&arguments[..], &["--clock", "2015-11-13T17:03:00Z"]].concat();
    let claims_of_token = claims(&printed(&token(folder.path(), &past)));
    assert_eq!(claims_of_token["scope"], serde_json::json!(["a", "b.c"]));
    // Clients compare `exp` with the system's clock.
    assert!(claims_of_token["exp"].as_i64().unwrap() >= now() + 86_390);
    assert_eq!(claims_of_token["iat"], 1_447_434_180);
    let future = [("CF_PACKAGES_CLOCK", "2222-01-01T00:00:00Z")];
    let claims_of_token = claims(&printed(&token_with(folder.path(), &future, &arguments)));
    assert_eq!(claims_of_token["exp"], 7_952_342_400_i64 + 86_400);
}

#[test]
fn key_comes_from_a_flag_a_file_or_a_variable() {
    let folder = folder();
    let file = folder.path().join("key");
    std::fs::write(&file, "tokensecret\n").unwrap();
    let file = file.to_str().unwrap();
    let keys = Keys::from_secrets(vec![Secret::new("tokensecret")]).unwrap();
    for (variables, arguments) in [
        (
            &[][..],
            &[
                "--admin",
                "--token-key",
                "tokensecret",
                "--token-key",
                "old",
            ][..],
        ),
        (&[], &["--admin", "--token-key-file", file]),
        (&[("CF_PACKAGES_TOKEN_KEY", "tokensecret")], &["--admin"]),
        (&[("CF_PACKAGES_TOKEN_KEY_FILE", file)], &["--admin"]),
        (
            &[("CF_PACKAGES_TOKEN_KEY", "other")],
            &["--admin", "--token-key-file", file],
        ),
    ] {
        let text = printed(&token_with(folder.path(), variables, arguments));
        let header = format!("bearer {text}");
        assert!(
            keys.identify(&[header.as_bytes()], now(), Edition::Current.access_rules())
                .is_ok(),
            "{arguments:?}"
        );
    }
}

#[test]
fn wrong_usage_is_reported_without_showing_the_secret() {
    let folder = folder();
    let file = folder.path().join("empty");
    std::fs::write(&file, "\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, sentence) in [
        (&["--token-key", "hush"][..], "--user <GUID>|--admin"),
        (
            &["--admin", "--user", "u", "--token-key", "hush"],
            "cannot be used with",
        ),
        (&["--user", "", "--token-key", "hush"], "`--user` is empty"),
        (
            &["--admin", "--token-key", "hush", "--ttl", "5"],
            "a unit too: `5ms`, `5s`",
        ),
        (
            &["--admin", "--token-key", "hush", "--ttl", "5ms"],
            "less than a second",
        ),
        (
            &["--admin", "--token-key", "hush", "--clock", "noon"],
            "RFC 3339",
        ),
        (&["--admin", "--token-key", ""], "`--token-key` is empty"),
        (
            &["--admin", "--token-key-file", file],
            "holds an empty secret",
        ),
        (
            &["--admin", "--token-key", "hush", "--token-key-file", file],
            "both given",
        ),
        (
            &["--admin", "--token-key", "-----BEGIN hush"],
            "--token-public-key",
        ),
        (
            &["--admin", "--token-key", "hush", "--url", "http://h"],
            "--cf-home",
        ),
        (
            &[
                "--admin",
                "--token-key",
                "hush",
                "--cf-home",
                "h",
                "--url",
                "h",
            ],
            "`h` is no URL",
        ),
    ] {
        let output = token(folder.path(), arguments);
        fails(&output, 2, sentence);
        assert!(
            !String::from_utf8_lossy(&output.stderr).contains("hush"),
            "{arguments:?}"
        );
    }
}

#[test]
fn public_key_is_refused_as_key_file() {
    let folder = folder();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let pem = std::fs::read(fixtures.join("rsa-one.pub.pem")).unwrap();
    let der = folder.path().join("key.der");
    std::fs::write(&der, pem::parse(&pem).unwrap().contents()).unwrap();
    for (file, found) in [
        (fixtures.join("rsa-one.pub.pem"), "a PEM text"),
        (fixtures.join("jwks.json"), "a JSON Web Key Set"),
        (der, "a key or a certificate in DER"),
    ] {
        let file = file.to_str().unwrap();
        let output = token(folder.path(), &["--admin", "--token-key-file", file]);
        let sentence = format!(
            "cf-packages: `{file}` of `--token-key-file` is {found}, which must not be an HS256 secret; pass public keys with `--token-public-key`"
        );
        fails(&output, 2, &sentence);
    }
}

#[test]
fn public_key_that_is_not_used_is_named() {
    let dir = WorkDir::new();
    let mut set: Value = serde_json::from_str(include_str!("../fixtures/jwks.json")).unwrap();
    let keys = set["keys"].as_array_mut().unwrap();
    let mut weak = keys
        .iter()
        .find(|key| key["alg"] == "RS256")
        .unwrap()
        .clone();
    weak["use"] = "sig".into();
    weak["kid"] = "weak".into();
    weak["e"] = "AQ".into();
    keys.push(weak);
    dir.write("keys.json", set.to_string());
    let server = dir.serve(&["--ephemeral", "--token-public-key", "keys.json"]);
    server.signal("TERM");
    let (_, _, log) = server.wait();
    assert!(
        log.contains(
            "`keys.json` holds a key `weak` that is not used: an exponent is not an odd number"
        ),
        "{log}"
    );
}

#[test]
fn missing_database_or_key_file_is_named() {
    let folder = folder();
    fails(
        &token(folder.path(), &["--admin"]),
        1,
        "cf-packages: `packages.db` does not exist",
    );
    let other = [("CF_PACKAGES_DB", "other.db")];
    fails(
        &token_with(folder.path(), &other, &["--admin"]),
        1,
        "`other.db` does not exist",
    );
    let missing = ["--admin", "--token-key-file", "missing"];
    fails(
        &token(folder.path(), &missing),
        1,
        "cannot read `missing` of `--token-key-file`: no such file",
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn cf_home_has_a_complete_and_private_configuration() {
    let folder = folder();
    let home = folder.path().join("new/home");
    let path = home.to_str().unwrap();
    let arguments = ["--user", "u", "--token-key", "k", "--cf-home", path];
    for (url, target) in [
        (&[][..], "http://127.0.0.1:8080"),
        (
            &["--url", "https://api.example.com/"],
            "https://api.example.com",
        ),
    ] {
        let output = token(folder.path(), &[&arguments[..], url].concat());
        assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
        let file = home.join(".cf/config.json");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(&home.join(".cf"))), (0o600, 0o700));
        let config: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for (name, expected) in [
            ("Target", target),
            ("AuthorizationEndpoint", target),
            ("UaaEndpoint", target),
            ("APIVersion", "3.228.0"),
            ("UAAOAuthClient", "cf"),
            ("UAAOAuthClientSecret", ""),
        ] {
            assert_eq!(config[name], expected, "{name}");
        }
        assert_eq!(config["ConfigVersion"], 4);
        assert_eq!(config["SSLDisabled"], false);
        let access = config["AccessToken"]
            .as_str()
            .unwrap()
            .strip_prefix("bearer ")
            .unwrap();
        assert_eq!(claims(access)["user_id"], "u");
        let refresh = claims(config["RefreshToken"].as_str().unwrap());
        assert!(refresh["jti"].as_str().unwrap().ends_with("-r"));
        assert_eq!(std::fs::read_dir(home.join(".cf")).unwrap().count(), 1);
    }
}
