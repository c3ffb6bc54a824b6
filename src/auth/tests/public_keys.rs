//! RS256 keys from PEM files and key sets. The pairs in `tests/fixtures` were made for these tests and guard nothing.

use std::path::{Path, PathBuf};

use super::*;
use crate::auth::keys::KeyError;

const ONE: &[u8] = include_bytes!("../../../tests/fixtures/rsa-one.pem");
const TWO: &[u8] = include_bytes!("../../../tests/fixtures/rsa-two.pem");

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn keys_of(names: &[&str]) -> Result<Keys, KeyError> {
    let files: Vec<PathBuf> = names.iter().map(|name| fixture(name)).collect();
    Keys::of(vec![Secret::new(KEY)], &files)
}

/// A token signed RS256 with a private key.
fn rs256(private: &[u8], header: &str) -> String {
    let message = format!("{}.{}", part(header), part(claims("")));
    let key = EncodingKey::from_rsa_pem(private).unwrap();
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::RS256).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn a_public_key_verifies_and_the_secret_still_does() {
    for file in ["rsa-one.pub.pem", "rsa-one.pkcs1.pem", "jwks.json"] {
        let keys = keys_of(&[file]).unwrap();
        let token = rs256(ONE, r#"{"alg":"RS256"}"#);
        assert!(identify(&keys, &token).is_ok(), "{file}");
        assert!(identify(&keys, &signed(&claims(""))).is_ok(), "{file}");
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for bit in [0, 7, 1000, bytes.len() * 8 - 1] {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let flipped = format!("{message}.{}", part(&bytes));
            assert!(identify(&keys, &flipped).is_err(), "{file} {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let wrong = rs256(ONE, r#"{"alg":"HS256"}"#);
        assert!(identify(&keys, &wrong).is_err(), "{file}");
    }
    assert!(identify(&keys(), &rs256(ONE, r#"{"alg":"RS256"}"#)).is_err());
}

#[test]
fn a_kid_chooses_among_named_keys() {
    let header = |kid: &str| format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#);
    let set = keys_of(&["jwks.json"]).unwrap();
    for (private, kid, right) in [
        (ONE, "one", true),
        (TWO, "two", true),
        (ONE, "two", false),
        (TWO, "one", false),
        (ONE, "unknown", false),
        // Passed over: another use, another algorithm.
        (TWO, "enc", false),
        (TWO, "pss", false),
    ] {
        let token = rs256(private, &header(kid));
        assert_eq!(identify(&set, &token).is_ok(), right, "{kid}");
    }
    assert!(identify(&set, &rs256(TWO, r#"{"alg":"RS256"}"#)).is_ok());
    // A key without a name is tried whatever the token names.
    let both = keys_of(&["jwks.json", "rsa-two.pub.pem"]).unwrap();
    assert!(identify(&both, &rs256(TWO, &header("unknown"))).is_ok());
    assert!(identify(&both, &rs256(ONE, &header("unknown"))).is_err());
}

#[test]
fn a_file_may_hold_several_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("several.pem");
    let text: String = [
        "ec.pub.pem",
        "rsa-one.pub.pem",
        "rsa-short.pub.pem",
        "rsa-two.pub.pem",
    ]
    .iter()
    .map(|name| std::fs::read_to_string(fixture(name)).unwrap())
    .collect();
    std::fs::write(&path, format!("a comment\n{text}")).unwrap();
    let keys = Keys::of(vec![Secret::new(KEY)], &[path]).unwrap();
    for private in [ONE, TWO] {
        assert!(identify(&keys, &rs256(private, r#"{"alg":"RS256"}"#)).is_ok());
    }
}

#[test]
fn a_file_without_a_usable_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> = ["rsa-one.pem", "rsa-short.pub.pem", "ec.pub.pem"]
        .iter()
        .map(|name| fixture(name))
        .collect();
    for (number, text) in [
        "",
        "text",
        "{}",
        "{\"keys\":[]}",
        "{\"keys\":7}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----",
    ]
    .iter()
    .enumerate()
    {
        let path = folder.path().join(number.to_string());
        std::fs::write(&path, text).unwrap();
        files.push(path);
    }
    for file in files {
        let error = Keys::of(vec![Secret::new(KEY)], std::slice::from_ref(&file)).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, KeyError::File(_)), "{text}");
        assert!(
            text.starts_with(&format!("`{}` holds no usable key", file.display())),
            "{text}"
        );
    }
    let error = keys_of(&["missing.pem"]).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot read the public key `")
            && error.contains("missing.pem`: no such file")
    );
}
