//! Organizations, the parents of spaces.

use std::sync::LazyLock;

use super::{
    By, ColumnVisitor, Filter, Join, LabelIndex, Parent, Record, Resource, Scope, SortColumn,
    Statements, Table, Valid, filter, order, rules, selective,
};

/// The organizations.
#[derive(Debug)]
pub struct Organization;

/// One organization, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrganizationRecord<'r> {
    /// The id of the row.
    pub id: i64,
    /// The guid.
    pub guid: &'r str,
    /// The name, as shown.
    pub name: &'r str,
    /// The name in lower case. It is unique.
    pub folded_name: &'r str,
    /// Whether the organization is suspended.
    pub suspended: bool,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// A JSON object of text.
    pub labels: &'r str,
    /// A JSON object of text.
    pub annotations: &'r str,
}

impl<'r> Record<'r> for OrganizationRecord<'r> {
    #[inline]
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        visitor.id(&mut self.id)?;
        visitor.guid("guid", &mut self.guid)?;
        visitor.limited("name", Valid::Name, &mut self.name)?;
        visitor.column("folded_name", &mut self.folded_name)?;
        visitor.column("suspended", &mut self.suspended)?;
        visitor.limited("created_at", Valid::Time, &mut self.created_at)?;
        visitor.limited("labels", Valid::Labels, &mut self.labels)?;
        visitor.limited("annotations", Valid::Annotations, &mut self.annotations)
    }

    fn labels(&self) -> Option<&'r str> {
        Some(self.labels)
    }

    fn derived_fault(&self) -> Option<&'static str> {
        rules::folded_name_fault(self.name, self.folded_name)
    }
}

impl Table for Organization {
    type Record<'r> = OrganizationRecord<'r>;

    const TABLE: &'static str = "organizations";
    const LABELS: Option<LabelIndex> = Some(LabelIndex {
        table: "organization_labels",
        owner: "organization_id",
    });
    const JOINS: &'static [Join] = &[];

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<Organization>);
        &STATEMENTS
    }
}

impl Resource for Organization {
    const FILTERS: &'static [Filter] = &[
        selective("guids", "r.guid", By::Value),
        filter("names", "r.folded_name", By::FoldedValue),
    ];
    const SORT_COLUMNS: &'static [SortColumn] = &[
        order("created_at", "r.created_at"),
        order("updated_at", "r.created_at"),
        order("name", "r.folded_name"),
    ];
    const SCOPE: Scope = Scope::Organizations("r.id");
    const TRACKED: bool = false;
    const NOT_FOUND: &'static str = "Organization not found";

    fn parent(_: &OrganizationRecord<'_>) -> Parent {
        Parent::None
    }
}
