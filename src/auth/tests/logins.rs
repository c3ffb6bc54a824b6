//! The logins that today's clients use, and the tokens that they get.

mod refused;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::*;
use crate::auth::{Login, LoginError, TokenResponse};
use crate::clock::{Clock, system_now};
use crate::store::{Durability, OpenMode, Store, StoreError, Transaction};

/// A database with users, its keys, and a clock.
struct LoginFixture {
    store: Store,
    keys: Arc<Keys>,
    clock: Arc<Clock>,
    _folder: tempfile::TempDir,
}

impl LoginFixture {
    fn at(clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packages.db");
        Store::create(&path, |db: &Transaction<'_>| {
            for (guid, name) in [
                ("uaa-id-463", Some("alice")),
                ("twin-1", Some("twin")),
                ("twin-2", Some("twin")),
                ("nameless", None),
            ] {
                db.execute(
                    "insert into users (guid, name) values ($1, $2)",
                    &[guid.into(), name.into()],
                )?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
        let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).unwrap();
        let keys = store
            .read_blocking(|db| Keys::load(db, Vec::new(), &[]))
            .unwrap();
        Self {
            store,
            keys: Arc::new(keys),
            clock: Arc::new(clock),
            _folder: folder,
        }
    }

    fn try_login(
        &self,
        basic: Option<(&str, &str)>,
        form: &[(&str, &str)],
    ) -> Result<TokenResponse, LoginError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let form: Vec<_> = form.iter().map(owned).collect();
        let basic = basic.as_ref().map(owned);
        let (keys, clock) = (Arc::clone(&self.keys), Arc::clone(&self.clock));
        self.store.read_blocking(move |db| {
            let login = Login {
                password: Secret::new("sesame"),
                ttl: Duration::from_secs(600),
            };
            login.grant(&form, basic, db, &keys, &clock)
        })
    }

    fn login(&self, basic: Option<(&str, &str)>, form: &[(&str, &str)]) -> Json {
        serde_json::to_value(self.try_login(basic, form).unwrap()).unwrap()
    }

    fn identity(&self, answer: &Json) -> Result<Identity, ApiError> {
        let header = format!("bearer {}", answer["access_token"].as_str().unwrap());
        self.keys
            .identify(&[header.as_bytes()], self.clock.now(), current())
    }
}

const CF: Option<(&str, &str)> = Some(("cf", ""));

fn payload(token: &Json) -> Json {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn refusal(result: Result<TokenResponse, LoginError>) -> (u16, &'static str) {
    match result {
        Err(LoginError::Request { status, error, .. }) => (status, error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn user_logs_in_by_name_or_guid() {
    let fixture = LoginFixture::at(Clock::still(NOW));
    for username in ["alice", "uaa-id-463"] {
        let form = [
            ("grant_type", "password"),
            ("username", username),
            ("password", "sesame"),
            ("scope", ""),
        ];
        let answer = fixture.login(CF, &form);
        assert_eq!(answer["token_type"], "bearer");
        assert_eq!(answer["expires_in"], 600);
        assert_eq!(
            answer["scope"],
            "cloud_controller.read cloud_controller.write openid"
        );
        let claims = payload(&answer["access_token"]);
        assert_eq!(claims["jti"], answer["jti"]);
        assert_eq!(claims["user_name"], "alice");
        assert_eq!(claims["user_id"], "uaa-id-463");
        assert_eq!(claims["origin"], "uaa");
        assert_eq!(claims["client_id"], "cf");
        // Clients compare `exp` with the system's clock, which is ahead of the server's here.
        assert!(claims["exp"].as_i64().unwrap() >= system_now() + 590);
        assert_eq!(
            fixture.identity(&answer).unwrap().into_reader().unwrap(),
            member("uaa-id-463", current())
        );
    }
}

#[test]
fn tokens_expire_after_the_later_clock_and_before_the_last_second() {
    let future = crate::clock::parse("2222-01-01T00:00:00Z").unwrap();
    let form = [
        ("grant_type", "password"),
        ("username", "nameless"),
        ("password", "sesame"),
    ];
    let answer = LoginFixture::at(Clock::still(future)).login(CF, &form);
    assert_eq!(payload(&answer["access_token"])["exp"], future + 600);
    assert_eq!(payload(&answer["access_token"])["user_name"], "nameless");
    let last = crate::clock::LAST_SECOND;
    let answer = LoginFixture::at(Clock::still(last - 5)).login(CF, &form);
    assert_eq!(payload(&answer["refresh_token"])["exp"], last);
    assert_eq!(answer["expires_in"], 5);
}

#[test]
fn admin_logs_in_and_can_request_fewer_scopes() {
    let fixture = LoginFixture::at(Clock::system());
    let form = [
        ("grant_type", "password"),
        ("username", "admin"),
        ("password", "sesame"),
    ];
    let answer = fixture.login(Some(("tool", "sesame")), &form);
    let identity = fixture.identity(&answer).unwrap();
    assert!(identity.admin);
    assert_eq!(identity.into_reader(), Ok(Caller::Everything));
    assert_eq!(payload(&answer["access_token"])["client_id"], "tool");
    let fewer = [&form[..], &[("scope", "cloud_controller.read other")]].concat();
    let answer = fixture.login(CF, &fewer);
    assert_eq!(answer["scope"], "cloud_controller.read");
    assert!(!fixture.identity(&answer).unwrap().admin);
}

#[test]
fn client_logs_in_by_form_or_basic_header() {
    let fixture = LoginFixture::at(Clock::system());
    let grant = ("grant_type", "client_credentials");
    let in_form = [grant, ("client_id", "alice"), ("client_secret", "sesame")];
    for (basic, form) in [
        (None, &in_form[..]),
        (Some(("alice", "sesame")), &[grant, ("scope", "")]),
        (Some(("uaa-id-463", "sesame")), &[grant]),
    ] {
        let answer = fixture.login(basic, form);
        let claims = payload(&answer["access_token"]);
        assert_eq!(claims["client_id"], "uaa-id-463");
        assert!(claims.get("user_name").is_none() && claims.get("user_id").is_none());
        assert!(answer.get("refresh_token").is_none());
        assert_eq!(
            fixture.identity(&answer).unwrap().into_reader().unwrap(),
            member("uaa-id-463", current())
        );
    }
    let admin = fixture.login(Some(("admin", "sesame")), &[grant]);
    assert!(fixture.identity(&admin).unwrap().admin);
    let missing = fixture.try_login(None, &[grant]).unwrap_err().to_string();
    assert_eq!(
        missing,
        "unauthorized: No client credentials were given, neither as client_id and client_secret nor in a Basic header: the id must be the guid or the name of a seeded user, or admin, and the secret the password of the login"
    );
    for basic in [
        Some(("alice", "")),
        Some(("cf", "")),
        Some(("cf", "sesame")),
        Some(("nobody", "sesame")),
        None,
    ] {
        assert_eq!(
            refusal(fixture.try_login(basic, &[grant])),
            (401, "unauthorized")
        );
    }
}
