//! The signature and the header of the token, the secrets, and the token cache.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;
use crate::auth::keys::KeyError;

const PUBLIC: &str = include_str!("../../../tests/fixtures/rsa-one.pub.pem");

#[test]
fn algorithm_of_the_token_must_be_that_of_the_key() {
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
        assert_invalid(&signed_with(KEY, &header, &payload), alg);
        let unsigned = format!("{}.{}.", part(&header), part(&payload));
        assert_invalid(&unsigned, alg);
    }
    for header in [
        "{}",
        r#"{"typ":"JWT"}"#,
        r#"["HS256"]"#,
        "\"HS256\"",
        "",
        r#"{"alg":"HS256","alg":"HS256"}"#,
    ] {
        assert_invalid(&signed_with(KEY, header, &payload), header);
    }
}

#[test]
fn public_key_neither_signs_nor_is_accepted_as_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::write(&path, PUBLIC).unwrap();
    let keys = Keys::new(vec![Secret::new(KEY)], &[path]).unwrap();
    let der = pem::parse(PUBLIC).unwrap().into_contents();
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
    let jwks = include_str!("../../../tests/fixtures/jwks.json");
    let set: serde_json::Value = serde_json::from_str(jwks).unwrap();
    let pkcs1 = include_str!("../../../tests/fixtures/rsa-one.pkcs1.pem");
    let pkcs1 = pem::parse(pkcs1).unwrap().into_contents();
    let jwk = set["keys"][0].to_string();
    let quoted = serde_json::json!({ "value": PUBLIC }).to_string();
    let with_bom = format!("\u{feff}{PUBLIC}");
    let utf16 = with_bom.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_newlines = |der: &[u8]| [der, b"\n\r\n"].concat();
    // A certificate and an EC key begin so too.
    let sequence = [&[0x30, 0x59, 0x30][..], &[7; 0x58]].concat();
    let in_base64 = BASE64.encode(&der);
    let ssh = [
        &b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01\0\0\x01\x01\0"[..],
        &[0xc5; 256],
    ]
    .concat();
    let (pem, keys, in_der) = (
        "a PEM text",
        "a JSON Web Key Set",
        "a key or a certificate in DER",
    );
    let hexadecimal = |separator: &str| {
        let digits: Vec<String> = der.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.join(separator)
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (PUBLIC.into(), pem),
        (format!("\n {PUBLIC}").into(), pem),
        (format!("# a comment\n{PUBLIC}").into(), pem),
        (format!("Bag Attributes\n    x: 1\n{PUBLIC}").into(), pem),
        (with_bom.clone().into(), pem),
        (format!("\"{PUBLIC}\"").into(), pem),
        (PUBLIC.replace('\n', "\\n").into(), pem),
        (quoted.into(), pem),
        (utf16, pem),
        (jwks.into(), keys),
        (jwk.clone().into(), keys),
        (format!("[{jwk}]").into(), keys),
        (format!("\u{feff}{jwks}").into(), keys),
        (format!("{jwks}\n200").into(), keys),
        (format!("HTTP/1.1 200 OK\r\n\r\n{jwks}").into(), keys),
        ("keys:\n- kty: RSA\n  n: 1\n".into(), keys),
        (
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB me".into(),
            "an SSH public key",
        ),
        (with_newlines(&der), in_der),
        (hexadecimal("").into(), in_der),
        (hexadecimal(":").to_uppercase().into(), in_der),
        (hexadecimal("\n").into(), in_der),
        ([&[0; 3], &*der, &[0; 5]].concat(), in_der),
        (serde_json::json!(jwks).to_string().into(), keys),
        (jwks.to_uppercase().into(), keys),
        (PUBLIC.replace('-', "").into(), pem),
        (
            "Public-Key: (2048 bit)\nModulus:\n    00:c5".into(),
            "a key as OpenSSL prints it",
        ),
        ("Modulus=C5C5".into(), "a key as OpenSSL prints it"),
        (in_base64.clone().into(), in_der),
        (format!("\u{feff}{in_base64}").into(), in_der),
        (format!("\"{in_base64}\"").into(), in_der),
        (format!("the key {in_base64} of a server").into(), in_der),
        (format!("v=DKIM1; k=rsa; p={in_base64}").into(), in_der),
        (BASE64.encode(PUBLIC).into(), pem),
        (BASE64.encode(jwks).into(), keys),
        (BASE64.encode(&ssh).into(), "an SSH public key"),
        (
            format!("ssh-rsa\t{}", BASE64.encode(&ssh)).into(),
            "an SSH public key",
        ),
        (ssh, "an SSH public key"),
        ([b"\xEF\xBB\xBF", &*der].concat(), in_der),
        (der, in_der),
        (pkcs1[..pkcs1.len() - 1].into(), in_der),
        (with_newlines(&pkcs1), in_der),
        (pkcs1, in_der),
        (sequence, in_der),
    ];
    for (secret, found) in cases {
        let error = Keys::from_secrets(vec![Secret::new(KEY), Secret::new(secret)]).unwrap_err();
        assert!(error.is_usage());
        assert_eq!(
            error.to_string(),
            format!(
                "a secret is {found}, which must not be an HS256 secret; pass public keys with `--token-public-key`"
            )
        );
    }
    for secret in [
        "30c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5",
        "the passphrase of a server that is as long as a public key in base64",
        "{",
        "{}",
        "{\"key\":1}",
        "0",
        "0Y",
        "MEUw",
        "[]",
        "-----BEGIN",
        "ssh-rsa",
    ] {
        assert!(
            Keys::from_secrets(vec![Secret::new(secret)]).is_ok(),
            "{secret}"
        );
    }
}

#[test]
fn header_of_the_token_cannot_choose_the_key() {
    let payload = claims("");
    let long = "k".repeat(10_000);
    // Our secrets have no `kid`, so that they are tried for every `kid`.
    for kid in ["", "../../dev/null", "' or 1=1 --", "unknown", &long] {
        let header = format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#);
        assert_accepted(&signed_with(KEY, &header, &payload));
        assert_invalid(&signed_with(b"", &header, &payload), kid);
        assert_invalid(&signed_with(b"another", &header, &payload), kid);
    }
    for kid in ["7", "null", "[]", "{}"] {
        let header = format!(r#"{{"alg":"HS256","kid":{kid}}}"#);
        assert_invalid(&signed_with(KEY, &header, &payload), kid);
    }
    for header in [
        r#"{"alg":"HS256","jku":"http://127.0.0.1:1/keys"}"#,
        r#"{"alg":"HS256","x5u":"http://127.0.0.1:1/chain"}"#,
        r#"{"alg":"HS256","x5c":["MIIB"]}"#,
        r#"{"alg":"HS256","jwk":{"kty":"oct","k":"YW5vdGhlcg"}}"#,
    ] {
        assert_accepted(&signed_with(KEY, header, &payload));
        assert_invalid(&signed_with(b"another", header, &payload), header);
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
        assert_invalid(&signed_with(KEY, &header, &payload), &header);
    }
}

#[test]
fn signature_with_one_changed_bit_is_invalid() {
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
        assert_invalid(&format!("{message}.{}", part(&bytes[..length])), "cut");
    }
    assert_invalid(&format!("{message}.{}", part([0; 32])), "zeros");
    assert_invalid(
        &format!("{message}.{}", part([bytes.as_slice(), &[0]].concat())),
        "longer",
    );
    // The last of the 43 characters holds four bits of the signature. Its other two bits must be zero.
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let other = format!("{}{last}", &token[..token.len() - 1]);
        assert_eq!(identify(&keys, &other).is_ok(), other == token, "{last}");
    }
}

#[test]
fn token_must_be_three_parts_of_unpadded_base64url() {
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
        assert_invalid(&wrong, wrong.get(..80).unwrap_or(&wrong));
    }
}

#[test]
fn every_secret_verifies_and_the_first_signs() {
    let keys = Keys::from_secrets(vec![Secret::new("new"), Secret::new("old")]).unwrap();
    for key in [&b"new"[..], b"old"] {
        let token = signed_with(key, r#"{"alg":"HS256"}"#, &claims(""));
        assert!(identify(&keys, &token).is_ok());
    }
    let token = keys.sign(&serde_json::json!({"exp": NOW + 1, "aud": "cloud_controller", "scope": ["cloud_controller.read"], "client_id": "c"})).unwrap();
    assert!(
        identify(
            &Keys::from_secrets(vec![Secret::new("new")]).unwrap(),
            &token
        )
        .is_ok()
    );
    assert!(
        identify(
            &Keys::from_secrets(vec![Secret::new("old")]).unwrap(),
            &token
        )
        .is_err()
    );
    assert!(matches!(
        Keys::from_secrets(Vec::new()),
        Err(KeyError::NoSecret)
    ));
}

#[test]
fn cache_holds_only_verified_short_tokens_up_to_its_limit() {
    let keys = keys();
    let token = signed(&claims(""));
    for _ in 0..3 {
        assert!(identify(&keys, &token).is_ok());
        assert_eq!(keys.cached_tokens(), 1);
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
    assert_eq!(keys.cached_tokens(), 1);
    for number in 0..5000 {
        assert!(identify(&keys, &signed(&claims(&format!(r#""iat":{number},"#)))).is_ok());
        assert!(keys.cached_tokens() <= 4096);
    }
    assert!(identify(&keys, &token).is_ok());
}
