//! `POST /v3/builds`. See `docs/reference/packages.md#builds`.

use serde_json::Value;

use super::metadata;
use crate::changes::{NewBuild, Staging};
use crate::edition::buildpack;
use crate::edition::ruby::json_body::{self, JsonObject, is_blank_value, member, unknown_fields};
use crate::error::ApiError;
use crate::records::STACK;
use crate::records::app::LIFECYCLES;

/// The least memory of a build in MiB, and what it gets if the request gives none.
const LEAST_MEMORY: i64 = 1024;
/// The same of disk space.
const LEAST_DISK: i64 = 4096;
/// The log rate if the request gives none.
const UNLIMITED: i64 = -1;

/// Parses a request for a build.
///
/// # Errors
///
/// Fails with `Unprocessable`, which holds all messages, if the body is wrong.
pub fn parse(body: &JsonObject) -> Result<NewBuild, ApiError> {
    let mut errors = Vec::new();
    let metadata = metadata::parse(body, &mut errors);
    let mut integer = |name, attribute, least| integer(body, name, attribute, least, &mut errors);
    let disk = integer("staging_disk_in_mb", "Staging disk in mb", 1);
    let memory = integer("staging_memory_in_mb", "Staging memory in mb", 1);
    let log_rate = integer(
        "staging_log_rate_limit_bytes_per_second",
        "Staging log rate limit bytes per second",
        UNLIMITED,
    );
    errors.extend(unknown_fields(
        body,
        &[
            "staging_memory_in_mb",
            "staging_disk_in_mb",
            "staging_log_rate_limit_bytes_per_second",
            "environment_variables",
            "lifecycle",
            "package",
            "metadata",
        ],
    ));
    // A controller ignores what it holds.
    if member(body, "environment_variables").is_some_and(|value| !value.is_object()) {
        errors.push("Environment variables must be a hash".into());
    }
    let lifecycle = lifecycle(body, &mut errors);
    let package = body.get("package").and_then(|package| package.get("guid"));
    if is_blank_value(package) {
        errors.push("Package guid can't be blank".into());
    }
    let package = json_body::guid("Package guid", package, &mut errors);
    json_body::refuse(errors)?;
    let text = "Unable to use package. Ensure that the package exists and you have access to it.";
    Ok(NewBuild {
        package: package.unwrap_or_default(),
        missing_package: ApiError::Unprocessable(text.into()),
        hides_packages: true,
        staging: Ok(Staging {
            memory_limit: memory.unwrap_or_default().max(LEAST_MEMORY),
            disk_limit: disk.unwrap_or_default().max(LEAST_DISK),
            log_rate_limit: Some(log_rate.unwrap_or(UNLIMITED)),
            labels: metadata.labels,
            annotations: metadata.annotations,
            ..lifecycle
        }),
        not_ready: ApiError::Refused("Cannot stage package whose state is not ready.".into()),
        in_progress: Some(ApiError::Unprocessable(
            "Only one build can be STAGING at a time per application.".into(),
        )),
        takes_docker: true,
        is_droplet: false,
    })
}

fn integer(
    body: &JsonObject,
    name: &str,
    attribute: &str,
    least: i64,
    errors: &mut Vec<String>,
) -> Option<i64> {
    let value = member(body, name)?;
    let number = value.as_i64();
    match number {
        _ if !value.is_number() => errors.push(format!("{attribute} is not a number")),
        None => errors.push(format!("{attribute} must be an integer")),
        Some(number) if number < least => errors.push(match least {
            1 => format!("{attribute} must be greater than 0"),
            least => format!("{attribute} must be greater than or equal to {least}"),
        }),
        Some(_) => {}
    }
    number
}

/// Parses lifecycle, buildpacks and stack; the other fields have their default values.
fn lifecycle(body: &JsonObject, errors: &mut Vec<String>) -> Staging {
    let mut staging = Staging {
        stack: STACK.to_owned(),
        ..Staging::default()
    };
    let Some(lifecycle) = body.get("lifecycle") else {
        return staging;
    };
    let r#type = lifecycle.get("type").and_then(Value::as_str);
    let data = lifecycle.get("data").and_then(Value::as_object);
    match r#type.filter(|r#type| LIFECYCLES.contains(r#type)) {
        Some(r#type) => staging.lifecycle = Some(r#type.to_owned()),
        None => errors.push(format!(
            "Lifecycle type is not included in the list: {}",
            LIFECYCLES.join(", ")
        )),
    }
    if r#type.is_none() {
        errors.push("Lifecycle type must be a string".into());
    }
    let Some(data) = data else {
        errors.push("Lifecycle data must be an object".into());
        return staging;
    };
    let known: &[&str] = match r#type {
        Some("docker") => &[],
        _ => &["buildpacks", "stack"],
    };
    let unknown = unknown_fields(data, known);
    errors.extend(unknown.map(|text| format!("Lifecycle {text}")));
    if let Some(stack) = json_body::optional_text("Lifecycle Stack", data.get("stack"), errors) {
        if stack != STACK {
            staging.fault = Some("Stack must be an existing stack".into());
        }
        staging.stack = stack;
    }
    match data.get("buildpacks") {
        None | Some(Value::Null) => {}
        Some(Value::Array(buildpacks)) => {
            let texts: Vec<_> = buildpacks.iter().filter_map(Value::as_str).collect();
            if texts.len() < buildpacks.len() {
                errors.push("Lifecycle Buildpacks can only contain strings".into());
            }
            if let Some(wrong) = texts.iter().find(|text| !buildpack::is_valid(text)) {
                staging.fault = Some(format!(
                    "Buildpack \"{wrong}\" must be an existing admin buildpack or a valid git URI"
                ));
            }
            staging.buildpacks = texts.into_iter().map(buildpack::without_secrets).collect();
        }
        Some(_) => errors.push("Lifecycle Buildpacks must be an array".into()),
    }
    staging
}
