//! The Authorization header → who asks. Keys, the claims they vouch for, and the tokens that we make ourselves.
//!
//! A token is worth what one of *our* keys says of it: the algorithm comes from the key, never from the token.

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
pub mod tokens;

pub use identity::Identity;
pub use keys::{KeyError, Keys};
pub use login::{Login, LoginError, TokenResponse};
pub use secret::Secret;

/// The audience that a token for this API must name.
const AUDIENCE: &str = "cloud_controller";
/// The scope that reads and writes everything.
const ADMIN: &str = "cloud_controller.admin";
/// The scope that reads what the caller's roles show.
const READ: &str = "cloud_controller.read";
/// The scope that writes where the caller's roles allow it.
const WRITE: &str = "cloud_controller.write";
