//! The checksums that identify the content of a file.

use std::fmt::Write;

use ring::digest::{Context, Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

/// The checksums of a file. Cloud Controllers show both; SHA-256 identifies the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksums {
    /// SHA-1, 40 lower-case hex digits.
    pub sha1: String,
    /// SHA-256, 64 lower-case hex digits.
    pub sha256: String,
}

/// Computes both checksums of bytes that arrive in pieces.
#[derive(Clone)]
pub(super) struct Hasher {
    sha1: Context,
    sha256: Context,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self {
            sha1: Context::new(&SHA1_FOR_LEGACY_USE_ONLY),
            sha256: Context::new(&SHA256),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha1.update(bytes);
        self.sha256.update(bytes);
    }

    pub(super) fn finish(self) -> Checksums {
        Checksums {
            sha1: hex(&self.sha1.finish()),
            sha256: hex(&self.sha256.finish()),
        }
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher").finish_non_exhaustive()
    }
}

fn hex(digest: &Digest) -> String {
    let mut hex = String::with_capacity(2 * digest.as_ref().len());
    for byte in digest.as_ref() {
        write!(hex, "{byte:02x}").expect("writing to a string does not fail");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of `sha1sum` and `sha256sum` for `abc` (FIPS 180-2, appendices A and B).
    #[test]
    fn checksums_are_those_of_the_standard() {
        let mut hasher = Hasher::new();
        hasher.update(b"a");
        hasher.update(b"bc");
        let checksums = hasher.finish();
        assert_eq!(checksums.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            checksums.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
