//! RS256 public keys from files: PEM ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)), or a JSON Web Key Set
//! ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)) as a UAA answers at `/token_keys`.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pkcs1::RsaPublicKeyRef;
use pkcs1::der::Decode;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::Value;
use spki::SubjectPublicKeyInfoRef;

use crate::error_text::os_error;

/// The lengths of a modulus that RS256 accepts, in bits. The lower bound is that of
/// [RFC 7518 §3.3](https://www.rfc-editor.org/rfc/rfc7518#section-3.3), the upper one that of the crypto library.
const MODULUS_BITS: RangeInclusive<usize> = 2048..=8192;
/// The public exponents that the crypto library accepts, which must also be odd.
/// [RFC 8017 §3.1](https://www.rfc-editor.org/rfc/rfc8017#section-3.1) requires at least 3.
const EXPONENTS: RangeInclusive<u64> = 3..=(1 << 33) - 1;

/// An RSA public key that was checked when it was loaded.
pub(super) struct PublicKey {
    kid: Option<String>,
    components: RsaPublicKeyComponents<Vec<u8>>,
}

/// Why a file of public keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PublicKeyFileError {
    /// The file cannot be read.
    #[error("cannot read the public key `{}`: {reason}; name a file that can be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's description.
        reason: String,
    },
    /// The file has no RSA public key for RS256, or only rejected ones.
    #[error(
        "`{}` holds no usable key{}; expected RSA public keys of 2048 to 8192 bits for RS256, as PEM or as a JSON Web Key Set",
        path.display(),
        Rejections(rejected)
    )]
    NoUsableKey {
        /// The file.
        path: PathBuf,
        /// The RSA public keys of the file, none of which can be used.
        rejected: Vec<RejectedKey>,
    },
}

/// Why an RSA public key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectedKey {
    /// The modulus is too short or too long.
    #[error("a modulus has {0} bits")]
    ModulusLength(usize),
    /// The modulus is even, which no product of two odd primes is.
    #[error("a modulus is even")]
    EvenModulus,
    /// The exponent is even, less than 3 or greater than 2^33 - 1. A signature is easily forged for the exponent 1.
    #[error("an exponent is not an odd number from 3 to 2^33 - 1")]
    Exponent,
}

/// Writes the rejected keys of a file behind a colon.
struct Rejections<'a>(&'a [RejectedKey]);

impl fmt::Display for Rejections<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rejected) in self.0.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(f, "{separator}{rejected}")?;
        }
        Ok(())
    }
}

impl PublicKey {
    /// Checks a key. The numbers are big-endian, with or without leading zeros.
    fn new(kid: Option<String>, modulus: &[u8], exponent: &[u8]) -> Result<Self, RejectedKey> {
        let (n, e) = (
            without_leading_zeros(modulus),
            without_leading_zeros(exponent),
        );
        let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
        if !MODULUS_BITS.contains(&bits) {
            return Err(RejectedKey::ModulusLength(bits));
        }
        if !is_odd(n) {
            return Err(RejectedKey::EvenModulus);
        }
        let value = e
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        if e.len() > size_of::<u64>() || !EXPONENTS.contains(&value) || !is_odd(e) {
            return Err(RejectedKey::Exponent);
        }
        Ok(Self {
            kid,
            components: RsaPublicKeyComponents {
                n: n.to_vec(),
                e: e.to_vec(),
            },
        })
    }

    /// Whether a token with this `kid` is verified with this key: both have the same `kid`, or one of them has none.
    pub fn matches_kid(&self, kid: Option<&str>) -> bool {
        match (kid, &self.kid) {
            (Some(wanted), Some(own)) => wanted == own,
            _ => true,
        }
    }

    /// Whether the RS256 signature of `message` is right
    /// ([RFC 8017 §8.2.2](https://www.rfc-editor.org/rfc/rfc8017#section-8.2.2)).
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.components
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok()
    }
}

/// Reads the usable keys of a file, of which there is at least one. Other keys of the file are ignored.
///
/// # Errors
///
/// Fails if the file cannot be read or has no usable key. The error names the file.
pub(super) fn read(path: &Path) -> Result<Vec<PublicKey>, PublicKeyFileError> {
    let bytes = std::fs::read(path).map_err(|error| PublicKeyFileError::Unreadable {
        path: path.to_owned(),
        reason: os_error(&error),
    })?;
    let found = if bytes.trim_ascii_start().starts_with(b"{") {
        from_jwks(&bytes)
    } else {
        from_pem(&bytes)
    };
    let mut keys = Vec::new();
    let mut rejected = Vec::new();
    for key in found {
        match key {
            Ok(key) => keys.push(key),
            Err(reason) => rejected.push(reason),
        }
    }
    if keys.is_empty() {
        let path = path.to_owned();
        return Err(PublicKeyFileError::NoUsableKey { path, rejected });
    }
    Ok(keys)
}

/// Returns what kind of public key `bytes` are, for the message that refuses them as a secret.
pub(super) fn describe(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"-----BEGIN ") {
        return Some("a PEM text");
    }
    let json = || serde_json::from_slice::<Value>(bytes).ok();
    if text.starts_with(b"{")
        && json().is_some_and(|key| key.get("keys").is_some() || key.get("kty").is_some())
    {
        return Some("a JSON Web Key Set");
    }
    let is_der = SubjectPublicKeyInfoRef::from_der(bytes).is_ok()
        || RsaPublicKeyRef::from_der(bytes).is_ok();
    is_der.then_some("a public key in DER")
}

/// The fields of an RSA key ([RFC 7518 §6.3.1](https://www.rfc-editor.org/rfc/rfc7518#section-6.3.1)).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    n: String,
    e: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
}

/// Returns the RS256 keys of a key set, or of one key. An entry of another kind or form is ignored, because a UAA may
/// publish other keys beside them.
fn from_jwks(bytes: &[u8]) -> Vec<Result<PublicKey, RejectedKey>> {
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else {
        return Vec::new();
    };
    let entries = match document.get("keys") {
        Some(Value::Array(keys)) => keys.clone(),
        Some(_) => Vec::new(),
        None => vec![document],
    };
    entries.into_iter().filter_map(from_jwk).collect()
}

fn from_jwk(entry: Value) -> Option<Result<PublicKey, RejectedKey>> {
    let jwk: Jwk = serde_json::from_value(entry).ok()?;
    let is_rs256 = jwk.kty == "RSA"
        && jwk.usage.is_none_or(|usage| usage == "sig")
        && jwk.alg.is_none_or(|alg| alg == "RS256");
    let modulus = URL_SAFE_NO_PAD.decode(&jwk.n).ok()?;
    let exponent = URL_SAFE_NO_PAD.decode(&jwk.e).ok()?;
    is_rs256.then(|| PublicKey::new(jwk.kid, &modulus, &exponent))
}

/// Returns the RSA public keys of a PEM file. Other blocks, such as private keys and certificates, are ignored.
fn from_pem(bytes: &[u8]) -> Vec<Result<PublicKey, RejectedKey>> {
    let blocks = pem::parse_many(bytes).unwrap_or_default();
    blocks
        .iter()
        .filter_map(|block| match block.tag() {
            "PUBLIC KEY" => from_pkcs1(rsa_key_of_spki(block.contents())?),
            "RSA PUBLIC KEY" => from_pkcs1(block.contents()),
            _ => None,
        })
        .collect()
}

/// Returns the key inside a `SubjectPublicKeyInfo`
/// ([RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1)), if it is an RSA key.
fn rsa_key_of_spki(der: &[u8]) -> Option<&[u8]> {
    let info = SubjectPublicKeyInfoRef::from_der(der).ok()?;
    (info.algorithm.oid == pkcs1::ALGORITHM_OID).then(|| info.subject_public_key.as_bytes())?
}

/// Parses an `RSAPublicKey` ([RFC 8017 §A.1.1](https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1)).
fn from_pkcs1(der: &[u8]) -> Option<Result<PublicKey, RejectedKey>> {
    let key = RsaPublicKeyRef::from_der(der).ok()?;
    let (modulus, exponent) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    Some(PublicKey::new(None, modulus, exponent))
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte & 1 == 1)
}
