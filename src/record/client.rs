//! Sends requests to a controller, one at a time, and repeats them politely.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::time::Duration;

use ureq::http::Response;
use ureq::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use ureq::{Agent, Body, Error, Timeout};

use super::RecordError;
use super::Recording;
use super::login::Login;
use super::origin::{ApiUrl, Elsewhere};
use super::progress::Progress;
use super::retry;
use super::transport::{Tls, certificate_fault, is_too_large};
use crate::error_text::os_error;
use crate::seed::{RecordedList, error_of_answer};

/// The most bytes of an answer.
const LARGEST_ANSWER: u64 = 128 << 20;

/// A client of one controller.
#[derive(Debug)]
pub struct Client {
    url: ApiUrl,
    agent: Agent,
    tls: Tls,
    login: RefCell<Login>,
    progress: Progress,
}

/// Whether a request has the token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Sent,
    LeftOut,
}

/// What became of one request.
enum Outcome {
    Body(String),
    /// The server asks to wait, perhaps for a time that it says.
    Busy(u16, Option<Duration>),
    /// It failed, and may work later.
    Failure(String),
    /// No server was reached.
    Unreachable(String),
    Unauthorized(RecordError),
}

impl Client {
    /// Returns a client of the API at `url`.
    ///
    /// # Errors
    ///
    /// Fails if the proxy of the environment cannot be used.
    pub fn new(url: ApiUrl, tls: Tls, login: Login) -> Result<Self, RecordError> {
        let agent = tls.agent(&url)?;
        let client = Self {
            url,
            agent,
            tls,
            login: RefCell::new(login),
            progress: Progress::start(),
        };
        if !client.url.is_private() {
            client.progress.note(&format!(
                "requests to `{}` are not encrypted, so that others may read the token on its way",
                client.url
            ));
        }
        Ok(client)
    }

    pub(super) fn url(&self) -> &ApiUrl {
        &self.url
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Fails if the URL is not that of the API of a controller of today. Sends no token.
    pub(super) fn check_root(&self) -> Result<(), RecordError> {
        #[derive(serde::Deserialize)]
        struct Root {
            links: serde_json::Map<String, serde_json::Value>,
        }
        let mut error = None;
        for (path, link) in [("/", "cloud_controller_v3"), ("/v3", "packages")] {
            let url = format!("{}{path}", self.url);
            let body = match self.request(&url, Token::LeftOut) {
                Ok(body) => body,
                Err(RecordError::Refused { text, .. }) => {
                    error.get_or_insert(text);
                    continue;
                }
                Err(other) => return Err(other),
            };
            if let Ok(root) = serde_json::from_str::<Root>(&body)
                && root
                    .links
                    .get(link)
                    .is_some_and(serde_json::Value::is_object)
            {
                return Ok(());
            }
        }
        let seen = error.map_or(String::new(), |error| format!(" ({error})"));
        Err(RecordError::Failed(format!(
            "`{}` is not the API of a Cloud Controller of today{seen}; give the URL that `cf api` shows. A controller of 2015 cannot be recorded, but `seed` takes its saved answers",
            self.url
        )))
    }

    /// Returns the URLs of the first pages of a list, one for each query.
    pub(super) fn lists(
        &self,
        list: RecordedList,
        queries: Vec<String>,
        recording: &Recording,
    ) -> Vec<String> {
        let per_page = match (list, recording.limit) {
            (RecordedList::Packages, Some(limit)) => recording.per_page.min(limit.max(1)),
            _ => recording.per_page,
        };
        queries
            .into_iter()
            .map(|query| self.list_url(list, &query, per_page))
            .collect()
    }

    /// Returns the URL of the first page of a list. `query` is empty or ends in `&`.
    pub(super) fn list_url(&self, list: RecordedList, query: &str, per_page: u64) -> String {
        format!("{}/v3/{}?{query}per_page={per_page}", self.url, list.name())
    }

    /// Returns the absolute URL of the next page.
    ///
    /// # Errors
    ///
    /// Fails if it is of another server: the token is not for that one.
    pub(super) fn next_url(&self, url: &str, href: &str) -> Result<String, RecordError> {
        self.url
            .resolve(href)
            .map_err(|place| self.elsewhere(url, &place))
    }

    fn elsewhere(&self, url: &str, place: &Elsewhere) -> RecordError {
        let shown = self.shown(url);
        RecordError::Failed(match place {
            Elsewhere::Origin(origin) => format!(
                "the page after `{shown}` is at `{origin}`, not at `{}`, and the token is sent nowhere else; if both are the same controller, give the URL that it calls itself",
                self.url
            ),
            Elsewhere::NoUrl => format!("the page after `{shown}` has no valid URL"),
        })
    }

    /// Returns the error about a page that was read before, or that brings nothing new.
    pub(super) fn loop_error(&self, url: &str) -> RecordError {
        RecordError::Failed(format!(
            "the pages do not end: `{}` leads to what was read before",
            self.shown(url)
        ))
    }

    /// Returns the error about an answer that is not what was requested.
    pub(super) fn answer_error(&self, url: &str, text: &str) -> RecordError {
        let text = self.login.borrow().without_token(text);
        // A text about the whole answer goes on with the sentence.
        let colon = if text.starts_with("is ") { "" } else { ":" };
        let shown = self.shown(url);
        RecordError::Failed(format!("the answer to `GET {shown}`{colon} {text}"))
    }

    /// Sends `GET` with the token, and returns the body.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses the request, or if it does not answer after several attempts.
    pub(super) fn get(&self, url: &str) -> Result<String, RecordError> {
        self.request(url, Token::Sent)
    }

    fn request(&self, url: &str, token: Token) -> Result<String, RecordError> {
        let (mut failures, mut busy) = (0, 0);
        let mut waited = Duration::ZERO;
        let mut is_renewed = false;
        loop {
            RecordError::require_no_signal()?;
            if token == Token::Sent && !is_renewed && self.login.borrow().is_expired() {
                is_renewed = self.renew()?;
            }
            match self.send(url, token)? {
                Outcome::Body(body) => return Ok(body),
                Outcome::Unauthorized(error) => {
                    if is_renewed || !self.renew()? {
                        return Err(error);
                    }
                    is_renewed = true;
                }
                Outcome::Busy(status, asked) => {
                    busy += 1;
                    let pause = retry::pause(asked, busy);
                    waited = waited.saturating_add(pause);
                    if pause > retry::LONGEST_WAIT || waited > retry::LONGEST_TOTAL {
                        return Err(self.busy_error(url, status, pause));
                    }
                    if pause >= Duration::from_secs(1) {
                        self.progress.note(&format!(
                            "`GET {}` answers {status}; the next attempt is in {} s",
                            self.shown(url),
                            pause.as_secs()
                        ));
                    }
                    retry::wait(pause)?;
                }
                // The first requests are without the token: nothing may be at that URL.
                Outcome::Unreachable(text) if token == Token::LeftOut => {
                    return Err(RecordError::Failed(text));
                }
                Outcome::Failure(text) | Outcome::Unreachable(text) => {
                    failures += 1;
                    if failures > retry::MOST_FAILURES {
                        return Err(RecordError::Failed(text));
                    }
                    retry::wait(retry::backoff(failures))?;
                }
            }
        }
    }

    /// Replaces the token, if that is possible.
    fn renew(&self) -> Result<bool, RecordError> {
        if !self.login.borrow().is_renewable() {
            return Ok(false);
        }
        if self.login.borrow_mut().renew(&self.tls)? {
            self.progress.note(
                "the UAA gave a new refresh token and may refuse the old one; log in again with `cf login` afterwards",
            );
        }
        Ok(true)
    }

    fn send(&self, url: &str, token: Token) -> Result<Outcome, RecordError> {
        let mut request = self.agent.get(url);
        if token == Token::Sent {
            // The side file could name another server.
            self.next_url(url, url)?;
            request = request.header("Authorization", self.login.borrow().header());
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(error) => return self.failure(url, error),
        };
        let status = response.status().as_u16();
        let header = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().ok()?.to_owned())
        };
        let content_type = header(CONTENT_TYPE);
        match status {
            200 => {
                if let Some(other) = content_type.filter(|value| !value.contains("json")) {
                    return Err(self.not_json(url, &other));
                }
                self.body(url, response)
            }
            429 | 503 => {
                let asked = header(RETRY_AFTER);
                let asked = asked.and_then(|value| retry::retry_after(&value, retry::now()));
                Ok(Outcome::Busy(status, asked))
            }
            500 | 502 | 504 => Ok(Outcome::Failure(self.refusal(url, status, response))),
            300..=399 => {
                let to = header(LOCATION).unwrap_or_default();
                Err(RecordError::Failed(format!(
                    "`GET {}` answers {status}, a redirect to `{}`, which is not followed with the token; give the URL of the API itself",
                    self.shown(url),
                    self.login.borrow().without_token(&to)
                )))
            }
            401 => {
                let text = self.refusal(url, status, response);
                Ok(Outcome::Unauthorized(RecordError::Refused {
                    status,
                    text: format!(
                        "{text}: the token is not valid, or not any more; give a new one, such as that of `cf oauth-token`, or log in with `cf login`"
                    ),
                }))
            }
            _ => Err(RecordError::Refused {
                status,
                text: self.refusal(url, status, response),
            }),
        }
    }

    fn body(&self, url: &str, response: Response<Body>) -> Result<Outcome, RecordError> {
        let body = response
            .into_body()
            .into_with_config()
            .limit(LARGEST_ANSWER);
        match body.read_to_vec() {
            Ok(body) => match String::from_utf8(body) {
                Ok(text) => Ok(Outcome::Body(text)),
                Err(_) => Err(self.answer_error(url, "is not UTF-8")),
            },
            Err(error) if is_too_large(&error) => {
                Err(self.answer_error(url, "is larger than 128 MiB; use a smaller `--per-page`"))
            }
            Err(error) => self.failure(url, error),
        }
    }

    /// Returns what is done about an error of the connection.
    fn failure(&self, url: &str, error: Error) -> Result<Outcome, RecordError> {
        let request = format!("`GET {}{}`", self.url, self.shown(url));
        if let Some(fault) = certificate_fault(&error) {
            return Err(RecordError::Failed(format!("{request} fails: {fault}")));
        }
        let said = match &error {
            Error::Io(error) => os_error(error),
            Error::HostNotFound => "the host is unknown".to_owned(),
            Error::Timeout(_) => "it takes too long".to_owned(),
            Error::ConnectProxyFailed(_) => "the proxy of `https_proxy` refuses it".to_owned(),
            other => other.to_string(),
        };
        let said = self.login.borrow().without_token(&said);
        let text = format!("{request} fails: {said}");
        match error {
            Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
                Ok(Outcome::Unreachable(text))
            }
            Error::HostNotFound | Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                Ok(Outcome::Unreachable(text))
            }
            Error::Io(_)
            | Error::Timeout(_)
            | Error::ConnectionFailed
            | Error::Protocol(_)
            | Error::ConnectProxyFailed(_)
            | Error::Decompress(..)
            | Error::BodyStalled => Ok(Outcome::Failure(text)),
            _ => Err(RecordError::Failed(text)),
        }
    }

    /// Returns that the server refuses the request, and what it says.
    fn refusal(&self, url: &str, status: u16, response: Response<Body>) -> String {
        const LARGEST_REFUSAL: u64 = 64 << 10;
        let body = response
            .into_body()
            .into_with_config()
            .limit(LARGEST_REFUSAL);
        let body = body.read_to_vec().unwrap_or_default();
        let said = error_of_answer(&String::from_utf8_lossy(&body));
        let said = said.map_or(String::new(), |said| {
            format!(" ({})", self.login.borrow().without_token(&said))
        });
        format!("`GET {}` answers {status}{said}", self.shown(url))
    }

    fn not_json(&self, url: &str, content_type: &str) -> RecordError {
        RecordError::Failed(format!(
            "`GET {}` answers with `{}` instead of JSON; give the URL of the API, which `cf api` shows",
            self.shown(url),
            self.login.borrow().without_token(content_type)
        ))
    }

    fn busy_error(&self, url: &str, status: u16, pause: Duration) -> RecordError {
        RecordError::Failed(format!(
            "`GET {}` answers {status} and asks to wait {} s, which is too long; try again later",
            self.shown(url),
            pause.as_secs()
        ))
    }

    /// Returns a URL for messages: without the host if it is that of the API, and not longer than a line.
    fn shown(&self, url: &str) -> String {
        const SHOWN: usize = 160;
        let path = url.strip_prefix(self.url.as_str()).unwrap_or(url);
        let path = self.login.borrow().without_token(path);
        let mut shown: String = path.chars().take(SHOWN).collect();
        if shown.len() < path.len() {
            shown.push('…');
        }
        crate::log::printable(&shown).into_owned()
    }
}
