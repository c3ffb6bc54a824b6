//! Packages.

use serde::{Deserialize, Serialize};

use super::super::fault::EntryError;
use super::super::field::{
    Annotations, Guid, Labels, PackageType, Password, Reference, Sha1, Sha256, State, Text, Time,
};
use super::{Object, metadata, not_with, required};
use crate::records::{DockerPassword, Package, PackageRecord, package};
use crate::store::StoreError;

/// A package.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::seed) struct PackageEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) guid: Option<Guid<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) app: Option<Reference<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) r#type: Option<PackageType<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) image: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) store_image: Option<bool>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) credentials: Option<Object<CredentialsEntry<'a>>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) state: Option<State<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) error: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) bits: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) sha1: Option<Sha1<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) sha256: Option<Sha256<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) created_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) updated_at: Option<Time>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) labels: Option<Labels<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) annotations: Option<Annotations<'a>>,
}

/// The credentials for the registry of a docker package.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::seed) struct CredentialsEntry<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) user: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) password: Option<Password<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) email: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(in crate::seed) login_server: Option<Text<'a>>,
}

impl<'a> PackageEntry<'a> {
    /// Does not set the labels and annotations, whose JSON text is made when the entry is applied.
    pub(in crate::seed) fn to_record(&self) -> Result<PackageRecord<'_>, EntryError> {
        let r#type = required("type", self.r#type.as_ref())?.as_str();
        let is_docker = r#type == package::DOCKER;
        if is_docker {
            not_with("bits", "type", r#type, self.bits.as_ref())?;
            not_with("sha1", "type", r#type, self.sha1.as_ref())?;
            not_with("sha256", "type", r#type, self.sha256.as_ref())?;
            required("image", self.image.as_ref())?;
        } else {
            not_with("image", "type", r#type, self.image.as_ref())?;
            not_with("store_image", "type", r#type, self.store_image.as_ref())?;
            not_with("credentials", "type", r#type, self.credentials.as_ref())?;
        }
        let credentials = self.credentials.as_ref().map(|Object(object)| object);
        let password = credentials.and_then(|fields| fields.password.as_ref());
        let default_state = if is_docker || self.bits.is_some() {
            package::READY
        } else {
            package::AWAITING_UPLOAD
        };
        let state = self.state.as_ref().map_or(default_state, State::as_str);
        if [package::AWAITING_UPLOAD, package::FAILED].contains(&state) {
            not_with("bits", "state", state, self.bits.as_ref())?;
        }
        Ok(PackageRecord {
            r#type,
            state,
            error: text(self.error.as_ref()),
            sha1: self.sha1.as_ref().map(Sha1::as_str),
            sha256: self.sha256.as_ref().map(Sha256::as_str),
            image: text(self.image.as_ref()),
            store_image: is_docker.then_some(self.store_image.unwrap_or(false)),
            docker_user: text(credentials.and_then(|fields| fields.user.as_ref())),
            docker_password: password.map(|password| DockerPassword::new(password.reveal())),
            docker_email: text(credentials.and_then(|fields| fields.email.as_ref())),
            docker_login_server: text(credentials.and_then(|fields| fields.login_server.as_ref())),
            ..PackageRecord::default()
        })
    }

    /// Whether a stored package keeps its bits, with their state and checksums: the entry says nothing of them. So an upload
    /// remains although the seed is applied again, as at each start of a server.
    pub(in crate::seed) fn leaves_bits_open(&self) -> bool {
        let is_bits = self.r#type.as_ref().map(PackageType::as_str) == Some(package::BITS);
        is_bits
            && self.state.is_none()
            && self.bits.is_none()
            && self.sha1.is_none()
            && self.sha256.is_none()
    }

    /// `bits` names the file that the package consists of.
    pub(in crate::seed) fn from_record(
        record: &PackageRecord<'a>,
        bits: Option<String>,
    ) -> Result<Self, StoreError> {
        let credentials = CredentialsEntry {
            user: record.docker_user.map(Text::trusted),
            password: record
                .docker_password
                .map(|password| Password::new(password.reveal())),
            email: record.docker_email.map(Text::trusted),
            login_server: record.docker_login_server.map(Text::trusted),
        };
        let (labels, annotations) =
            metadata::<Package>(record.guid, record.labels, record.annotations)?;
        Ok(Self {
            guid: Some(Guid::trusted(record.guid)),
            app: Some(Reference::trusted(record.app_guid)),
            r#type: Some(PackageType::trusted(record.r#type)),
            image: record.image.map(Text::trusted),
            store_image: record.store_image.filter(|store| *store),
            credentials: (!credentials.is_empty()).then_some(Object(credentials)),
            state: Some(State::trusted(record.state)),
            error: record.error.map(Text::trusted),
            bits: bits.map(Text::trusted),
            sha1: record.sha1.map(Sha1::trusted),
            sha256: record.sha256.map(Sha256::trusted),
            created_at: Some(Time(record.created_at)),
            updated_at: record.updated_at.map(Time),
            labels,
            annotations,
        })
    }
}

impl CredentialsEntry<'_> {
    pub(in crate::seed) fn is_empty(&self) -> bool {
        let Self {
            user,
            password,
            email,
            login_server,
        } = self;
        password.is_none()
            && [user, email, login_server]
                .iter()
                .all(|field| field.is_none())
    }
}

fn text<'e>(field: Option<&'e Text<'_>>) -> Option<&'e str> {
    field.map(Text::as_str)
}
