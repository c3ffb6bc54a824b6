//! `POST /oauth/token`, as far as it is not HTTP: who may have which token, in a UAA's words.

mod form;
mod users;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use self::form::Form;
use self::users::User;
use super::tokens::{self, CF_CLIENT, MintError, Subject};
use super::{Keys, Secret};
use crate::clock::Clock;
use crate::error::ApiError;
use crate::store::{Snapshot, StoreError};

/// What all users log in with, and how long their access tokens live.
#[derive(Clone, Debug)]
pub struct Login {
    /// The one password of all users and clients.
    pub password: Secret,
    /// How long an access token lives; refresh tokens live 30 days.
    pub ttl: Duration,
}

/// The answer to a login, to be serialized as it is.
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Seconds.
    expires_in: i64,
    scope: String,
    jti: String,
}

/// Why there is no token.
#[derive(Debug, PartialEq, Eq)]
pub enum LoginError {
    /// The request: answered with `status` and `{"error": …, "error_description": …}`, as a UAA does.
    Request {
        /// The HTTP status: 400 or 401.
        status: u16,
        /// `unauthorized`, `invalid_request`, `invalid_token`, `invalid_scope` or `unsupported_grant_type`.
        error: &'static str,
        /// A sentence for people; never a password, never whether the user exists.
        description: String,
    },
    /// The server: busy, or broken.
    Server(ApiError),
}

impl Login {
    /// Answers a token request: the fields of the form, decoded, in order; the client of the Basic header, if any.
    pub fn grant(
        &self,
        form: &[(String, String)],
        basic: Option<(String, String)>,
        snapshot: &Snapshot<'_>,
        keys: &Keys,
        clock: &Clock,
    ) -> Result<TokenResponse, LoginError> {
        let form = Form::new(form);
        match form.required("grant_type")? {
            "password" => self.password(&form, basic, snapshot, keys, clock),
            "client_credentials" => self.client_credentials(&form, basic, snapshot, keys, clock),
            "refresh_token" => self.refresh_token(&form, basic, snapshot, keys, clock),
            _ => Err(LoginError::request(
                400,
                "unsupported_grant_type",
                "Unsupported grant type; there are password, client_credentials and refresh_token",
            )),
        }
    }

    /// Returns the user whose password a request tries, or the client whose secret it tries.
    pub fn guessed<'f>(form: &'f [(String, String)], client: Option<&'f str>) -> &'f str {
        let field = |wanted| {
            let mut values = form.iter().filter(|(name, _)| name == wanted);
            values.next().map(|(_, value)| value.as_str())
        };
        match field("grant_type") {
            Some("password") => field("username"),
            _ => client.or_else(|| field("client_id")),
        }
        .unwrap_or_default()
    }

    fn password(
        &self,
        form: &Form<'_>,
        basic: Option<(String, String)>,
        snapshot: &Snapshot<'_>,
        keys: &Keys,
        clock: &Clock,
    ) -> Result<TokenResponse, LoginError> {
        // Required before the client's secret is checked: an error would say whether it is right.
        let (name, password) = (form.required("username")?, form.required("password")?);
        let client = self.client(form, basic)?;
        let user = self.user(name, password, snapshot)?;
        let scopes = form.granted(user.scopes())?;
        let subject = Subject::User {
            guid: user.guid,
            name: user.name,
            client,
        };
        let access = tokens::access(keys, clock, &subject, &scopes, self.ttl)?;
        let refresh = tokens::refresh(keys, clock, &subject, &scopes)?;
        Ok(TokenResponse::new(access, Some(refresh.text), &scopes))
    }

    /// The client is one of the users. As a UAA does, this gives no refresh token: the secret is at hand anyway.
    fn client_credentials(
        &self,
        form: &Form<'_>,
        basic: Option<(String, String)>,
        snapshot: &Snapshot<'_>,
        keys: &Keys,
        clock: &Clock,
    ) -> Result<TokenResponse, LoginError> {
        let (id, secret) = form.client(basic)?;
        let user = self.user(&id, &secret, snapshot)?;
        let scopes = form.granted(user.scopes())?;
        let subject = Subject::Client(user.guid);
        let access = tokens::access(keys, clock, &subject, &scopes, self.ttl)?;
        Ok(TokenResponse::new(access, None, &scopes))
    }

    /// A new access token for the client that the refresh token was given to, while its user is there. The refresh
    /// token stays the same, so that it ends when it was said to.
    fn refresh_token(
        &self,
        form: &Form<'_>,
        basic: Option<(String, String)>,
        snapshot: &Snapshot<'_>,
        keys: &Keys,
        clock: &Clock,
    ) -> Result<TokenResponse, LoginError> {
        let token = form.required("refresh_token")?;
        let (id, _) = form.client(basic.clone())?;
        let invalid = || {
            LoginError::request(
                401,
                "invalid_token",
                "The refresh token is invalid or expired",
            )
        };
        let claims = keys
            .verify_own(token)
            .filter(|claims| {
                claims.only_refresh() && claims.is_users() && claims.hold_at(clock.now())
            })
            .filter(|claims| claims.client_id.as_deref() == Some(&id))
            .ok_or_else(invalid)?;
        // Checked last: only a client with a token of its own can try secrets here.
        let client = self.client(form, basic)?;
        let guid = claims.subject().ok_or_else(invalid)?;
        let user = users::by_guid(snapshot, guid)?.ok_or_else(invalid)?;
        let scopes = form.granted(claims.scope)?;
        let subject = Subject::User {
            guid: user.guid,
            name: user.name,
            client,
        };
        let access = tokens::access(keys, clock, &subject, &scopes, self.ttl)?;
        Ok(TokenResponse::new(access, Some(token.to_owned()), &scopes))
    }

    /// The client that acts for a user: `cf`, whose secret is empty, or another with the password.
    fn client(
        &self,
        form: &Form<'_>,
        basic: Option<(String, String)>,
    ) -> Result<String, LoginError> {
        let (id, secret) = form.client(basic)?;
        let known = if id == CF_CLIENT {
            secret.is_empty()
        } else {
            self.password.matches(secret.as_bytes())
        };
        if known && !id.is_empty() {
            Ok(id)
        } else {
            Err(LoginError::bad_credentials())
        }
    }

    /// The user, if the password is right. Whether there is such a user shows neither in the answer nor in its time.
    fn user(
        &self,
        name: &str,
        password: &str,
        snapshot: &Snapshot<'_>,
    ) -> Result<User, LoginError> {
        let user = users::by_name(snapshot, name)?;
        let right = self.password.matches(password.as_bytes());
        user.filter(|_| right)
            .ok_or_else(LoginError::bad_credentials)
    }
}

impl TokenResponse {
    fn new(access: tokens::Token, refresh_token: Option<String>, scopes: &[String]) -> Self {
        Self {
            access_token: access.text,
            token_type: "bearer",
            refresh_token,
            expires_in: access.expires_in,
            scope: scopes.join(" "),
            jti: access.jti,
        }
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenResponse(***)")
    }
}

impl LoginError {
    fn request(status: u16, error: &'static str, description: impl Into<String>) -> Self {
        Self::Request {
            status,
            error,
            description: description.into(),
        }
    }

    /// `cf` says "Credentials were rejected" to exactly this, for users and for clients.
    fn bad_credentials() -> Self {
        Self::request(401, "unauthorized", "Bad credentials")
    }
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::Server(error.into())
    }
}

impl From<MintError> for LoginError {
    fn from(error: MintError) -> Self {
        Self::Server(ApiError::Internal(error.to_string()))
    }
}
