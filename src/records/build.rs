//! Builds: requests to stage a package. The edition `2015` shows a build as a droplet.

use std::sync::LazyLock;

use super::{
    By, ColumnVisitor, Filter, Join, Parent, Record, Resource, Scope, SortColumn, Statements,
    Table, Valid, app::LIFECYCLES, selective,
};

/// The state of a build that has not ended.
pub const STAGING: &str = "STAGING";
/// The state of a build that made a droplet.
pub const STAGED: &str = "STAGED";
/// The state of a build that made no droplet.
pub const FAILED: &str = "FAILED";
/// The states of a build.
pub const STATES: &[&str] = &[STAGING, STAGED, FAILED];

/// The builds.
#[derive(Debug)]
pub struct Build;

/// One build, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuildRecord<'r> {
    /// The id of the row.
    pub id: i64,
    /// The guid.
    pub guid: &'r str,
    /// The id of the app.
    pub app_id: i64,
    /// The id of the app's space. It follows the app when the app moves.
    pub space_id: i64,
    /// The guid of the package, which may have been deleted since.
    pub package_guid: &'r str,
    /// The guid that the droplet has or will have.
    pub droplet_guid: &'r str,
    /// One of [`STATES`].
    pub state: &'r str,
    /// Why staging failed.
    pub error: Option<&'r str>,
    /// One of [`LIFECYCLES`].
    pub lifecycle: &'r str,
    /// A JSON array of text: the buildpacks that were requested.
    pub buildpacks: &'r str,
    /// The stack; `None` if the lifecycle has none.
    pub stack: Option<&'r str>,
    /// The requested memory in MiB.
    pub memory_limit: Option<i64>,
    /// The requested disk space in MiB.
    pub disk_limit: Option<i64>,
    /// The requested log rate in bytes a second; -1 means unlimited.
    pub log_rate_limit: Option<i64>,
    /// A JSON object: the environment variables that a request of `2015` gave.
    pub environment_variables: Option<&'r str>,
    /// The guid of the user who asked for the build.
    pub user_guid: &'r str,
    /// The name of that user.
    pub user_name: Option<&'r str>,
    /// A JSON object of text.
    pub labels: &'r str,
    /// A JSON object of text.
    pub annotations: &'r str,
    /// Seconds since 1970, UTC.
    pub created_at: i64,
    /// Seconds since 1970, UTC. `None` if the build was never changed.
    pub updated_at: Option<i64>,
    /// When the build becomes [`STAGED`] by itself, in milliseconds since 1970 by the system's clock.
    pub due: Option<i64>,
    /// The guid of the app.
    pub app_guid: &'r str,
}

impl<'r> Record<'r> for BuildRecord<'r> {
    fn visit_columns<V: ColumnVisitor<'r>>(&mut self, visitor: &mut V) -> Result<(), V::Error> {
        visitor.id(&mut self.id)?;
        visitor.guid("guid", &mut self.guid)?;
        visitor.fixed("app_id", &mut self.app_id)?;
        visitor.fixed("space_id", &mut self.space_id)?;
        visitor.guid("package_guid", &mut self.package_guid)?;
        visitor.guid("droplet_guid", &mut self.droplet_guid)?;
        visitor.limited("state", Valid::OneOf(STATES), &mut self.state)?;
        visitor.column("error", &mut self.error)?;
        visitor.fixed_limited("lifecycle", Valid::OneOf(LIFECYCLES), &mut self.lifecycle)?;
        visitor.fixed_limited("buildpacks", Valid::Texts, &mut self.buildpacks)?;
        visitor.fixed("stack", &mut self.stack)?;
        visitor.fixed("memory_limit", &mut self.memory_limit)?;
        visitor.fixed("disk_limit", &mut self.disk_limit)?;
        visitor.fixed("log_rate_limit", &mut self.log_rate_limit)?;
        visitor.fixed_limited(
            "environment_variables",
            Valid::Object,
            &mut self.environment_variables,
        )?;
        visitor.fixed("user_guid", &mut self.user_guid)?;
        visitor.fixed("user_name", &mut self.user_name)?;
        visitor.fixed_limited("labels", Valid::Labels, &mut self.labels)?;
        visitor.fixed_limited("annotations", Valid::Annotations, &mut self.annotations)?;
        visitor.fixed_limited("created_at", Valid::Time, &mut self.created_at)?;
        visitor.limited("updated_at", Valid::Time, &mut self.updated_at)?;
        visitor.column("due", &mut self.due)?;
        visitor.joined("a.guid", &mut self.app_guid)
    }
}

impl Table for Build {
    type Record<'r> = BuildRecord<'r>;

    const TABLE: &'static str = "builds";
    const JOINS: &'static [Join] = &[Join {
        table: "apps a",
        on: "a.id = r.app_id",
    }];

    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<Build>);
        &STATEMENTS
    }
}

/// Builds are found by guid only.
impl Resource for Build {
    const FILTERS: &'static [Filter] = &[selective("guids", "r.guid", By::Value)];
    const SORT_COLUMNS: &'static [SortColumn] = &[];
    const SCOPE: Scope = Scope::Spaces("r.space_id");
    const TRACKED: bool = false;
    const NOT_FOUND: &'static str = "Build not found";

    fn parent(_: &BuildRecord<'_>) -> Parent {
        Parent::None
    }
}
