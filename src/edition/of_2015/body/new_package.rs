//! `POST /v3/apps/:guid/packages`. See `docs/reference/packages.md#create-in-2015` and `#copy`.

use serde_json::Value;

use crate::changes::{
    CopyPackage, CreatePackage, DockerContent, MetadataChange, NewContent, NewPackage,
};
use crate::edition::ruby::json_body::{self, JsonObject, member, unknown_fields};
use crate::edition::ruby::query_string::{self, QueryStringRules, QueryValue};
use crate::error::ApiError;
use crate::records::package::{BITS, DOCKER};
use crate::records::{App, Package, Resource};

/// Parses a request for a new package of `app`. With a `source_package_guid` in the query, it is a copy, whose body is not
/// checked.
///
/// # Errors
///
/// Fails with `InvalidRequest` if the query cannot be parsed, and with `Unprocessable`, which holds all messages, if the
/// body is wrong.
pub fn parse(app: &str, query: &str, body: &JsonObject) -> Result<NewPackage, ApiError> {
    let fields = query_string::parse(query, &QueryStringRules::RACK_1_6)?;
    if let Some(QueryValue::Text(source)) = fields.get("source_package_guid") {
        return Ok(NewPackage::Copy(CopyPackage {
            app: Some(app.to_owned()),
            missing_app: ApiError::NotFound(App::NOT_FOUND),
            source: source.clone(),
            missing_source: ApiError::NotFound(Package::NOT_FOUND),
            copies_credentials: true,
        }));
    }
    Ok(NewPackage::Create(CreatePackage {
        app: Some(app.to_owned()),
        missing_app: ApiError::NotFound(App::NOT_FOUND),
        content: content(app, body)?,
        lifecycle_fault: |_, _| None,
        labels: MetadataChange::default(),
        annotations: MetadataChange::default(),
    }))
}

fn content(app: &str, body: &JsonObject) -> Result<NewContent, ApiError> {
    let mut errors = Vec::new();
    errors.extend(unknown_fields(body, &["type", "data"]));
    let r#type = body.get("type").and_then(Value::as_str);
    if !matches!(r#type, Some(BITS | DOCKER)) {
        errors.push("Type must be one of 'bits, docker'".into());
    }
    json_body::guid("App guid", Some(&app.into()), &mut errors);
    let data = member(body, "data");
    let mut content = NewContent::Bits;
    if r#type == Some(DOCKER) {
        content = NewContent::Docker(docker(data, &mut errors));
    } else if r#type == Some(BITS)
        && data.is_some_and(|data| !data.as_object().is_some_and(JsonObject::is_empty))
    {
        errors.push("Data Data must be empty if provided for bits packages".into());
    }
    json_body::refuse(errors)?;
    Ok(content)
}

/// Without `data`, the package has no image, as in a controller. Other members of `data` are ignored.
fn docker(data: Option<&Value>, errors: &mut Vec<String>) -> DockerContent {
    let data = match data {
        None => return DockerContent::default(),
        Some(Value::Object(data)) => data,
        Some(_) => {
            errors.push("Data must be a hash".into());
            return DockerContent::default();
        }
    };
    let image = json_body::required_text("Data Image", data.get("image"), errors);
    let store_image = match data.get("store_image") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(store_image)) => *store_image,
        Some(_) => {
            errors.push("Data Store image must be a boolean".into());
            false
        }
    };
    let docker = DockerContent {
        image: image.unwrap_or_default(),
        store_image,
        ..DockerContent::default()
    };
    let credentials = match data.get("credentials") {
        None | Some(Value::Null) => return docker,
        Some(Value::Object(credentials)) => credentials,
        Some(_) => {
            errors.push("Data Credentials must be a hash".into());
            return docker;
        }
    };
    let mut credential =
        |name, attribute| json_body::required_text(attribute, credentials.get(name), errors);
    DockerContent {
        user: credential("user", "Data Credentials user"),
        password: credential("password", "Data Credentials password"),
        email: credential("email", "Data Credentials email"),
        login_server: credential("login_server", "Data Credentials login server"),
        ..docker
    }
}
