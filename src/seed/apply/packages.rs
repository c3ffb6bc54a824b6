//! Packages and the index of their labels.

use super::super::entry::{Content, Credentials, Package};
use super::super::fault::{Fault, Stop};
use super::super::field::Text;
use super::super::kind::{Kind, Place};
use super::super::metadata::Pairs;
use super::super::report::Outcome;
use super::{Applier, Table, derived_guid, time};
use crate::store::Value;

const PACKAGES: Table = Table {
    kind: Kind::Package,
    select: "select app_id, space_id, type, state, error, sha1, sha256, image, store_image, docker_user, \
             docker_password, docker_email, docker_login_server, labels, annotations, created_at, updated_at \
             from packages where id = $1",
    insert: "insert into packages (app_id, space_id, type, state, error, sha1, sha256, image, store_image, \
             docker_user, docker_password, docker_email, docker_login_server, labels, annotations, created_at, \
             updated_at, guid) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    update: "update packages set app_id = $1, space_id = $2, type = $3, state = $4, error = $5, sha1 = $6, \
             sha256 = $7, image = $8, store_image = $9, docker_user = $10, docker_password = $11, \
             docker_email = $12, docker_login_server = $13, labels = $14, annotations = $15, \
             created_at = coalesce($16, created_at), updated_at = coalesce($17, updated_at) where guid = $18",
    times: 2,
};

impl Applier<'_, '_> {
    pub(super) fn package(&mut self, place: Place, entry: Package<'_>) -> Result<Outcome, Stop> {
        let app = self
            .references
            .find(self.transaction, Kind::App, &entry.app, "app", place)?;
        let nth = self.packages_by_app.entry(app.id).or_default();
        let guid = match entry.guid {
            Some(guid) => guid.0.into_owned(),
            None => derived_guid(Kind::Package, &[&app.guid, &nth.to_string()]),
        };
        *nth += 1;
        let mut values = Vec::with_capacity(18);
        values.push(Value::from(app.id));
        values.push(app.parent_id.into());
        let state = entry.state.0.into();
        let error = text(entry.error);
        match entry.content {
            Content::Bits { sha1, sha256 } => {
                values.extend(["bits".into(), state, error]);
                values.push(sha1.map(|sum| sum.0.into_owned()).into());
                values.push(sha256.map(|sum| sum.0.into_owned()).into());
                values.resize(values.len() + 6, Value::Null);
            }
            Content::Docker {
                image,
                store_image,
                credentials,
            } => {
                let Credentials {
                    user,
                    password,
                    email,
                    login_server,
                } = credentials;
                values.extend(["docker".into(), state, error, Value::Null, Value::Null]);
                values.extend([image.0.into_owned().into(), store_image.into()]);
                values.extend([text(user), text(password), text(email), text(login_server)]);
            }
        }
        values.push(json("labels", &entry.labels)?);
        values.push(json("annotations", &entry.annotations)?);
        values.extend([time(entry.created_at), time(entry.updated_at)]);
        let (id, outcome) = self.store(&PACKAGES, place, guid, values)?;
        if outcome == Outcome::Changed {
            self.transaction.execute(
                "delete from package_labels where package_id = $1",
                &[id.into()],
            )?;
        }
        if outcome != Outcome::Left {
            for (key, value) in &entry.labels.pairs {
                self.transaction.execute(
                    "insert into package_labels (key, value, package_id) values ($1, $2, $3)",
                    &[(&**key).into(), (&**value).into(), id.into()],
                )?;
            }
        }
        Ok(outcome)
    }
}

fn text(text: Option<Text<'_>>) -> Value {
    text.map(|text| text.0.into_owned()).into()
}

fn json<R>(field: &str, pairs: &Pairs<'_, R>) -> Result<Value, Fault> {
    if pairs.is_empty() {
        return Ok("{}".into());
    }
    serde_json::to_string(pairs)
        .map(Value::from)
        .map_err(|error| Fault::new(field, error.to_string()))
}
