//! Signs tokens by itself, so that a fault of the program's own code cannot hide.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{hmac, rand};

/// Returns unpadded base64url.
pub fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns a token with that header and payload and an HMAC, whatever algorithm the header names.
pub fn with_hmac(
    algorithm: hmac::Algorithm,
    key: &[u8],
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
) -> String {
    let message = format!("{}.{}", part(header), part(payload));
    let signature = hmac::sign(&hmac::Key::new(algorithm, key), message.as_bytes());
    format!("{message}.{}", part(signature))
}

/// The private key of `tests/fixtures/rsa-one.pem`.
pub struct Rsa(RsaKeyPair);

impl Rsa {
    pub fn new() -> Self {
        let key = pem::parse(include_str!("../fixtures/rsa-one.pem")).expect("PEM");
        Self(RsaKeyPair::from_pkcs8(key.contents()).expect("a private key"))
    }

    /// Returns the public key as DER of PKCS #1.
    #[allow(dead_code, reason = "one of the two targets uses it")]
    pub fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// Returns a token with that header and payload and an RS256 signature.
    pub fn token(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let message = format!("{}.{}", part(header), part(payload));
        let mut signature = vec![0; self.0.public().modulus_len()];
        let random = rand::SystemRandom::new();
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                message.as_bytes(),
                &mut signature,
            )
            .expect("a signature");
        format!("{message}.{}", part(signature))
    }
}
