//! Compares answers with an OpenAPI 3.1 document, whose schemas are JSON Schema 2020-12.
//!
//! Knows the keywords that the documents use, and fails at any other. A JSON Schema crate would bring 40 more crates
//! into each build of the tests; `.ci/schemathesis` compares with a whole implementation.

use std::collections::BTreeMap;

use fancy_regex::Regex;
use serde_json::Value;

pub struct Document {
    root: Value,
    /// The compiled patterns of all schemas.
    patterns: BTreeMap<String, Regex>,
}

/// Keywords that say nothing about what is valid.
const ANNOTATIONS: &[&str] = &[
    "description",
    "default",
    "title",
    "examples",
    "example",
    "deprecated",
    "writeOnly",
    "readOnly",
];

impl Document {
    pub fn parse(bytes: &[u8]) -> Self {
        let root: Value = serde_json::from_slice(bytes).expect("the document is JSON");
        let mut patterns = BTreeMap::new();
        collect_patterns(&root, &mut patterns);
        Self { root, patterns }
    }

    /// Returns what is wrong with the body of an answer.
    pub fn check(
        &self,
        method: &str,
        target: &str,
        status: u16,
        body: &Value,
    ) -> Result<(), String> {
        let path = target.split('?').next().unwrap_or_default();
        let known = method.to_ascii_lowercase();
        let operation = self.operation(&known, path);
        // Methods are case-sensitive.
        let Some(operation) = operation.filter(|_| method != known) else {
            // What is not described is 404. An absolute or odd target may be refused for its form.
            return match status {
                404 | 400 | 401 | 403 | 414 | 421 => {
                    self.validate(&self.root["components"]["schemas"]["Error"], body)
                }
                _ => Err(format!("{status} for what the document does not describe")),
            };
        };
        let response = &operation["responses"][status.to_string()];
        if response.is_null() {
            // Every route may refuse a host or a web page, which the document says at its start, and no route gets a request
            // whose head is too large.
            if matches!(status, 403 | 421 | 431) {
                return self.validate(&self.root["components"]["schemas"]["Error"], body);
            }
            return Err(format!(
                "the document has no {status} for {method} {path}: {body}"
            ));
        }
        let schema = &self.resolved(response)["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Err(format!("a body where the document has none: {body}"));
        }
        self.validate(schema, body)
    }

    /// Returns what is wrong with an answer that is a zip archive, or a part of one.
    pub fn check_zip(&self, method: &str, target: &str, status: u16) -> Result<(), String> {
        let path = target.split('?').next().unwrap_or_default();
        let operation = self.operation(&method.to_ascii_lowercase(), path);
        let response = operation.map(|operation| &operation["responses"][status.to_string()]);
        match response.map(|response| &self.resolved(response)["content"]["application/zip"]) {
            Some(content) if content.is_object() => Ok(()),
            _ => Err(format!(
                "an archive where the document has none: {method} {path}"
            )),
        }
    }

    /// Returns the operation of a path. Slashes that repeat or end the path are ignored, and `.json` at the end of its last
    /// segment.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
        let whole = format!("/{}", parts.join("/"));
        let stem = whole.strip_suffix(".json");
        let without = stem.filter(|stem| !stem.ends_with('/')).unwrap_or(&whole);
        let candidates = [whole.as_str(), without];
        let paths = self.root["paths"].as_object()?;
        candidates.iter().find_map(|path| {
            let fits = |template: &str| {
                let (wanted, found) = (template.split('/'), path.split('/'));
                wanted.clone().count() == found.clone().count()
                    && wanted.zip(found).all(|(wanted, found)| {
                        wanted == found || wanted.starts_with('{') && !found.is_empty()
                    })
            };
            let mut items = paths.iter().filter(|(template, _)| fits(template));
            items.find_map(|(_, item)| item.get(method))
        })
    }

    /// Follows a `$ref`.
    fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(reference) => self
                .root
                .pointer(reference.trim_start_matches('#'))
                .expect("tests/it/openapi.rs resolves every reference"),
            None => value,
        }
    }

    fn validate(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let members = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err(format!("{value} is not allowed")),
            schema => schema.as_object().expect("a schema is an object"),
        };
        for (keyword, argument) in members {
            let is_valid = match keyword.as_str() {
                "$ref" => {
                    self.validate(self.resolved(schema), value)?;
                    true
                }
                "type" => is_type(argument, value),
                "enum" => argument.as_array().expect("a list").contains(value),
                "const" => argument == value,
                "pattern" => value
                    .as_str()
                    .is_none_or(|text| self.matches(argument, text)),
                "minimum" => compare(value, argument, |value, bound| value >= bound),
                "maximum" => compare(value, argument, |value, bound| value <= bound),
                "minLength" => value
                    .as_str()
                    .is_none_or(|text| text.chars().count() >= count(argument)),
                "maxLength" => value
                    .as_str()
                    .is_none_or(|text| text.chars().count() <= count(argument)),
                "minItems" => value
                    .as_array()
                    .is_none_or(|list| list.len() >= count(argument)),
                "maxItems" => value
                    .as_array()
                    .is_none_or(|list| list.len() <= count(argument)),
                "minProperties" => value
                    .as_object()
                    .is_none_or(|object| object.len() >= count(argument)),
                "maxProperties" => value
                    .as_object()
                    .is_none_or(|object| object.len() <= count(argument)),
                "required" => value.as_object().is_none_or(|object| {
                    let mut names = argument.as_array().expect("names").iter();
                    names.all(|name| object.contains_key(name.as_str().expect("a name")))
                }),
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.validate(argument, item)?;
                    }
                    true
                }
                "properties" | "patternProperties" | "additionalProperties" => true,
                "propertyNames" => {
                    for name in value
                        .as_object()
                        .into_iter()
                        .flat_map(serde_json::Map::keys)
                    {
                        self.validate(argument, &Value::from(name.as_str()))?;
                    }
                    true
                }
                "allOf" => {
                    for schema in argument.as_array().expect("schemas") {
                        self.validate(schema, value)?;
                    }
                    true
                }
                "anyOf" => self.valid_ones(argument, value) >= 1,
                "oneOf" => self.valid_ones(argument, value) == 1,
                annotation if ANNOTATIONS.contains(&annotation) => true,
                unknown => return Err(format!("the keyword `{unknown}` is not supported here")),
            };
            if !is_valid {
                return Err(format!("{value} does not fit `{keyword}`: {argument}"));
            }
        }
        self.validate_members(schema, value)
    }

    fn validate_members(&self, schema: &Value, value: &Value) -> Result<(), String> {
        for (name, member) in value.as_object().into_iter().flatten() {
            let own = schema["properties"].get(name);
            let by_pattern: Vec<_> = schema["patternProperties"]
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(pattern, _)| self.patterns[*pattern].is_match(name).unwrap_or(false))
                .map(|(_, schema)| schema)
                .collect();
            let others = schema.get("additionalProperties");
            let others = others.filter(|_| own.is_none() && by_pattern.is_empty());
            for schema in own.into_iter().chain(by_pattern).chain(others) {
                self.validate(schema, member)
                    .map_err(|text| format!("{name}: {text}"))?;
            }
        }
        Ok(())
    }

    fn valid_ones(&self, schemas: &Value, value: &Value) -> usize {
        let schemas = schemas.as_array().expect("schemas").iter();
        schemas
            .filter(|schema| self.validate(schema, value).is_ok())
            .count()
    }

    fn matches(&self, pattern: &Value, text: &str) -> bool {
        let pattern = &self.patterns[pattern.as_str().expect("a pattern")];
        pattern
            .is_match(text)
            .expect("the pattern is simple enough")
    }
}

fn collect_patterns(value: &Value, patterns: &mut BTreeMap<String, Regex>) {
    let mut add = |pattern: &str| {
        let regex = Regex::new(pattern).expect("a pattern");
        patterns.insert(pattern.to_owned(), regex);
    };
    match value {
        Value::Object(members) => {
            if let Some(pattern) = members.get("pattern").and_then(Value::as_str) {
                add(pattern);
            }
            if let Some(schemas) = members.get("patternProperties").and_then(Value::as_object) {
                schemas.keys().for_each(|pattern| add(pattern));
            }
            members
                .values()
                .for_each(|value| collect_patterns(value, patterns));
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| collect_patterns(value, patterns)),
        _ => {}
    }
}

fn is_type(wanted: &Value, value: &Value) -> bool {
    let is = |wanted: &Value| match wanted.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type `{other}`"),
    };
    wanted
        .as_array()
        .map_or_else(|| is(wanted), |types| types.iter().any(is))
}

fn compare(value: &Value, bound: &Value, holds: impl Fn(f64, f64) -> bool) -> bool {
    let bound = bound.as_f64().expect("a number");
    value.as_f64().is_none_or(|value| holds(value, bound))
}

fn count(argument: &Value) -> usize {
    let count = argument.as_u64().expect("a count");
    usize::try_from(count).expect("a small count")
}
