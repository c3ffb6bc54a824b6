//! RS256 public keys from files: PEM ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)), or a JSON Web Key Set
//! ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)) as a UAA answers at `/token_keys`.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use pkcs1::RsaPublicKeyRef;
use pkcs1::der::Decode;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde_json::Value;
use spki::SubjectPublicKeyInfoRef;

use crate::error_text::os_error;
use crate::signals::{self, Signal};

/// Base64 with or without padding, in both alphabets.
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE_BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);
const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Shorter words are not public keys in base64. One for Ed25519 has 59 characters.
const SHORTEST_KEY: usize = 40;
/// The longest file of public keys, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

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

/// An RSA public key that is not used.
struct Rejected {
    kid: Option<String>,
    reason: RejectedKey,
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
    /// A signal ended the work while the file was read.
    #[error("stopped by {}", .0.name())]
    Stopped(Signal),
    /// The file is, or holds, a JSON Web Key with the private exponent `d`.
    #[error(
        "`{}` holds a private key: a JSON Web Key with the field `d`; name a file of public keys, without that field",
        path.display()
    )]
    Private {
        /// The file.
        path: PathBuf,
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
    fn new(kid: Option<String>, modulus: &[u8], exponent: &[u8]) -> Result<Self, Rejected> {
        match checked(modulus, exponent) {
            Ok(components) => Ok(Self { kid, components }),
            Err(reason) => Err(Rejected { kid, reason }),
        }
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

/// Returns the numbers of a key, if RS256 can use them.
fn checked(
    modulus: &[u8],
    exponent: &[u8],
) -> Result<RsaPublicKeyComponents<Vec<u8>>, RejectedKey> {
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
    Ok(RsaPublicKeyComponents {
        n: n.to_vec(),
        e: e.to_vec(),
    })
}

/// Reads the usable keys of a file, of which there is at least one. Rejected keys are logged, other keys of the file are
/// ignored.
///
/// # Errors
///
/// Fails if the file cannot be read, has a private JSON Web Key, or has no usable key. The error names the file.
pub(super) fn read(path: &Path) -> Result<Vec<PublicKey>, PublicKeyFileError> {
    let bytes =
        signals::read_file(path, MOST_BYTES).map_err(|error| match signals::received() {
            Some(signal) => PublicKeyFileError::Stopped(signal),
            None => PublicKeyFileError::Unreadable {
                path: path.to_owned(),
                reason: os_error(&error),
            },
        })?;
    if entries_of_jwks(&bytes).iter().any(is_private) {
        return Err(PublicKeyFileError::Private {
            path: path.to_owned(),
        });
    }
    let mut keys = Vec::new();
    let mut rejected = Vec::new();
    for key in find(&bytes) {
        match key {
            Ok(key) => keys.push(key),
            Err(key) => rejected.push(key),
        }
    }
    if keys.is_empty() {
        return Err(PublicKeyFileError::NoUsableKey {
            path: path.to_owned(),
            rejected: rejected.into_iter().map(|key| key.reason).collect(),
        });
    }
    for Rejected { kid, reason } in rejected {
        let kid = kid.map_or_else(String::new, |kid| format!(" `{}`", kid.escape_debug()));
        tracing::warn!(
            "`{}` holds a key{kid} that is not used: {reason}",
            path.display()
        );
    }
    Ok(keys)
}

/// Returns the RSA public keys in the bytes of a file.
fn find(bytes: &[u8]) -> Vec<Result<PublicKey, Rejected>> {
    match bytes.trim_ascii_start().starts_with(b"{") {
        true => from_jwks(bytes),
        false => from_pem(bytes),
    }
}

/// Returns what kind of key `bytes` are or hold, for the message that refuses them as a secret. Recognizes the formats of
/// public keys, alone, within other text, in base64 and in hexadecimal digits, and all that [`read`] accepts.
pub(super) fn describe(bytes: &[u8]) -> Option<&'static str> {
    // Without the null bytes of UTF-16.
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    // A key in base64 may have several lines, or be one word of a line.
    let joined: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let mut decoded = from_base64(&joined).chain(from_base64(&text));
    describe_plain(bytes)
        .or_else(|| describe_plain(&text))
        .or_else(|| decoded.find_map(|bytes| describe_plain(&bytes)))
        .or_else(|| describe_plain(&from_hexadecimal(&joined)?))
        .or_else(|| (!find(bytes).is_empty()).then_some("a public key"))
}

/// Does the same for formats that are not in base64 as a whole.
fn describe_plain(bytes: &[u8]) -> Option<&'static str> {
    let holds = |wanted: &[&str]| {
        let mut wanted = wanted.iter();
        wanted.any(|wanted| {
            bytes
                .windows(wanted.len())
                .any(|part| part == wanted.as_bytes())
        })
    };
    if holds(&["kty:"]) || names_fields_of_jwks(bytes) {
        return Some("a JSON Web Key Set");
    }
    let is_bare_pem = holds(&["BEGIN "]) && holds(&["PUBLIC KEY", "PRIVATE KEY", "CERTIFICATE"]);
    if holds(&["-----BEGIN "]) || is_bare_pem {
        return Some("a PEM text");
    }
    if holds(&["Public-Key: (", "Modulus=", "Modulus:", "modulus:"]) {
        return Some("a key as OpenSSL prints it");
    }
    if holds(&[
        "ssh-rsa AAAA",
        "ssh-ed25519 AAAA",
        "ecdsa-sha2-",
        "---- BEGIN SSH2 ",
    ]) || is_ssh(bytes)
    {
        return Some("an SSH public key");
    }
    let content = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if is_der(content) || is_der(without_leading_zeros(content.trim_ascii_start())) {
        return Some("a key or a certificate in DER");
    }
    None
}

/// Returns whether a text names fields of a key set, in JSON or in a string of JSON, in any case.
fn names_fields_of_jwks(text: &[u8]) -> bool {
    let text: Vec<u8> = text
        .iter()
        .filter(|byte| **byte != b'\\')
        .map(u8::to_ascii_lowercase)
        .collect();
    let mut names = [&b"\"kty\""[..], b"'kty'", b"\"keys\""].into_iter();
    names.any(|name| text.windows(name.len()).any(|part| part == name))
}

/// Returns the bytes that hexadecimal digits stand for; colons may separate them.
fn from_hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .iter()
        .filter(|byte| **byte != b':')
        .map(|byte| char::from(*byte).to_digit(16)?.try_into().ok())
        .collect();
    let pairs = digits?;
    let pairs = pairs.chunks_exact(2);
    Some(pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Returns what the words of `text` that may be base64 of a key hold.
fn from_base64(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    text.split(|byte| !byte.is_ascii_alphanumeric() && !b"+/-_".contains(byte))
        .filter(|word| word.len() >= SHORTEST_KEY)
        .filter_map(|word| {
            let decoded = BASE64
                .decode(word)
                .or_else(|_| URL_SAFE_BASE64.decode(word));
            decoded.ok()
        })
}

/// Returns whether `bytes` are a key as SSH encodes it
/// ([RFC 4253 §6.6](https://www.rfc-editor.org/rfc/rfc4253#section-6.6)).
fn is_ssh(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, 0, _, name @ ..] if name.starts_with(b"ssh-") || name.starts_with(b"ecdsa-"))
}

/// Returns whether `bytes` are keys or certificates in DER: a sequence that begins with a sequence, an integer, or an
/// object identifier. Newlines and null bytes may follow. The last byte may be missing: it is dropped from a secret if it looks like a
/// newline.
fn is_der(bytes: &[u8]) -> bool {
    let [0x30, first, rest @ ..] = bytes else {
        return false;
    };
    let (length, content) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 | 0x82 if rest.len() > 2 => {
            let (length, content) = rest.split_at(usize::from(first & 0x7f));
            let length = length
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, content)
        }
        _ => return false,
    };
    let rest = content.get(length..).unwrap_or_default();
    let is_whole = content.len() + 1 >= length
        && rest
            .iter()
            .all(|byte| *byte == 0 || byte.is_ascii_whitespace());
    is_whole && matches!(content.first(), Some(0x30 | 0x02 | 0x06))
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
fn from_jwks(bytes: &[u8]) -> Vec<Result<PublicKey, Rejected>> {
    let entries = entries_of_jwks(bytes).into_iter();
    entries.filter_map(from_jwk).collect()
}

/// Returns the entries of a key set, or the one key that `bytes` are.
fn entries_of_jwks(bytes: &[u8]) -> Vec<Value> {
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else {
        return Vec::new();
    };
    match document.get("keys") {
        Some(Value::Array(keys)) => keys.clone(),
        Some(_) => Vec::new(),
        None => vec![document],
    }
}

/// Returns whether a JSON Web Key is a private one
/// ([RFC 7518 §6.3.2](https://www.rfc-editor.org/rfc/rfc7518#section-6.3.2)).
fn is_private(jwk: &Value) -> bool {
    jwk.get("d").is_some()
}

fn from_jwk(entry: Value) -> Option<Result<PublicKey, Rejected>> {
    let jwk: Jwk = serde_json::from_value(entry).ok()?;
    let is_rs256 = jwk.kty == "RSA"
        && jwk.usage.is_none_or(|usage| usage == "sig")
        && jwk.alg.is_none_or(|alg| alg == "RS256");
    let modulus = URL_SAFE_NO_PAD.decode(&jwk.n).ok()?;
    let exponent = URL_SAFE_NO_PAD.decode(&jwk.e).ok()?;
    is_rs256.then(|| PublicKey::new(jwk.kid, &modulus, &exponent))
}

/// Returns the RSA public keys of a PEM file. Other blocks, such as private keys and certificates, are ignored.
fn from_pem(bytes: &[u8]) -> Vec<Result<PublicKey, Rejected>> {
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
fn from_pkcs1(der: &[u8]) -> Option<Result<PublicKey, Rejected>> {
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
