//! The token endpoint `POST /oauth/token` without its HTTP part: the grants of OAuth 2.0
//! ([RFC 6749 §4](https://www.rfc-editor.org/rfc/rfc6749#section-4)) that clients use, answered as a UAA answers them.

mod form;
pub(crate) mod users;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use self::form::Form;
use self::users::LoginUser;
use super::tokens::{self, CF_CLIENT, MintError, Subject};
use super::{Keys, Secret};
use crate::clock::Clock;
use crate::error::ApiError;
use crate::store::{Snapshot, StoreError};

/// The settings of logins.
#[derive(Clone, Debug)]
pub struct Login {
    /// The password that all users and clients share.
    pub password: Secret,
    /// The lifetime of an access token, in whole seconds. A refresh token lives 30 days.
    pub ttl: Duration,
}

/// The response to a successful login ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// The lifetime of the access token in seconds.
    expires_in: i64,
    scope: String,
    jti: String,
}

/// Why a login fails.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The request is refused. The response has this status and the body `{"error": …, "error_description": …}`, as a
    /// UAA's has ([RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
    #[error("{error}: {description}")]
    Request {
        /// The HTTP status: 400 or 401.
        status: u16,
        /// `unauthorized`, `invalid_request`, `invalid_token`, `invalid_scope` or `unsupported_grant_type`.
        error: &'static str,
        /// A sentence that names neither the password nor whether the user exists.
        description: String,
    },
    /// The server is busy or cannot read its data.
    #[error("{}", .0.detail())]
    Server(ApiError),
}

/// What is wrong with a client that acts for itself, before [`CLIENT`].
const NO_CLIENT: &str = "No client credentials were given, neither as client_id and client_secret nor in a Basic header";
const BAD_CLIENT: &str = "Bad client credentials";
/// What a client is that acts for itself.
const CLIENT: &str = "the id must be the guid or the name of a seeded user, or admin, and the secret the password of the login";

impl Login {
    /// Answers a token request.
    ///
    /// `form` has the decoded fields of the body in their order. `basic` is the client's id and secret from the
    /// `Authorization` header, if it has the scheme `Basic`.
    ///
    /// # Errors
    ///
    /// Fails if the request is wrong, if the credentials are wrong, or if the database cannot be read.
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

    /// Returns the user whose password a request tries, or the client whose secret it tries. It is the same whether a
    /// request names a user by guid or by name.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be read.
    pub fn guessed(
        form: &[(String, String)],
        client: Option<&str>,
        snapshot: &Snapshot<'_>,
    ) -> Result<String, StoreError> {
        let field = |wanted| {
            let mut values = form.iter().filter(|(name, _)| name == wanted);
            values.next().map(|(_, value)| value.as_str())
        };
        let name = match field("grant_type") {
            Some("password") => field("username"),
            _ => client.or_else(|| field("client_id")),
        };
        let name = name.unwrap_or_default();
        let user = users::by_name(snapshot, name)?;
        Ok(user.map_or_else(|| name.to_owned(), |user| user.guid))
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
        let scopes = form.granted_scopes(user.scopes())?;
        let subject = Subject::User {
            guid: user.guid,
            name: user.name,
            client,
        };
        let access = tokens::access(keys, clock, &subject, &scopes, self.ttl)?;
        let refresh = tokens::refresh(keys, clock, &subject, &scopes)?;
        Ok(TokenResponse::new(access, Some(refresh.text), &scopes))
    }

    /// Grants a token to a client that acts for itself. The client is one of the users.
    ///
    /// There is no refresh token, because the client can use its secret again
    /// ([RFC 6749 §4.4.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.4.3)).
    fn client_credentials(
        &self,
        form: &Form<'_>,
        basic: Option<(String, String)>,
        snapshot: &Snapshot<'_>,
        keys: &Keys,
        clock: &Clock,
    ) -> Result<TokenResponse, LoginError> {
        let (id, secret) = form
            .client(basic)
            .map_err(|error| error.of_client(NO_CLIENT))?;
        let user = self
            .user(&id, &secret, snapshot)
            .map_err(|error| error.of_client(BAD_CLIENT))?;
        let scopes = form.granted_scopes(user.scopes())?;
        let subject = Subject::Client(user.guid);
        let access = tokens::access(keys, clock, &subject, &scopes, self.ttl)?;
        Ok(TokenResponse::new(access, None, &scopes))
    }

    /// Exchanges a refresh token for an access token, if the same client sends it and its user still exists. The
    /// response repeats the refresh token, so that its expiry does not move.
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
                claims.is_refresh_token()
                    && claims.has_user()
                    && claims.require_valid_at(clock.now()).is_ok()
            })
            .filter(|claims| claims.client_id.as_deref() == Some(&id))
            .ok_or_else(invalid)?;
        // Checked last: only a client with a token of its own can try secrets here.
        let client = self.client(form, basic)?;
        let guid = claims.subject().ok_or_else(invalid)?;
        let user = users::by_guid(snapshot, guid)?.ok_or_else(invalid)?;
        let scopes = form.granted_scopes(claims.scope)?;
        let subject = Subject::User {
            guid: user.guid,
            name: user.name,
            client,
        };
        let access = tokens::access(keys, clock, &subject, &scopes, self.ttl)?;
        Ok(TokenResponse::new(access, Some(token.to_owned()), &scopes))
    }

    /// Returns the id of the client that acts for a user: `cf` with an empty secret, or another id with the password.
    fn client(
        &self,
        form: &Form<'_>,
        basic: Option<(String, String)>,
    ) -> Result<String, LoginError> {
        let (id, secret) = form.client(basic)?;
        let is_authenticated = if id == CF_CLIENT {
            secret.is_empty()
        } else {
            self.password.matches(secret.as_bytes())
        };
        if is_authenticated && !id.is_empty() {
            Ok(id)
        } else {
            Err(LoginError::bad_credentials())
        }
    }

    /// Returns the user, if the password is right. Neither the error nor the time shows whether the user exists: the
    /// same queries and comparisons run in both cases.
    fn user(
        &self,
        name: &str,
        password: &str,
        snapshot: &Snapshot<'_>,
    ) -> Result<LoginUser, LoginError> {
        let user = users::by_name(snapshot, name)?;
        let password_is_right = self.password.matches(password.as_bytes());
        user.filter(|_| password_is_right)
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

    /// Returns the error for a wrong or missing client, which says what a client is here, whether or not there is one of that
    /// id. `fault` is [`BAD_CLIENT`] or [`NO_CLIENT`].
    fn of_client(self, fault: &str) -> Self {
        match self {
            Self::Request {
                status: 401, error, ..
            } => Self::request(401, error, format!("{fault}: {CLIENT}")),
            other => other,
        }
    }

    /// Returns the error for a wrong user, client or password. `cf` shows "Credentials were rejected" for exactly this text.
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
