//! Authentication: the `Authorization` header of a request becomes an [`Identity`]. Also makes tokens and serves logins.
//!
//! Bearer tokens ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750)) are JSON Web Tokens
//! ([RFC 7519](https://www.rfc-editor.org/rfc/rfc7519)) with an HS256 or RS256 signature
//! ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)). The algorithm comes from the server's key, never from the token.

mod access;
mod claims;
pub mod guesses;
mod identity;
pub mod keys;
pub mod login;
mod public_keys;
pub mod secret;
#[cfg(test)]
mod tests;
mod token_cache;
mod token_fault;
pub mod tokens;

pub use identity::Identity;
pub use keys::{KeyError, Keys};
pub use login::{Login, LoginError, TokenResponse};
pub use public_keys::{PublicKeyFileError, RejectedKey};
pub use secret::Secret;
pub use token_fault::TokenFault;

/// The audience that a token for this API must name.
const AUDIENCE: &str = "cloud_controller";
