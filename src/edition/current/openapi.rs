//! The OpenAPI document: `openapi.json`, and an operation for each route to what does not exist here.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::empty::{EMPTY_ROUTES, EmptyAnswer, EmptyRoute, ParentKind};
use super::request::parameters::{ListParameters, ParameterKind, Refusal};

/// A pattern of texts that count as blank.
const BLANK: &str = r"[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*";

/// Returns the document.
pub fn document() -> &'static [u8] {
    static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut document: Value = serde_json::from_slice(include_bytes!("openapi.json"))
            .expect("a test reads the same file");
        let paths = document["paths"].as_object_mut().expect("an object");
        for route in EMPTY_ROUTES {
            // Another method of the path may be described already.
            let item = paths
                .entry(path(route))
                .or_insert_with(|| json!({"parameters": [component("parameters", "RequestId")]}));
            item["get"] = operation(route);
        }
        serde_json::to_vec(&document).expect("a JSON value can be written")
    });
    &DOCUMENT
}

/// Returns the path with its variable segments in braces.
fn path(route: &EmptyRoute) -> String {
    let mut path = String::new();
    for segment in route.path.split('/') {
        match segment.strip_prefix(':') {
            Some(name) => path.push_str(&format!("/{{{name}}}")),
            None => path.push_str(&format!("/{segment}")),
        }
    }
    path
}

fn operation(route: &EmptyRoute) -> Value {
    let mut parameters = path_parameters(route);
    if let Some(list) = route.parameters() {
        let names = route.accepted();
        parameters.extend(
            names
                .into_iter()
                .map(|name| query_parameter(route, list, name)),
        );
        parameters.push(component("parameters", "IfNoneMatch"));
    }
    if let Some(single) = &route.single {
        let (description, schema) = one_word("What a controller includes", single.include);
        parameters.push(
            json!({"name": "include", "in": "query", "description": description, "schema": schema}),
        );
    }
    let words = route.path.trim_start_matches("v3/").replace('/', " ");
    let (summary, description) = match route.answer {
        EmptyAnswer::List(_) | EmptyAnswer::ListOfParent(_) => {
            ("List: ", "This server has none: the list is always empty.")
        }
        EmptyAnswer::NotFound(_) => ("Get: ", "This server has none: the response is always 404."),
    };
    json!({
        "operationId": operation_id(route),
        "tags": ["empty"],
        "summary": format!("{summary}{words}"),
        "description": description,
        "parameters": parameters,
        "responses": responses(route),
    })
}

/// Returns a name such as `emptyAppsGuidProcesses`.
fn operation_id(route: &EmptyRoute) -> String {
    let mut id = "empty".to_owned();
    for word in route.path.trim_start_matches("v3/").split(['/', '_', ':']) {
        let (first, rest) = word.split_at_checked(1).unwrap_or_default();
        id.push_str(&first.to_ascii_uppercase());
        id.push_str(rest);
    }
    id
}

fn path_parameters(route: &EmptyRoute) -> Vec<Value> {
    let names = route
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix(':'));
    let parameter = |name: &str| match (name, route.parent) {
        ("guid", Some(ParentKind::Organization)) => component("parameters", "OrganizationGuid"),
        ("guid", Some(ParentKind::Space)) => component("parameters", "SpaceGuid"),
        ("guid", Some(ParentKind::App)) => component("parameters", "AppPathGuid"),
        ("guid", Some(ParentKind::Process)) => component("parameters", "ProcessGuid"),
        (name, _) => json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": "Any value is 404.",
            "schema": component("schemas", "Guid"),
        }),
    };
    names.map(parameter).collect()
}

fn query_parameter(route: &EmptyRoute, list: &ListParameters, name: &str) -> Value {
    let shared = match name {
        "page" => Some("Page"),
        "per_page" => Some("PerPage"),
        "created_ats" => Some("CreatedAts"),
        "updated_ats" => Some("UpdatedAts"),
        "guids" => Some("Guids"),
        "label_selector" => Some("LabelSelector"),
        _ => None,
    };
    if let Some(shared) = shared {
        return component("parameters", shared);
    }
    let mut parameter = json!({"name": name, "in": "query"});
    let own = list.own.iter().find(|own| own.name == name);
    let (description, schema) = match own.map(|own| &own.kind) {
        // `order_by` is the only other common parameter.
        None => (
            "Ascending, or descending with `-`.".to_owned(),
            json!({"type": "string", "pattern": format!("^(?:[+-]?(?:{})|{BLANK})$", list.order_by.join("|"))}),
        ),
        Some(ParameterKind::OneOf(words, fault)) => (
            format!("The value {fault}."),
            json!({"type": "string", "enum": words}),
        ),
        Some(ParameterKind::IncludeOfNone(words)) => {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            one_word("The arrays of `included`, which are empty", &words)
        }
        Some(ParameterKind::Fields(resources)) => {
            parameter["style"] = "deepObject".into();
            parameter["explode"] = true.into();
            let properties: Map<String, Value> = resources
                .iter()
                .map(|(resource, keys)| ((*resource).to_owned(), keys_of(keys)))
                .collect();
            (
                "Keys of resources that belong to the members of the list.".to_owned(),
                json!({"type": "object", "properties": properties, "additionalProperties": false}),
            )
        }
        Some(ParameterKind::AppGuid) => (
            format!(
                "Makes the request the same as that of one app, `GET {}`: 404 if the app does not exist.",
                path(route).replacen("/v3/", "/v3/apps/{guid}/", 1)
            ),
            json!({"type": "string"}),
        ),
        Some(_) => (
            "One of these values.".to_owned(),
            component("schemas", "CommaList"),
        ),
    };
    parameter["description"] = description.into();
    parameter["schema"] = schema;
    parameter
}

/// Returns the description and the schema of a comma list of words. The schema describes one word.
fn one_word(what: &str, words: &[&str]) -> (String, Value) {
    let description = format!("{what}: a comma list of these words, each at most once.");
    (description, json!({"type": "string", "enum": words}))
}

/// Returns the schema of a comma list of these keys.
fn keys_of(keys: &[&str]) -> Value {
    let keys = keys.join("|").replace('.', "\\.");
    json!({"type": "string", "pattern": format!("^(?:{keys})(?:,(?:{keys}))*$")})
}

fn responses(route: &EmptyRoute) -> Value {
    let mut responses = Map::new();
    if route.parameters().is_some() {
        let header = |name| component("headers", name);
        responses.insert(
            "200".into(),
            json!({
                "description": "The empty list.",
                "headers": {
                    "X-Vcap-Request-Id": header("RequestId"),
                    "ETag": header("ETag"),
                    "Cache-Control": header("CacheControl"),
                    "Vary": header("Vary"),
                },
                "content": {"application/json": {"schema": component("schemas", "EmptyList")}},
            }),
        );
        responses.insert("304".into(), component("responses", "NotModified"));
    }
    let refusal = match (route.parameters(), &route.single) {
        (Some(list), _) => Some(list.refusal),
        (None, single) => single.as_ref().map(|single| single.refusal),
    };
    if refusal == Some(Refusal::Unprocessable) {
        responses.insert("422".into(), component("responses", "UnprocessableQuery"));
    }
    for (status, name) in [
        ("400", "BadRequest"),
        ("401", "Unauthorized"),
        ("403", "Forbidden"),
        ("404", "NotFound"),
        ("414", "TargetTooLong"),
        ("421", "Misdirected"),
        ("429", "RateLimited"),
        ("500", "InternalError"),
        ("503", "Busy"),
    ] {
        responses.insert(status.into(), component("responses", name));
    }
    Value::Object(responses)
}

fn component(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}
