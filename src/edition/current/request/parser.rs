//! The parser of list parameters. It collects messages, conditions, and what hrefs repeat of the request.

use super::parameters::{FieldResource, ListParameters, ParameterKind};
use super::{label_selector, timestamps};
use crate::edition::ruby::comma_list::{self, list_pair, query_pair};
use crate::edition::ruby::inspect::{HashKeys, inspect_pair, to_s};
use crate::edition::ruby::query_string::{QueryFields, QueryValue};
use crate::edition::ruby::to_i::to_i;
use crate::error::ApiError;
use crate::labels::is_blank;
use crate::listing::request::{Condition, Include, MAXIMUM_RESULT, OrderBy, Page};
use crate::records::{Filter, LabelIndex, Resource, SortColumn, quota, role, user};

const DEFAULT_PAGE: i128 = 1;
const DEFAULT_PER_PAGE: i128 = 50;
const MAX_PER_PAGE: i128 = 5000;

/// What the parameters of a list filter and order: the columns of a record.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    filters: &'static [Filter],
    sort_columns: &'static [SortColumn],
    labels: Option<LabelIndex>,
}

impl Columns {
    /// The columns of a list that is always empty. No condition on them is ever looked at.
    pub const NONE: Self = Self {
        filters: &[],
        sort_columns: &[],
        labels: None,
    };

    /// The columns of users.
    pub const USERS: Self = Self {
        filters: user::FILTERS,
        sort_columns: user::SORT_COLUMNS,
        labels: None,
    };
    /// The columns of roles.
    pub const ROLES: Self = Self {
        filters: role::FILTERS,
        sort_columns: role::SORT_COLUMNS,
        labels: None,
    };
    /// The columns of the quota of all organizations.
    pub const QUOTA: Self = Self {
        filters: quota::FILTERS,
        sort_columns: quota::SORT_COLUMNS,
        labels: None,
    };

    /// Returns the columns of `R`.
    pub const fn of<R: Resource>() -> Self {
        Self {
            filters: R::FILTERS,
            sort_columns: R::SORT_COLUMNS,
            labels: R::LABELS,
        }
    }

    /// Returns the column to order by with that name.
    fn order(self, name: &str) -> &'static SortColumn {
        static NO_COLUMN: SortColumn = SortColumn {
            name: "",
            column: "null",
        };
        let mut columns = self.sort_columns.iter();
        columns
            .find(|column| column.name == name)
            .unwrap_or(&NO_COLUMN)
    }

    /// Returns a condition on the filter with that name. A filter that the record lacks selects nothing; a test shows that
    /// there is none.
    pub fn one_of(self, name: &str, values: Vec<String>) -> Condition {
        let filter = self.filters.iter().find(|filter| filter.name == name);
        filter.map_or(Condition::Nothing, |filter| {
            Condition::OneOf(filter, values)
        })
    }
}

/// The results of parsing so far. Each method parses one parameter, if it is given.
#[derive(Debug)]
pub struct ParameterParser {
    columns: Columns,
    /// The messages, in the order in which they are joined.
    pub errors: Vec<String>,
    /// The conditions of the list. They are incomplete if there are errors.
    pub conditions: Vec<Condition>,
    /// Escaped `name=value` pairs that hrefs repeat, in any order.
    pub echo: Vec<String>,
    /// The parents to include.
    pub include: Include,
    /// The words of `include` of a list that is always empty, or of `embed`, each once.
    pub words: Vec<&'static str>,
}

impl ParameterParser {
    /// Returns a parser of the parameters of a list with these columns.
    pub fn new(columns: Columns) -> Self {
        Self {
            columns,
            errors: Vec::new(),
            conditions: Vec::new(),
            echo: Vec::new(),
            include: Include::default(),
            words: Vec::new(),
        }
    }

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
    pub fn order_by(
        &mut self,
        parameters: &ListParameters,
        fields: &QueryFields,
    ) -> Option<OrderBy> {
        let text = match fields.get("order_by") {
            None | Some(QueryValue::Null) => parameters.default_order?,
            Some(QueryValue::Text(text)) if is_blank(text) => return None,
            Some(QueryValue::Text(text)) => text.as_str(),
            Some(QueryValue::Array(_) | QueryValue::Map(_)) => "",
        };
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if !parameters.order_by.contains(&name) {
            self.errors.push(format!(
                "Order by can only be: '{}'",
                parameters.order_by.join("', '")
            ));
            return None;
        }
        let order = self.columns.order(name);
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
    pub fn timestamps(
        &mut self,
        name: &str,
        column: &str,
        fields: &QueryFields,
    ) -> Result<(), ApiError> {
        let Some(value) = fields.get(name) else {
            return Ok(());
        };
        let filter = timestamps::parse(name, value, self.columns.order(column))?;
        let attribute = humanize(name);
        let errors = filter.errors.iter();
        self.errors
            .extend(errors.map(|error| format!("{attribute} {error}")));
        self.conditions.extend(filter.conditions);
        self.echo.extend(filter.echo);
        Ok(())
    }

    /// Parses `label_selector`. Resources without labels match only requirements that a label is absent.
    pub fn label_selector(&mut self, fields: &QueryFields) {
        let Some(value) = fields.get("label_selector") else {
            return;
        };
        match label_selector::parse(value) {
            Ok(requirements) => match self.columns.labels {
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
    pub fn comma_list(
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
                self.conditions.push(self.columns.one_of(name, elements));
            }
        }
        Ok(())
    }

    /// Parses one of `words` as a filter.
    pub fn one_word(&mut self, name: &str, words: &[&str], fields: &QueryFields) {
        let Some(value) = fields.get(name) else {
            return;
        };
        let text = to_s(value, HashKeys::Symbols);
        if !matches!(value, QueryValue::Text(_)) || !words.contains(&text.as_str()) {
            self.errors.push(format!("Invalid {name}: '{text}'"));
            return;
        }
        self.echo.push(query_pair(name, &text));
        self.conditions.push(self.columns.one_of(name, vec![text]));
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
        let valid: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
        let given = self.comma_words("include", "included", &valid, fields)?;
        for (_, included) in words.iter().filter(|(word, _)| given.contains(word)) {
            self.include.spaces |= included.spaces;
            self.include.organizations |= included.organizations;
            self.include.users |= included.users;
        }
        Ok(())
    }

    /// Parses `include` of a list that is always empty.
    ///
    /// # Errors
    ///
    /// Fails if an element cannot be decoded.
    pub fn include_of_none(
        &mut self,
        valid: &[&'static str],
        fields: &QueryFields,
    ) -> Result<(), ApiError> {
        self.words = self.comma_words("include", "included", valid, fields)?;
        Ok(())
    }

    /// Parses `embed`, which adds members to resources.
    ///
    /// # Errors
    ///
    /// Fails if an element cannot be decoded.
    pub fn embed(&mut self, valid: &[&'static str], fields: &QueryFields) -> Result<(), ApiError> {
        self.words = self.comma_words("embed", "embedded", valid, fields)?;
        Ok(())
    }

    /// Parses a comma list of words, each at most once, and returns those that are valid. `what` says what they name in the
    /// messages.
    fn comma_words(
        &mut self,
        name: &str,
        what: &str,
        valid: &[&'static str],
        fields: &QueryFields,
    ) -> Result<Vec<&'static str>, ApiError> {
        let elements = match fields.get(name) {
            None => return Ok(Vec::new()),
            Some(QueryValue::Map(map)) => map
                .iter()
                .map(|(name, value)| inspect_pair(name, value))
                .collect(),
            Some(value) => comma_list::split(&to_s(value, HashKeys::Strings))?,
        };
        let mut counts = vec![0_usize; valid.len()];
        for element in &elements {
            let Some(index) = valid.iter().position(|word| word == element) else {
                self.errors.push(format!(
                    "Invalid {what} resource: '{element}'. Valid {what} resources are: '{}'",
                    valid.join("', '")
                ));
                continue;
            };
            counts[index] += 1;
            if counts[index] == 2 {
                self.errors
                    .push(format!("Duplicate {what} resource: '{element}'"));
            }
        }
        self.echo.push(list_pair(name, &elements));
        let given = valid.iter().zip(counts).filter(|(_, count)| *count > 0);
        Ok(given.map(|(word, _)| *word).collect())
    }

    /// Parses one of `words`, with `fault` as the message about any other value. Lists that have it are empty.
    pub fn one_of_none(&mut self, name: &str, words: &[&str], fault: &str, fields: &QueryFields) {
        match fields.get(name) {
            None | Some(QueryValue::Null) => {}
            Some(QueryValue::Text(text)) if words.contains(&text.as_str()) => {
                self.echo.push(query_pair(name, text));
            }
            Some(_) => self.errors.push(format!("{} {fault}", humanize(name))),
        }
    }

    /// Parses a map from resources to comma lists of keys. Lists that have it are empty.
    ///
    /// # Errors
    ///
    /// Fails if a key cannot be decoded.
    pub fn fields(
        &mut self,
        name: &str,
        resources: &[FieldResource],
        fields: &QueryFields,
    ) -> Result<(), ApiError> {
        let given = match fields.get(name) {
            None | Some(QueryValue::Null) => return Ok(()),
            Some(QueryValue::Map(given)) => given,
            Some(_) => {
                self.errors
                    .push(format!("{} must be an object", humanize(name)));
                return Ok(());
            }
        };
        for (resource, value) in given.iter() {
            let keys = comma_list::split(&to_s(value, HashKeys::Strings))?;
            match resources.iter().find(|(known, _)| *known == resource) {
                None => {
                    let known: Vec<_> = resources.iter().map(|(known, _)| *known).collect();
                    self.errors.push(format!(
                        "{} [{resource}] valid resources are: '{}'",
                        humanize(name),
                        known.join("', '")
                    ));
                }
                Some((_, known)) if !keys.iter().all(|key| known.contains(&key.as_str())) => {
                    self.errors.push(format!(
                        "{} valid keys for '{resource}' are: '{}'",
                        humanize(name),
                        known.join("', '")
                    ));
                }
                Some(_) => self
                    .echo
                    .push(list_pair(&format!("{name}[{resource}]"), &keys)),
            }
        }
        Ok(())
    }

    /// Parses a comma list, or a map that holds one under `not`. Lists that have it are empty.
    ///
    /// # Errors
    ///
    /// Fails if an element cannot be decoded.
    pub fn comma_list_or_not(&mut self, name: &str, fields: &QueryFields) -> Result<(), ApiError> {
        let Some(QueryValue::Map(map)) = fields.get(name) else {
            return self.comma_list(name, &ParameterKind::CommaList, fields);
        };
        match map.get("not").map(|value| to_s(value, HashKeys::Strings)) {
            Some(text) if !is_blank(&text) => {
                let elements = comma_list::split(&text)?;
                self.echo
                    .push(list_pair(&format!("{name}[not]"), &elements));
            }
            // A controller repeats the name.
            _ => self
                .errors
                .push(format!("{} {name} has an invalid operator", humanize(name))),
        }
        Ok(())
    }

    /// Checks that `origins` comes with a filter by names, and that there is only one such filter.
    pub fn origins(&mut self, fields: &QueryFields) {
        let is_given = |name| !matches!(fields.get(name), None | Some(QueryValue::Null));
        let (whole, partial) = (is_given("usernames"), is_given("partial_usernames"));
        if is_given("origins") && !whole && !partial {
            self.errors.push(
                "Origins filter cannot be provided without usernames or partial_usernames filter."
                    .into(),
            );
        }
        if whole && partial {
            self.errors.push(
                "Usernames filter cannot be provided with both usernames and partial_usernames filter."
                    .into(),
            );
        }
    }

    /// Refuses common parameters that the list does not filter by.
    pub fn disallowed(&mut self, names: &[&str], fields: &QueryFields) {
        for name in names.iter().filter(|name| fields.get(name).is_some()) {
            self.errors.push(format!(
                "Filtering by '{name}' is not allowed on this resource."
            ));
        }
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

    /// Refuses the parameters `names` if they have a value, as if they were unknown.
    pub fn refused(&mut self, names: &[&str], fields: &QueryFields) {
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
