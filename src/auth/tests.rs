//! Every pitfall of bearer tokens that is known to us: one row each, each with what must come of it.

mod claims;
mod headers;
mod logins;
mod public_keys;
mod signatures;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};

use super::{Identity, Keys, Secret};
use crate::caller::{AccessRules, Caller, Member};
use crate::error::ApiError;

const KEY: &[u8] = b"tokensecret";
/// 2015-11-13T17:03:00Z
const NOW: i64 = 1_447_434_180;
/// The API document's own token: signed with `tokensecret`, expired on 2015-11-20T17:02:56Z.
const DOCUMENTS: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoidWFhLWlkLTQ2MyIsImVtYWlsIjoiZW1haWwtMzMwQHNvbWVkb21haW4uY29tIiwic2NvcGUiOlsiY2xvdWRfY29udHJvbGxlci5yZWFkIiwiY2xvdWRfY29udHJvbGxlci53cml0ZSJdLCJhdWQiOlsiY2xvdWRfY29udHJvbGxlciJdLCJleHAiOjE0NDgwMzg5NzZ9.dm37W4BDu-f9e3clcGuanh9lmaV8vncptXJbxYpKQsA";

const OF_2015: AccessRules = AccessRules {
    global_readers: &[],
    space_roles: &["space_developer", "space_manager", "space_auditor"],
};
const CURRENT: AccessRules = AccessRules {
    global_readers: &[
        "cloud_controller.admin_read_only",
        "cloud_controller.global_auditor",
    ],
    space_roles: &[
        "space_developer",
        "space_manager",
        "space_auditor",
        "space_supporter",
    ],
};

fn keys() -> Keys {
    Keys::given(vec![Secret::new(KEY)]).unwrap()
}

fn part(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token of these two JSON texts, signed HS256, whatever its header says.
fn signed_with(key: &[u8], header: &str, payload: &str) -> String {
    let message = format!("{}.{}", part(header), part(payload));
    let key = EncodingKey::from_secret(key);
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn signed(payload: &str) -> String {
    signed_with(KEY, r#"{"alg":"HS256"}"#, payload)
}

/// Claims that hold, with `more` before them.
fn claims(more: &str) -> String {
    format!(
        r#"{{{more}"user_id":"alice","scope":["cloud_controller.read"],"aud":["cloud_controller"],"exp":{}}}"#,
        NOW + 60
    )
}

fn identify(keys: &Keys, token: &str) -> Result<Identity, ApiError> {
    keys.identify(&[format!("bearer {token}").as_bytes()], NOW, &CURRENT)
}

fn member(user: &str, rules: &'static AccessRules) -> Caller {
    Caller::Member(Member {
        user: user.into(),
        rules,
    })
}

#[track_caller]
fn accepted(token: &str) {
    let identity = identify(&keys(), token).unwrap();
    assert_eq!(identity.caller, member("alice", &CURRENT));
}

#[track_caller]
fn refused(token: &str, why: &str) {
    assert_eq!(
        identify(&keys(), token),
        Err(ApiError::InvalidToken),
        "{why}"
    );
}
