//! `PATCH /v3/packages/:guid`. See `docs/reference/packages.md#update`.

use super::metadata;
use crate::changes::{CredentialsChange, UpdatePackage};
use crate::edition::ruby::json_body::{self, JsonObject, unknown_fields};
use crate::error::ApiError;

/// The longest password at a docker registry, in characters.
const LONGEST_PASSWORD: usize = 5000;

/// Parses what to change of a package.
///
/// # Errors
///
/// Fails with `Unprocessable`, which holds all messages, if the body is wrong.
pub fn parse(body: &JsonObject) -> Result<UpdatePackage, ApiError> {
    let mut errors = Vec::new();
    let metadata = metadata::parse(body, &mut errors);
    errors.extend(unknown_fields(body, &["metadata", "username", "password"]));
    let mut credential = |name, attribute| {
        let value = body.get(name)?;
        Some(json_body::optional_text(
            attribute,
            Some(value),
            &mut errors,
        ))
    };
    let credentials = CredentialsChange {
        user: credential("username", "Username"),
        password: credential("password", "Password"),
    };
    json_body::refuse(errors)?;
    refuse_long_password(credentials.password.as_ref().and_then(Option::as_deref))?;
    Ok(UpdatePackage {
        labels: metadata.labels,
        annotations: metadata.annotations,
        credentials,
    })
}

/// Fails if a password is too long. A controller finds that when it stores the package.
///
/// # Errors
///
/// Fails with `Unprocessable`.
pub fn refuse_long_password(password: Option<&str>) -> Result<(), ApiError> {
    if password.is_some_and(|password| password.chars().count() > LONGEST_PASSWORD) {
        let text = "docker_password can be up to 5,000 characters";
        return Err(ApiError::Unprocessable(text.into()));
    }
    Ok(())
}
