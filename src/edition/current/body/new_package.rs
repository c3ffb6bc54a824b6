//! `POST /v3/packages`. See `docs/reference/packages.md#create-in-current` and `#copy`.

use serde_json::Value;

use super::metadata;
use super::update_package::refuse_long_password;
use crate::changes::{CopyPackage, CreatePackage, DockerContent, NewContent, NewPackage};
use crate::edition::ruby::json_body::{self, JsonObject, is_blank_value, member, unknown_fields};
use crate::edition::ruby::query_string::{self, QueryStringRules, QueryValue};
use crate::error::ApiError;
use crate::records::package::{BITS, DOCKER};

/// Parses a request for a new package. With a `source_guid`, in the query or else in the body, it is a copy.
///
/// # Errors
///
/// Fails with `InvalidRequest` if the query cannot be parsed, and with `Unprocessable`, which holds all messages, if the
/// body is wrong.
pub fn parse(query: &str, body: &JsonObject) -> Result<NewPackage, ApiError> {
    let fields = query_string::parse(query, &QueryStringRules::RACK_3_2)?;
    let in_query = match fields.get("source_guid") {
        Some(QueryValue::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    match in_query.or_else(|| body.get("source_guid").and_then(Value::as_str)) {
        Some(source) => Ok(NewPackage::Copy(copy(source, body))),
        None => Ok(NewPackage::Create(create(body)?)),
    }
}

fn missing_app() -> ApiError {
    let text = "App is invalid. Ensure it exists and you have access to it.";
    ApiError::Unprocessable(text.into())
}

/// The body of a copy is not checked.
fn copy(source: &str, body: &JsonObject) -> CopyPackage {
    let app = body
        .get("relationships")
        .and_then(|relationships| relationships.pointer("/app/data/guid"));
    let text = "Source package is invalid. Ensure it exists and you have access to it.";
    CopyPackage {
        app: app.and_then(Value::as_str).map(str::to_owned),
        missing_app: missing_app(),
        source: source.to_owned(),
        missing_source: ApiError::Unprocessable(text.into()),
        copies_credentials: false,
    }
}

fn create(body: &JsonObject) -> Result<CreatePackage, ApiError> {
    let mut errors = Vec::new();
    let metadata = metadata::parse(body, &mut errors);
    errors.extend(unknown_fields(
        body,
        &["relationships", "type", "data", "metadata"],
    ));
    let r#type = body.get("type").and_then(Value::as_str);
    let mut content = NewContent::Bits;
    if r#type == Some(BITS) {
        if !is_blank_object(member(body, "data")) {
            errors.push("Data Data must be empty if provided for bits packages".into());
        }
    } else if r#type == Some(DOCKER) {
        content = NewContent::Docker(docker(member(body, "data"), &mut errors));
    }
    let app = app(body, &mut errors);
    if !matches!(r#type, Some(BITS | DOCKER)) {
        errors.push("Type must be one of 'bits, docker'".into());
    }
    json_body::refuse(errors)?;
    if let NewContent::Docker(docker) = &content {
        refuse_long_password(docker.password.as_deref())?;
    }
    Ok(CreatePackage {
        app,
        missing_app: missing_app(),
        content,
        lifecycle_fault,
        labels: metadata.labels,
        annotations: metadata.annotations,
    })
}

fn is_blank_object(value: Option<&Value>) -> bool {
    value.is_none_or(|value| value.as_object().is_some_and(JsonObject::is_empty))
}

/// An app with the lifecycle `cnb` takes both types.
fn lifecycle_fault(lifecycle: &str, r#type: &str) -> Option<&'static str> {
    match (lifecycle, r#type) {
        ("docker", BITS) => Some("Cannot create bits package for a Docker app."),
        ("buildpack", DOCKER) => Some("Cannot create Docker package for a buildpack app."),
        _ => None,
    }
}

fn docker(data: Option<&Value>, errors: &mut Vec<String>) -> DockerContent {
    let empty = JsonObject::new();
    let data = match data {
        None => &empty,
        Some(Value::Object(data)) => data,
        Some(_) => {
            errors.push("Data must be an object".into());
            return DockerContent::default();
        }
    };
    let unknown = unknown_fields(data, &["image", "username", "password"]);
    errors.extend(unknown.map(|text| format!("Data {text}")));
    let image = json_body::required_text("Data Image", data.get("image"), errors);
    DockerContent {
        image: image.unwrap_or_default(),
        user: json_body::optional_text("Data Username", data.get("username"), errors),
        password: json_body::optional_text("Data Password", data.get("password"), errors),
        ..DockerContent::default()
    }
}

/// Returns the guid of the app; `None` if its `data` is null.
fn app(body: &JsonObject, errors: &mut Vec<String>) -> Option<String> {
    let Some(relationships) = member(body, "relationships").and_then(Value::as_object) else {
        errors.push("Relationships 'relationships' is not an object".into());
        return None;
    };
    if relationships.is_empty() {
        errors.push(
            "Relationships 'relationships' must include one or more valid relationships".into(),
        );
        return None;
    }
    let unknown = unknown_fields(relationships, &["app"]);
    errors.extend(unknown.map(|text| format!("Relationships {text}")));
    let app = relationships.get("app");
    if is_blank_value(app) {
        errors.push("Relationships App can't be blank".into());
    }
    match app.and_then(only_member("data")) {
        Some(Value::Null) => None,
        Some(data) if only_member("guid")(data).is_some() => {
            json_body::guid("Relationships App guid", data.get("guid"), errors)
        }
        _ => {
            errors.push(
                r#"Relationships App must be structured like this: "app: {"data": {"guid": "valid-guid"}}""#
                    .into(),
            );
            None
        }
    }
}

/// Returns the member of an object that has no other.
fn only_member(name: &str) -> impl Fn(&Value) -> Option<&Value> {
    move |value| {
        let object = value.as_object().filter(|object| object.len() == 1)?;
        object.get(name)
    }
}
