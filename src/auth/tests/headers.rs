//! The `Authorization` header around the token.

use super::*;

#[test]
fn token_of_the_api_document_is_valid_until_its_exp() {
    let keys = keys();
    let header = format!("bearer {DOCUMENT_TOKEN}");
    let at = |now| keys.identify(&[header.as_bytes()], now, of_2015());
    let identity = at(NOW).unwrap();
    assert_eq!(identity.user, "uaa-id-463");
    assert!(!identity.admin);
    let caller = identity.into_reader().unwrap();
    assert_eq!(caller, member("uaa-id-463", of_2015()));
    let expires = crate::clock::parse("2015-11-20T17:02:56Z").unwrap();
    assert!(at(expires - 1).is_ok());
    // The token is cached now. Its expiry is checked all the same.
    assert_eq!(at(expires), Err(ApiError::InvalidToken));
    assert!(at(NOW).is_ok());
}

#[test]
fn missing_header_or_other_scheme_is_not_authenticated() {
    let keys = keys();
    let identify = |headers: &[&[u8]]| keys.identify(headers, NOW, of_2015());
    assert_eq!(identify(&[]), Err(ApiError::NotAuthenticated));
    for header in [
        "",
        "Basic Y2Y6",
        "bear",
        "token x",
        " bearer x",
        DOCUMENT_TOKEN,
    ] {
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
fn header_must_be_bearer_spaces_and_one_token() {
    let keys = keys();
    let token = signed(&claims(""));
    for header in [
        format!("bearer {token}"),
        format!("Bearer {token}"),
        format!("BEARER {token}"),
        format!("bEaReR    {token}"),
    ] {
        assert!(
            keys.identify(&[header.as_bytes()], NOW, of_2015()).is_ok(),
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
            keys.identify(&[header.as_bytes()], NOW, of_2015()),
            Err(ApiError::InvalidToken),
            "{header}"
        );
    }
    assert_eq!(
        keys.identify(&[b"bearer \xff\xfe"], NOW, of_2015()),
        Err(ApiError::InvalidToken)
    );
}

#[test]
fn several_headers_are_invalid() {
    let header = format!("bearer {}", signed(&claims("")));
    let header = header.as_bytes();
    for headers in [[header, header], [header, b"Basic Y2Y6"], [b"", header]] {
        assert_eq!(
            keys().identify(&headers, NOW, of_2015()),
            Err(ApiError::InvalidToken)
        );
    }
}
