//! Refresh tokens, and the logins that are refused.

use super::*;
use crate::auth::tokens;

#[test]
fn a_refresh_token_gives_an_access_token_and_nothing_else() {
    let house = House::at(Clock::still(NOW));
    let form = [
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", "sesame"),
    ];
    let first = house.granted(CF, &form);
    let refresh = first["refresh_token"].as_str().unwrap();
    assert!(
        payload(&first["refresh_token"])["jti"]
            .as_str()
            .unwrap()
            .ends_with("-r")
    );
    let header = format!("bearer {refresh}");
    let asked = house.keys.identify(&[header.as_bytes()], NOW, &CURRENT);
    assert_eq!(asked, Err(ApiError::InvalidToken));

    let again = house.granted(
        CF,
        &[
            ("grant_type", "refresh_token"),
            ("scope", ""),
            ("refresh_token", refresh),
        ],
    );
    assert!(house.identity(&again).is_ok());
    assert_eq!(again["refresh_token"], refresh);
    assert_ne!(again["jti"], first["jti"]);

    let try_it = |basic, token: &str| {
        house.grant(
            basic,
            &[("grant_type", "refresh_token"), ("refresh_token", token)],
        )
    };
    let access = first["access_token"].as_str().unwrap();
    let strange = signed_with(
        b"another",
        r#"{"alg":"HS256"}"#,
        &claims(r#""jti":"x-r","client_id":"cf","#),
    );
    let gone = tokens::refresh(
        &house.keys,
        &house.clock,
        &tokens::Subject::user("gone", None),
        &[],
    )
    .unwrap();
    for token in [
        access,
        "x",
        &strange,
        &gone.text,
        &refresh[..refresh.len() - 1],
    ] {
        assert_eq!(said(try_it(CF, token)), (401, "invalid_token"));
    }
    assert_eq!(
        said(try_it(Some(("other", "sesame")), refresh)),
        (401, "invalid_token")
    );
    house.clock.set(system_now() + 31 * 24 * 60 * 60);
    assert_eq!(said(try_it(CF, refresh)), (401, "invalid_token"));
}

#[test]
fn what_is_wrong_is_refused_as_a_uaa_does() {
    let house = House::at(Clock::system());
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
        let refusal = house.grant(CF, &form).unwrap_err();
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
        assert_eq!(said(house.grant(basic, &form)), unauthorized, "{basic:?}");
    }
    let invalid = (400, "invalid_request");
    assert_eq!(said(house.grant(CF, &[])), invalid);
    assert_eq!(said(house.grant(CF, &[("grant_type", "")])), invalid);
    assert_eq!(said(house.grant(CF, &form[..2])), invalid);
    assert_eq!(
        said(house.grant(CF, &[form[0], form[1], form[1], form[2]])),
        invalid
    );
    let other = house.grant(CF, &[("grant_type", "authorization_code")]);
    assert_eq!(said(other), (400, "unsupported_grant_type"));
    let scope = house.grant(
        CF,
        &[&form[..], &[("scope", "cloud_controller.admin")]].concat(),
    );
    assert_eq!(said(scope), (400, "invalid_scope"));
}

#[test]
fn nothing_secret_is_shown() {
    let house = House::at(Clock::system());
    let form = [
        ("grant_type", "password"),
        ("username", "alice"),
        ("password", "sesame"),
    ];
    let granted = house.grant(CF, &form).unwrap();
    let login = Login {
        password: Secret::new("sesame"),
        ttl: Duration::ZERO,
    };
    let shown = format!("{granted:?} {login:?} {:?}", house.keys);
    assert_eq!(
        shown,
        "TokenResponse(***) Login { password: ***, ttl: 0ns } Keys(1 ***)"
    );
}
