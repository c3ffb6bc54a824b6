//! The known pitfalls of bearer tokens, each with the result that it must have. See
//! `docs/reference/access.md#jwt-rules`.

mod access;
mod claims;
mod headers;
mod logins;
mod public_keys;
mod signatures;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use super::{Identity, Keys, Secret};
use crate::caller::{AccessRules, Caller, Member};
use crate::edition::Edition;
use crate::error::ApiError;

const KEY: &[u8] = b"tokensecret";
/// 2015-11-13T17:03:00Z
const NOW: i64 = 1_447_434_180;
/// The API document's own token: signed with `tokensecret`, expired on 2015-11-20T17:02:56Z.
const DOCUMENT_TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoidWFhLWlkLTQ2MyIsImVtYWlsIjoiZW1haWwtMzMwQHNvbWVkb21haW4uY29tIiwic2NvcGUiOlsiY2xvdWRfY29udHJvbGxlci5yZWFkIiwiY2xvdWRfY29udHJvbGxlci53cml0ZSJdLCJhdWQiOlsiY2xvdWRfY29udHJvbGxlciJdLCJleHAiOjE0NDgwMzg5NzZ9.dm37W4BDu-f9e3clcGuanh9lmaV8vncptXJbxYpKQsA";

fn of_2015() -> &'static AccessRules {
    Edition::Of2015.access_rules()
}

fn current() -> &'static AccessRules {
    Edition::Current.access_rules()
}

fn keys() -> Keys {
    Keys::from_secrets(vec![Secret::new(KEY)]).unwrap()
}

fn part(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Returns a token with this header and payload and an HS256 signature, also if the header names another algorithm.
fn signed_with(key: &[u8], header: &str, payload: &(impl AsRef<[u8]> + ?Sized)) -> String {
    let message = format!("{}.{}", part(header), part(payload));
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signature = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", part(signature))
}

fn signed(payload: &(impl AsRef<[u8]> + ?Sized)) -> String {
    signed_with(KEY, r#"{"alg":"HS256"}"#, payload)
}

/// Returns valid claims of alice, who may read. `more` is inserted at the start.
fn claims(more: &str) -> String {
    format!(
        r#"{{{more}"user_id":"alice","scope":["cloud_controller.read"],"aud":["cloud_controller"],"exp":{}}}"#,
        NOW + 60
    )
}

fn identify(keys: &Keys, token: &str) -> Result<Identity, ApiError> {
    keys.identify(&[format!("bearer {token}").as_bytes()], NOW, current())
}

fn member(user: &str, rules: &'static AccessRules) -> Caller {
    Caller::Member(Member {
        user: user.into(),
        rules,
    })
}

/// Returns what the token lets its caller read.
fn reader(keys: &Keys, token: &str) -> Result<Caller, ApiError> {
    identify(keys, token)?.into_reader()
}

#[track_caller]
fn assert_accepted(token: &str) {
    let caller = reader(&keys(), token).unwrap();
    assert_eq!(caller, member("alice", current()));
}

#[track_caller]
fn assert_invalid(token: &str, case: &str) {
    let result = identify(&keys(), token);
    assert_eq!(result, Err(ApiError::InvalidToken), "{case}");
}
