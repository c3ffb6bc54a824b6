//! `POST /oauth/token` and `GET /login`, for clients that log in. This is not a UAA: one password, made-up clients.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::time::sleep;
use warp::http::header;

use super::{Request, Response, response};
use crate::auth::{Keys, Login, LoginError, TokenResponse};
use crate::clock::Clock;
use crate::error::ApiError;
use crate::service::Service;
use crate::store::Snapshot;

/// What `/oauth/token` and `/login` answer on a server without `--login`.
pub(super) const NOT_SERVED: ApiError = ApiError::NotServed(
    "Unknown request: there is no login here; start the server with `--api current --login`, or use `cf-packages token`",
);

/// The largest form, in bytes.
pub(super) const LARGEST_FORM: usize = 64 * 1024;

/// How long each wrong guess takes.
const WRONG: Duration = Duration::from_secs(1);

/// `POST /oauth/token`.
pub(super) async fn token(
    service: Arc<Service>,
    request: Request,
    body: Vec<u8>,
) -> Result<Response, ApiError> {
    let (Some(login), Some(_)) = (&service.login, service.keys()) else {
        return Err(NOT_SERVED);
    };
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let clients = clients(&request);
    // Held while the password is compared, and for a while longer if it was wrong.
    let guess = login.attempts.acquire().await;
    let shared = service.clone();
    let granted = service
        .store
        .read(move |snapshot| match (&shared.login, shared.keys()) {
            (Some(login), Some(keys)) => {
                grant(&login.login, &form, clients, snapshot, keys, &shared.clock)
            }
            _ => Err(LoginError::Server(NOT_SERVED)),
        })
        .await;
    match granted {
        Ok(granted) => Ok(document(200, &granted)),
        Err(LoginError::Server(error)) => Err(error),
        Err(LoginError::Request {
            status,
            error,
            description,
        }) => {
            if status == 401 {
                sleep(WRONG).await;
            }
            drop(guess);
            let refused = Refused {
                error,
                error_description: &description,
            };
            Ok(document(status, &refused))
        }
    }
}

/// `GET /login`: what `cf login` asks its user for.
pub(super) async fn prompts(service: Arc<Service>, _: Request) -> Result<Response, ApiError> {
    if service.login.is_none() {
        return Err(NOT_SERVED);
    }
    Ok(document(
        200,
        &Prompts {
            app: App { version: "78.0.0" },
            prompts: Fields {
                username: ["text", "User name (a seeded user, or admin)"],
                password: ["password", "Password"],
            },
        },
    ))
}

#[derive(serde::Serialize)]
struct Refused<'a> {
    error: &'a str,
    error_description: &'a str,
}

#[derive(serde::Serialize)]
struct Prompts {
    app: App,
    prompts: Fields,
}

#[derive(serde::Serialize)]
struct App {
    version: &'static str,
}

#[derive(serde::Serialize)]
struct Fields {
    username: [&'static str; 2],
    password: [&'static str; 2],
}

/// A UAA's answers are its own, in neither edition's form; a token must not be kept by anybody on the way.
fn document(status: u16, value: &impl serde::Serialize) -> Response {
    let mut response = response::json(status, serde_json::to_vec(value).unwrap_or_default());
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}

/// The first reading of the client that is granted something; else what the last one is refused with.
fn grant(
    login: &Login,
    form: &[(String, String)],
    (client, others): Clients,
    snapshot: &Snapshot<'_>,
    keys: &Keys,
    clock: &Clock,
) -> Result<TokenResponse, LoginError> {
    let first = login.grant(form, client, snapshot, keys, clock);
    match (first, others) {
        (Err(LoginError::Request { status: 401, .. }), Some(other)) => {
            login.grant(form, Some(other), snapshot, keys, clock)
        }
        (answer, _) => answer,
    }
}

/// The client of a request, an id and a secret, and how else it can be read.
type Clients = (Option<Client>, Option<Client>);
type Client = (String, String);

/// The client of the Basic header as it stands there, and form-decoded, if that is something else: OAuth wants it
/// encoded and Go does so, Python and `cf` do not.
fn clients(request: &Request) -> Clients {
    let Some((id, secret)) = basic(request) else {
        return (None, None);
    };
    let decoded = (form_decoded(&id), form_decoded(&secret));
    let other = (decoded.0 != id || decoded.1 != secret).then_some(decoded);
    (Some((id, secret)), other)
}

fn form_decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    decoded.map_or_else(|_| text.to_owned(), Into::into)
}

/// What a Basic header says, as it stands there.
fn basic(request: &Request) -> Option<Client> {
    let value = request.header(header::AUTHORIZATION)?;
    let (scheme, encoded) = value.split_at_checked(6)?;
    scheme.eq_ignore_ascii_case(b"basic ").then_some(())?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim_ascii()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
