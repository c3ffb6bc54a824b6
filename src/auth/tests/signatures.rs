//! The signature, the header of the token, and what is remembered.

use super::*;
use crate::auth::keys::KeyError;

const PUBLIC: &str = include_str!("../../../tests/fixtures/rsa-one.pub.pem");

#[test]
fn the_algorithm_is_the_keys() {
    let payload = claims("");
    for alg in [
        "\"none\"",
        "\"None\"",
        "\"nOnE\"",
        "\"NONE\"",
        "\"\"",
        "\"hs256\"",
        "\"HS384\"",
        "\"HS512\"",
        "\"RS256\"",
        "\"PS256\"",
        "\"ES256\"",
        "\"EdDSA\"",
        "\"HS256 \"",
        "null",
        "256",
        "[\"HS256\"]",
    ] {
        let header = format!(r#"{{"typ":"JWT","alg":{alg}}}"#);
        refused(&signed_with(KEY, &header, &payload), alg);
        let unsigned = format!("{}.{}.", part(&header), part(&payload));
        refused(&unsigned, alg);
    }
    for header in [
        "{}",
        r#"{"typ":"JWT"}"#,
        r#"["HS256"]"#,
        "\"HS256\"",
        "",
        r#"{"alg":"HS256","alg":"HS256"}"#,
    ] {
        refused(&signed_with(KEY, header, &payload), header);
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::write(&path, PUBLIC).unwrap();
    let keys = Keys::of(vec![Secret::new(KEY)], &[path]).unwrap();
    let base64: String = PUBLIC
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(base64)
        .unwrap();
    for secret in [
        PUBLIC.as_bytes(),
        PUBLIC.trim_end().as_bytes(),
        PUBLIC.replace('\n', "\r\n").as_bytes(),
        &der,
        b"",
    ] {
        for alg in ["HS256", "RS256"] {
            let token = signed_with(secret, &format!(r#"{{"alg":"{alg}"}}"#), &claims(""));
            assert_eq!(identify(&keys, &token), Err(ApiError::InvalidToken));
        }
    }
    for given in [PUBLIC.to_owned(), format!("\n {PUBLIC}")] {
        let refused = Keys::given(vec![Secret::new(KEY), Secret::new(given)]);
        assert!(
            matches!(refused, Err(KeyError::Usage(text)) if text.contains("--token-public-key"))
        );
    }
}

#[test]
fn the_header_chooses_no_key() {
    let payload = claims("");
    let long = "k".repeat(10_000);
    // Our keys have no `kid`: whatever a token names, they alone decide.
    for kid in ["", "../../dev/null", "' or 1=1 --", "unknown", &long] {
        let header = format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#);
        accepted(&signed_with(KEY, &header, &payload));
        refused(&signed_with(b"", &header, &payload), kid);
        refused(&signed_with(b"another", &header, &payload), kid);
    }
    for kid in ["7", "null", "[]", "{}"] {
        let header = format!(r#"{{"alg":"HS256","kid":{kid}}}"#);
        refused(&signed_with(KEY, &header, &payload), kid);
    }
    for header in [
        r#"{"alg":"HS256","jku":"http://127.0.0.1:1/keys"}"#,
        r#"{"alg":"HS256","x5u":"http://127.0.0.1:1/chain"}"#,
        r#"{"alg":"HS256","x5c":["MIIB"]}"#,
        r#"{"alg":"HS256","jwk":{"kty":"oct","k":"YW5vdGhlcg"}}"#,
    ] {
        accepted(&signed_with(KEY, header, &payload));
        refused(&signed_with(b"another", header, &payload), header);
    }
    for crit in [
        r#"["exp"]"#,
        "[]",
        "null",
        "false",
        "\"\"",
        r#"["b64"],"b64":false"#,
    ] {
        let header = format!(r#"{{"alg":"HS256","crit":{crit}}}"#);
        refused(&signed_with(KEY, &header, &payload), &header);
    }
}

#[test]
fn every_bit_of_the_signature_counts() {
    let token = signed(&claims(""));
    let (message, signature) = token.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let keys = keys();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let token = format!("{message}.{}", part(flipped));
        assert_eq!(
            identify(&keys, &token),
            Err(ApiError::InvalidToken),
            "bit {bit}"
        );
    }
    for length in 0..bytes.len() {
        refused(&format!("{message}.{}", part(&bytes[..length])), "cut");
    }
    refused(&format!("{message}.{}", part([0; 32])), "zeros");
    refused(
        &format!("{message}.{}", part([bytes.as_slice(), &[0]].concat())),
        "longer",
    );
    // The last letter of 43 holds four bits; the two that it has over must be zero.
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let other = format!("{}{last}", &token[..token.len() - 1]);
        assert_eq!(identify(&keys, &other).is_ok(), other == token, "{last}");
    }
}

#[test]
fn a_token_is_three_parts_of_base64url() {
    let token = signed(&claims(""));
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("three parts")
    };
    for wrong in [
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        "..".to_owned(),
        ".".to_owned(),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{token}="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}.{signature}\n"),
        format!("{header}. {payload}.{signature}"),
        format!("{header}.{payload}.+/{}", &signature[2..]),
        format!("{header}.{payload}.{}", "A".repeat(1 << 20)),
        "A".repeat(1 << 20),
    ] {
        refused(&wrong, wrong.get(..80).unwrap_or(&wrong));
    }
}

#[test]
fn every_secret_verifies_and_the_first_signs() {
    let keys = Keys::given(vec![Secret::new("new"), Secret::new("old")]).unwrap();
    for key in [&b"new"[..], b"old"] {
        let token = signed_with(key, r#"{"alg":"HS256"}"#, &claims(""));
        assert!(identify(&keys, &token).is_ok());
    }
    let token = keys.sign(&serde_json::json!({"exp": NOW + 1, "aud": "cloud_controller", "scope": ["cloud_controller.read"], "client_id": "c"})).unwrap();
    assert!(identify(&Keys::given(vec![Secret::new("new")]).unwrap(), &token).is_ok());
    assert!(identify(&Keys::given(vec![Secret::new("old")]).unwrap(), &token).is_err());
    assert!(matches!(Keys::given(Vec::new()), Err(KeyError::Usage(_))));
}

#[test]
fn what_is_remembered_is_verified_and_bounded() {
    let keys = keys();
    let token = signed(&claims(""));
    for _ in 0..3 {
        assert!(identify(&keys, &token).is_ok());
        assert_eq!(keys.remembered(), 1);
    }
    let longer = signed(&claims(&format!(r#""email":"{}","#, "x".repeat(8192))));
    assert!(identify(&keys, &longer).is_ok());
    assert!(identify(&keys, &format!("{token}x")).is_err());
    assert!(
        identify(
            &keys,
            &signed_with(b"another", r#"{"alg":"HS256"}"#, &claims(""))
        )
        .is_err()
    );
    assert_eq!(keys.remembered(), 1);
    for number in 0..5000 {
        assert!(identify(&keys, &signed(&claims(&format!(r#""iat":{number},"#)))).is_ok());
        assert!(keys.remembered() <= 4096);
    }
    assert!(identify(&keys, &token).is_ok());
}
