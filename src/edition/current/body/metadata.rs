//! The member `metadata` of a body. See `docs/reference/packages.md#metadata`.

use serde_json::Value;

use crate::changes::MetadataChange;
use crate::edition::ruby::json_body::JsonObject;
use crate::labels::{annotation_value_fault, is_blank, key_fault, value_fault};

/// Labels and annotations to set and to remove.
#[derive(Debug, Default)]
pub struct MetadataChanges {
    pub labels: MetadataChange,
    pub annotations: MetadataChange,
}

/// Parses the member `metadata`, if the body has one. Adds what is wrong with it to `errors`.
pub fn parse(body: &JsonObject, errors: &mut Vec<String>) -> MetadataChanges {
    let mut changes = MetadataChanges::default();
    let Some(metadata) = body.get("metadata") else {
        return changes;
    };
    let Some(metadata) = metadata.as_object() else {
        errors.push("Metadata must be an object".into());
        return changes;
    };
    let is_unexpected = |name: &&String| !["labels", "annotations"].contains(&name.as_str());
    let unexpected: Vec<_> = metadata
        .keys()
        .filter(is_unexpected)
        .map(|name| format!("'{name}'"))
        .collect();
    if !unexpected.is_empty() {
        let names = unexpected.join(" ");
        errors.push(format!("Metadata has unexpected field(s): {names}"));
    }
    changes.labels = pairs("labels", metadata, errors, |key, value, errors| {
        errors.extend(key_fault(key).map(|fault| format!("Metadata label key error: {fault}")));
        errors
            .extend(value_fault(value).map(|fault| format!("Metadata label value error: {fault}")));
    });
    changes.annotations = pairs("annotations", metadata, errors, |key, value, errors| {
        let key_fault = key_fault(key).filter(|_| !is_blank(value));
        errors.extend(key_fault.map(|fault| format!("Metadata annotation key error: {fault}")));
        let fault = annotation_value_fault(value);
        errors.extend(fault.map(|fault| format!("Metadata annotation value error: {fault}")));
    });
    changes
}

/// Parses labels or annotations. A null removes the pair; a number or a flag becomes text.
fn pairs(
    name: &str,
    metadata: &JsonObject,
    errors: &mut Vec<String>,
    check: impl Fn(&str, &str, &mut Vec<String>),
) -> MetadataChange {
    let pairs = match metadata.get(name) {
        None | Some(Value::Null) => return MetadataChange::default(),
        Some(Value::Object(pairs)) => pairs,
        Some(_) => {
            errors.push(format!("Metadata '{name}' is not an object"));
            return MetadataChange::default();
        }
    };
    let pairs = pairs.iter().map(|(key, value)| {
        let value = match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        check(key, value.as_deref().unwrap_or_default(), errors);
        (key.clone(), value)
    });
    MetadataChange(pairs.collect())
}
