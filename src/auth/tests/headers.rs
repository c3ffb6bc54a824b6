//! The Authorization header around the token, and what scopes allow.

use super::*;

#[test]
fn the_documents_own_token_holds_for_a_week() {
    let keys = keys();
    let header = format!("bearer {DOCUMENTS}");
    let at = |now| keys.identify(&[header.as_bytes()], now, &OF_2015);
    let identity = at(NOW).unwrap();
    assert_eq!(identity.user, "uaa-id-463");
    assert_eq!(identity.caller, member("uaa-id-463", &OF_2015));
    assert!(!identity.admin);
    let expires = crate::clock::parse("2015-11-20T17:02:56Z").unwrap();
    assert!(at(expires - 1).is_ok());
    // Remembered by now: time is judged every time.
    assert_eq!(at(expires), Err(ApiError::InvalidToken));
    assert!(at(NOW).is_ok());
}

#[test]
fn without_a_bearer_nobody_is_authenticated() {
    let keys = keys();
    let identify = |headers: &[&[u8]]| keys.identify(headers, NOW, &OF_2015);
    assert_eq!(identify(&[]), Err(ApiError::NotAuthenticated));
    for header in ["", "Basic Y2Y6", "bear", "token x", " bearer x", DOCUMENTS] {
        assert_eq!(
            identify(&[header.as_bytes()]),
            Err(ApiError::NotAuthenticated),
            "{header}"
        );
    }
    assert_eq!(
        identify(&[b"\xff\xff\xff\xff\xff\xff x"]),
        Err(ApiError::NotAuthenticated)
    );
}

#[test]
fn a_bearer_is_exactly_two_words() {
    let keys = keys();
    let token = signed(&claims(""));
    for header in [
        format!("bearer {token}"),
        format!("Bearer {token}"),
        format!("BEARER {token}"),
        format!("bEaReR    {token}"),
    ] {
        assert!(
            keys.identify(&[header.as_bytes()], NOW, &OF_2015).is_ok(),
            "{header}"
        );
    }
    for header in [
        "bearer".to_owned(),
        "bearer ".to_owned(),
        "bearer potato".to_owned(),
        format!("bearer{token}"),
        format!("bearer\t{token}"),
        format!("bearer \t{token}"),
        format!("bearer\u{a0}{token}"),
        format!("bearerX {token}"),
        format!("bearer: {token}"),
        format!("bearer {token} "),
        format!("bearer {token} more"),
        format!("bearer bearer {token}"),
        format!("bearer {token},bearer {token}"),
        format!("bearer \"{token}\""),
    ] {
        assert_eq!(
            keys.identify(&[header.as_bytes()], NOW, &OF_2015),
            Err(ApiError::InvalidToken),
            "{header}"
        );
    }
    assert_eq!(
        keys.identify(&[b"bearer \xff\xfe"], NOW, &OF_2015),
        Err(ApiError::InvalidToken)
    );
}

#[test]
fn two_headers_are_one_too_many() {
    let header = format!("bearer {}", signed(&claims("")));
    let header = header.as_bytes();
    for headers in [[header, header], [header, b"Basic Y2Y6"], [b"", header]] {
        assert_eq!(
            keys().identify(&headers, NOW, &OF_2015),
            Err(ApiError::InvalidToken)
        );
    }
}

#[test]
fn scopes_say_what_may_be_seen() {
    let identity = |scopes: &str, rules: &'static AccessRules| {
        let token = signed(&format!(
            r#"{{"user_id":"alice","scope":{scopes},"aud":"cloud_controller","exp":{}}}"#,
            NOW + 60
        ));
        keys()
            .identify(&[format!("bearer {token}").as_bytes()], NOW, rules)
            .map(|identity| (identity.caller, identity.admin))
    };
    let unauthorized = Err(ApiError::NotAuthorized);
    for rules in [&OF_2015, &CURRENT] {
        let read = identity(r#"["openid","cloud_controller.read"]"#, rules);
        assert_eq!(read, Ok((member("alice", rules), false)));
        let admin = identity(r#"["cloud_controller.admin"]"#, rules);
        assert_eq!(admin, Ok((Caller::Everything, true)));
        for scopes in [
            "[]",
            r#"["cloud_controller.write"]"#,
            r#"["cloud_controller.read "]"#,
            r#"[" cloud_controller.admin"]"#,
            r#"["cloud_controller.admin cloud_controller.read"]"#,
            r#"["CLOUD_CONTROLLER.ADMIN"]"#,
            r#"["cloud_controller.аdmin"]"#,
            r#"["cloud_controller.admin\u0000"]"#,
        ] {
            assert_eq!(identity(scopes, rules), unauthorized, "{scopes}");
        }
    }
    for scope in CURRENT.global_readers {
        let scopes = format!(r#"["{scope}"]"#);
        assert_eq!(identity(&scopes, &CURRENT), Ok((Caller::Everything, false)));
        assert_eq!(identity(&scopes, &OF_2015), unauthorized);
        let with_read = format!(r#"["{scope}","cloud_controller.read"]"#);
        let member = Ok((member("alice", &OF_2015), false));
        assert_eq!(identity(&with_read, &OF_2015), member);
    }
}
