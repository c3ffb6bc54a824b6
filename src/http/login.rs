//! `POST /oauth/token` and `GET /login`: the two routes of a UAA that clients need to log in.
//!
//! Every user has the same password, and every client is accepted. `auth::login` decides which token is granted.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use warp::http::header;

use super::request::RequestBody;
use super::{Request, Response, response};
use crate::auth::{Login, LoginError, TokenResponse};
use crate::error::ApiError;
use crate::service::Service;
use crate::store::{Snapshot, StoreError};

/// The response of both routes on a server without `--login`.
const NOT_SERVED: ApiError = ApiError::NotServed(
    "Unknown request: there is no login here; start the server with `--api current --login`, or use `cf-packages token`",
);

/// `POST /oauth/token`: grants a token for a password, a refresh token, or a client's secret.
pub(super) async fn token(
    service: Arc<Service>,
    request: Request,
    body: RequestBody,
) -> Result<Response, ApiError> {
    let Some(login) = &service.login else {
        return Err(NOT_SERVED);
    };
    let body = body.read_whole(service.stopped()).await?;
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let clients = ClientCredentials::of(&request);
    let address = request.client().unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let shared = service.clone();
    let (granted, guessed) = service
        .store
        .read(request.client_key(), move |snapshot| {
            let guessed = clients.guessed(&form, snapshot)?;
            Ok::<_, ApiError>((grant(&shared, &form, clients.clone(), snapshot), guessed))
        })
        .await?;
    let is_wrong = matches!(
        granted,
        Err(LoginError::Request {
            error: "unauthorized",
            ..
        })
    );
    for user in guessed {
        let guesser = login.guesses.guesser(address, &user);
        if let Err(wait) = login.guesses.record(guesser, is_wrong) {
            return too_many_guesses(wait);
        }
    }
    match granted {
        Ok(token) => uaa_json(200, &token),
        Err(LoginError::Server(error)) => Err(error),
        Err(LoginError::Request {
            status,
            error,
            description,
        }) => {
            let error_description = &description;
            uaa_json(
                status,
                &UaaError {
                    error,
                    error_description,
                },
            )
        }
    }
}

/// `GET /login`: what `cf login` asks its user for.
pub(super) async fn prompts(service: Arc<Service>, _: Request) -> Result<Response, ApiError> {
    if service.login.is_none() {
        return Err(NOT_SERVED);
    }
    let prompts = LoginPrompts {
        app: UaaVersion { version: "78.0.0" },
        prompts: Prompts {
            username: ["text", "User name (a seeded user, or admin)"],
            password: ["password", "Password"],
        },
    };
    uaa_json(200, &prompts)
}

/// Returns 429 to a client that has guessed too often, whether its password is right or wrong.
fn too_many_guesses(wait: Duration) -> Result<Response, ApiError> {
    let mut response = uaa_json(
        429,
        &UaaError {
            error: "too_many_requests",
            error_description: "Too many wrong passwords for this user from this address; try again later",
        },
    )?;
    let seconds = wait.as_secs().saturating_add(1);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, seconds.into());
    Ok(response)
}

/// An error as a UAA shows it (RFC 6749 §5.2).
#[derive(Serialize)]
struct UaaError<'a> {
    error: &'a str,
    error_description: &'a str,
}

#[derive(Serialize)]
struct LoginPrompts {
    app: UaaVersion,
    prompts: Prompts,
}

#[derive(Serialize)]
struct UaaVersion {
    version: &'static str,
}

/// The fields of the login form, each with its type and its label.
#[derive(Serialize)]
struct Prompts {
    username: [&'static str; 2],
    password: [&'static str; 2],
}

/// Returns a response in the form of a UAA, which is the same in both editions. It must not be cached, because it may
/// hold a token (RFC 6749 §5.1).
fn uaa_json(status: u16, value: &impl Serialize) -> Result<Response, ApiError> {
    let document =
        serde_json::to_vec(value).map_err(|error| ApiError::Internal(error.to_string()))?;
    let mut response = response::json(status, document);
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    Ok(response)
}

/// Tries the client as it was sent and, if its credentials are wrong, then with form-decoded credentials.
fn grant(
    service: &Service,
    form: &[(String, String)],
    clients: ClientCredentials,
    snapshot: &Snapshot<'_>,
) -> Result<TokenResponse, LoginError> {
    let (Some(login), Some(keys)) = (&service.login, service.keys()) else {
        return Err(LoginError::Server(NOT_SERVED));
    };
    let grant_to = |client| {
        login
            .login
            .grant(form, client, snapshot, keys, &service.clock)
    };
    match (grant_to(clients.as_sent), clients.decoded) {
        (Err(LoginError::Request { status: 401, .. }), Some(decoded)) => grant_to(Some(decoded)),
        (result, _) => result,
    }
}

/// The id and the secret of a client.
type Client = (String, String);

/// The client that the `Basic` header of a request names, in the two ways in which it can be read.
///
/// OAuth requires id and secret to be form-encoded (RFC 6749 §2.3.1). Go does so; Python and `cf` do not.
#[derive(Clone)]
struct ClientCredentials {
    /// The credentials as they are in the header; `None` without such a header.
    as_sent: Option<Client>,
    /// The form-decoded credentials, if they differ.
    decoded: Option<Client>,
}

impl ClientCredentials {
    fn of(request: &Request) -> Self {
        let as_sent = basic_credentials(request);
        let decoded = as_sent
            .as_ref()
            .map(|(id, secret)| (form_decoded(id), form_decoded(secret)))
            .filter(|decoded| Some(decoded) != as_sent.as_ref());
        Self { as_sent, decoded }
    }

    /// Returns the users or clients whose secret the request tries: one, or two if the client's id is form-encoded.
    fn guessed(
        &self,
        form: &[(String, String)],
        snapshot: &Snapshot<'_>,
    ) -> Result<BTreeSet<String>, StoreError> {
        let as_sent = self.as_sent.as_ref();
        let ids = [as_sent, self.decoded.as_ref().or(as_sent)];
        ids.into_iter()
            .map(|client| Login::guessed(form, client.map(|(id, _)| id.as_str()), snapshot))
            .collect()
    }
}

fn form_decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    decoded.map_or_else(|_| text.to_owned(), Into::into)
}

/// Returns id and secret of the `Basic` header (RFC 7617 §2), undecoded.
fn basic_credentials(request: &Request) -> Option<Client> {
    let value = request.header(header::AUTHORIZATION)?;
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim_ascii()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
