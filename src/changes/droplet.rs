//! The current droplet of an app. See `docs/reference/organizations-spaces-apps.md#current-droplet`.

use std::convert::Infallible;

use super::Change;
use crate::error::ApiError;
use crate::records::{App, Resource};

/// Refuses to assign a droplet to the app with that guid: apps are not run, and have none.
///
/// # Errors
///
/// Fails if the app is missing, if the caller may not write there, and otherwise with `Unprocessable`.
pub fn refuse_droplet(change: &Change<'_, '_>, app: &str) -> Result<Infallible, ApiError> {
    let app = change.find_app(Some(app), &ApiError::NotFound(App::NOT_FOUND))?;
    change.require_writable(app.space_id)?;
    Err(ApiError::Unprocessable(
        "Unable to assign current droplet. This server runs no apps, so that they have no current droplet."
            .into(),
    ))
}
