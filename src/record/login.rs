//! The token of requests: one that was given, or that of the login which the `cf` program keeps in its home.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::RecordError;
use super::origin::ApiUrl;
use super::retry;
use super::transport::Tls;
use crate::auth::Secret;
use crate::auth::tokens::CF_CLIENT;
use crate::error_text::os_error;
use crate::json_object;

/// How many seconds before its end a token is replaced.
const MARGIN: i64 = 30;
/// The most bytes of an answer with a token.
const LARGEST_TOKEN: u64 = 1 << 20;

/// A token, and how it is replaced when it has expired.
#[derive(Debug)]
pub struct Login {
    token: Secret,
    renewal: Option<Renewal>,
}

/// What a new token is requested with.
#[derive(Debug)]
struct Renewal {
    /// The UAA, which knows the login.
    uaa: ApiUrl,
    client: String,
    client_secret: Secret,
    refresh_token: Secret,
}

/// The login of the `cf` program.
#[derive(Debug)]
pub struct CfLogin {
    target: ApiUrl,
    /// Whether its certificate is not checked.
    pub skip_validation: bool,
    /// The token.
    pub login: Login,
}

/// The parts of `config.json` that are needed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Config {
    access_token: String,
    refresh_token: String,
    target: String,
    #[serde(rename = "SSLDisabled")]
    ssl_disabled: bool,
    uaa_endpoint: String,
    authorization_endpoint: String,
    #[serde(rename = "UAAOAuthClient")]
    client: String,
    #[serde(rename = "UAAOAuthClientSecret")]
    client_secret: String,
}

impl Login {
    /// Returns a login with a token that was given. The word `bearer`, which `cf oauth-token` prints before it, may be there.
    ///
    /// # Errors
    ///
    /// Fails with wrong usage if the token cannot be part of a header.
    pub fn with_token(token: &Secret) -> Result<Self, RecordError> {
        let origin = token.origin().unwrap_or("`--token`");
        let token = bare_token(token.expose()).ok_or_else(|| {
            RecordError::Usage(format!(
                "{origin} is not a token: it holds a blank, a line break or another character that no token has; give what `cf oauth-token` prints"
            ))
        })?;
        Ok(Self {
            token,
            renewal: None,
        })
    }

    /// Returns the value of the header `Authorization`.
    pub(super) fn header(&self) -> String {
        format!("bearer {}", String::from_utf8_lossy(self.token.expose()))
    }

    /// Returns the text with `***` instead of the token. A server may repeat what it was sent.
    pub(super) fn without_token(&self, text: &str) -> String {
        match std::str::from_utf8(self.token.expose()) {
            Ok(token) if !token.is_empty() => text.replace(token, "***"),
            _ => text.to_owned(),
        }
    }

    /// Whether the token can be replaced.
    pub(super) fn is_renewable(&self) -> bool {
        self.renewal.is_some()
    }

    /// Whether the token has expired, or soon will, as far as it says so.
    pub(super) fn is_expired(&self) -> bool {
        expiry(self.token.expose()).is_some_and(|end| end - MARGIN <= retry::now())
    }

    /// Requests a new token. Returns whether the refresh token changed too.
    ///
    /// # Errors
    ///
    /// Fails if there is no refresh token, or if the UAA gives no new token.
    pub(super) fn renew(&mut self, tls: &Tls) -> Result<bool, RecordError> {
        let Some(renewal) = &mut self.renewal else {
            return Ok(false);
        };
        let token = renewal.request(tls)?;
        let bare = bare_token(token.access_token.as_bytes());
        self.token = bare.ok_or_else(|| renewal.failed("gives no token"))?;
        let new = token.refresh_token.filter(|token| !token.is_empty());
        let Some(new) = new.filter(|new| !renewal.refresh_token.matches(new.as_bytes())) else {
            return Ok(false);
        };
        renewal.refresh_token = Secret::new(new);
        Ok(true)
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
}

impl Renewal {
    fn request(&self, tls: &Tls) -> Result<TokenAnswer, RecordError> {
        let secret = String::from_utf8_lossy(self.client_secret.expose()).into_owned();
        let basic = BASE64_STANDARD.encode(format!("{}:{secret}", self.client));
        let refresh_token = String::from_utf8_lossy(self.refresh_token.expose()).into_owned();
        let response = tls
            .agent(&self.uaa)?
            .post(format!("{}/oauth/token", self.uaa))
            .header("Authorization", format!("Basic {basic}"))
            .send_form([
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh_token.as_str()),
            ]);
        let response = response.map_err(|_| self.failed("does not answer"))?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(self.failed(&format!("answers {status}")));
        }
        let body = response.into_body().into_with_config().limit(LARGEST_TOKEN);
        let body = body
            .read_to_vec()
            .map_err(|_| self.failed("breaks its answer off"))?;
        json_object::parse(&body).map_err(|_| self.failed("gives no token"))
    }

    fn failed(&self, what: &str) -> RecordError {
        RecordError::Failed(format!(
            "the token of the login of `cf` has expired, and `{}` {what} to the request for a new one; log in again with `cf login`",
            self.uaa
        ))
    }
}

impl CfLogin {
    /// Returns the URL of the API: `url`, if it is of the server for which the login is, or else the target of the login.
    ///
    /// # Errors
    ///
    /// Fails with wrong usage if `url` is of another server, which must not get the token.
    pub fn url_for(&self, url: Option<ApiUrl>) -> Result<ApiUrl, RecordError> {
        match url {
            None => Ok(self.target.clone()),
            Some(url) if self.target.has_origin_of(url.as_str()) => Ok(url),
            Some(url) => Err(RecordError::Usage(format!(
                "the login of `cf` is for `{}`, not for `{url}`; log in there with `cf login`, or give `--token-file`",
                self.target
            ))),
        }
    }

    /// Reads the login in `home`, or else in `CF_HOME`, or else in the home of the user.
    ///
    /// # Errors
    ///
    /// Fails with what to do if there is no login.
    pub fn read(home: Option<&Path>) -> Result<Self, RecordError> {
        let path = config_path(home).ok_or_else(|| {
            RecordError::Usage(
                "there is neither `--token` nor a login of `cf`: neither `CF_HOME` nor `HOME` is set; give `--token-file`"
                    .into(),
            )
        })?;
        let shown = path.display();
        let failed = |what: &str| {
            RecordError::Failed(format!(
                "there is neither `--token` nor a login of `cf`: `{shown}` {what}; log in with `cf login`, or give `--token-file`"
            ))
        };
        let json = std::fs::read(&path)
            .map_err(|error| failed(&format!("cannot be read: {}", os_error(&error))))?;
        let config: Config =
            json_object::parse(&json).map_err(|_| failed("is not a configuration of `cf`"))?;
        if config.access_token.is_empty() || config.target.is_empty() {
            return Err(failed("has no login"));
        }
        let target =
            ApiUrl::parse(&config.target).map_err(|_| failed("names no API as its target"))?;
        let token = bare_token(config.access_token.as_bytes())
            .ok_or_else(|| failed("holds no valid token"))?;
        let uaa = [&config.uaa_endpoint, &config.authorization_endpoint];
        let uaa = uaa.into_iter().find_map(|url| ApiUrl::parse(url).ok());
        let renewal = match uaa {
            Some(uaa) if !config.refresh_token.is_empty() => Some(Renewal {
                uaa,
                client: match config.client.as_str() {
                    "" => CF_CLIENT.to_owned(),
                    client => client.to_owned(),
                },
                client_secret: Secret::new(config.client_secret),
                refresh_token: Secret::new(config.refresh_token),
            }),
            _ => None,
        };
        Ok(Self {
            target,
            skip_validation: config.ssl_disabled,
            login: Login { token, renewal },
        })
    }
}

fn config_path(home: Option<&Path>) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = match home {
        Some(home) => home.to_owned(),
        None => variable("CF_HOME").or_else(|| variable("HOME"))?.into(),
    };
    Some(folder.join(".cf").join("config.json"))
}

/// Returns a token without the word before it and blanks around it. `None` if it is none.
fn bare_token(text: &[u8]) -> Option<Secret> {
    let mut words = text
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let first = words.next()?;
    let token = if first.eq_ignore_ascii_case(b"bearer") {
        words.next()?
    } else {
        first
    };
    let is_token = words.next().is_none() && token.iter().all(u8::is_ascii_graphic);
    is_token.then(|| Secret::new(token))
}

/// Returns when a JWT expires, in seconds since 1970. `None` if it does not say so.
fn expiry(token: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let payload = token.split(|byte| *byte == b'.').nth(1)?;
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    Some(claims.exp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_may_follow_the_word_bearer() {
        for text in [
            "abc.def",
            "bearer abc.def",
            "Bearer  abc.def\n",
            " abc.def ",
        ] {
            let token = bare_token(text.as_bytes()).unwrap();
            assert_eq!(token.expose(), b"abc.def", "{text}");
        }
        for text in [
            "",
            "bearer",
            "bearer ",
            "abc def",
            "a\nb",
            "bearer a b",
            "\u{e9}",
        ] {
            assert!(bare_token(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn expiry_is_read_without_the_key() {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(br#"{"exp": 1448038976, "user_id": "x"}"#);
        let token = format!("e30.{payload}.signature");
        assert_eq!(expiry(token.as_bytes()), Some(1_448_038_976));
        for other in ["", "a", "a.b.c", "opaque-token"] {
            assert_eq!(expiry(other.as_bytes()), None, "{other}");
        }
    }
}
