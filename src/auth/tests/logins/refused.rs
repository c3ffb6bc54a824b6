//! Refresh tokens, and logins that are refused.

use super::*;
use crate::auth::tokens;

#[test]
fn refresh_token_only_gives_access_tokens() {
    let fixture = LoginFixture::at(Clock::still(NOW));
    let form = [
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", "sesame"),
    ];
    let first = fixture.login(CF, &form);
    let refresh = first["refresh_token"].as_str().unwrap();
    assert!(
        payload(&first["refresh_token"])["jti"]
            .as_str()
            .unwrap()
            .ends_with("-r")
    );
    let header = format!("bearer {refresh}");
    let result = fixture.keys.identify(&[header.as_bytes()], NOW, current());
    assert_eq!(result, Err(ApiError::InvalidToken));

    let second = fixture.login(
        CF,
        &[
            ("grant_type", "refresh_token"),
            ("scope", ""),
            ("refresh_token", refresh),
        ],
    );
    assert!(fixture.identity(&second).is_ok());
    assert_eq!(second["refresh_token"], refresh);
    assert_ne!(second["jti"], first["jti"]);

    let exchange = |basic, token: &str| {
        fixture.try_login(
            basic,
            &[("grant_type", "refresh_token"), ("refresh_token", token)],
        )
    };
    let access = first["access_token"].as_str().unwrap();
    let signed_by_another_key = signed_with(
        b"another",
        r#"{"alg":"HS256"}"#,
        &claims(r#""jti":"x-r","client_id":"cf","#),
    );
    let user_is_gone = tokens::refresh(
        &fixture.keys,
        &fixture.clock,
        &tokens::Subject::user("gone", None),
        &[],
    )
    .unwrap();
    for token in [
        access,
        "x",
        &signed_by_another_key,
        &user_is_gone.text,
        &refresh[..refresh.len() - 1],
    ] {
        assert_eq!(refusal(exchange(CF, token)), (401, "invalid_token"));
    }
    assert_eq!(
        refusal(exchange(Some(("other", "sesame")), refresh)),
        (401, "invalid_token")
    );
    fixture.clock.set(system_now() + 31 * 24 * 60 * 60);
    assert_eq!(refusal(exchange(CF, refresh)), (401, "invalid_token"));
}

#[test]
fn wrong_login_is_refused_as_a_uaa_does() {
    let fixture = LoginFixture::at(Clock::system());
    let unauthorized = (401, "unauthorized");
    for (username, password) in [
        ("alice", "wrong"),
        ("alice", "sesam"),
        ("nobody", "sesame"),
        ("nobody", "wrong"),
        ("twin", "sesame"),
        ("ALICE", "sesame"),
        ("admin", "wrong"),
    ] {
        let form = [
            ("grant_type", "password"),
            ("username", username),
            ("password", password),
        ];
        let refusal = fixture.try_login(CF, &form).unwrap_err();
        let LoginError::Request {
            status: 401,
            error: "unauthorized",
            description,
        } = refusal
        else {
            panic!("{refusal:?}")
        };
        assert_eq!(description, "Bad credentials");
    }
    let form = [
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", "sesame"),
    ];
    for basic in [
        None,
        Some(("cf", "x")),
        Some(("tool", "")),
        Some(("", "")),
        Some(("", "sesame")),
    ] {
        assert_eq!(
            refusal(fixture.try_login(basic, &form)),
            unauthorized,
            "{basic:?}"
        );
    }
    let invalid = (400, "invalid_request");
    assert_eq!(refusal(fixture.try_login(CF, &[])), invalid);
    assert_eq!(
        refusal(fixture.try_login(CF, &[("grant_type", "")])),
        invalid
    );
    assert_eq!(refusal(fixture.try_login(CF, &form[..2])), invalid);
    assert_eq!(
        refusal(fixture.try_login(CF, &[form[0], form[1], form[1], form[2]])),
        invalid
    );
    let other = fixture.try_login(CF, &[("grant_type", "authorization_code")]);
    assert_eq!(refusal(other), (400, "unsupported_grant_type"));
    let scope = fixture.try_login(
        CF,
        &[&form[..], &[("scope", "cloud_controller.admin")]].concat(),
    );
    assert_eq!(refusal(scope), (400, "invalid_scope"));
}

#[test]
fn debug_output_hides_secrets() {
    let fixture = LoginFixture::at(Clock::system());
    let form = [
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", "sesame"),
    ];
    let granted = fixture.try_login(CF, &form).unwrap();
    let login = Login {
        password: Secret::new("sesame"),
        ttl: Duration::ZERO,
    };
    let shown = format!("{granted:?} {login:?} {:?}", fixture.keys);
    assert_eq!(
        shown,
        "TokenResponse(***) Login { password: ***, ttl: 0ns } Keys(1 ***)"
    );
}
