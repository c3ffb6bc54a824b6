//! The structure of an answer: which resources it holds, of which kind, and where they are in its text.

use serde::Deserialize;
use serde_json::Error as JsonError;
use serde_json::value::RawValue;

use super::super::entry::SeedFormat;
use super::super::field::Text;
use super::super::json_error;
use super::super::json_text::{Member, Segment, elements, members};
use super::super::messages;

/// What a resource of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::seed) enum ResourceKind {
    Organization,
    Space,
    App,
    User,
    Role,
    Package,
}

impl ResourceKind {
    const ALL: [Self; 6] = [
        Self::Organization,
        Self::Space,
        Self::App,
        Self::User,
        Self::Role,
        Self::Package,
    ];

    /// Returns the kind whose list is `/v3/NAME`.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.list_name() == name)
    }

    /// Returns the last part of the path of the list.
    pub(in crate::seed) fn list_name(self) -> &'static str {
        match self {
            Self::Organization => "organizations",
            Self::Space => "spaces",
            Self::App => "apps",
            Self::User => "users",
            Self::Role => "roles",
            Self::Package => "packages",
        }
    }
}

/// One resource of an answer.
#[derive(Clone, Debug)]
pub(in crate::seed) struct Resource<'t> {
    pub(in crate::seed) kind: ResourceKind,
    /// Not checked.
    pub(in crate::seed) guid: Text<'t>,
    /// The object, a part of the text of the answer.
    pub(in crate::seed) text: &'t str,
    place: ResourcePlace,
}

impl Resource<'_> {
    /// Returns the path of a field of the resource, as `resources[2].state`. `field` may be empty.
    pub(in crate::seed) fn path(&self, field: &str) -> String {
        let path = self.place.segments();
        let path = Segment::join(&path);
        match (path.is_empty(), field.is_empty()) {
            (true, _) => field.to_owned(),
            (false, true) => path,
            (false, false) => format!("{path}.{field}"),
        }
    }
}

/// Where a resource is in an answer.
#[derive(Clone, Copy, Debug)]
enum ResourcePlace {
    /// The answer is the resource.
    Whole,
    Listed(usize),
    Included(&'static str, usize),
}

impl ResourcePlace {
    fn segments(self) -> Vec<Segment> {
        let key = |name: &str| Segment::Key(name.to_owned());
        match self {
            Self::Whole => Vec::new(),
            Self::Listed(index) => vec![key("resources"), Segment::Index(index)],
            Self::Included(name, index) => vec![key("included"), key(name), Segment::Index(index)],
        }
    }
}

/// What is wrong with the structure of an answer.
#[derive(Debug)]
pub(in crate::seed) struct AnswerFault<'t> {
    /// The part of the text with the fault.
    pub(in crate::seed) part: &'t str,
    pub(in crate::seed) path: String,
    pub(in crate::seed) text: String,
}

/// An answer: one page of a list, or one resource.
#[derive(Debug)]
pub(in crate::seed) struct Answer<'t> {
    /// The `href` of the next page.
    pub(in crate::seed) next: Option<String>,
    /// How many resources the whole list has, if the answer says it.
    pub(in crate::seed) total: Option<u64>,
    /// How many resources are listed. The first ones of `resources` are these.
    pub(in crate::seed) listed: usize,
    /// The resources, those that are only included last.
    pub(in crate::seed) resources: Vec<Resource<'t>>,
}

/// Whether a text in JSON is an answer of the API, and not a seed. It may be an answer that was cut off.
pub(in crate::seed) fn is_answer(text: &str) -> bool {
    let Some(keys) = documents(text)
        .ok()
        .and_then(|documents| members(documents.first().copied()?))
    else {
        return first_key(text).as_deref() == Some("pagination");
    };
    let has = |name: &str| keys.iter().any(|member| member.name() == name);
    has("resources") || (has("guid") && has("links")) || has("errors") || has("error_code")
}

/// Returns the first key of an object in JSON.
pub(in crate::seed) fn first_key(text: &str) -> Option<String> {
    let rest = text.trim_ascii_start().strip_prefix('{')?;
    serde_json::Deserializer::from_str(rest)
        .into_iter::<String>()
        .next()?
        .ok()
}

/// Returns the JSON values of a text, which may follow each other: `cf curl` may have appended to a file.
pub(in crate::seed) fn documents(text: &str) -> Result<Vec<&str>, JsonError> {
    serde_json::Deserializer::from_str(text)
        .into_iter::<&RawValue>()
        .map(|value| value.map(RawValue::get))
        .collect()
}

/// Returns the structure of an answer.
pub(in crate::seed) fn read(document: &str) -> Result<Answer<'_>, AnswerFault<'_>> {
    let fault = |part, path: &str, text: String| AnswerFault {
        part,
        path: path.to_owned(),
        text,
    };
    let Some(all) = members(document) else {
        return Err(fault(document, "", messages::NOT_AN_ANSWER.to_owned()));
    };
    let member = |name: &str| all.iter().find(|member| member.name() == name);
    let mut answer = Answer {
        next: None,
        total: None,
        listed: 0,
        resources: Vec::new(),
    };
    if let Some(list) = member("resources") {
        let pagination = match member("pagination") {
            Some(Member { value, .. }) => serde_json::from_str::<Pagination<'_>>(value)
                .map_err(|_| fault(value, "pagination", messages::NOT_A_PAGINATION.to_owned()))?,
            None => Pagination::default(),
        };
        let of_list = list_name(pagination.first.as_ref());
        answer.next = pagination
            .next
            .and_then(|link| Some(link.href?.as_str().to_owned()));
        answer.total = pagination.total_results;
        let Some(listed) = elements(list.value) else {
            let text = messages::not_an_array(list.value);
            return Err(fault(list.value, "resources", text));
        };
        answer.listed = listed.len();
        for (index, text) in listed.into_iter().enumerate() {
            let place = ResourcePlace::Listed(index);
            let resource = read_resource(text, place, of_list.as_deref())?;
            answer.resources.push(resource);
        }
    } else if member("guid").is_some() {
        let resource = read_resource(document, ResourcePlace::Whole, None)?;
        answer.listed = 1;
        answer.resources.push(resource);
    } else {
        let text = match error_of(document) {
            Some(error) => messages::error_answer(&error),
            None => messages::NOT_AN_ANSWER.to_owned(),
        };
        return Err(fault(document, "", text));
    }
    let included = member("included").and_then(|included| members(included.value));
    for member in included.unwrap_or_default() {
        let name = member.name();
        // Others, such as routes, are not part of a seed.
        let Some(name) = INCLUDED.iter().find(|known| **known == name) else {
            continue;
        };
        for (index, text) in elements(member.value)
            .unwrap_or_default()
            .into_iter()
            .enumerate()
        {
            let place = ResourcePlace::Included(name, index);
            answer
                .resources
                .push(read_resource(text, place, Some(name))?);
        }
    }
    Ok(answer)
}

/// What `included` may hold that is part of a seed.
const INCLUDED: &[&str] = &["organizations", "spaces", "apps", "users"];

fn read_resource<'t>(
    text: &'t str,
    place: ResourcePlace,
    of_list: Option<&str>,
) -> Result<Resource<'t>, AnswerFault<'t>> {
    let path = Segment::join(&place.segments());
    let head = match serde_json::from_str::<Head<'_>>(text) {
        Ok(head) if text.starts_with('{') => head,
        Ok(_) => {
            let text_of_fault = messages::NOT_A_RESOURCE.to_owned();
            return Err(AnswerFault {
                part: text,
                path,
                text: text_of_fault,
            });
        }
        Err(error) => {
            let said = json_error::text_of(&error, None, SeedFormat::Json);
            return Err(AnswerFault {
                part: text,
                path,
                text: said,
            });
        }
    };
    let own = head
        .links
        .and_then(|links| links.this)
        .and_then(|link| kind_of_self(link.href?.as_str()));
    let name = own.as_deref().or(of_list);
    match name.map(|name| (name, ResourceKind::named(name))) {
        Some((_, Some(kind))) => Ok(Resource {
            kind,
            guid: head.guid,
            text,
            place,
        }),
        Some((name, None)) => Err(AnswerFault {
            part: text,
            path,
            text: messages::other_resource(name),
        }),
        None => Err(AnswerFault {
            part: text,
            path,
            text: messages::UNKNOWN_RESOURCE.to_owned(),
        }),
    }
}

/// Returns `packages` for `https://api.example.org/v3/packages/GUID`.
fn kind_of_self(href: &str) -> Option<String> {
    let mut parts = href.split(['?', '#']).next()?.rsplit('/');
    let (_guid, name) = (parts.next()?, parts.next()?);
    (parts.next()? == "v3").then(|| name.to_owned())
}

/// Returns `packages` for the first page of `/v3/packages` or `/v3/apps/GUID/packages`.
fn list_name(first: Option<&Link<'_>>) -> Option<String> {
    let href = first?.href.as_ref()?.as_str();
    let path = href.split(['?', '#']).next()?.trim_end_matches('/');
    path.rsplit('/').next().map(str::to_owned)
}

/// Returns what an error answer says, if it is one: of `current`, or of `2015`.
pub(in crate::seed) fn error_of(document: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Errors<'a> {
        #[serde(borrow)]
        errors: Vec<ErrorOfAnswer<'a>>,
    }
    #[derive(Deserialize)]
    struct ErrorOfAnswer<'a> {
        #[serde(borrow)]
        title: Option<Text<'a>>,
        #[serde(borrow)]
        detail: Option<Text<'a>>,
    }
    #[derive(Deserialize)]
    struct ErrorOf2015<'a> {
        #[serde(borrow)]
        error_code: Text<'a>,
        #[serde(borrow)]
        description: Option<Text<'a>>,
    }
    let said = |title: Option<Text<'_>>, detail: Option<Text<'_>>| {
        let parts = [title, detail].into_iter().flatten();
        let parts: Vec<_> = parts.map(|text| text.as_str().to_owned()).collect();
        (!parts.is_empty()).then(|| parts.join(": "))
    };
    if let Ok(Errors { errors }) = serde_json::from_str(document) {
        let first = errors.into_iter().next()?;
        return said(first.title, first.detail);
    }
    let error: ErrorOf2015<'_> = serde_json::from_str(document).ok()?;
    said(Some(error.error_code), error.description)
}

#[derive(Default, Deserialize)]
struct Pagination<'a> {
    #[serde(default, borrow)]
    first: Option<Link<'a>>,
    #[serde(default, borrow)]
    next: Option<Link<'a>>,
    #[serde(default)]
    total_results: Option<u64>,
}

/// `{"href": "…"}`. The documentation of the API has a null inside for the last page.
#[derive(Deserialize)]
pub(super) struct Link<'a> {
    #[serde(default, borrow)]
    pub(super) href: Option<Text<'a>>,
}

/// What every resource has.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    guid: Text<'a>,
    #[serde(default, borrow)]
    links: Option<HeadLinks<'a>>,
}

#[derive(Deserialize)]
struct HeadLinks<'a> {
    #[serde(default, borrow, rename = "self")]
    this: Option<Link<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_differs_from_a_seed_by_its_keys() {
        for text in [
            r#"{"pagination": {}, "resources": []}"#,
            r#"{"resources": [], "pagination": {}}"#,
            r#"{"guid": "a", "name": "b", "links": {}}"#,
            r#"{"errors": []}"#,
            r#"{"code": 1, "description": "x", "error_code": "CF-X"}"#,
            r#"{"pagination": {"total_results": 3, "#,
        ] {
            assert!(is_answer(text), "{text}");
        }
        for text in [
            "{}",
            r#"{"guid": "a", "name": "b"}"#,
            r#"{"apps": []}"#,
            "[",
            "",
        ] {
            assert!(!is_answer(text), "{text}");
        }
    }

    #[test]
    fn kind_follows_from_the_link_or_else_from_the_list() {
        let page = r#"{"pagination": {"first": {"href": "https://x/v3/isolation_segments/i/organizations?page=1"},
                                      "next": {"href": null}},
                       "resources": [{"guid": "o", "links": {}},
                                     {"guid": "p", "links": {"self": {"href": "/v3/packages/p"}}}]}"#;
        let answer = read(page).unwrap();
        let kinds: Vec<_> = answer.resources.iter().map(|each| each.kind).collect();
        assert_eq!(kinds, [ResourceKind::Organization, ResourceKind::Package]);
        assert_eq!(answer.next, None);
        assert_eq!(answer.resources[1].path("state"), "resources[1].state");
    }

    #[test]
    fn other_resources_and_errors_are_named() {
        for (text, said) in [
            (
                r#"{"guid": "d", "links": {"self": {"href": "https://x/v3/droplets/d"}}}"#,
                "`droplets`",
            ),
            (
                r#"{"errors": [{"code": 1000, "title": "CF-InvalidAuthToken", "detail": "Invalid Auth Token"}]}"#,
                "CF-InvalidAuthToken: Invalid Auth Token",
            ),
            (
                r#"{"code": 1, "description": "Unknown request", "error_code": "CF-NotFound"}"#,
                "CF-NotFound: Unknown request",
            ),
            (r#"{"resources": 1}"#, "expected an array"),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.text.contains(said), "{}", fault.text);
        }
    }
}
