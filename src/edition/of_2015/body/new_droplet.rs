//! `POST /v3/packages/:guid/droplets`. See `docs/reference/packages.md#stage-in-2015`.

use serde_json::Value;

use crate::changes::{NewBuild, Staging};
use crate::edition::buildpack;
use crate::edition::of_2015::STACK;
use crate::edition::ruby::json_body::{self, JsonObject, member, unknown_fields};
use crate::error::ApiError;
use crate::records::{Package, Resource};

/// The least memory of a droplet's staging in MiB, and what it gets if the request gives none.
const LEAST_MEMORY: i64 = 1024;
/// The same of disk space.
const LEAST_DISK: i64 = 4096;

/// Parses a request to stage a package. What is wrong with the body is reported once the package is known to exist.
pub fn parse(package: &str, body: &JsonObject) -> NewBuild {
    NewBuild {
        package: package.to_owned(),
        missing_package: ApiError::NotFound(Package::NOT_FOUND),
        hides_packages: false,
        staging: staging(body),
        not_ready: ApiError::InvalidRequest,
        in_progress: None,
        takes_docker: false,
        is_droplet: true,
    }
}

fn staging(body: &JsonObject) -> Result<Staging, ApiError> {
    let mut errors = Vec::new();
    errors.extend(unknown_fields(
        body,
        &[
            "memory_limit",
            "disk_limit",
            "environment_variables",
            "lifecycle",
        ],
    ));
    let memory = integer("Memory limit", member(body, "memory_limit"), &mut errors);
    let disk = integer("Disk limit", member(body, "disk_limit"), &mut errors);
    let environment = environment(member(body, "environment_variables"), &mut errors);
    let lifecycle = lifecycle(body, &mut errors);
    json_body::refuse(errors)?;
    Ok(Staging {
        memory_limit: memory.unwrap_or_default().max(LEAST_MEMORY),
        disk_limit: disk.unwrap_or_default().max(LEAST_DISK),
        environment_variables: environment,
        ..lifecycle
    })
}

fn integer(attribute: &str, value: Option<&Value>, errors: &mut Vec<String>) -> Option<i64> {
    let value = value?;
    let number = value.as_i64();
    if !value.is_number() {
        errors.push(format!("{attribute} is not a number"));
    } else if number.is_none() {
        errors.push(format!("{attribute} must be an integer"));
    }
    number
}

fn environment(value: Option<&Value>, errors: &mut Vec<String>) -> Option<String> {
    let Some(variables) = value?.as_object() else {
        errors.push("Environment variables must be a hash".into());
        return None;
    };
    for name in variables.keys() {
        let name = name.to_ascii_uppercase();
        let fault = match name.as_str() {
            "PORT" => "cannot set PORT",
            name if name.starts_with("CF_") => "cannot start with CF_",
            name if name.starts_with("VCAP_") => "cannot start with VCAP_",
            _ => continue,
        };
        errors.push(format!("Environment variables {fault}"));
    }
    value.map(Value::to_string)
}

/// Parses lifecycle, buildpack and stack; the other fields have their default values.
fn lifecycle(body: &JsonObject, errors: &mut Vec<String>) -> Staging {
    let mut staging = Staging {
        lifecycle: Some("buildpack".into()),
        stack: STACK.to_owned(),
        ..Staging::default()
    };
    let Some(lifecycle) = body.get("lifecycle") else {
        return staging;
    };
    if lifecycle.get("type").and_then(Value::as_str) != Some("buildpack") {
        errors.push("Lifecycle type is not included in the list".into());
    }
    let data = match lifecycle.get("data") {
        None | Some(Value::Null) => {
            errors.push("Lifecycle data must be present".into());
            return staging;
        }
        Some(Value::Object(data)) => data,
        Some(_) => {
            errors.push("Lifecycle data must be a hash".into());
            return staging;
        }
    };
    match member(data, "stack") {
        None => {}
        Some(Value::String(stack)) if stack == STACK => {}
        Some(_) => errors.push("Lifecycle Stack is invalid".into()),
    }
    match member(data, "buildpack") {
        None => {}
        Some(Value::String(name)) if buildpack::is_valid(name) => {
            staging.buildpacks = vec![buildpack::without_secrets(name)];
        }
        Some(_) => {
            let text = "Buildpack must be an existing admin buildpack or a valid git URI";
            staging.fault = Some(text.into());
        }
    }
    staging
}
