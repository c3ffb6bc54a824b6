//! What all handlers share: the data, the keys, the clock, the edition.

use std::sync::Arc;
use std::time::Duration;

use warp::http::header;

use super::{Admin, Asked, Door, Faults, Reply, reply};
use crate::auth::{Identity, Keys};
use crate::caller::Caller;
use crate::clock::{Clock, system_now};
use crate::edition::{Edition, Site};
use crate::error::ApiError;
use crate::listing::Landmarks;
use crate::listing::rendered::Rendered;
use crate::store::Store;

/// One served database.
#[derive(Debug)]
pub struct Service {
    /// The data.
    pub store: Store,
    /// Who may ask.
    pub access: Access,
    /// The time that expiry is compared with.
    pub clock: Clock,
    /// Which edition of the API is spoken.
    pub edition: Edition,
    /// What absolute hrefs begin with; `None`: what the request's Host says.
    pub site: Option<Site>,
    /// What is remembered of lists.
    pub landmarks: Arc<Landmarks>,
    /// The answers that are kept.
    pub rendered: Rendered,
    /// Whether clients can log in.
    pub door: Option<Door>,
    /// What `/admin/*` may do.
    pub admin: Admin,
    /// Faults that were asked for.
    pub faults: Faults,
    /// How long every answer of the API waits.
    pub delay: Duration,
}

/// Who may ask.
#[derive(Debug)]
pub enum Access {
    /// Whoever has a token that these keys vouch for.
    Tokens(Keys),
    /// Everybody, as that caller.
    As(Caller),
    /// Nobody: as a request without a token.
    Nobody,
}

impl Access {
    /// What tokens are checked with, if they are.
    pub(super) fn keys(&self) -> Option<&Keys> {
        match self {
            Self::Tokens(keys) => Some(keys),
            Self::As(_) | Self::Nobody => None,
        }
    }
}

impl Service {
    /// Who asks: the token, checked.
    pub(super) fn identify(&self, asked: &Asked) -> Result<Identity, ApiError> {
        self.identify_at(asked, self.clock.now())
    }

    /// Who asks, where a token also holds that holds by the system's clock: whoever moves the server's clock must not
    /// be locked out by that.
    pub(super) fn identify_on_stage(&self, asked: &Asked) -> Result<Identity, ApiError> {
        self.identify(asked)
            .or_else(|_| self.identify_at(asked, system_now()))
    }

    fn identify_at(&self, asked: &Asked, now: i64) -> Result<Identity, ApiError> {
        let keys = match &self.access {
            Access::Tokens(keys) => keys,
            Access::Nobody => return Err(ApiError::NotAuthenticated),
            Access::As(caller) => {
                return Ok(Identity {
                    user: "admin".into(),
                    caller: caller.clone(),
                    admin: *caller == Caller::Everything,
                });
            }
        };
        let headers: Vec<&[u8]> = asked
            .headers
            .get_all(header::AUTHORIZATION)
            .iter()
            .map(header::HeaderValue::as_bytes)
            .collect();
        keys.identify(&headers, now, self.edition.rules())
    }

    /// What absolute hrefs begin with in the answer to this request.
    pub(super) fn site(&self, asked: &Asked) -> Result<Site, ApiError> {
        if let Some(site) = &self.site {
            return Ok(site.clone());
        }
        if !self.edition.has_absolute_hrefs() {
            return Ok(Site(String::new()));
        }
        let Some(host) = asked.headers.get(header::HOST) else {
            return Ok(Site("http://localhost".into()));
        };
        let plain = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_' | b'[' | b']')
        };
        host.to_str()
            .ok()
            .filter(|host| !host.is_empty() && host.len() <= 255 && host.bytes().all(|b| plain(&b)))
            .map(|host| Site(format!("http://{host}")))
            .ok_or(ApiError::InvalidRequest)
    }

    /// The refusal as this edition presents it.
    pub(super) fn refuse(&self, error: &ApiError) -> Reply {
        if let ApiError::Internal(text) = error {
            tracing::error!("a request failed: {text}");
        }
        reply(error.status(), self.edition.error(error))
    }
}
