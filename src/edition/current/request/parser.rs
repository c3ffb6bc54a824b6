//! The parser of list parameters. It collects messages, conditions, and what hrefs repeat of the request.

use super::parameters::{ListParameters, ParameterKind};
use super::{label_selector, timestamps};
use crate::edition::ruby::comma_list::{self, list_pair, query_pair};
use crate::edition::ruby::inspect::{HashKeys, inspect_pair, to_s};
use crate::edition::ruby::query_string::{QueryFields, QueryValue};
use crate::edition::ruby::to_i::to_i;
use crate::error::ApiError;
use crate::labels::is_blank;
use crate::listing::request::{Condition, Include, MAXIMUM_RESULT, OrderBy, Page};
use crate::records::Resource;

const DEFAULT_PAGE: i128 = 1;
const DEFAULT_PER_PAGE: i128 = 50;
const MAX_PER_PAGE: i128 = 5000;

/// The results of parsing so far. Each method parses one parameter, if it is given.
#[derive(Debug, Default)]
pub struct ParameterParser {
    /// The messages, in the order in which they are joined.
    pub errors: Vec<String>,
    /// The conditions of the list. They are incomplete if there are errors.
    pub conditions: Vec<Condition>,
    /// Escaped `name=value` pairs that hrefs repeat, in any order.
    pub echo: Vec<String>,
    /// The parents to include.
    pub include: Include,
}

impl ParameterParser {
    /// Parses `page` and `per_page`. Returns `None` after an error that makes a page impossible.
    pub fn page(&mut self, fields: &QueryFields) -> Option<Page> {
        let page = integer(fields, "page", DEFAULT_PAGE);
        let per_page = integer(fields, "per_page", DEFAULT_PER_PAGE);
        if page <= 0 {
            self.errors.push("Page must be a positive integer".into());
        }
        if per_page <= 0 {
            self.errors
                .push("Per page must be a positive integer".into());
        } else if per_page > MAX_PER_PAGE {
            self.errors
                .push(format!("Per page must be between 1 and {MAX_PER_PAGE}"));
        }
        let maximum = i128::try_from(MAXIMUM_RESULT).unwrap_or(i128::MAX);
        if page.saturating_mul(per_page) > maximum {
            self.errors.push(format!(
                "Maximum result (page * per_page) must be less than {MAXIMUM_RESULT}"
            ));
        }
        Page::new(u128::try_from(page).ok()?, u32::try_from(per_page).ok()?)
    }

    /// Parses `order_by`.
    pub fn order_by<R: Resource>(
        &mut self,
        parameters: &ListParameters,
        fields: &QueryFields,
    ) -> Option<OrderBy> {
        let text = match fields.get("order_by")? {
            QueryValue::Null => return None,
            QueryValue::Text(text) if is_blank(text) => return None,
            QueryValue::Text(text) => text.as_str(),
            QueryValue::Array(_) | QueryValue::Map(_) => "",
        };
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let is_accepted = parameters.order_by.contains(&name);
        let Some(order) = is_accepted.then(|| R::order(name)).flatten() else {
            self.errors.push(format!(
                "Order by can only be: '{}'",
                parameters.order_by.join("', '")
            ));
            return None;
        };
        let sign = if descending { '-' } else { '+' };
        self.echo
            .push(query_pair("order_by", &format!("{sign}{name}")));
        Some(OrderBy { order, descending })
    }

    /// Parses `created_ats` or `updated_ats` as a filter by the sort column `column`.
    ///
    /// # Errors
    ///
    /// Fails if an element of the list cannot be decoded.
    pub fn timestamps<R: Resource>(
        &mut self,
        name: &str,
        column: &str,
        fields: &QueryFields,
    ) -> Result<(), ApiError> {
        let (Some(value), Some(column)) = (fields.get(name), R::order(column)) else {
            return Ok(());
        };
        let filter = timestamps::parse(name, value, column)?;
        let attribute = humanize(name);
        let errors = filter.errors.iter();
        self.errors
            .extend(errors.map(|error| format!("{attribute} {error}")));
        self.conditions.extend(filter.conditions);
        self.echo.extend(filter.echo);
        Ok(())
    }

    /// Parses `label_selector`. Resources without labels match only requirements that a label is absent.
    pub fn label_selector<R: Resource>(&mut self, fields: &QueryFields) {
        let Some(value) = fields.get("label_selector") else {
            return;
        };
        match label_selector::parse(value) {
            Ok(requirements) => match R::LABELS {
                Some(labels) => self.conditions.extend(
                    requirements
                        .into_iter()
                        .map(|label| Condition::Label(labels, label)),
                ),
                None => {
                    let unmatched = requirements.into_iter().filter(|label| !label.negated);
                    self.conditions
                        .extend(unmatched.map(|_| Condition::Nothing));
                }
            },
            Err(errors) => self.errors.extend(errors),
        }
        if let QueryValue::Text(text) = value {
            self.echo.push(query_pair("label_selector", text));
        }
    }

    /// Refuses parameters that are not in `known`.
    pub fn unknown(&mut self, known: &[&str], fields: &QueryFields) {
        let unknown = fields.unknown(known);
        if !unknown.is_empty() {
            self.errors.push(format!(
                "Unknown query parameter(s): '{}'. Valid parameters are: '{}'",
                unknown.join("', '"),
                known.join("', '")
            ));
        }
    }

    /// Parses a comma list as a filter.
    ///
    /// # Errors
    ///
    /// Fails if an element cannot be decoded.
    pub fn comma_list<R: Resource>(
        &mut self,
        name: &str,
        kind: &ParameterKind,
        fields: &QueryFields,
    ) -> Result<(), ApiError> {
        let Some(value) = fields.get(name) else {
            return Ok(());
        };
        match (value, kind) {
            (QueryValue::Map(_), _) | (QueryValue::Null, ParameterKind::CommaListWithValue) => self
                .errors
                .push(format!("{} must be an array", humanize(name))),
            (QueryValue::Null, _) => {
                self.conditions.push(Condition::Nothing);
                self.echo.push(name.to_owned());
            }
            (value, _) => {
                let elements = comma_list::split(&to_s(value, HashKeys::Strings))?;
                self.echo.push(list_pair(name, &elements));
                self.conditions.push(one_of::<R>(name, elements));
            }
        }
        Ok(())
    }

    /// Parses one of `words` as a filter.
    pub fn one_word<R: Resource>(&mut self, name: &str, words: &[&str], fields: &QueryFields) {
        let Some(value) = fields.get(name) else {
            return;
        };
        let text = to_s(value, HashKeys::Symbols);
        if !matches!(value, QueryValue::Text(_)) || !words.contains(&text.as_str()) {
            self.errors.push(format!("Invalid {name}: '{text}'"));
            return;
        }
        self.echo.push(query_pair(name, &text));
        self.conditions.push(one_of::<R>(name, vec![text]));
    }

    /// Parses `include`. See `docs/reference/query-parameters.md#include`.
    ///
    /// # Errors
    ///
    /// Fails if an element cannot be decoded.
    pub fn include(
        &mut self,
        words: &[(&'static str, Include)],
        fields: &QueryFields,
    ) -> Result<(), ApiError> {
        let elements = match fields.get("include") {
            None => return Ok(()),
            Some(QueryValue::Map(map)) => map
                .iter()
                .map(|(name, value)| inspect_pair(name, value))
                .collect(),
            Some(value) => comma_list::split(&to_s(value, HashKeys::Strings))?,
        };
        let mut counts = vec![0_usize; words.len()];
        for element in &elements {
            let Some(index) = words.iter().position(|(word, _)| word == element) else {
                let valid: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                self.errors.push(format!(
                    "Invalid included resource: '{element}'. Valid included resources are: '{}'",
                    valid.join("', '")
                ));
                continue;
            };
            counts[index] += 1;
            if counts[index] == 2 {
                self.errors
                    .push(format!("Duplicate included resource: '{element}'"));
            }
            let (_, included) = words[index];
            self.include.spaces |= included.spaces;
            self.include.organizations |= included.organizations;
        }
        self.echo.push(list_pair("include", &elements));
        Ok(())
    }

    /// Parses `current`, which selects nothing within an app and is refused elsewhere.
    pub fn current(&mut self, within_app: bool, fields: &QueryFields) {
        match fields.get("current") {
            None | Some(QueryValue::Null) => {}
            _ if !within_app => self
                .errors
                .push("Unknown query parameter(s): 'current'".into()),
            Some(QueryValue::Text(text)) if text == "true" => {
                self.conditions.push(Condition::Nothing);
                self.echo.push(query_pair("current", text));
            }
            Some(_) => self
                .errors
                .push("Current only accepts the value 'true'".into()),
        }
    }

    /// Refuses the parameters `names` if they have a value, because the list is that of one app.
    pub fn refused_within_app(&mut self, names: &[&str], fields: &QueryFields) {
        let given: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !matches!(fields.get(name), None | Some(QueryValue::Null)))
            .collect();
        if !given.is_empty() {
            self.errors.push(format!(
                "Unknown query parameter(s): '{}'",
                given.join("', '")
            ));
        }
    }
}

/// Returns the value of a parameter as text, if it is not blank.
pub fn non_blank_text(name: &str, fields: &QueryFields) -> Option<String> {
    match fields.get(name)? {
        QueryValue::Array(values) if values.is_empty() => None,
        value => Some(to_s(value, HashKeys::Symbols)).filter(|text| !is_blank(text)),
    }
}

/// Returns a condition on the filter `name` of `R`. A filter that `R` lacks selects nothing; a test shows that there
/// is none.
pub fn one_of<R: Resource>(name: &str, values: Vec<String>) -> Condition {
    R::filter(name).map_or(Condition::Nothing, |filter| {
        Condition::OneOf(filter, values)
    })
}

/// Returns the integer of a parameter, or `default` if it has no value. An array or a map counts as 0, which is
/// refused.
fn integer(fields: &QueryFields, name: &str, default: i128) -> i128 {
    match fields.get(name) {
        None | Some(QueryValue::Null) => default,
        Some(QueryValue::Text(text)) => to_i(text),
        Some(QueryValue::Array(_) | QueryValue::Map(_)) => 0,
    }
}

/// Returns the name as messages show it: `Organization guids` for `organization_guids`.
fn humanize(name: &str) -> String {
    let mut shown = name.replace('_', " ");
    if let Some(first) = shown.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    shown
}
