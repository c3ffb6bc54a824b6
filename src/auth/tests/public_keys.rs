//! RS256 keys from PEM files and key sets. The private keys in `tests/fixtures` were made for these tests only.

use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use super::*;
use crate::auth::{KeyError, RejectedKey};

const ONE: &[u8] = include_bytes!("../../../tests/fixtures/rsa-one.pem");
const TWO: &[u8] = include_bytes!("../../../tests/fixtures/rsa-two.pem");

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn keys_of(names: &[&str]) -> Result<Keys, KeyError> {
    let files: Vec<PathBuf> = names.iter().map(|name| fixture(name)).collect();
    Keys::new(vec![Secret::new(KEY)], &files)
}

/// Returns a token with an RS256 signature by a private key in PKCS #8.
fn rs256(private: &[u8], header: &str) -> String {
    let message = format!("{}.{}", part(header), part(claims("")));
    let key = RsaKeyPair::from_pkcs8(pem::parse(private).unwrap().contents()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", part(signature))
}

#[test]
fn public_key_and_secret_verify_side_by_side() {
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
fn kid_selects_among_the_keys_that_have_one() {
    let header = |kid: &str| format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#);
    let set = keys_of(&["jwks.json"]).unwrap();
    for (private, kid, right) in [
        (ONE, "one", true),
        (TWO, "two", true),
        (ONE, "two", false),
        (TWO, "one", false),
        (ONE, "unknown", false),
        // These keys are ignored, because they have another use or another algorithm.
        (TWO, "enc", false),
        (TWO, "pss", false),
    ] {
        let token = rs256(private, &header(kid));
        assert_eq!(identify(&set, &token).is_ok(), right, "{kid}");
    }
    assert!(identify(&set, &rs256(TWO, r#"{"alg":"RS256"}"#)).is_ok());
    // A key without a `kid` is tried for every `kid`.
    let both = keys_of(&["jwks.json", "rsa-two.pub.pem"]).unwrap();
    assert!(identify(&both, &rs256(TWO, &header("unknown"))).is_ok());
    assert!(identify(&both, &rs256(ONE, &header("unknown"))).is_err());
}

#[test]
fn every_rsa_key_of_a_pem_file_is_used() {
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
    let keys = Keys::new(vec![Secret::new(KEY)], &[path]).unwrap();
    for private in [ONE, TWO] {
        assert!(identify(&keys, &rs256(private, r#"{"alg":"RS256"}"#)).is_ok());
    }
}

#[test]
fn private_json_web_key_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("private.json");
    let set = std::fs::read_to_string(fixture("jwks.json")).unwrap();
    let mut set: serde_json::Value = serde_json::from_str(&set).unwrap();
    set["keys"][2]["d"] = "AQAB".into();
    for document in [set.clone(), set["keys"][2].clone()] {
        std::fs::write(&path, document.to_string()).unwrap();
        let error = Keys::new(vec![Secret::new(KEY)], std::slice::from_ref(&path)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("private.json` holds a private key") && text.contains("`d`"),
            "{text}"
        );
        assert!(!text.contains("AQAB"), "{text}");
    }
}

#[test]
fn file_without_a_usable_key_is_an_error_that_names_it() {
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
        let error = Keys::new(vec![Secret::new(KEY)], std::slice::from_ref(&file)).unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, KeyError::PublicKeyFile(_)) && !error.is_usage(),
            "{text}"
        );
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

/// Returns a number of this many bits in big-endian bytes whose highest and lowest bits are set.
fn odd_number(bits: usize) -> Vec<u8> {
    let mut number = vec![0; bits.div_ceil(8)];
    number[0] |= 1 << ((bits - 1) % 8);
    *number.last_mut().unwrap() |= 1;
    number
}

/// Loads a key set of one key with this modulus and exponent.
fn load_jwk(modulus: &[u8], exponent: &[u8]) -> Result<Keys, KeyError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwk.json");
    let (n, e) = (part(modulus), part(exponent));
    let jwk = serde_json::json!({"kty": "RSA", "n": n, "e": e});
    std::fs::write(&path, serde_json::json!({"keys": [jwk]}).to_string()).unwrap();
    Keys::new(vec![Secret::new(KEY)], &[path])
}

#[test]
fn weak_key_is_rejected_when_it_is_loaded() {
    let good = odd_number(2048);
    let f4 = [1, 0, 1];
    let mut even = good.clone();
    *even.last_mut().unwrap() -= 1;
    for (modulus, exponent, expected) in [
        (&odd_number(2047), &f4[..], RejectedKey::ModulusLength(2047)),
        (&odd_number(8193), &f4, RejectedKey::ModulusLength(8193)),
        (&vec![0, 0, 7], &f4, RejectedKey::ModulusLength(3)),
        (&Vec::new(), &f4, RejectedKey::ModulusLength(0)),
        (&even, &f4, RejectedKey::EvenModulus),
        (&good, &[], RejectedKey::Exponent),
        (&good, &[0], RejectedKey::Exponent),
        (&good, &[1], RejectedKey::Exponent),
        (&good, &[2], RejectedKey::Exponent),
        (&good, &[1, 0, 0], RejectedKey::Exponent),
        (&good, &[2, 0, 0, 0, 1], RejectedKey::Exponent),
        (&good, &[1, 0, 0, 0, 0, 0, 1, 0, 1], RejectedKey::Exponent),
    ] {
        let error = load_jwk(modulus, exponent).unwrap_err().to_string();
        let reason = format!("holds no usable key: {expected}; expected RSA public keys");
        assert!(error.contains(&reason), "{error}");
    }
    for (modulus, exponent) in [
        (&good, &f4[..]),
        (&good, &[3]),
        (&good, &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1]),
        (&good, &[1, 255, 255, 255, 255]),
        (&odd_number(8192), &f4),
        (&[&[0][..], &good].concat(), &f4),
    ] {
        assert!(load_jwk(modulus, exponent).is_ok(), "{exponent:?}");
    }
}

#[test]
fn error_of_a_pem_file_names_why_its_keys_are_rejected() {
    let error = keys_of(&["rsa-short.pub.pem"]).unwrap_err().to_string();
    assert!(error.contains(": a modulus has 1024 bits; "), "{error}");
}
