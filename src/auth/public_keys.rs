//! RS256 public keys from files: PEM, or a JSON Web Key Set as a UAA answers at `/token_keys`.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

/// What RS256 verifies with; shorter keys are refused by RFC 7518, longer ones by the library.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key and the name that its file gives it.
pub(super) struct PublicKey {
    pub kid: Option<String>,
    pub key: DecodingKey,
}

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

/// The usable keys of a file, at least one. The error is one sentence that names the file.
pub(super) fn read(path: &Path) -> Result<Vec<PublicKey>, String> {
    let bytes = std::fs::read(path).map_err(|error| {
        let text = error.to_string();
        format!(
            "cannot read the public key `{}`: {}; name a file that can be read",
            path.display(),
            text.split(" (os error")
                .next()
                .unwrap_or(&text)
                .to_lowercase(),
        )
    })?;
    let keys = if bytes.trim_ascii_start().starts_with(b"{") {
        jwks(&bytes)
    } else {
        pem(&bytes)
    };
    if keys.is_empty() {
        return Err(format!(
            "`{}` holds no usable key; expected RSA public keys of {} to {} bits for RS256, as PEM or as a JSON Web Key Set",
            path.display(),
            MODULUS_BITS.start(),
            MODULUS_BITS.end(),
        ));
    }
    Ok(keys)
}

/// The keys of a set, or a key by itself; what is not an RS256 key for signatures is passed over.
fn jwks(bytes: &[u8]) -> Vec<PublicKey> {
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else {
        return Vec::new();
    };
    let entries = match document.get("keys") {
        Some(Value::Array(keys)) => keys.clone(),
        Some(_) => Vec::new(),
        None => vec![document],
    };
    entries.into_iter().filter_map(jwk).collect()
}

fn jwk(entry: Value) -> Option<PublicKey> {
    let jwk: Jwk = serde_json::from_value(entry).ok()?;
    let right = jwk.kty == "RSA"
        && jwk.usage.is_none_or(|usage| usage == "sig")
        && jwk.alg.is_none_or(|alg| alg == "RS256");
    let modulus = URL_SAFE_NO_PAD.decode(&jwk.n).ok()?;
    let exponent = URL_SAFE_NO_PAD.decode(&jwk.e).ok()?;
    (right && usable(&modulus) && !exponent.is_empty()).then(|| PublicKey {
        kid: jwk.kid,
        key: DecodingKey::from_rsa_raw_components(&modulus, &exponent),
    })
}

/// The RSA public keys among the blocks of a PEM file. Private keys and certificates are none.
fn pem(bytes: &[u8]) -> Vec<PublicKey> {
    const BEGIN: &str = "-----BEGIN ";
    let Ok(text) = str::from_utf8(bytes) else {
        return Vec::new();
    };
    text.match_indices(BEGIN)
        .filter_map(|(at, _)| {
            let label = &text[at + BEGIN.len()..];
            if !(label.starts_with("PUBLIC KEY-----") || label.starts_with("RSA PUBLIC KEY-----")) {
                return None;
            }
            let end = label.find(BEGIN).unwrap_or(label.len());
            let block = &text[at..at + BEGIN.len() + end];
            let key = DecodingKey::from_rsa_pem(block.as_bytes()).ok()?;
            usable(modulus(key.try_get_as_bytes().ok()?)?).then_some(PublicKey { kid: None, key })
        })
        .collect()
}

fn usable(modulus: &[u8]) -> bool {
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let significant = &modulus[zeros..];
    let bits = significant.first().map_or(0, |first| {
        significant.len() * 8 - first.leading_zeros() as usize
    });
    MODULUS_BITS.contains(&bits)
}

/// The modulus of `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017) in DER.
fn modulus(der: &[u8]) -> Option<&[u8]> {
    element(element(der, 0x30)?, 0x02)
}

/// The content of the first element, which must have this tag.
fn element(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 | 0x82 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    (*found == tag).then(|| rest.get(..length))?
}
