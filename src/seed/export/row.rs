//! Entries as an export writes them: the fields in their order, what is a default left out.

use serde::Serialize;

use super::super::metadata::{Pairs, Stored};

#[derive(Serialize)]
pub(super) struct Organization<'a> {
    pub(super) guid: &'a str,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) suspended: bool,
    pub(super) created_at: String,
}

#[derive(Serialize)]
pub(super) struct Space<'a> {
    pub(super) guid: &'a str,
    pub(super) name: &'a str,
    pub(super) organization: &'a str,
    pub(super) created_at: String,
}

#[derive(Serialize)]
pub(super) struct App<'a> {
    pub(super) guid: &'a str,
    pub(super) name: &'a str,
    pub(super) space: &'a str,
    pub(super) lifecycle: &'a str,
    pub(super) created_at: String,
}

#[derive(Serialize)]
pub(super) struct User<'a> {
    pub(super) guid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) roles: Vec<Role>,
}

#[derive(Serialize)]
pub(super) struct Role {
    pub(super) role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) space: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Package<'a> {
    pub(super) guid: &'a str,
    pub(super) app: &'a str,
    pub(super) r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) store_image: bool,
    #[serde(skip_serializing_if = "Credentials::is_empty")]
    pub(super) credentials: Credentials<'a>,
    pub(super) state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha1: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<&'a str>,
    pub(super) created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updated_at: Option<String>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    pub(super) labels: Pairs<'a, Stored>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    pub(super) annotations: Pairs<'a, Stored>,
}

#[derive(Serialize)]
pub(super) struct Credentials<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) login_server: Option<&'a str>,
}

impl Credentials<'_> {
    fn is_empty(&self) -> bool {
        let Self {
            user,
            password,
            email,
            login_server,
        } = self;
        [user, password, email, login_server]
            .iter()
            .all(|field| field.is_none())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}
