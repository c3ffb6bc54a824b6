//! `POST /admin/token`: tokens for tests, which do not know the key.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use warp::http::header::{self, HeaderValue};

use super::{json_of, parse_json, require_admin};
use crate::auth::login::users;
use crate::auth::tokens::{self, Subject};
use crate::duration::DurationText;
use crate::error::ApiError;
use crate::http::request::RequestBody;
use crate::http::{Request, Response};
use crate::service::Service;

/// How long a token is valid if the request does not say: as long as one of `cf-packages token`.
const TTL: Duration = Duration::from_secs(60 * 60);

/// `POST /admin/token`: signs a token for a user.
pub(in crate::http) async fn sign(
    service: Arc<Service>,
    request: Request,
    body: RequestBody,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    let wanted: WantedToken = parse_json(&body.read_whole(service.stopped()).await?)?;
    let ttl = wanted.ttl.map_or(TTL, |ttl| ttl.duration);
    if ttl < Duration::from_secs(1) {
        return Err(ApiError::Unprocessable(
            "ttl: expected a second or more, such as `\"10m\"`".into(),
        ));
    }
    let keys = service.keys().ok_or_else(|| {
        ApiError::Refused("The server was started with `--no-auth`: it needs no token".into())
    })?;
    let name = wanted.user.clone();
    let user = service
        .store
        .read(request.client_key(), move |snapshot| {
            Ok::<_, ApiError>(users::by_name(snapshot, &name)?)
        })
        .await?
        .ok_or_else(|| {
            ApiError::Unprocessable(format!(
                "user: no user has the guid `{0}`, and not exactly one has the name `{0}`",
                wanted.user
            ))
        })?;
    let subject = Subject::user(&user.guid, Some(&user.name));
    let token = tokens::access(keys, &service.clock, &subject, &user.scopes(), ttl)
        .map_err(|error| ApiError::Internal(error.to_string()))?;
    let mut response = json_of(&SignedToken {
        user: &user.guid,
        token: &token.text,
        expires_in: token.expires_in,
    })?;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedToken {
    /// The guid of a user, a name that one user has, or `admin`.
    user: String,
    ttl: Option<DurationText>,
}

#[derive(Serialize)]
struct SignedToken<'a> {
    user: &'a str,
    token: &'a str,
    expires_in: i64,
}
